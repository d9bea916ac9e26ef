//! One lane of records, in order by key.
//!
//! A key is at any time in one of three states: nothing of it waits, its first record is ready, or its first
//! record is out and everything behind it waits. So a batch never holds two records of one key, and none is
//! sent while an earlier one of its key is unacknowledged, whatever fails. Of the records that are ready the
//! first of the input go first, so keys overtake one another no more than they must. Not here: when to send,
//! and how much.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use millstream_client::{Acknowledgement, EntryOutcome, Error};

use super::input::{Pending, Position};

#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Keys whose first record is ready, by that record's place in the input.
    ready: BTreeMap<u64, String>,
    /// What waits of each key; empty while its last record is out.
    keys: HashMap<String, VecDeque<Waiting>>,
    batch_is_out: bool,
}

#[derive(Debug)]
struct Waiting {
    pending: Pending,
    since: Duration,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) acknowledged: Vec<(Pending, Acknowledgement)>,
    /// In the batch's order; the records are back in the lane.
    pub(crate) failed: Vec<(Position, Error)>,
}

impl Lane {
    /// Adds a record, read at monotonic time `now`, behind those of its key.
    pub(crate) fn push(&mut self, pending: Pending, now: Duration) {
        let key = &pending.record.partition_key;
        if !self.keys.contains_key(key) {
            self.ready.insert(pending.position.record, key.clone());
            self.keys.insert(key.clone(), VecDeque::new());
        }
        if let Some(queue) = self.keys.get_mut(&pending.record.partition_key) {
            queue.push_back(Waiting { pending, since: now });
        }
    }

    /// Takes the next records out: the first of each key that is ready, at most `entries` of them and
    /// `bytes` in sum, but at least one. Empty when none is ready or a batch is out already.
    pub(crate) fn take_batch(&mut self, entries: usize, bytes: usize) -> Vec<Pending> {
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        while !self.batch_is_out && batch.len() < entries {
            let Some(first) = self.ready.first_entry() else { break };
            let Some(queue) = self.keys.get_mut(first.get()) else { break };
            let fits = |size: usize| batch.is_empty() || batch_bytes + size <= bytes;
            let Some(next) = queue.pop_front_if(|next| fits(next.pending.record.size())) else { break };
            batch_bytes += next.pending.record.size();
            batch.push(next.pending);
            first.remove();
        }
        self.batch_is_out = self.batch_is_out || !batch.is_empty();
        batch
    }

    /// Takes a batch back with the outcome of each record. What failed is ready again.
    pub(crate) fn settle(&mut self, batch: Vec<Pending>, outcomes: Vec<EntryOutcome>) -> Settled {
        let mut settled = Settled::default();
        let mut again = Vec::new();
        let mut outcomes = outcomes.into_iter();
        for pending in batch {
            // A record without an outcome must not vanish.
            let unknown = || Err(Error::UnreadableReply("an outcome is missing".to_owned()));
            match outcomes.next().unwrap_or_else(unknown) {
                Ok(acknowledgement) => {
                    self.release(&pending.record.partition_key);
                    settled.acknowledged.push((pending, acknowledgement));
                }
                Err(error) => {
                    settled.failed.push((pending.position.clone(), error));
                    again.push(pending);
                }
            }
        }
        self.take_back(again);
        settled
    }

    /// Takes a batch back of which nothing is known.
    pub(crate) fn take_back(&mut self, batch: Vec<Pending>) {
        for pending in batch {
            self.ready.insert(pending.position.record, pending.record.partition_key.clone());
            if let Some(queue) = self.keys.get_mut(&pending.record.partition_key) {
                // It has waited long enough.
                queue.push_front(Waiting { pending, since: Duration::ZERO });
            }
        }
        self.batch_is_out = false;
    }

