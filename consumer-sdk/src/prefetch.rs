//! What was read ahead, within a budget of bytes.
//!
//! Each shard has a queue, and all share a budget. A queue that is empty may always grow by one reply, so no shard is
//! held up because others are slow; the bytes kept are at most the budget and one reply a shard. Bytes count until
//! their records were processed.

use std::collections::VecDeque;
use std::sync::Arc;

use millstream_client::{ChildShard, Record};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What comes from a shard.
#[derive(Debug)]
pub(crate) enum Fetched {
    Records {
        records: Vec<Record>,
        millis_behind_latest: u64,
    },
    /// There will be no more. `children` may be unknown.
    End {
        children: Vec<ChildShard>,
    },
    /// There can be no more, and why.
    Unreadable(String),
}

/// The bytes that all shards together may read ahead.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    used: Mutex<usize>,
    freed: Notify,
}

/// What was read ahead of one shard.
#[derive(Debug)]
pub(crate) struct Queue {
    budget: Arc<Budget>,
    own_max: usize,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<(Fetched, usize)>,
    /// Of the items, and of what was taken and not yet processed.
    bytes: usize,
}

/// Records taken from a queue as one batch; their bytes are free when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    queue: &'a Queue,
    bytes: usize,
    pub(crate) records: Vec<Record>,
    pub(crate) millis_behind_latest: u64,
}

#[derive(Debug)]
pub(crate) enum Next<'a> {
    Records(Taken<'a>),
    End { children: Vec<ChildShard> },
    Unreadable(String),
}

/// Whether a shard may read more, by what is kept for it and for all.
fn may_read(own: usize, own_max: usize, all: usize, all_max: usize) -> bool {
    own == 0 || (own < own_max && all < all_max)
}

impl Budget {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, used: Mutex::new(0), freed: Notify::new() })
    }

    pub(crate) fn queue(self: &Arc<Self>, own_max: usize) -> Queue {
        Queue { budget: self.clone(), own_max, state: Mutex::default(), arrived: Notify::new() }
    }

    #[cfg(test)]
    fn used(&self) -> usize {
        *self.used.lock()
    }
}

impl Queue {
    /// Waits until there is room to read more.
    pub(crate) async fn room(&self) {
        loop {
            let mut freed = std::pin::pin!(self.budget.freed.notified());
            // From here on no release is missed.
            freed.as_mut().enable();
            let own = self.state.lock().bytes;
            if may_read(own, self.own_max, *self.budget.used.lock(), self.budget.max) {
                return;
            }
            freed.await;
        }
    }

    pub(crate) fn push(&self, fetched: Fetched) {
        let bytes = match &fetched {
            Fetched::Records { records, .. } => records.iter().map(Record::size).sum(),
            Fetched::End { .. } | Fetched::Unreadable(_) => 0,
        };
        let mut state = self.state.lock();
        state.bytes += bytes;
        *self.budget.used.lock() += bytes;
        state.items.push_back((fetched, bytes));
        drop(state);
        self.arrived.notify_one();
    }

    /// Waits for records, and takes what came meanwhile along, up to `records_max` unless one reply has more. May be
    /// dropped while it waits.
    pub(crate) async fn next(&self, records_max: usize) -> Next<'_> {
        loop {
            if let Some(next) = self.take(records_max) {
                return next;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self, records_max: usize) -> Option<Next<'_>> {
        let mut state = self.state.lock();
        let (first, bytes) = state.items.pop_front()?;
        let (records, millis_behind_latest) = match first {
            Fetched::End { children } => return Some(Next::End { children }),
            Fetched::Unreadable(why) => return Some(Next::Unreadable(why)),
            Fetched::Records { records, millis_behind_latest } => (records, millis_behind_latest),
        };
        let mut taken = Taken { queue: self, bytes, records, millis_behind_latest };
        while let Some((Fetched::Records { records, millis_behind_latest }, bytes)) = state.items.pop_front_if(
            |(item, _)| matches!(item, Fetched::Records { records, .. } if taken.records.len() + records.len() <= records_max),
        ) {
            taken.records.extend(records);
            taken.millis_behind_latest = millis_behind_latest;
            taken.bytes += bytes;
        }
        Some(Next::Records(taken))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Whether everything that was read was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().items.is_empty()
    }

    fn release(&self, bytes: usize) {
        self.state.lock().bytes -= bytes;
        *self.budget.used.lock() -= bytes;
        self.budget.freed.notify_waiters();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.queue.release(self.bytes);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let bytes = self.state.lock().bytes;
        self.release(bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use millstream_model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn records(bytes: usize, count: usize) -> Fetched {
        let record = |number: usize| Record {
            sequence_number: number.to_string().parse().unwrap(),
            approximate_arrival: Timestamp::EPOCH,
            partition_key: String::new(),
            data: vec![0; bytes / count].into(),
        };
        Fetched::Records { records: (0..count).map(record).collect(), millis_behind_latest: 0 }
    }

    #[test]
    fn replies_are_put_together_up_to_the_limit_and_the_end_comes_last() {
        let budget = Budget::new(1000);
        let queue = budget.queue(1000);
        for _ in 0..3 {
            queue.push(records(20, 2));
        }
        queue.push(Fetched::End { children: Vec::new() });
        let Some(Next::Records(first)) = queue.take(4) else { panic!() };
        assert_eq!((first.records.len(), queue.bytes()), (4, 60));
        drop(first);
        assert_eq!((queue.bytes(), budget.used()), (20, 20));
        let Some(Next::Records(second)) = queue.take(4) else { panic!() };
        assert_eq!(second.records.len(), 2);
        assert!(matches!(queue.take(4), Some(Next::End { .. })));
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_slow_shard_does_not_hold_up_others() {
        let budget = Budget::new(100);
        let (slow, other) = (budget.queue(1000), budget.queue(1000));
        slow.push(records(100, 1));
        assert!(slow.room().now_or_never().is_none());
        assert!(other.room().now_or_never().is_some());
        other.push(records(50, 1));
        assert!(other.room().now_or_never().is_none());
        drop(slow);
        assert!(other.room().now_or_never().is_some());
    }

    #[test]
    fn who_waits_for_room_is_told() {
        let budget = Budget::new(100);
        let queue = budget.queue(10);
        queue.push(records(10, 1));
        let mut room = Box::pin(queue.room());
        assert!(room.as_mut().now_or_never().is_none());
        drop(queue.take(1));
        assert!(room.now_or_never().is_some());
    }

    proptest! {
        #[test]
        fn an_empty_shard_may_read_and_a_full_budget_ends_it(own: u16, own_max: u16, all: u16, all_max: u16) {
            let may = may_read(own.into(), own_max.into(), all.into(), all_max.into());
            prop_assert!(may || own > 0);
            prop_assert!(!may || own == 0 || (own < own_max && all < all_max));
        }

        /// Whatever the order of reads, no more is kept than the budget and one reply for each shard.
        #[test]
        fn the_bytes_kept_are_bounded(steps in proptest::collection::vec((0_usize..4, 1_usize..30, any::<bool>()), 0..200)) {
            let budget = Budget::new(100);
            let queues: Vec<_> = (0..4).map(|_| budget.queue(60)).collect();
            for (shard, bytes, reads) in steps {
                if !reads {
                    drop(queues[shard].take(1));
                } else if queues[shard].room().now_or_never().is_some() {
                    queues[shard].push(records(bytes, 1));
                }
                prop_assert!(budget.used() < 100 + 4 * 30);
                prop_assert_eq!(budget.used(), queues.iter().map(Queue::bytes).sum::<usize>());
            }
        }
    }
}
