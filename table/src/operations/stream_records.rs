//! GetShardIterator and GetRecords.

use millstream_model::Timestamp;
use millstream_storage::{KeyRange, ScanOptions};

use super::streams::FoundStream;
use crate::error::{Error, Result};
use crate::keyspace::change_row::{self, change_key, sequence_of};
use crate::keyspace::{Sequence, corrupt};
use crate::stream::arn::StreamArn;
use crate::stream::iterator::{Position, StreamIterator};
use crate::stream::record::StreamRecord;
use crate::stream::shards::{Shard, parse_sequence_number};
use crate::tables::{Inner, Tables};

/// The most records of one page.
pub const RECORDS_MAX: usize = 1_000;
/// The most that the records of one page have together, in bytes, unless the first has more by itself.
const PAGE_BYTES: usize = 1024 * 1024;

/// From where on a shard is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamStart {
    TrimHorizon,
    Latest,
    /// The record with this sequence number.
    At(String),
    /// The first record behind it.
    After(String),
    /// The first record that is not older.
    AtTimestamp(Timestamp),
}

/// A page of the records of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecords {
    pub stream: StreamArn,
    pub records: Vec<StreamRecord>,
    /// Where to go on; absent when the shard has ended and nothing is left in it.
    pub next: Option<String>,
}

impl Tables {
    pub async fn stream_iterator(
        &self,
        stream: StreamArn,
        shard_id: &str,
        start: StreamStart,
    ) -> Result<String> {
        let found = self.inner.find_stream(&stream).await?;
        let shard = found.shards.iter().find(|shard| shard.id == shard_id);
        let shard = shard.ok_or_else(|| no_shard(shard_id, &stream))?;
        let position = position(&found, shard, &start)?;
        Ok(StreamIterator { stream, shard: shard.number, position, issued: self.inner.now() }.encode())
    }

    /// Durable changes from where an iterator stands, in their order; at most so many, and at most 1 MB.
    pub async fn stream_records(&self, iterator: &str, limit: Option<usize>) -> Result<StreamRecords> {
        let inner = &self.inner;
        let iterator = StreamIterator::open(iterator, inner.now())?;
        let found = inner.find_stream(&iterator.stream).await?;
        let Some(shard) = found.shards.iter().find(|shard| shard.number == iterator.shard) else {
            return Err(trimmed());
        };
        let limit = limit.unwrap_or(RECORDS_MAX).clamp(1, RECORDS_MAX);
        let (records, position) = inner.read_stream(&found, shard, iterator.position, limit).await?;
        // Trimming may have come in between, even of all: then there may have been more than was seen.
        let found_again = inner.find_stream(&iterator.stream).await?;
        if iterator.position.sequence < found_again.trimmed_below {
            return Err(trimmed());
        }
        let next = position
            .map(|position| StreamIterator { position, issued: inner.now(), ..iterator.clone() }.encode());
        Ok(StreamRecords { stream: iterator.stream, records, next })
    }
}

impl Inner {
    /// Records, and where to go on unless the shard is at its end.
    async fn read_stream(
        &self,
        found: &FoundStream,
        shard: &Shard,
        from: Position,
        limit: usize,
    ) -> Result<(Vec<StreamRecord>, Option<Position>)> {
        let end = shard.end.unwrap_or(found.end);
        let first = from.sequence.max(shard.first);
        let at = |sequence| change_key(found.uid, found.stream.number, sequence);
        let range = KeyRange::new(at(first), at(end.max(first)));
        let options = ScanOptions { entries_max: limit, bytes_max: PAGE_BYTES, reverse: false };
        let page = self.slot.scan(range, options).await?;
        let (mut records, mut bytes, mut next) = (Vec::new(), 0, first);
        for entry in page.entries {
            let sequence = sequence_of(&entry.key).ok_or_else(|| corrupt("a change's key", &entry.key))?;
            let change = change_row::decode(&entry.key, &entry.value)?;
            next = sequence.saturating_add(1);
            if change.at_micros < from.since_micros {
                continue;
            }
            let record = StreamRecord::of(found.uid, sequence, change, found.stream.view);
            bytes += record.size_bytes;
            if bytes > PAGE_BYTES as u64 && !records.is_empty() {
                return Ok((records, Some(Position { sequence, ..from })));
            }
            records.push(record);
        }
        let position = match (page.more, shard.end) {
            (true, _) => Some(next),
            (false, None) => Some(end.max(first)),
            (false, Some(_)) => None,
        };
        Ok((records, position.map(|sequence| Position { sequence, ..from })))
    }
}

fn position(found: &FoundStream, shard: &Shard, start: &StreamStart) -> Result<Position> {
    let horizon = found.trimmed_below.max(shard.first);
    let (sequence, since_micros) = match start {
        StreamStart::TrimHorizon => (horizon, 0),
        StreamStart::Latest => (shard.end.unwrap_or(found.end).max(horizon), 0),
        StreamStart::At(number) => (given(found, shard, number)?, 0),
        StreamStart::After(number) => (given(found, shard, number)?.saturating_add(1), 0),
        StreamStart::AtTimestamp(time) => (horizon, time.as_millis().saturating_mul(1_000)),
    };
    Ok(Position { sequence, since_micros })
}

/// The sequence that a request names, if it can be one in the shard.
fn given(found: &FoundStream, shard: &Shard, number: &str) -> Result<Sequence> {
    let sequence = parse_sequence_number(number)
        .filter(|sequence| *sequence >= shard.first && shard.end.is_none_or(|end| *sequence < end));
    let sequence = sequence.ok_or_else(|| {
        Error::Validation(format!("Invalid SequenceNumber {number} for shard {}", shard.id))
    })?;
    if sequence < found.trimmed_below { Err(trimmed()) } else { Ok(sequence) }
}

fn no_shard(shard: &str, stream: &StreamArn) -> Error {
    Error::ResourceNotFound(format!(
        "Requested resource not found: Shard: {shard} in stream: {stream} not found"
    ))
}

fn trimmed() -> Error {
    let text = "The operation attempted to read past the oldest stream record in a shard.";
    Error::TrimmedDataAccess(text.to_owned())
}