    /// Whether a batch could be taken now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.batch_is_out && !self.ready.is_empty()
    }

    /// Since when a batch is worth sending that need not be larger than `entries`: since ever if there are
    /// so many, else since the first of what is ready was read.
    pub(crate) fn ready_since(&self, entries: usize) -> Duration {
        if self.ready.len() >= entries {
            return Duration::ZERO;
        }
        let first = self.ready.values().next().and_then(|key| self.keys.get(key)).and_then(VecDeque::front);
        first.map_or(Duration::ZERO, |first| first.since)
    }

    /// Whether neither waiting nor out records are left.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The first position of the input among the records that wait here.
    pub(crate) fn first_position(&self) -> Option<&Position> {
        let waiting = self.keys.values().filter_map(VecDeque::front);
        waiting.map(|first| &first.pending.position).min_by_key(|position| position.record)
    }

    /// The record of this key that was out is stored: the next one is ready.
    fn release(&mut self, key: &str) {
        let Some(queue) = self.keys.get_mut(key) else { return };
        match queue.front() {
            Some(next) => {
                self.ready.insert(next.pending.position.record, key.to_owned());
            }
            None => {
                self.keys.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millstream_client::NewRecord;
    use millstream_model::ShardId;
    use proptest::prelude::*;

    use super::*;

    fn pending(record: u64, key: &str, bytes: usize) -> Pending {
        Pending {
            position: Position { record, source: "in".into(), line: record },
            record: NewRecord {
                partition_key: key.to_owned(),
                explicit_hash_key: None,
                data: Bytes::from(vec![b'x'; bytes]),
            },
            keyless: false,
        }
    }

    fn lane(keys: &[&str]) -> Lane {
        let mut lane = Lane::default();
        (1..)
            .zip(keys)
            .for_each(|(record, key)| lane.push(pending(record, key, 9), Duration::from_secs(record)));
        lane
    }

    fn stored() -> EntryOutcome {
        Ok(Acknowledgement { shard: ShardId::new(0).unwrap(), sequence_number: "1".parse().unwrap() })
    }

    fn throttled() -> EntryOutcome {
        Err(Error::ProvisionedThroughputExceeded(String::new()))
    }

    fn records(batch: &[Pending]) -> Vec<u64> {
        batch.iter().map(|pending| pending.position.record).collect()
    }

    #[test]
    fn a_batch_holds_each_key_once() {
        let mut lane = lane(&["a", "a", "b", "a", "c"]);
        let batch = lane.take_batch(500, 1000);
        assert_eq!(records(&batch), [1, 3, 5]);
        assert!(lane.take_batch(500, 1000).is_empty(), "one batch is out at a time");
        let settled = lane.settle(batch, vec![stored(), stored(), stored()]);
        assert_eq!(settled.acknowledged.len(), 3);
        assert_eq!(records(&lane.take_batch(500, 1000)), [2]);
    }

    #[test]
    fn what_failed_is_ready_again() {
        let mut lane = lane(&["a", "a", "b", "b", "c"]);
        let batch = lane.take_batch(2, 1000);
        assert_eq!(records(&batch), [1, 3]);
        let settled = lane.settle(batch, vec![stored(), throttled()]);
        assert_eq!(settled.failed.iter().map(|(at, _)| at.record).collect::<Vec<_>>(), [3]);
        assert_eq!(lane.first_position().map(|at| at.record), Some(2));
        let batch = lane.take_batch(500, 1000);
        assert_eq!(records(&batch), [2, 3, 5]);
        lane.take_back(batch);
        assert_eq!(records(&lane.take_batch(500, 1000)), [2, 3, 5]);
    }

    #[test]
    fn a_batch_is_bounded_but_never_empty() {
        let mut lane = lane(&["a", "b", "c"]);
        let batch = lane.take_batch(500, 20);
        assert_eq!(records(&batch), [1, 2]);
        lane.take_back(batch);
        assert_eq!(records(&lane.take_batch(500, 1)), [1]);
    }

    #[test]
    fn a_batch_is_worth_it_when_it_is_large_or_old() {
        let mut lane = lane(&["a", "a", "b"]);
        assert_eq!(lane.ready_since(3), Duration::from_secs(1));
        assert_eq!(lane.ready_since(2), Duration::ZERO);
        let batch = lane.take_batch(500, 1000);
        lane.settle(batch, vec![stored(), stored()]);
        assert_eq!(lane.ready_since(3), Duration::from_secs(2), "since it was read, not since it is ready");
        let batch = lane.take_batch(500, 1000);
        lane.take_back(batch);
        assert_eq!(lane.ready_since(3), Duration::ZERO);
    }

    proptest! {
        /// Whatever fails, each key's records are sent one at a time, in order, and none is lost.
        #[test]
        fn order_by_key_survives_failures(
            keys in prop::collection::vec("[a-e]", 1..200),
            fates in prop::collection::vec((0_u8..4, 1_usize..20, 1_usize..300), 1..400),
        ) {
            let mut lane = Lane::default();
            let mut input = (1..).zip(&keys).map(|(record, key)| pending(record, key, 9)).peekable();
            let mut acknowledged: Vec<Pending> = Vec::new();
            let mut fates = fates.into_iter().chain(std::iter::repeat((3, 20, 300)));
            while input.peek().is_some() || !lane.is_empty() {
                let (fate, entries, bytes) = fates.next().unwrap();
                input.by_ref().take(entries).for_each(|pending| lane.push(pending, Duration::ZERO));
                let batch = lane.take_batch(entries, bytes);
                for (at, pending) in batch.iter().enumerate() {
                    let key = &pending.record.partition_key;
                    prop_assert!(!batch[..at].iter().any(|other| &other.record.partition_key == key));
                    let before = keys.iter().take(usize::try_from(pending.position.record).unwrap() - 1);
                    let stored = acknowledged.iter().filter(|other| &other.record.partition_key == key);
                    prop_assert_eq!(before.filter(|other| *other == key).count(), stored.count());
                }
                if fate == 0 {
                    lane.take_back(batch);
                    continue;
                }
                let fails = |at: usize| fate < 3 && at.is_multiple_of(usize::from(fate + 1));
                let outcomes = (0..batch.len()).map(|at| if fails(at) { throttled() } else { stored() });
                let outcomes = outcomes.collect();
                acknowledged.extend(lane.settle(batch, outcomes).acknowledged.into_iter().map(|(p, _)| p));
            }
            prop_assert_eq!(acknowledged.len(), keys.len());
        }
    }
}
