//! Between messages and our nouns.
//!
//! What a server sends that means nothing becomes [`Error::UnreadableReply`], which names the field.

use std::str::FromStr;

use millstream_model::{HashKeyRange, ShardId, limits};
use millstream_proto::convert::{self, Unreadable, message_of_timestamp, timestamp};
use millstream_proto::v1;

use crate::api::{
    Acknowledgement, ChildShard, ConsumerStatus, EntryOutcome, NewRecord, Record, Shard, ShardFilter,
    StartingPosition, StreamConsumer, StreamListing, StreamMode, StreamRef, StreamStatus, StreamSummary,
};
use crate::error::{Error, Result};

const BYTES_PER_KIB: usize = 1024;

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::UnreadableReply(unreadable.to_string())
    }
}

/// A stream's name or its ARN, whichever the caller gave.
pub(super) fn named(stream: &StreamRef) -> (Option<String>, Option<String>) {
    match stream {
        StreamRef::Name(name) => (Some(name.to_string()), None),
        StreamRef::Arn(arn) => (None, Some(arn.to_string())),
    }
}

pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T> {
    Ok(convert::required(field, value)?)
}

pub(super) fn parsed<T: FromStr>(field: &'static str, text: &str) -> Result<T> {
    Ok(convert::parsed(field, text)?)
}

pub(super) fn wire_hours(hours: u32) -> i32 {
    i32::try_from(hours).unwrap_or(i32::MAX)
}

pub(super) fn summary(message: &v1::StreamDescriptionSummary) -> Result<StreamSummary> {
    let record_bytes = |kib: i32| usize::try_from(kib).ok().map(|kib| kib * BYTES_PER_KIB);
    Ok(StreamSummary {
        name: parsed("stream_name", &message.stream_name)?,
        arn: parsed("stream_arn", &message.stream_arn)?,
        status: status(message.stream_status())?,
        mode: mode(message.stream_mode_details.as_ref())?,
        created: timestamp(&required("stream_creation_timestamp", message.stream_creation_timestamp)?),
        retention_hours: count("retention_period_hours", message.retention_period_hours)?,
        open_shards: count("open_shard_count", message.open_shard_count)?,
        consumers: count("consumer_count", message.consumer_count.unwrap_or(0))?,
        encryption_key: message.key_id.clone(),
        record_bytes_max: message
            .max_record_size_in_kib
            .and_then(record_bytes)
            .unwrap_or(limits::RECORD_BYTES_MAX),
    })
}

pub(super) fn listing(message: &v1::StreamSummary) -> Result<StreamListing> {
    Ok(StreamListing {
        name: parsed("stream_name", &message.stream_name)?,
        status: Some(status(message.stream_status())?),
        mode: mode(message.stream_mode_details.as_ref())?,
        created: message.stream_creation_timestamp.as_ref().map(timestamp),
    })
}

pub(super) fn shard(message: &v1::Shard) -> Result<Shard> {
    let sequence = required("sequence_number_range", message.sequence_number_range.as_ref())?;
    let ending = sequence.ending_sequence_number.as_deref();
    Ok(Shard {
        id: shard_id(&message.shard_id)?,
        parent: message.parent_shard_id.as_deref().map(shard_id).transpose()?,
        adjacent_parent: message.adjacent_parent_shard_id.as_deref().map(shard_id).transpose()?,
        hash_key_range: hash_key_range(message.hash_key_range.as_ref())?,
        starting_sequence_number: parsed("starting_sequence_number", &sequence.starting_sequence_number)?,
        ending_sequence_number: ending.map(|text| parsed("ending_sequence_number", text)).transpose()?,
    })
}

pub(super) fn child_shard(message: &v1::ChildShard) -> Result<ChildShard> {
    Ok(ChildShard {
        id: shard_id(&message.shard_id)?,
        parents: message.parent_shards.iter().map(|id| shard_id(id)).collect::<Result<_>>()?,
        hash_key_range: hash_key_range(message.hash_key_range.as_ref())?,
    })
}

pub(super) fn record(message: v1::Record) -> Result<Record> {
    Ok(Record {
        sequence_number: parsed("sequence_number", &message.sequence_number)?,
        approximate_arrival: timestamp(&message.approximate_arrival_timestamp.unwrap_or_default()),
        partition_key: message.partition_key.unwrap_or_default(),
        data: message.data,
    })
}

/// The data are shared.
pub(super) fn entry(record: &NewRecord) -> v1::PutRecordsRequestEntry {
    v1::PutRecordsRequestEntry {
        data: Some(record.data.clone()),
        explicit_hash_key: record.explicit_hash_key.map(|key| key.to_string()),
        partition_key: Some(record.partition_key.clone()),
    }
}

/// The outcome of one entry, or an error when it tells neither success nor failure.
pub(super) fn outcome(message: &v1::PutRecordsResultEntry) -> Result<EntryOutcome> {
    if let Some(code) = message.error_code.as_deref() {
        let text = message.error_message.as_deref().unwrap_or("(no message)");
        // The status of an entry that the service could not store is that of its own failures.
        return Ok(Err(Error::of_code(Some(code), text, 500)));
    }
    let shard = shard_id(required("shard_id", message.shard_id.as_deref())?)?;
    let number = required("sequence_number", message.sequence_number.as_deref())?;
    Ok(Ok(Acknowledgement { shard, sequence_number: parsed("sequence_number", number)? }))
}

