//! What became of every record that was put while subscribers follow.
//!
//! A record is known by its stamp, which all records of a put share and no other put has. A put is forgotten when
//! every consumer was brought all of its records, so this holds no more than what is under way. What comes that is
//! not known, or no longer, came twice or was never acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Shared by the writers and subscribers of one run.
#[derive(Debug)]
pub(crate) struct Trace {
    /// In every stamp, so that other records in the streams are not taken for ours.
    pub(crate) run: u32,
    /// How many are brought each record.
    consumers: u64,
    puts: Mutex<BTreeMap<Duration, Put>>,
    /// Records times consumers.
    due: AtomicU64,
    brought: AtomicU64,
    /// Records of known puts that came more often than there are consumers; they are in `brought` too.
    repeated: AtomicU64,
    unknown: AtomicU64,
    writers_left: AtomicUsize,
    all_brought: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Put {
    acknowledged: Option<Acknowledged>,
    brought: u64,
}

#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    at: Duration,
    due: u64,
}

/// Where a record that was brought comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A put that was acknowledged then.
    Acknowledged(Duration),
    /// A put whose acknowledgement has not come.
    UnderWay,
    Unknown,
}

impl Trace {
    pub(crate) fn new(run: u32, writers: usize, consumers: usize) -> Self {
        Self {
            run,
            consumers: consumers as u64,
            puts: Mutex::default(),
            due: AtomicU64::new(0),
            brought: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            writers_left: AtomicUsize::new(writers),
            all_brought: watch::Sender::new(false),
        }
    }

    /// Notes a put before it is sent. Returns its stamp: when it should have been sent, or the next nanosecond that
    /// no other put has.
    pub(super) fn begin(&self, mut intended: Duration) -> Duration {
        let mut puts = self.puts.lock();
        while puts.contains_key(&intended) {
            intended += Duration::from_nanos(1);
        }
        puts.insert(intended, Put::default());
        intended
    }

    /// Notes the reply to a put, of which so many records were acknowledged.
    pub(super) fn acknowledge(&self, stamp: Duration, records: u64, at: Duration) {
        let due = records * self.consumers;
        let mut puts = self.puts.lock();
        if let Some(put) = puts.get_mut(&stamp) {
            put.acknowledged = Some(Acknowledged { at, due });
            self.forget_if_complete(&mut puts, stamp);
        }
        drop(puts);
        self.due.fetch_add(due, Ordering::SeqCst);
    }

    /// Notes so many records of a put, brought to one consumer.
    pub(super) fn bring(&self, stamp: Duration, records: u64) -> Origin {
        let mut puts = self.puts.lock();
        let Some(put) = puts.get_mut(&stamp) else {
            self.unknown.fetch_add(records, Ordering::Relaxed);
            return Origin::Unknown;
        };
        put.brought += records;
        let origin = put.acknowledged.map_or(Origin::UnderWay, |put| Origin::Acknowledged(put.at));
        self.forget_if_complete(&mut puts, stamp);
        drop(puts);
        self.brought.fetch_add(records, Ordering::SeqCst);
        self.look();
        origin
    }

    fn forget_if_complete(&self, puts: &mut BTreeMap<Duration, Put>, stamp: Duration) {
        let Some(Put { acknowledged: Some(Acknowledged { due, .. }), brought }) = puts.get(&stamp) else {
            return;
        };
        if let Some(too_many) = brought.checked_sub(*due) {
            self.repeated.fetch_add(too_many, Ordering::SeqCst);
            puts.remove(&stamp);
        }
    }

    pub(super) fn writer_is_done(&self) {
        self.writers_left.fetch_sub(1, Ordering::SeqCst);
        self.look();
    }

    /// Whoever comes last, a writer or a record, sees that it is the last: each counts before it looks.
    fn look(&self) {
        if self.writers_left.load(Ordering::SeqCst) == 0 && self.missing() == 0 {
            self.all_brought.send_replace(true);
        }
    }

    /// Resolves when all writers are done and every consumer was brought every record.
    pub(super) async fn all_brought(&self) {
        // The sender lives as long as this.
        let _ = self.all_brought.subscribe().wait_for(|all| *all).await;
    }

    /// How often a consumer was not brought a record that was acknowledged.
    pub(crate) fn missing(&self) -> u64 {
        let due = self.due.load(Ordering::SeqCst) + self.repeated.load(Ordering::SeqCst);
        due.saturating_sub(self.brought.load(Ordering::SeqCst))
    }

    /// How often a consumer was brought a record once more, or one that was never acknowledged.
    pub(crate) fn unexplained(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed) + self.repeated.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_record_knows_when_it_was_acknowledged() {
        let trace = Trace::new(7, 1, 2);
        let (one, two) = (trace.begin(millis(1)), trace.begin(millis(1)));
        assert_eq!((one, two), (millis(1), millis(1) + Duration::from_nanos(1)));
        // One consumer was quicker than the acknowledgement, the other was not.
        assert_eq!(trace.bring(one, 3), Origin::UnderWay);
        trace.acknowledge(one, 3, millis(5));
        assert_eq!(trace.bring(one, 2), Origin::Acknowledged(millis(5)));
        assert_eq!(trace.bring(one, 1), Origin::Acknowledged(millis(5)));
        assert_eq!(trace.bring(one, 1), Origin::Unknown, "more often than there are consumers");
        assert_eq!(trace.bring(millis(9), 1), Origin::Unknown);
        trace.acknowledge(two, 0, millis(6));
        assert_eq!(trace.bring(two, 1), Origin::Unknown, "the put was refused");
        assert!(trace.puts.lock().is_empty());
        assert_eq!((trace.missing(), trace.unexplained()), (0, 3));
    }

    #[test]
    fn too_many_records_are_noticed_whenever_they_come() {
        for acknowledged_first in [false, true] {
            let trace = Trace::new(7, 1, 1);
            let stamp = trace.begin(millis(1));
            if acknowledged_first {
                trace.acknowledge(stamp, 1, millis(2));
                trace.bring(stamp, 3);
            } else {
                trace.bring(stamp, 3);
                trace.acknowledge(stamp, 1, millis(2));
            }
            assert_eq!(trace.unexplained(), 2);
        }
    }

    #[tokio::test]
    async fn the_end_is_when_writers_are_done_and_nothing_is_missing() {
        for record_comes_last in [false, true] {
            let trace = Trace::new(7, 1, 1);
            let stamp = trace.begin(millis(1));
            trace.acknowledge(stamp, 2, millis(2));
            trace.bring(stamp, 1);
            assert_eq!(trace.missing(), 1);
            if record_comes_last {
                trace.writer_is_done();
                assert!(!*trace.all_brought.borrow());
                trace.bring(stamp, 1);
            } else {
                trace.bring(stamp, 1);
                assert!(!*trace.all_brought.borrow());
                trace.writer_is_done();
            }
            trace.all_brought().await;
        }
    }

    #[test]
    fn everything_may_have_come_before_its_acknowledgement() {
        let trace = Trace::new(7, 1, 1);
        let stamp = trace.begin(millis(1));
        assert_eq!(trace.bring(stamp, 1), Origin::UnderWay);
        trace.acknowledge(stamp, 1, millis(2));
        assert!(trace.puts.lock().is_empty());
        trace.writer_is_done();
        assert!(*trace.all_brought.borrow());
    }
}
