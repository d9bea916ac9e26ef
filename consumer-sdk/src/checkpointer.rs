//! Saying how far processing went.
//!
//! Every checkpoint goes through one gate for its ownership: bounded by what was delivered and what was stored before,
//! one after another, serialised with renewals and fenced by the lease's counter. Tokens hold the gate weakly, so they
//! are worth nothing once the ownership is over.

mod bounds;

use std::sync::{Arc, Weak};
use std::time::Duration;

use millstream_lease::coordinator::{self, LossReason, Ownership};
use millstream_lease::store::NewCheckpoint;
use millstream_lease::{Checkpoint, PendingCheckpoint};
use parking_lot::Mutex;
use tokio::sync::watch;

use self::bounds::permit;
use crate::record::UserRecord;
use crate::worker::{Order, interrupted, lost};

/// Why a checkpoint was not made.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The shard is not this processor's any more, or may not be. Nothing was written.
    #[error("the lease was lost: {0}")]
    LeaseLost(LossReason),
    /// The processor's time with this shard is over.
    #[error("the lease was given back or lost")]
    Over,
    /// It lies before the last checkpoint, or behind what was delivered.
    #[error(
        "a checkpoint at {to} is not between {checkpointed}, the last one, and {delivered}, the last record delivered"
    )]
    OutOfBounds {
        /// What was asked for.
        to: Box<Checkpoint>,
        /// The last checkpoint that was made.
        checkpointed: Box<Checkpoint>,
        /// The last record that the processor was given.
        delivered: Box<Checkpoint>,
    },
    /// A prepared checkpoint was replaced by a later one.
    #[error("the prepared checkpoint is not pending any more")]
    NotPending,
    /// The lease table could not be written. Whether the checkpoint was made may be unknown: making it again does no harm.
    #[error(transparent)]
    Store(#[from] millstream_lease::Error),
}

impl CheckpointError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}

impl From<coordinator::CheckpointError> for CheckpointError {
    fn from(error: coordinator::CheckpointError) -> Self {
        match error {
            coordinator::CheckpointError::Lost(reason) => Self::LeaseLost(reason),
            coordinator::CheckpointError::Store(error) => Self::Store(error),
        }
    }
}

/// Makes checkpoints for one processor, for as long as it has its shard.
#[derive(Debug)]
pub struct Checkpointer(Arc<Gate>);

/// The right to say that everything up to one record was processed. Cheap to keep beside work that goes on after
/// `process_records` has returned; refused when the shard is another processor's.
#[derive(Clone, Debug)]
pub struct CheckpointToken {
    gate: Weak<Gate>,
    at: Checkpoint,
}

/// Makes checkpoints from beside the processor's calls, for work whose end is told elsewhere. Worth nothing once the
/// processor's time with its shard is over.
#[derive(Clone, Debug)]
pub struct DetachedCheckpointer(Weak<Gate>);

/// A checkpoint that was announced: a processor that begins anew before it is made is told of it.
#[derive(Clone, Debug)]
#[must_use]
pub struct PreparedCheckpoint {
    gate: Weak<Gate>,
    at: Checkpoint,
}

#[derive(Debug)]
struct Gate {
    ownership: Ownership,
    orders: watch::Receiver<Order>,
    progress: Mutex<Progress>,
    /// Held for the length of a write: what is decided by must still be so when it is written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Progress {
    delivered: Checkpoint,
    checkpointed: Checkpoint,
    /// Announced by this processor.
    pending: Option<Checkpoint>,
    /// Announced by whomever, and not made since.
    announced: Option<PendingCheckpoint>,
}

impl Checkpointer {
    pub(crate) fn new(ownership: Ownership, orders: watch::Receiver<Order>) -> Self {
        let at = ownership.gained().checkpoint.clone();
        let announced = ownership.gained().pending.clone();
        let progress = Progress { delivered: at.clone(), checkpointed: at, pending: None, announced };
        Self(Arc::new(Gate {
            ownership,
            orders,
            progress: Mutex::new(progress),
            writing: tokio::sync::Mutex::default(),
        }))
    }

    /// Everything that was delivered so far was processed.
    pub async fn checkpoint(&self) -> Result<(), CheckpointError> {
        let delivered = self.0.progress.lock().delivered.clone();
        self.0.checkpoint(delivered).await
    }

    /// Everything up to this record was processed.
    pub async fn checkpoint_at(&self, record: &UserRecord) -> Result<(), CheckpointError> {
        self.0.checkpoint(record.checkpoint()).await
    }

    /// Everything up to this sequence and sub-sequence number was processed.
    pub async fn checkpoint_to(&self, to: Checkpoint) -> Result<(), CheckpointError> {
        self.0.checkpoint(to).await
    }

    /// Announces a checkpoint at this record. `state` is what a processor is told that begins before it is made.
    /// Automatic checkpoints wait until it is.
    pub async fn prepare_at(
        &self,
        record: &UserRecord,
        state: Option<Vec<u8>>,
    ) -> Result<PreparedCheckpoint, CheckpointError> {
        self.prepare_to(record.checkpoint(), state).await
    }

    /// Announces a checkpoint at this sequence and sub-sequence number.
    pub async fn prepare_to(
        &self,
        to: Checkpoint,
        state: Option<Vec<u8>>,
    ) -> Result<PreparedCheckpoint, CheckpointError> {
        self.0.prepare(to.clone(), state).await?;
        Ok(PreparedCheckpoint { gate: Arc::downgrade(&self.0), at: to })
    }

