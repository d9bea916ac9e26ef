//! Where a subscription stands in its shard, and what it takes from there.
//!
//! Blocks that are taken whole stay blocks; all who take them from the shard's tail share what they are made into.
//! Everything else, the part of a block and what has partly expired, is taken record by record.

use std::sync::Arc;

use millstream_model::{SequenceNumber, Timestamp};

use super::ahead::Ahead;
use super::event::{Part, Shared};
use super::rendering::Renderings;
use crate::engine::Inner;
use crate::error::{Error, Result};
use crate::keyspace::tail_row::LogEnd;
use crate::record_block::{BlockError, RecordBlock};
use crate::shard::Shard;
use crate::shard::reader::{self, Position, Read, Want};
use crate::shard::tail::PushedBlock;

/// Data and partition keys of an event, unless a single record is larger.
pub(super) const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// Records of an event. Below the limit on bytes, so many small ones would make a frame of many megabytes.
pub(super) const EVENT_RECORDS_MAX: usize = 10_000;
/// A block that is larger is not taken whole. Blocks grow to half a mebibyte and one record; so this leaves those
/// whole whose last record is of the usual size.
const WHOLE_BLOCK_BYTES_MAX: usize = 3 * EVENT_BYTES_MAX / 2;

/// The highest second that a sequence number can hold.
const LAST_SECOND: u64 = (1 << 36) - 1;

#[derive(Debug)]
pub(super) struct Cursor {
    shard: Arc<Shard>,
    position: Position,
    /// No record before the position arrived in a later second.
    reached_secs: u64,
    /// When the last record before the position arrived, if one was looked at.
    reached: Option<Timestamp>,
    /// At the last look there was nothing behind the position.
    caught_up: bool,
    /// What is read of storage, while the tail does not reach back to the position.
    ahead: Option<Ahead>,
}

/// What was taken at once.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) parts: Vec<Part>,
    next: Position,
    reached: Option<Timestamp>,
    end: LogEnd,
    caught_up: bool,
}

impl Cursor {
    pub(super) fn new(shard: Arc<Shard>, position: Position) -> Self {
        let reached_secs = shard.meta().opened.as_secs();
        Self { shard, position, reached_secs, reached: None, caught_up: false, ahead: None }
    }

    /// The next records, if there are any by now. If there are none and this has not caught up, what was looked at
    /// has expired, and there may be records behind it.
    pub(super) async fn take(&mut self, inner: &Inner, horizon: Timestamp) -> Result<Vec<Part>> {
        let taken = match self.take_from_tail(&inner.renderings, horizon)? {
            Some(taken) => {
                self.ahead = None;
                taken
            }
            None => self.take_from_storage(inner, horizon).await?,
        };
        self.position = taken.next;
        self.caught_up = taken.caught_up;
        if let Some(reached) = taken.reached {
            self.reached_secs = self.reached_secs.max(reached.as_secs());
            self.reached = Some(reached);
        }
        if taken.parts.is_empty() && taken.caught_up {
            self.reached_secs = self.reached_secs.max(taken.end.last_arrival.as_secs());
        }
        Ok(taken.parts)
    }

    /// Whether there was nothing behind the position at the last look.
    pub(super) fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether the shard is closed and all of it was taken.
    pub(super) fn is_at_end_of_shard(&self) -> bool {
        self.shard.is_over_at(self.position)
    }

    /// How long after the arrival of the last record before the position there is more to look at; 0 at the end.
    pub(super) fn millis_behind(&self, now: Timestamp) -> u64 {
        match self.reached {
            Some(reached) if !self.caught_up => now.millis_since(reached),
            _ => 0,
        }
    }

    /// A number above that of every record before the position and below that of every one behind it. So it makes no
    /// difference whether a reader goes on at it or after it.
    pub(super) fn continuation(&self, now: Timestamp) -> SequenceNumber {
        let Position { index, time_secs, inclusive } = self.position;
        let end = self.shard.tail.lock().end().index;
        let (index, time_secs) = match inclusive {
            // Nobody has been there yet: the subscriber gave a number of the future.
            true if index > end => (index - 1, LAST_SECOND),
            true => (index.saturating_sub(1), now.as_secs().max(self.reached_secs + 1)),
            false => (index, time_secs),
        };
        let meta = self.shard.meta();
        let shard_created_secs = meta.created.as_secs();
        SequenceNumber { shard_created_secs, shard_index: meta.index, index, time_secs }
    }

    /// `None` when the tail does not reach back to the position.
    fn take_from_tail(&self, renderings: &Arc<Renderings>, horizon: Timestamp) -> Result<Option<Taken>> {
        let (blocks, end) = {
            let mut tail = self.shard.tail.lock();
            let end = tail.end();
            if self.position.index >= end.index {
                let next = self.position;
                return Ok(Some(Taken { parts: Vec::new(), next, reached: None, end, caught_up: true }));
            }
            match tail.pushed_from(self.position.index, EVENT_BYTES_MAX) {
                Some(blocks) => (blocks, end),
                None => return Ok(None),
            }
        };
        if blocks.first().is_some_and(|first| self.takes_whole(&first.block, horizon)) {
            return self.whole(blocks, end, horizon, renderings).map(Some);
        }
        let bare = blocks.iter().map(|pushed| &pushed.block);
        let read = reader::read_blocks(&self.shard, bare, end, self.position, want(horizon))?;
        Ok(Some(Taken::picked(read, end)))
    }

