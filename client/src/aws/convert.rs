//! Between the SDK's types and ours.
//!
//! A reply is checked here once: what an endpoint sends that no Kinesis would send becomes
//! [`Error::UnreadableReply`], which names the member, and never a panic or a silent default.

use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types;
use bytes::Bytes;
use millstream_model::{HashKeyRange, ShardId, Timestamp, limits};

use crate::api::{
    Acknowledgement, ChildShard, EntryOutcome, Record, SequenceNumber, Shard, ShardFilter, StartingPosition,
    StreamListing, StreamMode, StreamStatus, StreamSummary,
};
use crate::error::{Error, Result};

const BYTES_PER_KIB: usize = 1024;

pub(super) fn summary(wire: &types::StreamDescriptionSummary) -> Result<StreamSummary> {
    let record_bytes = |kib: i32| usize::try_from(kib).ok().map(|kib| kib * BYTES_PER_KIB);
    Ok(StreamSummary {
        name: parsed("StreamName", &wire.stream_name)?,
        arn: parsed("StreamARN", &wire.stream_arn)?,
        status: status(&wire.stream_status)?,
        mode: wire.stream_mode_details.as_ref().map(|details| mode(&details.stream_mode)).transpose()?,
        created: timestamp(&wire.stream_creation_timestamp),
        retention_hours: count("RetentionPeriodHours", wire.retention_period_hours)?,
        open_shards: count("OpenShardCount", wire.open_shard_count)?,
        consumers: count("ConsumerCount", wire.consumer_count.unwrap_or(0))?,
        encryption_key: wire.key_id.clone(),
        record_bytes_max: wire
            .max_record_size_in_kib
            .and_then(record_bytes)
            .unwrap_or(limits::RECORD_BYTES_MAX),
    })
}

pub(super) fn listing(wire: &types::StreamSummary) -> Result<StreamListing> {
    Ok(StreamListing {
        name: parsed("StreamName", &wire.stream_name)?,
        status: Some(status(&wire.stream_status)?),
        mode: wire.stream_mode_details.as_ref().map(|details| mode(&details.stream_mode)).transpose()?,
        created: wire.stream_creation_timestamp.as_ref().map(timestamp),
    })
}

pub(super) fn bare_listing(name: &str) -> Result<StreamListing> {
    Ok(StreamListing { name: parsed("StreamNames", name)?, status: None, mode: None, created: None })
}

pub(super) fn shard(wire: &types::Shard) -> Result<Shard> {
    let sequence = wire.sequence_number_range.as_ref();
    let sequence = sequence.ok_or_else(|| missing("SequenceNumberRange"))?;
    let ending = sequence.ending_sequence_number.as_deref();
    Ok(Shard {
        id: shard_id(&wire.shard_id)?,
        parent: wire.parent_shard_id.as_deref().map(shard_id).transpose()?,
        adjacent_parent: wire.adjacent_parent_shard_id.as_deref().map(shard_id).transpose()?,
        hash_key_range: hash_key_range(wire.hash_key_range.as_ref())?,
        starting_sequence_number: parsed("StartingSequenceNumber", &sequence.starting_sequence_number)?,
        ending_sequence_number: ending.map(|text| parsed("EndingSequenceNumber", text)).transpose()?,
    })
}

pub(super) fn child_shard(wire: &types::ChildShard) -> Result<ChildShard> {
    Ok(ChildShard {
        id: shard_id(&wire.shard_id)?,
        parents: wire.parent_shards.iter().map(|id| shard_id(id)).collect::<Result<_>>()?,
        hash_key_range: hash_key_range(wire.hash_key_range.as_ref())?,
    })
}

pub(super) fn record(wire: types::Record) -> Result<Record> {
    let arrival = wire.approximate_arrival_timestamp.as_ref();
    Ok(Record {
        sequence_number: parsed("SequenceNumber", &wire.sequence_number)?,
        approximate_arrival: arrival.map_or(Timestamp::EPOCH, timestamp),
        partition_key: wire.partition_key.unwrap_or_default(),
        data: Bytes::from(wire.data.into_inner()),
    })
}

/// The outcome of one entry, or an error when it tells neither success nor failure.
pub(super) fn outcome(wire: &types::PutRecordsResultEntry) -> Result<EntryOutcome> {
    if let Some(code) = wire.error_code.as_deref() {
        let message = wire.error_message.as_deref().unwrap_or("(no message)");
        // The status of an entry that the service could not store is that of its own failures.
        return Ok(Err(Error::of_code(Some(code), message, 500)));
    }
    let shard = wire.shard_id.as_deref().ok_or_else(|| missing("ShardId"))?;
    let number = wire.sequence_number.as_deref().ok_or_else(|| missing("SequenceNumber"))?;
    let sequence_number = parsed("SequenceNumber", number)?;
    Ok(Ok(Acknowledgement { shard: shard_id(shard)?, sequence_number }))
}

/// An iterator's type, starting sequence number and timestamp.
pub(super) fn position(
    from: &StartingPosition,
) -> (types::ShardIteratorType, Option<&SequenceNumber>, Option<DateTime>) {
    use types::ShardIteratorType as Kind;
    match from {
        StartingPosition::TrimHorizon => (Kind::TrimHorizon, None, None),
        StartingPosition::Latest => (Kind::Latest, None, None),
        StartingPosition::AtSequenceNumber(number) => (Kind::AtSequenceNumber, Some(number), None),
        StartingPosition::AfterSequenceNumber(number) => (Kind::AfterSequenceNumber, Some(number), None),
        StartingPosition::AtTimestamp(time) => (Kind::AtTimestamp, None, Some(date_time(*time))),
    }
}

