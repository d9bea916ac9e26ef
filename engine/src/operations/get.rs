//! GetShardIterator and GetRecords.

use std::sync::Arc;

use millstream_model::sequence_number::Decoded;
use millstream_model::{Record, ShardId, StreamArn, Timestamp, limits as aws};

use super::put::dry_run_passed;
use crate::engine::{Engine, Found, Inner};
use crate::error::{Error, Result};
use crate::monitoring::ShardMetric;
use crate::shard::reader::{self, Position, Want};
use crate::shard::{ChildShard, Shard};
use crate::stream::StreamStatus;
use crate::token::IteratorToken;

/// Where a shard iterator is to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    /// The oldest record that is kept.
    TrimHorizon,
    /// After the newest record at the time of the call.
    Latest,
    /// The record with this sequence number, or the first one after it.
    AtSequenceNumber(String),
    /// The first record after this sequence number.
    AfterSequenceNumber(String),
    /// The first record that arrived then or later.
    AtTimestamp(Timestamp),
}

/// A GetRecords call.
#[derive(Clone, Debug)]
pub struct GetRecords<'a> {
    pub iterator: &'a str,
    /// 1 to 10,000; 10,000 if absent.
    pub records_max: Option<usize>,
    /// Data and partition keys together; 10 MiB, which is also the most, if absent. One record is given in any case.
    pub bytes_max: Option<usize>,
    /// Must be the iterator's stream, if given.
    pub stream: Option<&'a StreamArn>,
    pub dry_run: bool,
}

/// What GetRecords answers.
#[derive(Clone, Debug)]
pub struct RecordsPage {
    pub records: Vec<Record>,
    /// Absent behind the last record of a closed shard.
    pub next_iterator: Option<String>,
    /// How far the reader is behind the end of the shard; 0 at the end of an open one, and how long ago it was at that
    /// of a closed one. If it is more, there may be further records even behind a page without any.
    pub millis_behind_latest: u64,
    /// Those that took over from a closed shard, when its last record was read, and only then: either there is a next
    /// iterator or there are these.
    pub children: Vec<ChildShard>,
}

impl Engine {
    /// An iterator that is good for 5 minutes. `shard_id` is read as leniently as AWS reads it.
    pub async fn get_shard_iterator(
        &self,
        arn: &StreamArn,
        shard_id: &str,
        start: &StartingPosition,
        dry_run: bool,
    ) -> Result<String> {
        let inner = &self.inner;
        let (found, shard) = inner.find_shard(arn, shard_id)?;
        let admitted =
            shard.read_limits.lock().admit_iterator(&inner.settings.limits, inner.clock.monotonic());
        admitted.map_err(|_| Error::shard_rate(&shard.id(), &arn.name, &arn.account))?;
        let position = inner.resolve(&found, &shard, start, "GetShardIterator").await?;
        if dry_run {
            return Err(dry_run_passed());
        }
        inner.seal(&found, &shard, position)
    }

    /// Fails as [`Self::get_shard_iterator`] would if it is the stream or the shard that is wrong. AWS looks for
    /// these before it looks at where to start.
    pub fn check_shard(&self, arn: &StreamArn, shard_id: &str) -> Result<()> {
        self.inner.find_shard(arn, shard_id).map(drop)
    }

    pub async fn get_records(&self, call: GetRecords<'_>) -> Result<RecordsPage> {
        let inner = &self.inner;
        let token = inner.sealer.open_iterator(call.iterator, inner.now())?;
        let id = ShardId::new(token.shard)
            .ok_or_else(|| Error::InvalidArgument("Invalid ShardIterator.".into()))?;
        let found = inner.find_by_token(&token, call.stream)?;
        let arn = &found.stream.arn;
        let shard = found.stream.shard(id, found.horizon()).ok_or_else(|| Error::no_such_shard(id, arn))?;
        let limits = &inner.settings.limits;
        let admitted = shard.read_limits.lock().admit_call(limits, inner.clock.monotonic());
        admitted.map_err(|_| {
            found.stream.counters.read_provisioned_throughput_exceeded.add(1);
            found.count(&shard, [(ShardMetric::ReadProvisionedThroughputExceeded, 1)]);
            Error::shard_rate(&id, &arn.name, &arn.account)
        })?;
        if call.dry_run {
            return Err(dry_run_passed());
        }
        let want = Want {
            records_max: call.records_max.unwrap_or(aws::GET_RECORDS_ENTRIES_MAX),
            bytes_max: aws::GET_RECORDS_BYTES_MAX.min(call.bytes_max.unwrap_or(usize::MAX)),
            horizon: found.horizon(),
        };
        let read = reader::read(&*inner.slot, &shard, token.position, want).await?;
        let bytes = read.records.iter().map(|record| record.size() as u64).sum();
        shard.read_limits.lock().charge(limits, inner.clock.monotonic(), bytes);
        let last_arrival = read.records.last().map(|record| record.approximate_arrival);
        let is_over = shard.is_over_at(read.next);
        let millis_behind_latest = match (read.reached, shard.closed()) {
            (_, Some(closed)) if is_over => found.now.millis_since(closed),
            (Some(reached), _) if !read.caught_up => found.now.millis_since(reached),
            _ => 0,
        };
        let age_millis = last_arrival.map_or(0, |last| found.now.millis_since(last));
        count(&found, &shard, read.records.len() as u64, bytes, age_millis);
        let (next_iterator, children) = if is_over {
            (None, found.stream.heirs_of(&shard)?)
        } else {
            (Some(inner.seal(&found, &shard, read.next)?), Vec::new())
        };
        Ok(RecordsPage { records: read.records, next_iterator, millis_behind_latest, children })
    }
}

