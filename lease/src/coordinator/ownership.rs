//! The right to process a shard, for as long as nobody else can have it.
//!
//! An ownership is valid until a failover time after the last renewal was *sent*, by this process's monotonic clock:
//! others count from when they saw it, which is later. In a handoff it ends no later than the leader's patience. Writes
//! about one lease go one after another, because each names the counter that the one before left.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::Shared;
use super::events::{Event, LossReason};
use crate::error::Error;
use crate::handoff::holder_deadline;
use crate::lease::{Lease, PendingCheckpoint};
use crate::names::{LeaseKey, ShardName, WorkerId};
use crate::store::{Cas, LeaseStore, Lost, NewCheckpoint};

/// How often a write is tried again whose refusal turned out to be none.
const TRIES: usize = 3;

/// A lease that this worker has or had. Clones are the same ownership.
#[derive(Clone)]
pub struct Ownership {
    shared: Arc<Shared>,
    held: Arc<Held>,
}

#[derive(Debug)]
pub(super) struct Held {
    key: LeaseKey,
    gained: Lease,
    /// The row as this worker knows it. Locked for the length of a write.
    lease: tokio::sync::Mutex<Lease>,
    standing: Mutex<Standing>,
}

#[derive(Debug)]
struct Standing {
    /// By the monotonic clock; `None` when it is over.
    valid_until: Option<Duration>,
    /// When the last renewal was sent that no handoff stood against.
    renewed_at: Duration,
    handoff_deadline: Option<Duration>,
    throughput_kbps: Option<f64>,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The lease is not this worker's any more, or may not be. Nothing was written.
    #[error("the lease was lost: {0}")]
    Lost(LossReason),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What a refused write means.
enum Refusal {
    /// The row is as this worker could have left it itself, or as a handoff request leaves it: try again.
    Adopted,
    Over(LossReason),
}

impl fmt::Debug for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ownership").field("key", self.key()).field("epoch", &self.epoch()).finish()
    }
}

impl PartialEq for Ownership {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.held, &other.held)
    }
}

impl Eq for Ownership {}

impl Ownership {
    pub(super) fn new(shared: &Arc<Shared>, held: &Arc<Held>) -> Self {
        Self { shared: shared.clone(), held: held.clone() }
    }

    #[must_use]
    pub fn key(&self) -> &LeaseKey {
        &self.held.key
    }

    #[must_use]
    pub fn shard(&self) -> ShardName {
        self.held.gained.shard()
    }

    /// The lease as it was when it was gained: where to begin, and a checkpoint that was announced and not made.
    #[must_use]
    pub fn gained(&self) -> &Lease {
        &self.held.gained
    }