    async fn take_from_storage(&mut self, inner: &Inner, horizon: Timestamp) -> Result<Taken> {
        let end = self.shard.tail.lock().end();
        if self.ahead.is_none()
            && let Some(desk) = inner.desks.take()
        {
            let skipped = reader::index_entry_before(&*inner.slot, &self.shard, horizon).await?;
            let index = skipped.map_or(0, |entry| entry.first_index).max(self.position.index);
            self.ahead = Some(Ahead::begin(desk, inner.slot.clone(), self.shard.clone(), index));
        }
        let block = match &mut self.ahead {
            Some(ahead) => ahead.next().await?,
            None => None,
        };
        let taken = match block {
            Some(block) if self.takes_whole(&block, horizon) => Some(self.whole_ahead(block, end, horizon)?),
            Some(block) => self.part_ahead(block, end, horizon)?,
            None => None,
        };
        if let Some(taken) = taken {
            return Ok(taken);
        }
        self.ahead = None;
        let read = reader::read(&*inner.slot, &self.shard, self.position, want(horizon)).await?;
        Ok(Taken::picked(read, end))
    }

    /// The first block, and those behind it that are read already and fit into one event with it.
    fn whole_ahead(&mut self, first: RecordBlock, end: LogEnd, horizon: Timestamp) -> Result<Taken> {
        let (mut bytes, mut records) = (0, 0);
        let (mut parts, mut behind) = (Vec::new(), self.position);
        let mut next = Some(first);
        while let Some(block) = next {
            bytes += block.bytes().len();
            records += records_of(&block);
            let fits = bytes <= EVENT_BYTES_MAX && records <= EVENT_RECORDS_MAX && is_whole(&block, horizon);
            if !fits && !parts.is_empty() {
                self.give_back(block);
                break;
            }
            behind = Position::at_index(block.end_index());
            let part = Part::of_block(self.shard.clone(), block, None);
            parts.push(part.map_err(|error| self.corrupt(&error))?);
            // What cannot be read is told of when all before it was given out.
            next = self.ahead.as_mut().and_then(|ahead| ahead.ready().ok().flatten());
        }
        let reached = parts.last().map(Part::last_arrival);
        Ok(Taken { parts, next: behind, reached, end, caught_up: behind.index >= end.index })
    }

    /// The records of a block that are wanted. `None` if it has expired: then there may be much more that has, which is
    /// passed over elsewhere.
    fn part_ahead(&mut self, block: RecordBlock, end: LogEnd, horizon: Timestamp) -> Result<Option<Taken>> {
        let one = std::iter::once(&block);
        let read = reader::read_blocks(&self.shard, one, end, self.position, want(horizon))?;
        if read.records.is_empty() && block.base_time() < horizon {
            return Ok(None);
        }
        if read.next.index < block.end_index() {
            self.give_back(block);
        }
        Ok(Some(Taken::picked(read, end)))
    }

    fn give_back(&mut self, block: RecordBlock) {
        if let Some(ahead) = &mut self.ahead {
            ahead.give_back(block);
        }
    }

    fn takes_whole(&self, block: &RecordBlock, horizon: Timestamp) -> bool {
        let fits = block.bytes().len() <= WHOLE_BLOCK_BYTES_MAX || records_of(block) == 1;
        self.position.admits_all(block) && fits && is_whole(block, horizon)
    }

    /// The first block, which is taken whole, and those behind it that can be too and fit into one event with it.
    fn whole(
        &self,
        blocks: Vec<PushedBlock>,
        end: LogEnd,
        horizon: Timestamp,
        renderings: &Arc<Renderings>,
    ) -> Result<Taken> {
        let (next, reached) = (self.position, None);
        let mut taken = Taken { parts: Vec::new(), next, reached, end, caught_up: false };
        let mut records = 0;
        for PushedBlock { block, rendering } in blocks {
            records += records_of(&block);
            if !taken.parts.is_empty() && (records > EVENT_RECORDS_MAX || !is_whole(&block, horizon)) {
                break;
            }
            taken.next = Position::at_index(block.end_index());
            let shared = Shared { rendering, renderings: renderings.clone() };
            taken.parts.push(
                Part::of_block(self.shard.clone(), block, Some(shared))
                    .map_err(|error| self.corrupt(&error))?,
            );
        }
        taken.reached = taken.parts.last().map(Part::last_arrival);
        taken.caught_up = taken.next.index >= end.index;
        Ok(taken)
    }

    fn corrupt(&self, error: &BlockError) -> Error {
        Error::Internal(format!("corrupt data: {}: {error}", self.shard.id()))
    }
}

impl Taken {
    fn picked(Read { records, next, reached, caught_up }: Read, end: LogEnd) -> Self {
        let parts: Vec<_> = Part::of_records(records).into_iter().collect();
        Self { parts, next, reached, end, caught_up }
    }
}

fn want(horizon: Timestamp) -> Want {
    Want { records_max: EVENT_RECORDS_MAX, bytes_max: EVENT_BYTES_MAX, horizon }
}

/// Whether no record of the block has to be left out, be it for its age or for the number of them.
fn is_whole(block: &RecordBlock, horizon: Timestamp) -> bool {
    block.base_time() >= horizon && records_of(block) <= EVENT_RECORDS_MAX
}

fn records_of(block: &RecordBlock) -> usize {
    usize::try_from(block.end_index() - block.first_index()).unwrap_or(usize::MAX)
}
