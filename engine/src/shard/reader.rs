//! Reads records from a position on: from memory if the shard's tail reaches back that far, else from
//! storage.
//!
//! What storage holds is checked for density by [`stored`](super::stored).
//!
//! What has expired is jumped over by the time index. Where that is too coarse, one call looks at so many bytes and
//! leaves the rest to the next one.

use millstream_model::{Record, Timestamp};
use millstream_storage::{Entry, Slot};

use super::Shard;
use super::stored::{LAST, StoredBlocks};
use crate::error::{Error, Result};
use crate::keyspace::tail_row::LogEnd;
use crate::keyspace::time_index;
use crate::record_block::{BlockRecord, RecordBlock};

/// Where in a shard a reader stands: before the first record that the position admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) index: u64,
    /// Seconds; orders a given sequence number against the one record of the same index.
    pub(crate) time_secs: u64,
    /// The record with exactly this index and time is admitted.
    pub(crate) inclusive: bool,
}

impl Position {
    /// Before the oldest record that is kept.
    pub(crate) const TRIM_HORIZON: Self = Self::at_index(0);

    pub(crate) const fn at_index(index: u64) -> Self {
        Self { index, time_secs: 0, inclusive: true }
    }

    /// Whether all records of the block are admitted.
    pub(crate) fn admits_all(self, block: &RecordBlock) -> bool {
        let first = (block.first_index(), 0);
        if self.inclusive {
            first >= (self.index, self.time_secs)
        } else {
            first > (self.index, self.time_secs)
        }
    }

    fn admits(self, record: &BlockRecord) -> bool {
        let (place, record) = ((self.index, self.time_secs), (record.index, record.arrival.as_secs()));
        if self.inclusive { record >= place } else { record > place }
    }
}

/// How much a reader wants, and what it must not see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) records_max: usize,
    pub(crate) bytes_max: usize,
    /// Records that arrived before are not shown.
    pub(crate) horizon: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) records: Vec<Record>,
    pub(crate) next: Position,
    /// When the last record before `next` arrived, if one was looked at: it may have expired.
    pub(crate) reached: Option<Timestamp>,
    /// When the durable log held nothing behind these records. Otherwise there may be more, even if there are none
    /// of them here.
    pub(crate) caught_up: bool,
}

/// Storage is asked for this much at first; a reader that wants a few records is not served megabytes.
const PAGE_BYTES_MIN: usize = 64 * 1024;
/// … and for at most this much at once.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// No further block is looked at behind so many bytes of them: a call that finds nothing ends all the same. More
/// than any reply holds.
const LOOKED_AT_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) async fn read(slot: &dyn Slot, shard: &Shard, from: Position, want: Want) -> Result<Read> {
    let mut collector = Collector::new(shard, from, want);
    let end = {
        let tail = shard.tail.lock();
        if let Some(blocks) = tail.blocks_from(from.index) {
            for block in blocks {
                if !collector.take(block)? {
                    break;
                }
            }
            return Ok(collector.finish(tail.end()));
        }
        tail.end()
    };
    if from.index < end.index {
        if let Some(entry) = index_entry_before(slot, shard, want.horizon).await? {
            collector.jump_to(entry.first_index);
        }
        read_stored(slot, shard, end, &mut collector).await?;
    }
    Ok(collector.finish(end))
}

/// As [`read`], from the blocks at hand: of those that a tail which ended at `end` held from the position on, the
/// first ones.
pub(crate) fn read_blocks<'b>(
    shard: &Shard,
    blocks: impl Iterator<Item = &'b RecordBlock>,
    end: LogEnd,
    from: Position,
    want: Want,
) -> Result<Read> {
    let mut collector = Collector::new(shard, from, want);
    let mut end_index = from.index;
    for block in blocks {
        if !collector.take(block)? {
            break;
        }
        end_index = block.end_index();
    }
    // Blocks that were not given hold more.
    let mut read = collector.finish(LogEnd { index: end_index, ..end });
    read.caught_up &= end_index >= end.index;
    Ok(read)
}

/// Feeds the collector from storage until it has enough or the log, which reaches `end`, is over. What storage holds
/// behind that came in the meantime, or is of a write that was not answered yet: where it leaves the log is open.
async fn read_stored(
    slot: &dyn Slot,
    shard: &Shard,
    end: LogEnd,
    collector: &mut Collector<'_>,
) -> Result<()> {
    let Want { records_max, bytes_max, .. } = collector.want;
    let most = bytes_max.clamp(PAGE_BYTES_MIN, PAGE_BYTES_MAX);
    let mut page_bytes = records_max.saturating_mul(1024).clamp(PAGE_BYTES_MIN, most);
    let mut blocks = StoredBlocks::starting_at(collector.next.index);
    loop {
        let (page, more) = blocks.next_page(slot, shard, page_bytes).await?;
        for block in page {
            if block.header().first_index() >= end.index {
                return blocks.check_end(slot, shard, end).await;
            }
            let wants_more = match shard.read_block(block) {
                Ok(block) => collector.take(&block)?,
                // What can be read is given out. The next call begins with what cannot.
                Err(error) if error.is_of_kms() && !collector.records.is_empty() => collector.stop(),
                Err(error) => return Err(error),
            };
            if !wants_more {
                return Ok(());
            }
        }
        if !more {
            return blocks.check_end(slot, shard, end).await;
        }
        page_bytes = most;
    }
}

