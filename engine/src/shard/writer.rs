//! Gives records their numbers and packs them into blocks.
//!
//! Numbers are given at once and rise; the block they are in becomes durable with its commit group. Until
//! then nobody sees it. The writer never waits.

use std::sync::Arc;

use bytes::Bytes;
use millstream_model::{StreamArn, Timestamp};

use super::Shard;
use crate::committer::{Committer, Group};
use crate::engine::not_found;
use crate::error::Error;
use crate::keyspace::tail_row::LogEnd;
use crate::limits::WriteLimits;
use crate::record_block::{BlockBuilder, RecordBlock};

/// A block is sealed when it has grown to this. Larger blocks mean fewer keys for storage and more to read
/// for a reader that wants one record.
const BLOCK_BYTES_TARGET: usize = 512 * 1024;
/// Room for the record with which a block outgrows its target, in a block that is expected to be full. Without it, that
/// record would have the whole block copied into twice the room.
const BLOCK_BYTES_BEYOND: usize = 16 * 1024;
/// An entry of the time index is due when a block starts this much later …
const TIME_INDEX_MILLIS: u64 = 1000;
/// … or this many bytes further than the entry before.
const TIME_INDEX_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Writer {
    /// Where the next record goes.
    end: LogEnd,
    open: Option<Open>,
    pub(crate) limits: WriteLimits,
    /// How large the last commit's block grew; the next one is allocated so.
    block_bytes_expected: usize,
    indexed: Indexed,
    gate: Gate,
}

/// Whether records are taken.
#[derive(Debug)]
enum Gate {
    Open,
    /// The shard's hash keys are being handed to others, or have been.
    HandedOver,
    /// The stream is gone.
    Shut(Error),
}

/// Why a shard takes no record.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Other shards are about to take the record: look for them when the stream was resharded.
    HandedOver,
    Failed(Error),
}

/// Blocks that wait for their commit group.
#[derive(Debug)]
struct Open {
    group: Arc<Group>,
    sealed: Vec<RecordBlock>,
    builder: BlockBuilder,
}

/// The last entry of the time index.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    time: Timestamp,
    bytes_since: usize,
    ever: bool,
}

/// The blocks of one shard in a commit.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) blocks: Vec<SealedBlock>,
    /// The end of the log once these blocks are durable.
    pub(crate) end: LogEnd,
}

#[derive(Debug)]
pub(crate) struct SealedBlock {
    pub(crate) block: RecordBlock,
    /// The block gets an entry in the time index.
    pub(crate) indexed: bool,
}

/// What a record was given.
#[derive(Debug)]
pub(crate) struct Appended {
    pub(crate) index: u64,
    pub(crate) arrival: Timestamp,
    pub(crate) encrypted: bool,
}

impl Open {
    fn go_on_with(&mut self, next: BlockBuilder) {
        let full = std::mem::replace(&mut self.builder, next);
        if !full.is_empty() {
            self.sealed.push(full.seal());
        }
    }
}

impl Writer {
    pub(crate) fn new(end: LogEnd) -> Self {
        let indexed = Indexed { time: end.last_arrival, bytes_since: 0, ever: false };
        Self {
            end,
            open: None,
            limits: WriteLimits::default(),
            block_bytes_expected: 0,
            indexed,
            gate: Gate::Open,
        }
    }

    /// Makes sure that a block is open under the stream's present key, in the present group if none was, and gives
    /// the group that the records appended next will become durable with. Fails while no records are taken.
    pub(crate) fn open(
        &mut self,
        shard: &Arc<Shard>,
        committer: &Committer,
    ) -> std::result::Result<Arc<Group>, Refused> {
        match &self.gate {
            Gate::Open => {}
            Gate::HandedOver => return Err(Refused::HandedOver),
            Gate::Shut(error) => return Err(Refused::Failed(error.clone())),
        }
        // Asked under this writer's lock: once encryption was started, no record is taken in clear.
        let key = shard.keys().for_writing().map_err(Refused::Failed)?;
        let LogEnd { index, offset, .. } = self.end;
        let capacity_bytes = capacity_bytes(self.block_bytes_expected);
        let builder = |key| BlockBuilder::with_key(index, offset, capacity_bytes, key);
        if let Some(open) = &mut self.open {
            if open.builder.key().map(|key| key.epoch()) != key.as_ref().map(|key| key.epoch()) {
                open.go_on_with(builder(key));
            }
            return Ok(open.group.clone());
        }
        let group = committer.join(shard).map_err(Refused::Failed)?;
        let builder = builder(key);
        self.open = Some(Open { group: group.clone(), sealed: Vec::new(), builder });
        Ok(group)
    }

