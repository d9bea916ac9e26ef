//! Who decides for the fleet: one lock, held by heartbeats, as the DynamoDB lock client that KCL uses holds it.
//!
//! A lock is abandoned when this process saw the same version for as long as the lock itself says. [`Election`] is
//! pure: told what the table holds and what became of its writes, it says what to do. Being leader is a convenience:
//! nothing is unsafe with two of them, because whatever a leader does compares.

use std::time::Duration;

use millstream_runtime::{Clock, Entropy};

use crate::error::{Error, Result};
use crate::expiry::Watch;
use crate::names::WorkerId;
use crate::row::Row;
use crate::store::{Cas, LeaseStore};

/// The lock's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub owner: WorkerId,
    /// How long others wait without seeing a new version.
    pub lease_duration: Duration,
    /// A UUID, new with each heartbeat, as the lock client writes them.
    pub version: String,
    /// Given back by its owner and left there.
    pub is_released: bool,
    pub unknown: Row,
}

/// What a candidate should do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write the lock in place of what was seen.
    Acquire(Box<Lock>),
    /// Give the lock that it holds a new version.
    Heartbeat(Box<Lock>),
    /// Somebody else leads.
    Follow,
}

/// One worker's view of the lock.
#[derive(Clone, Debug)]
pub struct Election {
    me: WorkerId,
    lease_duration: Duration,
    watch: Watch<(), String>,
    /// How long the lock lasts that was found last, by itself.
    lasts: Option<Duration>,
    held: Option<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    lock: Lock,
    /// When the last write that was made was sent: nobody can have begun to wait earlier.
    sent_at: Duration,
}

impl Election {
    #[must_use]
    pub fn new(me: WorkerId, lease_duration: Duration) -> Self {
        Self { me, lease_duration, watch: Watch::default(), lasts: None, held: None }
    }

    /// Until when, by the monotonic clock, nobody else can have become leader. `None` for followers.
    #[must_use]
    pub fn leads_until(&self) -> Option<Duration> {
        self.held.as_ref().map(|held| held.sent_at + held.lock.lease_duration)
    }

    #[must_use]
    pub fn is_leader(&self, now: Duration) -> bool {
        self.leads_until().is_some_and(|until| now < until)
    }

    /// For how long the lock certainly looked the same. Zero for whoever holds it and for who never saw it.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        if self.held.is_some() { Duration::ZERO } else { self.watch.unchanged_for(&()).unwrap_or_default() }
    }

    /// Whether somebody else leads and seems to be gone: the lock is to be renewed four times while it lasts (KCL's
    /// rhythm), and was not for half of it.
    #[must_use]
    pub fn misses_its_leader(&self) -> bool {
        self.held.is_none() && self.lasts.is_some_and(|lasts| self.silent_for() > lasts / 2)
    }

    /// What to do about the lock that was found, asked for and answered at these times of the monotonic clock.
    /// `version` is fresh.
    pub fn next(
        &mut self,
        found: Option<&Lock>,
        asked_at: Duration,
        answered_at: Duration,
        version: String,
    ) -> Step {
        let looks = found.map(|lock| ((), lock.version.clone()));
        self.watch.observe(looks, asked_at, answered_at);
        self.lasts = found.map(|lock| lock.lease_duration);
        let new = Lock {
            owner: self.me.clone(),
            lease_duration: self.lease_duration,
            version,
            is_released: false,
            unknown: Row::new(),
        };
        let Some(found) = found else {
            self.held = None;
            return Step::Acquire(Box::new(new));
        };
        if self.held.as_ref().is_some_and(|held| held.lock.version == found.version) {
            return Step::Heartbeat(Box::new(new));
        }
        self.held = None;
        let silent = self.watch.unchanged_for(&()).unwrap_or_default();
        if found.is_released || silent > found.lease_duration {
            return Step::Acquire(Box::new(new));
        }
        Step::Follow
    }

    /// What became of a write that was sent at `sent_at`.
    pub fn wrote(&mut self, outcome: Cas<Lock>, sent_at: Duration) {
        self.held = outcome.applied().map(|lock| Held { lock, sent_at });
    }

    /// Reads the lock, and takes or keeps it if that can be. A heartbeat whose reply was lost is found again, because
    /// the version that it wrote is remembered.
    pub async fn run_once(
        &mut self,
        store: &dyn LeaseStore,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<bool> {
        let asked_at = clock.monotonic();
        let found = store.lock().await?;
        let answered_at = clock.monotonic();
        let step = self.next(found.as_ref(), asked_at, answered_at, entropy.uuid());
        let sent_at = clock.monotonic();
        let (new, written) = match step {
            Step::Acquire(new) => (new.clone(), store.acquire_lock(found.as_ref(), &new).await),
            Step::Heartbeat(new) => {
                let Some(held) = found.as_ref() else { return Ok(false) };
                (new.clone(), store.heartbeat_lock(held, &new).await)
            }
            Step::Follow => return Ok(false),
        };
        match written {
            Ok(outcome) => self.wrote(outcome, sent_at),
            Err(error @ Error::Unavailable(_)) => {
                self.may_have_written(*new, sent_at);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(self.is_leader(clock.monotonic()))
    }

    /// A write of unknown outcome: if it was made, the version in the table is ours. Until that is seen, nothing is
    /// gained by it.
    fn may_have_written(&mut self, lock: Lock, sent_at: Duration) {
        let until = self.leads_until();
        let lock = Lock { lease_duration: self.lease_duration, ..lock };
        // Leadership goes on no longer than what was certain before.
        let certain = until.and_then(|until| until.checked_sub(self.lease_duration));
        self.held = Some(Held { lock, sent_at: certain.unwrap_or(Duration::ZERO).min(sent_at) });
        if certain.is_none() {
            self.held = self.held.take().map(|held| Held {
                lock: Lock { lease_duration: Duration::ZERO, ..held.lock },
                sent_at: Duration::ZERO,
            });
        }
    }

    /// Gives the lock back, if it is held.
    pub async fn resign(&mut self, store: &dyn LeaseStore) -> Result<()> {
        if let Some(held) = self.held.take() {
            let _ = store.release_lock(&held.lock).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