/// Picks the wanted records out of consecutive blocks.
struct Collector<'a> {
    shard: &'a Shard,
    want: Want,
    records: Vec<Record>,
    bytes: usize,
    looked_at_bytes: usize,
    next: Position,
    reached: Option<Timestamp>,
    full: bool,
}

impl<'a> Collector<'a> {
    fn new(shard: &'a Shard, from: Position, want: Want) -> Self {
        Self {
            shard,
            want,
            records: Vec::new(),
            bytes: 0,
            looked_at_bytes: 0,
            next: from,
            reached: None,
            full: false,
        }
    }

    /// Goes on at this index, unless that is behind already. No record before it is wanted.
    fn jump_to(&mut self, index: u64) {
        if self.next.index < index {
            self.next = Position::at_index(index);
        }
    }

    /// False when no more is wanted.
    fn take(&mut self, block: &RecordBlock) -> Result<bool> {
        for record in block.records() {
            let record = record
                .map_err(|error| Error::Internal(format!("corrupt data: {}: {error}", self.shard.id())))?;
            if !self.next.admits(&record) || record.arrival < self.want.horizon {
                self.reached = Some(record.arrival);
                continue;
            }
            let size = record.data.len() + record.partition_key.len();
            let over = self.bytes + size > self.want.bytes_max && !self.records.is_empty();
            if over || self.records.len() == self.want.records_max {
                return Ok(self.stop());
            }
            self.bytes += size;
            self.next = Position::at_index(record.index + 1);
            self.reached = Some(record.arrival);
            self.records.push(Record {
                sequence_number: self.shard.sequence_number(record.index, record.arrival),
                approximate_arrival: record.arrival,
                partition_key: record.partition_key,
                data: record.data,
                encrypted: block.is_encrypted(),
            });
        }
        self.looked_at_bytes += block.size();
        if self.looked_at_bytes >= LOOKED_AT_BYTES_MAX {
            self.jump_to(block.end_index());
            return Ok(self.stop());
        }
        Ok(true)
    }

    /// Leaves what follows to another call.
    fn stop(&mut self) -> bool {
        self.full = true;
        false
    }

    /// The reply, when the log's durable end was at `end`.
    fn finish(self, end: LogEnd) -> Read {
        let mut next = self.next;
        if !self.full && next.index < end.index {
            // All that is durable was looked at; what was not taken is expired.
            next = Position::at_index(end.index);
        }
        Read { records: self.records, next, reached: self.reached, caught_up: !self.full }
    }
}

/// Before the first durable record that arrived at `time` or later; the end of the log if there is none.
pub(crate) async fn find_time(slot: &dyn Slot, shard: &Shard, time: Timestamp) -> Result<Position> {
    let (first_in_memory, end) = {
        let tail = shard.tail.lock();
        (tail.first().cloned(), tail.end())
    };
    let first_in_memory = first_in_memory.filter(|first| first.base_time() < time);
    let from = first_in_memory.map_or(0, |first| first.first_index());
    let want = Want { records_max: 1, bytes_max: usize::MAX, horizon: time };
    let mut position = Position::at_index(from);
    loop {
        let read = read(slot, shard, position, want).await?;
        if let Some(found) = read.records.first() {
            return Ok(Position::at_index(found.sequence_number.index));
        }
        if read.caught_up {
            return Ok(Position::at_index(end.index));
        }
        position = read.next;
    }
}

/// An entry of a shard's time index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexEntry {
    pub(crate) time: Timestamp,
    pub(crate) first_index: u64,
}

/// The last entry of the time index before `time`. All blocks before the one that it names hold only
/// records that arrived before `time`.
pub(crate) async fn index_entry_before(
    slot: &dyn Slot,
    shard: &Shard,
    time: Timestamp,
) -> Result<Option<IndexEntry>> {
    let Some(before) = time.as_millis().checked_sub(1).map(Timestamp::from_millis) else { return Ok(None) };
    let page = slot.scan(time_index::up_to(shard.uid(), before), LAST).await?;
    let Some(Entry { key, value }) = page.entries.into_iter().next() else { return Ok(None) };
    match (time_index::time(&key), time_index::decode(&value)) {
        (Some(time), Some(first_index)) => Ok(Some(IndexEntry { time, first_index })),
        _ => Err(crate::keyspace::corrupt("an entry of a time index", &key)),
    }
}