pub(super) fn position(from: &StartingPosition) -> v1::StartingPosition {
    use v1::ShardIteratorType as Kind;
    let (kind, number, time) = match from {
        StartingPosition::TrimHorizon => (Kind::TrimHorizon, None, None),
        StartingPosition::Latest => (Kind::Latest, None, None),
        StartingPosition::AtSequenceNumber(number) => (Kind::AtSequenceNumber, Some(number), None),
        StartingPosition::AfterSequenceNumber(number) => (Kind::AfterSequenceNumber, Some(number), None),
        StartingPosition::AtTimestamp(time) => (Kind::AtTimestamp, None, Some(*time)),
    };
    v1::StartingPosition {
        r#type: Some(kind.into()),
        sequence_number: number.map(ToString::to_string),
        timestamp: time.map(message_of_timestamp),
    }
}

/// `None` for all shards, which is what no filter means.
pub(super) fn shard_filter(filter: ShardFilter) -> Option<v1::ShardFilter> {
    use v1::ShardFilterType as Kind;
    let (kind, time, shard) = match filter {
        ShardFilter::FromTrimHorizon => return None,
        ShardFilter::AtTrimHorizon => (Kind::AtTrimHorizon, None, None),
        ShardFilter::AtLatest => (Kind::AtLatest, None, None),
        ShardFilter::AtTimestamp(time) => (Kind::AtTimestamp, Some(time), None),
        ShardFilter::FromTimestamp(time) => (Kind::FromTimestamp, Some(time), None),
        ShardFilter::AfterShard(id) => (Kind::AfterShardId, None, Some(id)),
    };
    Some(v1::ShardFilter {
        r#type: Some(kind.into()),
        shard_id: shard.map(|id| id.to_string()),
        timestamp: time.map(message_of_timestamp),
    })
}

pub(super) fn consumer(arn: &str, status: v1::ConsumerStatus) -> Result<StreamConsumer> {
    let status = match status {
        v1::ConsumerStatus::Active => ConsumerStatus::Active,
        v1::ConsumerStatus::Creating => ConsumerStatus::Creating,
        v1::ConsumerStatus::Deleting => ConsumerStatus::Deleting,
        v1::ConsumerStatus::Unspecified => return Err(unknown("consumer_status")),
    };
    Ok(StreamConsumer { arn: parsed("consumer_arn", arn)?, status })
}

fn status(status: v1::StreamStatus) -> Result<StreamStatus> {
    match status {
        v1::StreamStatus::Creating => Ok(StreamStatus::Creating),
        v1::StreamStatus::Active => Ok(StreamStatus::Active),
        v1::StreamStatus::Updating => Ok(StreamStatus::Updating),
        v1::StreamStatus::Deleting => Ok(StreamStatus::Deleting),
        v1::StreamStatus::Unspecified => Err(unknown("stream_status")),
    }
}

fn mode(details: Option<&v1::StreamModeDetails>) -> Result<Option<StreamMode>> {
    match details.map(v1::StreamModeDetails::stream_mode) {
        None => Ok(None),
        Some(v1::StreamMode::Provisioned) => Ok(Some(StreamMode::Provisioned)),
        Some(v1::StreamMode::OnDemand) => Ok(Some(StreamMode::OnDemand)),
        Some(v1::StreamMode::Unspecified) => Err(unknown("stream_mode")),
    }
}

fn shard_id(text: &str) -> Result<ShardId> {
    Ok(convert::shard_id(text)?)
}

fn hash_key_range(message: Option<&v1::HashKeyRange>) -> Result<HashKeyRange> {
    Ok(HashKeyRange::try_from(required("hash_key_range", message)?)?)
}

fn count(field: &'static str, value: i32) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::UnreadableReply(format!("{field} is {value}")))
}

fn unknown(field: &str) -> Error {
    Error::UnreadableReply(format!("{field} is none that this client knows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_stored_or_failed_and_nothing_else() {
        let stored = v1::PutRecordsResultEntry {
            shard_id: Some("shardId-000000000003".to_owned()),
            sequence_number: Some("49590338271490256608559692538361571095921575989136588898".to_owned()),
            ..Default::default()
        };
        assert_eq!(outcome(&stored).unwrap().unwrap().shard, ShardId::new(3).unwrap());
        let code = Some("ProvisionedThroughputExceededException".to_owned());
        let throttled = v1::PutRecordsResultEntry { error_code: code, ..Default::default() };
        assert!(outcome(&throttled).unwrap().unwrap_err().is_throttle());
        let neither = v1::PutRecordsResultEntry { sequence_number: None, ..stored };
        assert_eq!(outcome(&neither), Err(Error::UnreadableReply("sequence_number is missing".to_owned())));
    }
}
