//! Whether somebody who should give signs of life still does, judged by one's own eyes and one's own clock.
//!
//! No time of another machine is compared with ours: what counts is how long we ourselves saw no change. A change is
//! dated when the answer came that showed it, and looked at again from when the next question was asked, so that a
//! slow table and a pause of this process make others live longer and never shorter.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use crate::lease::Lease;
use crate::names::{LeaseKey, WorkerId};

/// What is unchanged for just as long as it may be has not expired; a timer's step later it has.
const RESOLUTION: Duration = Duration::from_millis(1);

/// Since when each of some things has looked the same.
#[derive(Clone, Debug)]
pub struct Watch<K, V> {
    seen: HashMap<K, (V, Duration)>,
    asked_at: Duration,
}

impl<K, V> Default for Watch<K, V> {
    fn default() -> Self {
        Self { seen: HashMap::new(), asked_at: Duration::ZERO }
    }
}

impl<K: Clone + Eq + Hash, V: PartialEq> Watch<K, V> {
    /// Notes how everything looks. Both times are of this process's monotonic clock. What is not in `looks` is
    /// forgotten.
    pub fn observe(
        &mut self,
        looks: impl IntoIterator<Item = (K, V)>,
        asked_at: Duration,
        answered_at: Duration,
    ) {
        let mut before = std::mem::take(&mut self.seen);
        self.asked_at = asked_at;
        for (key, look) in looks {
            let since = match before.remove(&key) {
                Some((old, since)) if old == look => since,
                _ => answered_at,
            };
            self.seen.insert(key, (look, since));
        }
    }

    /// For how long this certainly looked the same. `None` for what was never seen.
    pub fn unchanged_for(&self, key: &K) -> Option<Duration> {
        self.seen.get(key).map(|(_, since)| self.asked_at.saturating_sub(*since))
    }

    /// Whether this looked the same in all that was seen of it.
    fn is_first_look(&self, key: &K) -> bool {
        self.unchanged_for(key).is_none()
    }
}

/// Watches leases: a holder that renews changes the counter.
#[derive(Clone, Debug, Default)]
pub struct LeaseWatch {
    watch: Watch<LeaseKey, (Option<WorkerId>, u64)>,
    /// Whose holders were seen to renew.
    renewed: HashSet<LeaseKey>,
}

/// Whether a lease can be given to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Its holder may be alive.
    Held,
    Unowned,
    /// Its holder has not renewed for longer than it may.
    Expired {
        unchanged_for: Duration,
    },
}

impl LeaseWatch {
    /// Notes the leases of a listing; see [`Watch::observe`]. Who holds it is watched, not who will: a handoff is no
    /// sign of life.
    pub fn observe(&mut self, leases: &[Lease], asked_at: Duration, answered_at: Duration) {
        let before = std::mem::take(&mut self.renewed);
        for lease in leases {
            let Some(((holder, counter), _)) = self.watch.seen.get(&lease.key) else { continue };
            let is_same = holder.as_ref() == lease.holder();
            if is_same && (*counter != lease.counter || before.contains(&lease.key)) {
                self.renewed.insert(lease.key.clone());
            }
        }
        let looks = leases.iter().map(|lease| (lease.key.clone(), (lease.holder().cloned(), lease.counter)));
        self.watch.observe(looks, asked_at, answered_at);
    }

    /// Whether its holder was seen to renew the lease. One to whom it was just given may not know of it yet.
    #[must_use]
    pub fn has_renewed(&self, key: &LeaseKey) -> bool {
        self.renewed.contains(key)
    }

    #[must_use]
    pub fn availability(&self, lease: &Lease, failover: Duration) -> Availability {
        if lease.holder().is_none() {
            return Availability::Unowned;
        }
        match self.watch.unchanged_for(&lease.key) {
            Some(unchanged_for) if unchanged_for > failover => Availability::Expired { unchanged_for },
            _ => Availability::Held,
        }
    }

    /// When to look again, at the latest, to find the next lease expired as soon as it is, if its holder does not renew.
    /// Those that were found expired count no more.
    #[must_use]
    pub fn next_expiry(&self, failover: Duration) -> Option<Duration> {
        let held = self.watch.seen.values().filter(|((holder, _), _)| holder.is_some());
        let expiries = held.map(|(_, since)| *since + failover + RESOLUTION);
        expiries.filter(|expiry| *expiry > self.watch.asked_at).min()
    }
}

/// Watches workers: one that lives writes a new report every half minute or so.
#[derive(Clone, Debug, Default)]
pub struct WorkerWatch {
    watch: Watch<WorkerId, u64>,
    /// Who looked alive when first seen.
    trusted: HashMap<WorkerId, bool>,
    /// Who let a lease expire and has not reported since.
    suspects: HashSet<WorkerId>,
}

