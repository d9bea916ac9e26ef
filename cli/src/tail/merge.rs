//! Many shards' records as one sequence, roughly by time of arrival.
//!
//! The next record is the earliest of all shards' next records. A shard that is behind and has nothing
//! buffered may hold an earlier one, so it is waited for, unless the buffer is full: memory is bounded, the
//! order between shards is not promised. The order within a shard always is. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use millstream_client::Record;
use millstream_model::{ShardId, Timestamp};

/// What a record costs in memory beside its data and key.
const RECORD_OVERHEAD_BYTES: usize = 256;

#[derive(Debug)]
pub(crate) struct Merge {
    shards: BTreeMap<ShardId, Buffered>,
    /// The next record of each shard that has one.
    heads: BinaryHeap<Reverse<(Timestamp, ShardId)>>,
    /// Shards that have nothing buffered and are behind.
    unknown: usize,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Buffered {
    records: VecDeque<Record>,
    bytes: usize,
    after: After,
}

/// What is known of a shard behind its buffered records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// There are more, or there may be.
    Behind,
    /// There were no more when it was last read.
    CaughtUp,
    /// There will be no more.
    Ended,
}

impl Merge {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { shards: BTreeMap::new(), heads: BinaryHeap::new(), unknown: 0, bytes: 0, bytes_max }
    }

    /// Adds a shard of which nothing is known yet.
    pub(crate) fn add(&mut self, shard: ShardId) {
        let buffered = Buffered { records: VecDeque::new(), bytes: 0, after: After::Behind };
        if self.shards.insert(shard, buffered).is_none() {
            self.unknown += 1;
        }
    }

    /// Adds records behind those of their shard, and what is known of it now.
    pub(crate) fn push(&mut self, shard: ShardId, records: Vec<Record>, after: After) {
        let Some(buffered) = self.shards.get_mut(&shard) else { return };
        self.unknown -= usize::from(buffered.is_unknown());
        if let (true, Some(first)) = (buffered.records.is_empty(), records.first()) {
            self.heads.push(Reverse((first.approximate_arrival, shard)));
        }
        let bytes = records.iter().map(cost).sum::<usize>();
        self.bytes += bytes;
        buffered.bytes += bytes;
        buffered.records.extend(records);
        buffered.after = after;
        self.unknown += usize::from(buffered.is_unknown());
    }

    /// The next record, if it can be told which that is or memory asks for it.
    pub(crate) fn pop(&mut self) -> Option<(ShardId, Record)> {
        if self.unknown > 0 && !self.is_full() {
            return None;
        }
        let Reverse((_, shard)) = self.heads.pop()?;
        let buffered = self.shards.get_mut(&shard)?;
        let record = buffered.records.pop_front()?;
        match buffered.records.front() {
            Some(next) => self.heads.push(Reverse((next.approximate_arrival, shard))),
            None => self.unknown += usize::from(buffered.is_unknown()),
        }
        self.bytes -= cost(&record);
        buffered.bytes -= cost(&record);
        Some((shard, record))
    }

    /// Forgets and gives the shards that ended and whose last record has been popped.
    pub(crate) fn take_drained(&mut self) -> Vec<ShardId> {
        let drained = self.shards.iter().filter(|(_, buffered)| buffered.is_drained());
        let drained: Vec<_> = drained.map(|(&shard, _)| shard).collect();
        for shard in &drained {
            self.shards.remove(shard);
        }
        drained
    }

    /// Bytes buffered of one shard.
    pub(crate) fn bytes_of(&self, shard: ShardId) -> usize {
        self.shards.get(&shard).map_or(0, |buffered| buffered.bytes)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }
}

impl Buffered {
    fn is_unknown(&self) -> bool {
        self.records.is_empty() && self.after == After::Behind
    }

    fn is_drained(&self) -> bool {
        self.records.is_empty() && self.after == After::Ended
    }
}

