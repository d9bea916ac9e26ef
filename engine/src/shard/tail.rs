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
use crate::subscription::rendering::Rendering;

#[derive(Debug)]
pub(crate) struct Tail {
    end: LogEnd,
    blocks: VecDeque<TailBlock>,
    /// Everything that arrived before was removed, as far as this process knows.
    trimmed_to: Timestamp,
    /// All that is durable was removed.
    emptied: bool,
}

#[derive(Debug)]
struct TailBlock {
    block: RecordBlock,
    /// The place that subscribers share; dangling while nobody holds it.
    rendering: Weak<Rendering>,
}

/// A block for a subscriber.
#[derive(Clone, Debug)]
pub(crate) struct PushedBlock {
    pub(crate) block: RecordBlock,
    pub(crate) rendering: Arc<Rendering>,
}

impl Tail {
    pub(crate) fn new(end: LogEnd) -> Self {
        Self { end, blocks: VecDeque::new(), trimmed_to: Timestamp::EPOCH, emptied: false }
    }

    /// The end of what is durable.
    pub(crate) fn end(&self) -> LogEnd {
        self.end
    }

    /// Adds blocks that have just become durable, the last of which ends at `end`. A reader who finds the end finds
    /// the blocks up to it.
    fn publish(&mut self, blocks: impl IntoIterator<Item = RecordBlock>, end: LogEnd) {
        self.end = end;
        self.emptied = false;
        self.blocks.extend(blocks.into_iter().map(|block| TailBlock { block, rendering: Weak::new() }));
    }

    /// Blocks from the one that holds `index` on; `None` when that one is not in memory.
    pub(crate) fn blocks_from(&self, index: u64) -> Option<impl Iterator<Item = &RecordBlock>> {
        let place = self.place_of(index)?;
        Some(self.blocks.range(place..).map(|block| &block.block))
    }

    /// As [`Self::blocks_from`], so many that they are `bytes_max` together at most, but at least one if there is
    /// one; each with the place that all subscribers share.
    pub(crate) fn pushed_from(&mut self, index: u64, bytes_max: usize) -> Option<Vec<PushedBlock>> {
        let place = self.place_of(index)?;
        let mut bytes = 0;
        let mut pushed = Vec::new();
        for TailBlock { block, rendering } in self.blocks.range_mut(place..) {
            bytes += block.size();
            if bytes > bytes_max && !pushed.is_empty() {
                break;
            }
            let shared = rendering.upgrade().unwrap_or_default();
            *rendering = Arc::downgrade(&shared);
            pushed.push(PushedBlock { block: block.clone(), rendering: shared });
        }
        Some(pushed)
    }

    /// Where the first block is that ends after `index`; `None` when blocks before it are not in memory.
    fn place_of(&self, index: u64) -> Option<usize> {
        if index < self.blocks.front()?.block.first_index() {
            return None;
        }
        Some(self.blocks.partition_point(|block| block.block.end_index() <= index))
    }

    /// The oldest block in memory.
    pub(crate) fn first(&self) -> Option<&RecordBlock> {
        self.blocks.front().map(|block| &block.block)
    }

    /// Forgets the blocks up to the one that starts at `first_index`, and the memory of an empty run.
    fn evict(&mut self, first_index: u64) {
        while self.blocks.front().is_some_and(|block| block.block.first_index() <= first_index) {
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

    /// Publishes blocks to their shard's tail, all at once, and makes room for them. The last one ends at `end`.
    pub(crate) fn publish(
        &self,
        shard: &Arc<Shard>,
        blocks: impl Iterator<Item = RecordBlock> + Clone,
        end: LogEnd,
    ) {
        shard.tail.lock().publish(blocks.clone(), end);
        shard.grown.notify_waiters();
        let mut held = self.held.lock();
        for block in blocks {
            let (first_index, bytes) = (block.first_index(), block.size());
            held.bytes += bytes;
            held.blocks.push_back(HeldBlock { shard: Arc::downgrade(shard), first_index, bytes });
        }
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
    use std::time::Duration;

    use millstream_model::HashKeyRange;
    use millstream_runtime::{OnFailure, SystemClock, TaskSet};

    use super::*;
    use crate::keyspace::shard_row::ShardMeta;
    use crate::record_block::BlockBuilder;

    fn shard() -> Arc<Shard> {
        let meta = ShardMeta::root(0, HashKeyRange::FULL, Timestamp::EPOCH);
        Arc::new(Shard::new(1, meta, Arc::default()))
    }

    fn block(first_index: u64, records: u64) -> RecordBlock {
        let mut builder = BlockBuilder::new(first_index, first_index - 1, 0);
        for _ in 0..records {
            builder.push(Timestamp::from_millis(1), b"k", &[0; 100]);
        }
        builder.seal()
    }

    fn end_of(block: &RecordBlock) -> LogEnd {
        let last_arrival = Timestamp::from_millis(1);
        LogEnd { index: block.end_index(), offset: block.header().end_offset(), last_arrival }
    }

    fn publish(budget: &TailBudget, shard: &Arc<Shard>, first_index: u64, records: u64) {
        let block = block(first_index, records);
        budget.publish(shard, std::iter::once(block.clone()), end_of(&block));
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

    /// Who sees where the log ends sees all blocks up to there, even if they came at once.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_end_is_shown_with_all_blocks_before_it() {
        let (budget, shard, tasks) = (TailBudget::new(1 << 20), shard(), TaskSet::default());
        let (seen, stop) = (shard.clone(), tasks.clone());
        tasks.spawn("reader", OnFailure::Shutdown, async move {
            while !stop.is_stopping() {
                let tail = seen.tail.lock();
                let last = tail.blocks.back().map_or(1, |last| last.block.end_index());
                if last != tail.end().index {
                    return Err(format!("{last} of {:?}", tail.end()));
                }
            }
            Ok(())
        });
        for batch in 0..2_000 {
            let starts = (0..3).map(|block| 1 + (batch * 3 + block) * 10);
            let blocks: Vec<_> = starts.map(|first_index| block(first_index, 10)).collect();
            budget.publish(&shard, blocks.iter().cloned(), end_of(&blocks[2]));
        }
        assert!(!tasks.is_stopping(), "the reader saw an end without its blocks");
        tasks.shutdown();
        assert!(tasks.join(&SystemClock::default(), Duration::from_secs(10)).await);
    }
}