pub(super) fn shard_filter(filter: ShardFilter) -> Result<types::ShardFilter> {
    use types::ShardFilterType as Kind;
    let builder = types::ShardFilter::builder();
    let builder = match filter {
        ShardFilter::FromTrimHorizon => builder.r#type(Kind::FromTrimHorizon),
        ShardFilter::AtTrimHorizon => builder.r#type(Kind::AtTrimHorizon),
        ShardFilter::AtLatest => builder.r#type(Kind::AtLatest),
        ShardFilter::AtTimestamp(time) => builder.r#type(Kind::AtTimestamp).timestamp(date_time(time)),
        ShardFilter::FromTimestamp(time) => builder.r#type(Kind::FromTimestamp).timestamp(date_time(time)),
        ShardFilter::AfterShard(id) => builder.r#type(Kind::AfterShardId).shard_id(id.to_string()),
    };
    builder.build().map_err(|error| Error::Unsendable(error.to_string()))
}

fn status(wire: &types::StreamStatus) -> Result<StreamStatus> {
    match wire {
        types::StreamStatus::Creating => Ok(StreamStatus::Creating),
        types::StreamStatus::Active => Ok(StreamStatus::Active),
        types::StreamStatus::Updating => Ok(StreamStatus::Updating),
        types::StreamStatus::Deleting => Ok(StreamStatus::Deleting),
        other => Err(unreadable("StreamStatus", other.as_str())),
    }
}

fn mode(wire: &types::StreamMode) -> Result<StreamMode> {
    match wire {
        types::StreamMode::Provisioned => Ok(StreamMode::Provisioned),
        types::StreamMode::OnDemand => Ok(StreamMode::OnDemand),
        other => Err(unreadable("StreamMode", other.as_str())),
    }
}

/// Only ids that show as they came, since a changed id would name another shard when sent back.
fn shard_id(text: &str) -> Result<ShardId> {
    let id = ShardId::parse_lenient(text).filter(|id| id.to_string() == text);
    id.ok_or_else(|| unreadable("ShardId", text))
}

fn hash_key_range(wire: Option<&types::HashKeyRange>) -> Result<HashKeyRange> {
    let wire = wire.ok_or_else(|| missing("HashKeyRange"))?;
    let start = parsed("StartingHashKey", &wire.starting_hash_key)?;
    let end = parsed("EndingHashKey", &wire.ending_hash_key)?;
    HashKeyRange::new(start, end).ok_or_else(|| unreadable("HashKeyRange", "it ends before it starts"))
}

/// Rounds to the millisecond: times travel as decimal seconds, which arrive a nanosecond short.
fn timestamp(time: &DateTime) -> Timestamp {
    let seconds = u64::try_from(time.secs()).unwrap_or(0);
    let millis = u64::from(time.subsec_nanos() + 500_000) / 1_000_000;
    Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}

fn date_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

fn count(member: &str, value: i32) -> Result<u32> {
    u32::try_from(value).map_err(|_| unreadable(member, &value.to_string()))
}

pub(super) fn parsed<T: std::str::FromStr>(member: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| unreadable(member, text))
}

fn unreadable(member: &str, value: &str) -> Error {
    Error::UnreadableReply(format!("{member} is {value:?}"))
}

pub(super) fn missing(member: &str) -> Error {
    Error::UnreadableReply(format!("{member} is missing"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_stored_or_failed_and_nothing_else() {
        let stored = types::PutRecordsResultEntry::builder()
            .shard_id("shardId-000000000003")
            .sequence_number("49590338271490256608559692538361571095921575989136588898")
            .build();
        assert_eq!(outcome(&stored).unwrap().unwrap().shard, ShardId::new(3).unwrap());
        let throttled = types::PutRecordsResultEntry::builder()
            .error_code("ProvisionedThroughputExceededException")
            .error_message("Rate exceeded")
            .build();
        assert!(outcome(&throttled).unwrap().unwrap_err().is_throttle());
        let failed = types::PutRecordsResultEntry::builder().error_code("InternalFailure").build();
        assert!(!outcome(&failed).unwrap().unwrap_err().has_no_side_effects());
        let neither = types::PutRecordsResultEntry::builder().shard_id("shardId-000000000003").build();
        assert_eq!(outcome(&neither), Err(missing("SequenceNumber")));
    }

    #[test]
    fn an_id_that_would_change_is_refused() {
        assert!(shard_id("shardId-000000000003").is_ok());
        for text in ["shardId-3", "3", "shard-000000000003", "shardId-x"] {
            assert!(shard_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_that_arrive_short_are_rounded() {
        let short = DateTime::from_secs_and_nanos(1_704_067_200, 122_999_907);
        assert_eq!(timestamp(&short).as_millis(), 1_704_067_200_123);
        let almost = DateTime::from_secs_and_nanos(1_704_067_199, 999_999_999);
        assert_eq!(timestamp(&almost).as_millis(), 1_704_067_200_000);
    }

    proptest! {
        #[test]
        fn times_round_trip(millis in 0_u64..100_000_000_000_000) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(timestamp(&date_time(time)), time);
        }
    }
}