    /// The counter with which the ownership began. Greater with each ownership of the lease, so it can fence writes to
    /// other systems.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.held.gained.counter
    }

    /// How long the lease is this worker's still, once it was asked to hand it over.
    #[must_use]
    pub fn time_to_hand_over(&self) -> Option<Duration> {
        let deadline = self.held.standing.lock().handoff_deadline?;
        Some(deadline.saturating_sub(self.shared.parts.clock.monotonic()))
    }

    /// Whether nobody else can have the lease at this moment.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.held.is_valid(self.shared.parts.clock.monotonic())
    }

    /// For how much longer this holds without another renewal.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        let until = self.held.standing.lock().valid_until.unwrap_or_default();
        until.saturating_sub(self.shared.parts.clock.monotonic())
    }

    /// How much is read from the shard, in KiB a second; smoothed, and written with the next renewal.
    pub fn measured(&self, kbps: f64) {
        let smoothing = self.shared.settings.assignment.smoothing;
        let mut standing = self.held.standing.lock();
        let old = standing.throughput_kbps;
        standing.throughput_kbps = Some(old.map_or(kbps, |old| smoothing * kbps + (1.0 - smoothing) * old));
    }

    /// Makes a checkpoint. It must not lie before the last one.
    pub async fn checkpoint(&self, new: &NewCheckpoint) -> Result<(), CheckpointError> {
        let (shared, me) = (&self.shared, &self.shared.settings.worker);
        let mut lease = self.held.lease.lock().await;
        for _ in 0..TRIES {
            let sent_at = self.held.still_valid(shared)?;
            match shared.parts.store.checkpoint(&lease, me, new).await? {
                Cas::Applied(written) => {
                    self.held.renewed(shared, &mut lease, written, sent_at);
                    return Ok(());
                }
                Cas::Lost(lost) => {
                    let counter = lease.counter;
                    self.refused(&mut lease, lost)?;
                    // The reply to an earlier try was lost, not the write.
                    if lease.counter > counter
                        && lease.checkpoint == new.checkpoint
                        && lease.pending.is_none()
                    {
                        return Ok(());
                    }
                }
            }
        }
        Err(Error::Unavailable("the lease changes faster than it can be written".to_owned()).into())
    }

    /// Announces a checkpoint, with what a successor is to be told if it is not made.
    pub async fn prepare_checkpoint(&self, pending: &PendingCheckpoint) -> Result<(), CheckpointError> {
        let (shared, me) = (&self.shared, &self.shared.settings.worker);
        let mut lease = self.held.lease.lock().await;
        for _ in 0..TRIES {
            let sent_at = self.held.still_valid(shared)?;
            match shared.parts.store.prepare_checkpoint(&lease, me, pending).await? {
                Cas::Applied(written) => {
                    self.held.renewed(shared, &mut lease, written, sent_at);
                    return Ok(());
                }
                Cas::Lost(lost) => {
                    self.refused(&mut lease, lost)?;
                    if lease.pending.as_ref() == Some(pending) {
                        return Ok(());
                    }
                }
            }
        }
        Err(Error::Unavailable("the lease changes faster than it can be written".to_owned()).into())
    }

    /// Ends the ownership when the work is done: hands the lease to who waits for it, or leaves it to anybody. It is
    /// over from the beginning of the call on, so that the next holder never meets this one.
    pub async fn give_back(&self) -> Result<(), Error> {
        if !self.held.end() {
            return Ok(());
        }
        self.shared.forget(&self.held);
        let (store, me) = (&self.shared.parts.store, &self.shared.settings.worker);
        let mut lease = self.held.lease.lock().await;
        for _ in 0..TRIES {
            let handed_over = lease.checkpoint_owner.as_ref() == Some(me);
            let written =
                if handed_over { self.hand_over(&lease).await } else { store.release(&lease).await };
            match written? {
                Cas::Applied(_) | Cas::Lost(Lost::Gone) => return Ok(()),
                Cas::Lost(Lost::Changed(found)) if is_ours(&lease, &found, me) => *lease = *found,
                Cas::Lost(Lost::Changed(_)) => return Ok(()),
            }
        }
        Ok(())
    }

    /// To whom it was promised. One that is gone would keep it until it expires.
    async fn hand_over(&self, lease: &Lease) -> Result<Cas, Error> {
        let (store, me) = (&self.shared.parts.store, &self.shared.settings.worker);
        let is_there = match &lease.owner {
            // Who cannot be found out about may be there.
            Some(next) => store.has_report(next).await.unwrap_or(true),
            None => false,
        };
        if is_there { store.transfer(lease, me).await } else { store.transfer_to_anybody(lease, me).await }
    }

    /// Renews, unless it is over already.
    pub(super) async fn renew(&self) -> Result<(), Error> {
        let (shared, me) = (&self.shared, &self.shared.settings.worker);
        let mut lease = self.held.lease.lock().await;
        for _ in 0..TRIES {
            let Some(sent_at) = self.lapse_or_now() else { return Ok(()) };
            let throughput = self.held.standing.lock().throughput_kbps;
            match shared.parts.store.renew(&lease, me, throughput).await? {
                Cas::Applied(written) => {
                    self.held.renewed(shared, &mut lease, written, sent_at);
                    return Ok(());
                }
                Cas::Lost(lost) => {
                    if self.refused(&mut lease, lost).is_err() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The time, or `None` when the ownership is over; tells the user if that is news.
    fn lapse_or_now(&self) -> Option<Duration> {
        let now = self.shared.parts.clock.monotonic();
        if self.held.is_valid(now) {
            return Some(now);
        }
        let in_handoff = self.held.standing.lock().handoff_deadline.is_some_and(|deadline| deadline <= now);
        self.lose(if in_handoff { LossReason::HandoffTimedOut } else { LossReason::Lapsed });
        None
    }

    pub(super) fn store(&self) -> &dyn LeaseStore {
        self.shared.parts.store.as_ref()
    }

    pub(super) fn look_now(&self) {
        self.shared.look_now.notify_one();
    }

    fn refused(&self, lease: &mut Lease, lost: Lost) -> Result<(), CheckpointError> {
        match self.held.judge(&self.shared, lease, lost) {
            Refusal::Adopted => {
                self.announce_handoff(lease);
                Ok(())
            }
            Refusal::Over(reason) => {
                self.lose(reason.clone());
                Err(CheckpointError::Lost(reason))
            }
        }
    }

    /// Notes a handoff request once, and passes it on.
    fn announce_handoff(&self, lease: &Lease) {
        if !lease.is_in_handoff() {
            return;
        }
        let mut standing = self.held.standing.lock();
        if standing.handoff_deadline.is_some() {
            return;
        }
        let deadline = holder_deadline(standing.renewed_at, self.shared.settings.handoff_timeout);
        standing.handoff_deadline = Some(deadline);
        standing.valid_until = standing.valid_until.map(|until| until.min(deadline));
        drop(standing);
        let to = lease.owner.clone();
        self.shared.events.push(Event::HandoffRequested { ownership: self.clone(), to });
    }

    pub(super) fn lose(&self, reason: LossReason) {
        if self.held.end() {
            self.shared.forget(&self.held);
            self.shared.events.push(Event::Lost { ownership: self.clone(), reason });
        }
    }
}

/// Whether `found` is what this worker may have made of `known` itself by one write whose reply was lost, or what a
/// handoff request makes of that. Whatever takes a lease away raises the counter, and giving it back raises it again.
fn is_ours(known: &Lease, found: &Lease, me: &WorkerId) -> bool {
    found.holder() == Some(me) && (known.counter..=known.counter.saturating_add(1)).contains(&found.counter)
}

impl Held {
    /// A lease whose renewal was sent at `renewed_at` and made.
    pub(super) fn new(shared: &Shared, lease: Lease, renewed_at: Duration) -> Self {
        let standing = Standing {
            valid_until: Some(renewed_at + shared.settings.validity()),
            renewed_at,
            handoff_deadline: None,
            throughput_kbps: lease.throughput_kbps,
        };
        Self {
            key: lease.key.clone(),
            gained: lease.clone(),
            lease: tokio::sync::Mutex::new(lease),
            standing: Mutex::new(standing),
        }
    }

    pub(super) fn key(&self) -> &LeaseKey {
        &self.key
    }

    fn is_valid(&self, now: Duration) -> bool {
        self.standing.lock().valid_until.is_some_and(|until| now < until)
    }

    /// The time at which a write may be sent.
    fn still_valid(&self, shared: &Shared) -> Result<Duration, CheckpointError> {
        let now = shared.parts.clock.monotonic();
        if self.is_valid(now) { Ok(now) } else { Err(CheckpointError::Lost(LossReason::Lapsed)) }
    }

    /// Over from now on. False if it was already.
    fn end(&self) -> bool {
        self.standing.lock().valid_until.take().is_some()
    }

    /// A write that renews was sent at `sent_at`, and made.
    fn renewed(&self, shared: &Shared, lease: &mut Lease, written: Lease, sent_at: Duration) {
        let mut standing = self.standing.lock();
        let until = sent_at + shared.settings.validity();
        let until = standing.handoff_deadline.map_or(until, |deadline| until.min(deadline));
        standing.valid_until = standing.valid_until.map(|_| until);
        if !written.is_in_handoff() {
            standing.renewed_at = sent_at;
        }
        *lease = written;
    }

    fn judge(&self, shared: &Shared, lease: &mut Lease, lost: Lost) -> Refusal {
        match lost {
            Lost::Gone => Refusal::Over(LossReason::Removed),
            Lost::Changed(found) if is_ours(lease, &found, &shared.settings.worker) => {
                *lease = *found;
                Refusal::Adopted
            }
            Lost::Changed(found) => {
                let me = &shared.settings.worker;
                let by = found.holder().filter(|holder| *holder != me).cloned();
                Refusal::Over(LossReason::Taken { by })
            }
        }
    }
}
