//! The newest durable blocks of a shard, in memory, and how far the shard is durable.
//!
//! The blocks are a run without gaps that ends at the end of the log, so a reader that starts inside the
//! run needs no storage. How many bytes all shards together may hold is the [`TailBudget`]'s business.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use millstream_model::Timestamp;
use parking_lot::Mutex;

use super::Shard;
use crate::keyspace::tail_row::LogEnd;
use crate::record_block::RecordBlock;

#[derive(Debug)]
pub(crate) struct Tail {
    end: LogEnd,
    blocks: VecDeque<RecordBlock>,
    /// Everything that arrived before was removed, as far as this process knows.
    trimmed_to: Timestamp,
    /// All that is durable was removed.
    emptied: bool,
}

impl Tail {
    pub(crate) fn new(end: LogEnd) -> Self {
        Self { end, blocks: VecDeque::new(), trimmed_to: Timestamp::EPOCH, emptied: false }
    }

    /// The end of what is durable.
    pub(crate) fn end(&self) -> LogEnd {
        self.end
    }

    /// Adds a block that has just become durable.
    pub(crate) fn publish(&mut self, block: RecordBlock, end: LogEnd) {
        self.end = end;
        self.emptied = false;
        self.blocks.push_back(block);
    }

    /// Blocks from the one that holds `index` on; `None` when that one is not in memory.
    pub(crate) fn blocks_from(&self, index: u64) -> Option<impl Iterator<Item = &RecordBlock>> {
        let first = self.blocks.front()?;
        if index < first.first_index() {
            return None;
        }
        let place = self.blocks.partition_point(|block| block.end_index() <= index);
        Some(self.blocks.range(place..))
    }

    /// The oldest block in memory.
    pub(crate) fn first(&self) -> Option<&RecordBlock> {
        self.blocks.front()
    }

    /// Forgets the blocks up to the one that starts at `first_index`, and the memory of an empty run.
    fn evict(&mut self, first_index: u64) {
        while self.blocks.front().is_some_and(|block| block.first_index() <= first_index) {
            self.blocks.pop_front();
        }
        if self.blocks.is_empty() {
            self.blocks = VecDeque::new();
        }
    }

    /// Takes up a log that was read again from storage.
    pub(crate) fn reset(&mut self, end: LogEnd) {
        *self = Self { trimmed_to: self.trimmed_to, ..Self::new(end) };
    }

    pub(crate) fn trimmed_to(&self) -> Timestamp {
        self.trimmed_to
    }

    pub(crate) fn is_emptied(&self) -> bool {
        self.emptied
    }

    /// Notes that all up to `end` was removed. Blocks that came meanwhile are not meant.
    pub(crate) fn set_emptied(&mut self, end: LogEnd) {
        self.emptied = self.end == end;
    }

    pub(crate) fn set_trimmed_to(&mut self, time: Timestamp) {
        self.trimmed_to = time;
    }
}

/// Bounds the bytes that all tails hold; the block that was published first goes first.
#[derive(Debug)]
pub(crate) struct TailBudget {
    bytes_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    blocks: VecDeque<HeldBlock>,
}

#[derive(Debug)]
struct HeldBlock {
    shard: Weak<Shard>,
    first_index: u64,
    bytes: usize,
}

impl TailBudget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, held: Mutex::default() }
    }

    /// Publishes the block to its shard's tail, and makes room for it.
    pub(crate) fn publish(&self, shard: &Arc<Shard>, block: RecordBlock, end: LogEnd) {
        let (first_index, bytes) = (block.first_index(), block.size());
        shard.tail.lock().publish(block, end);
        shard.grown.notify_waiters();
        let mut held = self.held.lock();
        held.bytes += bytes;
        held.blocks.push_back(HeldBlock { shard: Arc::downgrade(shard), first_index, bytes });
        while held.bytes > self.bytes_max {
            let Some(oldest) = held.blocks.pop_front() else { return };
            held.bytes -= oldest.bytes;
            if let Some(shard) = oldest.shard.upgrade() {
                shard.tail.lock().evict(oldest.first_index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use millstream_model::HashKeyRange;

    use super::*;
    use crate::keyspace::shard_row::ShardMeta;
    use crate::record_block::BlockBuilder;

    fn shard() -> Arc<Shard> {
        let meta = ShardMeta::root(0, HashKeyRange::FULL, Timestamp::EPOCH);
        Arc::new(Shard::new(1, meta, Arc::default()))
    }

    fn publish(budget: &TailBudget, shard: &Arc<Shard>, first_index: u64, records: u64) {
        let mut builder = BlockBuilder::new(first_index, first_index - 1, 0);
        for _ in 0..records {
            builder.push(Timestamp::from_millis(1), b"k", &[0; 100]);
        }
        let index = first_index + records;
        let end = LogEnd { index, offset: index - 1, last_arrival: Timestamp::from_millis(1) };
        budget.publish(shard, builder.seal(), end);
    }

    fn starts(shard: &Shard, index: u64) -> Option<Vec<u64>> {
        let tail = shard.tail.lock();
        tail.blocks_from(index).map(|blocks| blocks.map(RecordBlock::first_index).collect())
    }

    #[test]
    fn gives_the_blocks_from_an_index_on() {
        let (budget, shard) = (TailBudget::new(1 << 20), shard());
        for first in [1, 11, 21] {
            publish(&budget, &shard, first, 10);
        }
        assert_eq!(starts(&shard, 0), None);
        assert_eq!(starts(&shard, 1), Some(vec![1, 11, 21]));
        assert_eq!(starts(&shard, 15), Some(vec![11, 21]));
        assert_eq!(starts(&shard, 31), Some(vec![]));
        assert_eq!(shard.tail.lock().end().index, 31);
    }

    #[test]
    fn the_oldest_block_of_all_shards_makes_room() {
        let (budget, first, second) = (TailBudget::new(2_500), shard(), shard());
        publish(&budget, &first, 1, 10);
        publish(&budget, &second, 1, 10);
        assert_eq!(starts(&first, 1), Some(vec![1]));
        publish(&budget, &second, 11, 10);
        assert_eq!(starts(&first, 1), None);
        assert_eq!(starts(&second, 1), Some(vec![1, 11]));
        assert_eq!(first.tail.lock().end().index, 11);
    }
}