impl WorkerWatch {
    /// Notes when workers say that they reported last. Only for workers never seen before is that compared with our
    /// wall clock: a row may have been left there by a worker of last week.
    pub fn observe(
        &mut self,
        reports: &[(WorkerId, u64)],
        asked_at: Duration,
        answered_at: Duration,
        wall_now: Duration,
        patience: Duration,
    ) {
        let mut trusted = HashMap::with_capacity(reports.len());
        for (worker, updated_secs) in reports {
            let old = self.trusted.get(worker).copied();
            let changed = self.watch.seen.get(worker).is_some_and(|(seen, _)| seen != updated_secs);
            let looks_fresh = wall_now.as_secs().abs_diff(*updated_secs) <= patience.as_secs();
            let first = self.watch.is_first_look(worker);
            if changed {
                self.suspects.remove(worker);
            }
            trusted.insert(worker.clone(), changed || if first { looks_fresh } else { old == Some(true) });
        }
        self.suspects.retain(|worker| trusted.contains_key(worker));
        self.trusted = trusted;
        self.watch.observe(reports.iter().cloned(), asked_at, answered_at);
    }

    /// A worker did not renew what it has: reports come seldom, so the last one says nothing against that.
    pub fn suspect(&mut self, worker: WorkerId) {
        self.suspects.insert(worker);
    }

    /// Whether a worker has reported within `patience`, and since it was suspected.
    #[must_use]
    pub fn is_alive(&self, worker: &WorkerId, patience: Duration) -> bool {
        let recent = self.watch.unchanged_for(worker).is_some_and(|unchanged| unchanged <= patience);
        recent && self.trusted.get(worker) == Some(&true) && !self.suspects.contains(worker)
    }