    /// Adds a record to the open block. `None`, and nothing is done, when no block is open.
    pub(crate) fn append(&mut self, now: Timestamp, partition_key: &[u8], data: &Bytes) -> Option<Appended> {
        let open = self.open.as_mut()?;
        // Arrival times never fall, whatever the wall clock does.
        let arrival = now.max(self.end.last_arrival);
        let LogEnd { index, offset, .. } = self.end;
        if open.builder.len() >= BLOCK_BYTES_TARGET {
            let key = open.builder.key().cloned();
            open.go_on_with(BlockBuilder::with_key(index, offset, capacity_bytes(BLOCK_BYTES_TARGET), key));
        }
        open.builder.push(arrival, partition_key, data);
        self.end = LogEnd { index: index + 1, offset: offset + 1, last_arrival: arrival };
        Some(Appended { index, arrival, encrypted: open.builder.key().is_some() })
    }

    /// Takes what waits for its commit.
    pub(crate) fn seal(&mut self) -> Option<Sealed> {
        let Open { mut sealed, builder, .. } = self.open.take()?;
        if !builder.is_empty() {
            // Behind full blocks the last one is a remainder, which says nothing of the next commit's first one.
            self.block_bytes_expected =
                if sealed.is_empty() { builder.len().min(BLOCK_BYTES_TARGET) } else { BLOCK_BYTES_TARGET };
            sealed.push(builder.seal());
        }
        if sealed.is_empty() {
            return None;
        }
        let blocks = sealed.into_iter().map(|block| SealedBlock { indexed: self.index(&block), block });
        Some(Sealed { blocks: blocks.collect(), end: self.end })
    }

    /// Whether the block gets an entry in the time index. Of the blocks of one millisecond only the first
    /// may have one.
    fn index(&mut self, block: &RecordBlock) -> bool {
        let Indexed { time, bytes_since, ever } = self.indexed;
        let millis = block.base_time().millis_since(time);
        let due = !ever || millis >= TIME_INDEX_MILLIS || bytes_since >= TIME_INDEX_BYTES;
        if due && millis > 0 {
            self.indexed = Indexed { time: block.base_time(), bytes_since: block.size(), ever: true };
            return true;
        }
        self.indexed.bytes_since += block.size();
        false
    }

    /// Drops what waits and goes on at `end`, which was read again from storage.
    pub(crate) fn reset(&mut self, end: LogEnd) {
        self.open = None;
        self.end = end;
        self.indexed = Indexed { time: end.last_arrival, bytes_since: 0, ever: false };
    }

    /// Takes no record any more, because the stream is gone.
    pub(crate) fn shut(&mut self, arn: &StreamArn) {
        self.gate = Gate::Shut(not_found(arn));
    }

    /// Takes no record while others are being made to take them.
    pub(crate) fn hand_over(&mut self) {
        if matches!(self.gate, Gate::Open) {
            self.gate = Gate::HandedOver;
        }
    }

    /// Takes records again: nobody else could be made to.
    pub(crate) fn take_back(&mut self) {
        if matches!(self.gate, Gate::HandedOver) {
            self.gate = Gate::Open;
        }
    }

    /// Where the next record goes.
    pub(crate) fn end(&self) -> LogEnd {
        self.end
    }
}

fn capacity_bytes(expected: usize) -> usize {
    if expected < BLOCK_BYTES_TARGET { expected } else { BLOCK_BYTES_TARGET + BLOCK_BYTES_BEYOND }
}

#[cfg(test)]
impl Writer {
    /// Whether records wait to be taken by the committer.
    pub(crate) fn has_open_block(&self) -> bool {
        self.open.is_some()
    }
}