/// What a record takes of the memory that a merge may use.
pub(crate) fn cost(record: &Record) -> usize {
    record.size() + RECORD_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn id(index: u32) -> ShardId {
        ShardId::new(index).unwrap()
    }

    fn record(millis: u64, number: u64) -> Record {
        Record {
            sequence_number: number.to_string().parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(millis),
            partition_key: "k".to_owned(),
            data: Bytes::from_static(b"123456789"),
        }
    }

    fn records(millis: &[u64]) -> Vec<Record> {
        (1..).zip(millis).map(|(number, &millis)| record(millis, number)).collect()
    }

    fn popped(merge: &mut Merge) -> Vec<(u32, u64)> {
        std::iter::from_fn(|| merge.pop())
            .map(|(shard, record)| (shard.index(), record.approximate_arrival.as_millis()))
            .collect()
    }

    fn merge(shards: u32) -> Merge {
        let mut merge = Merge::new(1_000_000);
        (0..shards).for_each(|shard| merge.add(id(shard)));
        merge
    }

    #[test]
    fn the_earliest_comes_first_once_all_are_known() {
        let mut merge = merge(2);
        merge.push(id(0), records(&[1, 4, 5]), After::Behind);
        assert_eq!(popped(&mut merge), []);
        merge.push(id(1), records(&[2, 3]), After::CaughtUp);
        assert_eq!(popped(&mut merge), [(0, 1), (1, 2), (1, 3), (0, 4), (0, 5)]);
        merge.push(id(1), records(&[6]), After::CaughtUp);
        assert_eq!(popped(&mut merge), [], "shard 0 is behind, its next record is not known");
        merge.push(id(0), vec![], After::CaughtUp);
        assert_eq!(popped(&mut merge), [(1, 6)]);
    }

    #[test]
    fn a_full_buffer_waits_for_nobody() {
        let mut merge = Merge::new(2 * cost(&record(0, 0)));
        merge.add(id(0));
        merge.add(id(1));
        merge.push(id(0), records(&[1, 2, 3]), After::Behind);
        assert!(merge.is_full());
        assert_eq!(popped(&mut merge), [(0, 1), (0, 2)]);
    }

    #[test]
    fn an_ended_shard_is_drained_after_its_last_record() {
        let mut merge = merge(1);
        merge.push(id(0), records(&[1]), After::Ended);
        assert_eq!(merge.take_drained(), []);
        assert_eq!(popped(&mut merge), [(0, 1)]);
        assert_eq!((merge.take_drained(), merge.take_drained()), (vec![id(0)], vec![]));
    }

    proptest! {
        /// Nothing is lost, each shard keeps its order, and with room enough times never fall where each
        /// shard's do not.
        #[test]
        fn merges_like_a_sort(
            shards in prop::collection::vec(prop::collection::vec(0_u64..100, 0..50), 1..6),
            pages in prop::collection::vec((0_usize..6, 1_usize..10), 0..400),
            bytes_max in prop_oneof![Just(usize::MAX), 300_usize..5000],
        ) {
            let mut sorted = shards.clone();
            sorted.iter_mut().for_each(|times| times.sort_unstable());
            let mut merge = Merge::new(bytes_max);
            let all = sorted.len();
            (0..all).for_each(|shard| merge.add(id(u32::try_from(shard).unwrap())));
            let mut feeds: Vec<_> = sorted.iter().map(|times| records(times).into_iter()).collect();
            let mut output = Vec::new();
            let rest = (0..all).map(|shard| (shard, usize::MAX));
            for (shard, size) in pages.into_iter().chain(rest) {
                let shard = shard % all;
                let page: Vec<_> = feeds[shard].by_ref().take(size).collect();
                let after = if feeds[shard].len() == 0 { After::Ended } else { After::Behind };
                merge.push(id(u32::try_from(shard).unwrap()), page, after);
                output.extend(popped(&mut merge));
            }
            for (shard, times) in (0_u32..).zip(&sorted) {
                let own: Vec<_> = output.iter().filter(|(from, _)| *from == shard).map(|(_, at)| *at).collect();
                prop_assert_eq!(&own, times);
            }
            prop_assert_eq!(merge.take_drained().len(), all);
            if bytes_max == usize::MAX {
                prop_assert!(output.is_sorted_by_key(|(_, at)| *at));
            }
        }
    }
}