    /// For how long a worker certainly has not reported.
    #[must_use]
    pub fn silent_for(&self, worker: &WorkerId) -> Option<Duration> {
        self.watch.unchanged_for(worker)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::Checkpoint;

    const FAILOVER: Duration = Duration::from_secs(10);

    fn lease(owner: Option<&str>, counter: u64) -> Lease {
        let mut lease = Lease::new("shard".parse().unwrap(), Checkpoint::LATEST);
        lease.owner = owner.map(|owner| owner.parse().unwrap());
        lease.counter = counter;
        lease
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn an_owned_lease_is_not_free_when_first_seen() {
        let mut watch = LeaseWatch::default();
        let owned = lease(Some("a"), 5);
        assert_eq!(watch.availability(&owned, FAILOVER), Availability::Held);
        watch.observe(std::slice::from_ref(&owned), secs(1_000_000), secs(1_000_000));
        assert_eq!(watch.availability(&owned, FAILOVER), Availability::Held);
        assert_eq!(watch.availability(&lease(None, 5), FAILOVER), Availability::Unowned);
    }

    #[test]
    fn a_pause_of_the_watcher_is_no_silence_of_the_watched() {
        let mut watch = LeaseWatch::default();
        watch.observe(&[lease(Some("a"), 5)], secs(0), secs(0));
        // Frozen for an hour before it looks again, and the holder renewed all the time.
        watch.observe(&[lease(Some("a"), 900)], secs(3_600), secs(3_600));
        assert_eq!(watch.availability(&lease(Some("a"), 900), FAILOVER), Availability::Held);
        // An answer that takes an hour says nothing about that hour.
        watch.observe(&[lease(Some("a"), 900)], secs(3_601), secs(7_200));
        assert_eq!(watch.availability(&lease(Some("a"), 900), FAILOVER), Availability::Held);
    }

    #[test]
    fn the_next_expiry_is_that_of_the_longest_silence() {
        let mut watch = LeaseWatch::default();
        let named = |name: &str, counter| Lease { key: name.parse().unwrap(), ..lease(Some("a"), counter) };
        watch.observe(&[named("one", 1), named("two", 1), lease(None, 1)], secs(0), secs(1));
        watch.observe(&[named("one", 1), named("two", 2), lease(None, 1)], secs(5), secs(6));
        let (first, second) = (secs(11) + RESOLUTION, secs(16) + RESOLUTION);
        assert_eq!(watch.next_expiry(FAILOVER), Some(first));
        watch.observe(&[named("one", 1), named("two", 2)], first, first);
        assert!(matches!(watch.availability(&named("one", 1), FAILOVER), Availability::Expired { .. }));
        assert_eq!(watch.next_expiry(FAILOVER), Some(second));
        watch.observe(&[named("one", 1), named("two", 2)], second, second);
        assert_eq!(watch.next_expiry(FAILOVER), None);
    }

    #[test]
    fn whoever_is_given_a_lease_has_it_once_it_renews() {
        let mut watch = LeaseWatch::default();
        let mut at = 0;
        let mut look = |lease: Lease| {
            at += 1;
            watch.observe(std::slice::from_ref(&lease), secs(at), secs(at));
            watch.has_renewed(&lease.key)
        };
        assert!(!look(lease(Some("a"), 5)));
        assert!(!look(lease(Some("a"), 5)));
        assert!(look(lease(Some("a"), 6)));
        assert!(look(lease(Some("a"), 6)), "it has shown itself before");
        let mut moving = lease(Some("b"), 6);
        moving.checkpoint_owner = Some("a".parse().unwrap());
        assert!(look(moving));
        assert!(!look(lease(Some("b"), 7)), "it was given it by another's write");
        assert!(look(lease(Some("b"), 8)));
        assert!(!look(lease(None, 9)));
    }

    #[test]
    fn a_handoff_is_no_sign_of_life() {
        let mut watch = LeaseWatch::default();
        watch.observe(&[lease(Some("a"), 5)], secs(0), secs(0));
        let mut moving = lease(Some("b"), 5);
        moving.checkpoint_owner = Some("a".parse().unwrap());
        watch.observe(std::slice::from_ref(&moving), secs(11), secs(11));
        assert_eq!(watch.availability(&moving, FAILOVER), Availability::Expired { unchanged_for: secs(11) });
    }

    #[test]
    fn a_worker_of_last_week_is_not_alive_until_it_reports() {
        let (worker, patience): (WorkerId, _) = ("w".parse().unwrap(), secs(60));
        let mut watch = WorkerWatch::default();
        let week = 7 * 24 * 3_600;
        let look = |watch: &mut WorkerWatch, lut: u64, at: u64| {
            watch.observe(&[("w".parse().unwrap(), lut)], secs(at), secs(at), secs(week + at), patience);
        };
        look(&mut watch, 5, 0);
        assert!(!watch.is_alive(&worker, patience));
        look(&mut watch, 5, 10);
        assert!(!watch.is_alive(&worker, patience));
        // Its clock is wrong by a week, and yet it reports.
        look(&mut watch, 35, 40);
        assert!(watch.is_alive(&worker, patience));
        look(&mut watch, 35, 101);
        assert!(!watch.is_alive(&worker, patience));
    }

    #[test]
    fn who_let_a_lease_expire_is_given_none_until_it_reports() {
        let (worker, patience): (WorkerId, _) = ("w".parse().unwrap(), secs(60));
        let mut watch = WorkerWatch::default();
        let look = |watch: &mut WorkerWatch, lut: u64, at: u64| {
            watch.observe(&[("w".parse().unwrap(), lut)], secs(at), secs(at), secs(at), patience);
        };
        look(&mut watch, 5, 10);
        assert!(watch.is_alive(&worker, patience));
        watch.suspect(worker.clone());
        look(&mut watch, 5, 20);
        assert!(!watch.is_alive(&worker, patience));
        look(&mut watch, 35, 40);
        assert!(watch.is_alive(&worker, patience));
    }

    proptest! {
        /// Whatever the watcher's rhythm: nobody who renews at least every failover is ever found expired.
        #[test]
        fn who_renews_in_time_never_expires(
            waits in proptest::collection::vec((0_u64..30_000, 0_u64..5_000), 1..60),
            renew_every_ms in 1_u64..=10_000,
        ) {
            let mut watch = LeaseWatch::default();
            let mut now_ms = 0;
            for (wait, slowness) in waits {
                let asked = now_ms + wait;
                let read = asked + slowness / 2;
                now_ms = asked + slowness;
                let seen = lease(Some("a"), read / renew_every_ms);
                watch.observe(
                    std::slice::from_ref(&seen),
                    Duration::from_millis(asked),
                    Duration::from_millis(now_ms),
                );
                prop_assert_eq!(watch.availability(&seen, FAILOVER), Availability::Held);
            }
        }

        /// And whoever stopped is found out by looking twice, more than the failover apart.
        #[test]
        fn who_stopped_expires(first in 0_u64..100_000, gap in 10_001_u64..100_000) {
            let mut watch = LeaseWatch::default();
            let dead = lease(Some("a"), 3);
            for at in [first, first + gap] {
                let at = Duration::from_millis(at);
                watch.observe(std::slice::from_ref(&dead), at, at);
            }
            let expired = matches!(watch.availability(&dead, FAILOVER), Availability::Expired { .. });
            prop_assert!(expired);
        }
    }
}