impl Inner {
    /// Here AWS speaks of the shard even when the stream does not exist, or not yet.
    fn find_shard(&self, arn: &StreamArn, shard_id: &str) -> Result<(Found, Arc<Shard>)> {
        let id = parse_id(arn, shard_id)?;
        let found = self.find(arn).map_err(|_| Error::no_such_shard(id, arn))?;
        let shard = self.shard_of(&found, shard_id)?;
        Ok((found, shard))
    }

    /// A shard of a stream, if it is there and not expired.
    pub(crate) fn shard_of(&self, found: &Found, shard_id: &str) -> Result<Arc<Shard>> {
        let arn = &found.stream.arn;
        let id = parse_id(arn, shard_id)?;
        let shard = found.stream.shard(id, found.horizon());
        shard.filter(|_| found.status != StreamStatus::Creating).ok_or_else(|| Error::no_such_shard(id, arn))
    }

    fn seal(&self, found: &Found, shard: &Shard, position: Position) -> Result<String> {
        let token = IteratorToken {
            stream: found.stream.uid,
            shard: shard.meta().index,
            position,
            issued: self.now(),
        };
        self.sealer.seal_iterator(&token, found.stream.arn.name.as_str().len())
    }

    /// The stream that an iterator was made for: that very one, not a later one of the same name.
    fn find_by_token(&self, token: &IteratorToken, named: Option<&StreamArn>) -> Result<Found> {
        let stream = self.catalog.by_uid(token.stream);
        let now = self.now();
        let found = stream.and_then(|stream| {
            let meta = stream.meta();
            let status = meta.status(now)?;
            Some(Found { stream, meta, status, now })
        });
        let found = found.ok_or_else(|| {
            Error::ResourceNotFound(
                "The stream that the shard iterator was made for does not exist.".to_owned(),
            )
        })?;
        match named {
            Some(named) if *named != found.stream.arn => Err(Error::InvalidArgument(format!(
                "The shard iterator belongs to {}, but StreamARN is {named}.",
                found.stream.arn
            ))),
            _ => Ok(found),
        }
    }

    /// Where a reader of the shard starts. `operation` is what it called.
    pub(crate) async fn resolve(
        &self,
        found: &Found,
        shard: &Arc<Shard>,
        start: &StartingPosition,
        operation: &str,
    ) -> Result<Position> {
        match start {
            StartingPosition::TrimHorizon => Ok(Position::TRIM_HORIZON),
            StartingPosition::Latest => Ok(Position::at_index(shard.tail.lock().end().index)),
            StartingPosition::AtSequenceNumber(text) => named_position(found, shard, text, true, operation),
            StartingPosition::AfterSequenceNumber(text) => {
                named_position(found, shard, text, false, operation)
            }
            StartingPosition::AtTimestamp(time) if *time > found.now => Err(Error::InvalidArgument(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
                 timestampInMillis: {}, currentTimestampInMillis: {}",
                time.as_millis(),
                found.now.as_millis()
            ))),
            StartingPosition::AtTimestamp(time) if *time <= found.horizon() => Ok(Position::TRIM_HORIZON),
            StartingPosition::AtTimestamp(time) => reader::find_time(&*self.slot, shard, *time).await,
        }
    }
}

/// Counts what one call gave out.
fn count(found: &Found, shard: &Shard, records: u64, bytes: u64, age_millis: u64) {
    let counters = &found.stream.counters;
    counters.get_records_success.add(1);
    counters.get_records_records.add(records);
    counters.get_records_bytes.add(bytes);
    counters.get_records_iterator_age_millis.set(age_millis);
    let amounts = [
        (ShardMetric::OutgoingRecords, records),
        (ShardMetric::OutgoingBytes, bytes),
        (ShardMetric::IteratorAgeMilliseconds, age_millis),
    ];
    found.count(shard, amounts);
}

/// A sequence number given by a client must be one that this shard could have issued.
fn named_position(
    found: &Found,
    shard: &Shard,
    text: &str,
    inclusive: bool,
    operation: &str,
) -> Result<Position> {
    let StreamArn { account, name, .. } = &found.stream.arn;
    let used = format!(
        "StartingSequenceNumber {text} used in {operation} on shard {} in stream {name} under account {account}",
        shard.id()
    );
    let decoded: Decoded = text.parse().map_err(|_| Error::InvalidArgument(format!("{used} is invalid.")))?;
    let number = decoded.number;
    if number.shard_index != shard.meta().index {
        return Err(Error::InvalidArgument(format!(
            "Invalid StartingSequenceNumber. It encodes shardId-{:012}, while it was used in a call to a shard with {}",
            number.shard_index,
            shard.id()
        )));
    }
    if decoded.version != 0 && number.shard_created_secs != shard.meta().created.as_secs() {
        return Err(Error::InvalidArgument(format!(
            "{used} is invalid because it did not come from this stream."
        )));
    }
    Ok(Position { index: number.index, time_secs: number.time_secs, inclusive })
}

fn parse_id(arn: &StreamArn, shard_id: &str) -> Result<ShardId> {
    ShardId::parse_lenient(shard_id).ok_or_else(|| Error::could_not_find_shard(&shard_id, arn))
}