    /// For a record whose work ends later.
    #[must_use]
    pub fn token(&self, record: &UserRecord) -> CheckpointToken {
        CheckpointToken { gate: Arc::downgrade(&self.0), at: record.checkpoint() }
    }

    /// To be kept beside work whose end is told elsewhere.
    #[must_use]
    pub fn detached(&self) -> DetachedCheckpointer {
        DetachedCheckpointer(Arc::downgrade(&self.0))
    }

    /// Resolves when this processor's time with its shard comes to its end: another worker is to go on, this one stops,
    /// or the lease is lost. A call that takes long may return then; whatever it did not process comes again elsewhere,
    /// if it is not checkpointed.
    pub async fn interrupted(&self) {
        interrupted(&mut self.0.orders.clone()).await;
    }

    /// Resolves when the lease is lost: others may be at work on the shard, and there will be no more checkpoints.
    pub async fn lost(&self) -> LossReason {
        lost(&mut self.0.orders.clone()).await
    }

    /// How long giving the shard back may take before it is lost, where another worker is to go on.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.0.ownership.time_to_hand_over()
    }

    /// The last checkpoint that was stored.
    #[must_use]
    pub fn checkpointed(&self) -> Checkpoint {
        self.0.progress.lock().checkpointed.clone()
    }

    /// Greater with each processor of this shard, so it can fence writes to other systems.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.ownership.epoch()
    }

    /// Whether nobody else can have the shard at this moment. Long work may ask now and then, and stop.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.ownership.is_valid()
    }

    /// Everything up to here was given to the processor.
    pub(crate) fn delivered(&self, to: Checkpoint) {
        let mut progress = self.0.progress.lock();
        if progress.delivered < to {
            progress.delivered = to;
        }
    }

    /// The same for a processor that begins where the last checkpoint is; what it is to be told is returned. Tokens of
    /// the one before it are worth nothing.
    pub(crate) fn anew(self) -> (Self, Option<PendingCheckpoint>) {
        let progress = self.0.progress.lock().clone();
        let (at, announced) = (progress.checkpointed, progress.announced);
        let progress =
            Progress { delivered: at.clone(), checkpointed: at, pending: None, announced: announced.clone() };
        let gate = Gate {
            ownership: self.0.ownership.clone(),
            orders: self.0.orders.clone(),
            progress: Mutex::new(progress),
            writing: tokio::sync::Mutex::default(),
        };
        (Self(Arc::new(gate)), announced)
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.0.progress.lock().pending.is_some()
    }
}

impl CheckpointToken {
    /// Everything up to the record was processed.
    pub async fn checkpoint(&self) -> Result<(), CheckpointError> {
        let gate = self.gate.upgrade().ok_or(CheckpointError::Over)?;
        gate.checkpoint(self.at.clone()).await
    }

    /// The record that is meant.
    #[must_use]
    pub fn at(&self) -> &Checkpoint {
        &self.at
    }

    /// Whether nobody else can have the shard at this moment.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.gate.upgrade().is_some_and(|gate| gate.ownership.is_valid())
    }
}

impl DetachedCheckpointer {
    /// Everything up to this sequence and sub-sequence number was processed.
    pub async fn checkpoint_to(&self, to: Checkpoint) -> Result<(), CheckpointError> {
        let gate = self.0.upgrade().ok_or(CheckpointError::Over)?;
        gate.checkpoint(to).await
    }
}

impl PreparedCheckpoint {
    /// Makes the checkpoint that was announced.
    pub async fn commit(self) -> Result<(), CheckpointError> {
        let gate = self.gate.upgrade().ok_or(CheckpointError::Over)?;
        if gate.progress.lock().pending.as_ref() != Some(&self.at) {
            return Err(CheckpointError::NotPending);
        }
        gate.checkpoint(self.at).await
    }

    /// Where the checkpoint was announced.
    #[must_use]
    pub fn at(&self) -> &Checkpoint {
        &self.at
    }
}

impl Gate {
    async fn checkpoint(&self, to: Checkpoint) -> Result<(), CheckpointError> {
        let _writing = self.writing.lock().await;
        let seen = self.permitted(&to)?;
        // Nothing would change, so nothing is written; but the answer must be true.
        if to == seen.checkpointed && seen.pending.is_none() && self.ownership.is_valid() {
            return Ok(());
        }
        self.ownership.checkpoint(&NewCheckpoint::at(to.clone())).await?;
        let mut progress = self.progress.lock();
        progress.checkpointed = to;
        progress.pending = None;
        progress.announced = None;
        Ok(())
    }

    async fn prepare(&self, to: Checkpoint, state: Option<Vec<u8>>) -> Result<(), CheckpointError> {
        let _writing = self.writing.lock().await;
        self.permitted(&to)?;
        let announced = PendingCheckpoint { checkpoint: to.clone(), state };
        self.ownership.prepare_checkpoint(&announced).await?;
        let mut progress = self.progress.lock();
        progress.pending = Some(to);
        progress.announced = Some(announced);
        Ok(())
    }

    fn permitted(&self, to: &Checkpoint) -> Result<Progress, CheckpointError> {
        let progress = self.progress.lock().clone();
        if permit(to, &progress.checkpointed, &progress.delivered) {
            return Ok(progress);
        }
        Err(CheckpointError::OutOfBounds {
            to: Box::new(to.clone()),
            checkpointed: Box::new(progress.checkpointed),
            delivered: Box::new(progress.delivered),
        })
    }
}
