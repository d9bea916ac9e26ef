//! What the table showed, seen once or watched for a while.
//!
//! One look tells who owns a lease and not whether they are alive: a holder shows that by renewing, which changes the
//! counter. So whether a lease is held, silent or expired is known only from several looks, by one's own clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millstream_lease::expiry::{Availability, LeaseWatch, Watch};
use millstream_lease::handoff::HandoffWatch;
use millstream_lease::store::Listing;
use millstream_lease::{Checkpoint, Lease, LeaseKey, WorkerId};
use millstream_runtime::Clock;
use serde::Serialize;

use super::application::Application;
use super::failure::LeaseFailure;

/// A holder renews about three times in the failover time, so a third of the time shows most of them.
const LOOKS: u32 = 3;
/// KCL's patience with a handoff.
const HANDOFF_TIMEOUT: Duration = Duration::from_secs(30);

/// How a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    /// At the end of its shard: nobody needs it.
    Finished,
    Unowned,
    /// It has an owner. One look does not tell whether the owner lives.
    Owned,
    /// Its holder renewed it while it was watched.
    Held,
    /// On its way to another worker.
    InHandoff,
    /// Nobody renewed it while it was watched, which was not long enough to tell.
    Silent,
    /// Nobody renewed it for longer than the failover time.
    Expired,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Unowned => "unowned",
            Self::Owned => "owned",
            Self::Held => "held",
            Self::InHandoff => "in handoff",
            Self::Silent => "silent",
            Self::Expired => "expired",
        }
    }
}

/// The table as it looked last, and what changed before.
#[derive(Debug)]
pub(super) struct Sighting {
    pub(super) listing: Listing,
    pub(super) failover: Duration,
    pub(super) leases: LeaseWatch,
    pub(super) handoffs: HandoffWatch,
    counters: Watch<LeaseKey, (Option<WorkerId>, u64)>,
    first: BTreeMap<LeaseKey, First>,
    renewed: BTreeSet<LeaseKey>,
    /// From the first answer to the last question; zero for a single look.
    watched_for: Duration,
}

#[derive(Debug)]
struct First {
    look: (Option<WorkerId>, u64),
    checkpoint: Checkpoint,
}

impl Sighting {
    /// Looks at all leases, once, or until everything was seen to be alive or the time is over.
    pub(super) async fn of(
        application: &Application,
        watch_for: Duration,
        failover: Duration,
    ) -> Result<Self, LeaseFailure> {
        Self::by(async || application.list().await, application.clock.as_ref(), watch_for, failover).await
    }

    /// The same for one lease, which costs less.
    pub(super) async fn of_one(
        application: &Application,
        key: &LeaseKey,
        watch_for: Duration,
        failover: Duration,
    ) -> Result<Self, LeaseFailure> {
        let list = async || {
            let leases = application.get(key).await?.into_iter().collect();
            Ok(Listing { leases, bad: Vec::new() })
        };
        Self::by(list, application.clock.as_ref(), watch_for, failover).await
    }

    pub(super) async fn by(
        list: impl AsyncFn() -> Result<Listing, LeaseFailure>,
        clock: &dyn Clock,
        watch_for: Duration,
        failover: Duration,
    ) -> Result<Self, LeaseFailure> {
        let mut seen = Self {
            listing: Listing::default(),
            failover,
            leases: LeaseWatch::default(),
            handoffs: HandoffWatch::new(HANDOFF_TIMEOUT),
            counters: Watch::default(),
            first: BTreeMap::new(),
            renewed: BTreeSet::new(),
            watched_for: Duration::ZERO,
        };
        let asked_at = clock.monotonic();
        let listing = list().await?;
        let begun_at = clock.monotonic();
        seen.look(listing, asked_at, begun_at);
        let (end, step) = (begun_at + watch_for, watch_for / LOOKS);
        while clock.monotonic() < end && !seen.has_seen_all_alive() {
            clock.sleep(step.min(end.saturating_sub(clock.monotonic()))).await;
            let asked_at = clock.monotonic();
            let listing = list().await?;
            seen.look(listing, asked_at, clock.monotonic());
            seen.watched_for = asked_at.saturating_sub(begun_at);
        }
        Ok(seen)
    }

    fn look(&mut self, listing: Listing, asked_at: Duration, answered_at: Duration) {
        let look = |lease: &Lease| (lease.holder().cloned(), lease.counter);
        for lease in &listing.leases {
            let seen = First { look: look(lease), checkpoint: lease.checkpoint.clone() };
            let first = self.first.entry(lease.key.clone()).or_insert(seen);
            if first.look != look(lease) {
                self.renewed.insert(lease.key.clone());
            }
        }
        self.leases.observe(&listing.leases, asked_at, answered_at);
        self.handoffs.observe(&listing.leases, asked_at, answered_at);
        let looks = listing.leases.iter().map(|lease| (lease.key.clone(), look(lease)));
        self.counters.observe(looks, asked_at, answered_at);
        self.listing = listing;
    }

    /// A handoff is looked at for as long as may be: that it does not end is what there is to see.
    fn has_seen_all_alive(&self) -> bool {
        let waited_for = |lease: &&Lease| !lease.is_finished() && lease.holder().is_some();
        let is_clear = |lease: &Lease| self.renewed.contains(&lease.key) && !lease.is_in_handoff();
        self.listing.leases.iter().filter(waited_for).all(is_clear)
    }

    pub(super) fn state(&self, lease: &Lease) -> State {
        if lease.is_finished() {
            return State::Finished;
        }
        match self.leases.availability(lease, self.failover) {
            Availability::Unowned => State::Unowned,
            Availability::Expired { .. } => State::Expired,
            Availability::Held if lease.is_in_handoff() => State::InHandoff,
            Availability::Held if self.renewed.contains(&lease.key) => State::Held,
            Availability::Held if self.watched_for.is_zero() => State::Owned,
            Availability::Held => State::Silent,
        }
    }

    /// For how long a lease certainly was not renewed.
    pub(super) fn silent_for(&self, lease: &Lease) -> Duration {
        self.counters.unchanged_for(&lease.key).unwrap_or_default()
    }

    /// For how long a lease was watched without its checkpoint moving.
    pub(super) fn stood_still_for(&self, lease: &Lease) -> Option<Duration> {
        let first = self.first.get(&lease.key).filter(|first| first.checkpoint == lease.checkpoint);
        first.map(|_| self.watched_for).filter(|watched| !watched.is_zero())
    }

    /// From the first answer to the last question; zero for a single look.
    pub(super) fn watched_for(&self) -> Duration {
        self.watched_for
    }

    /// Whose leases were renewed while they were watched.
    pub(super) fn renewing(&self) -> BTreeSet<WorkerId> {
        let renewed = self.listing.leases.iter().filter(|lease| self.renewed.contains(&lease.key));
        renewed.filter_map(|lease| lease.holder().cloned()).collect()
    }
}
