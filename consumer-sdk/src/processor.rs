//! What an application implements.
//!
//! One processor is made for each shard whenever its lease is gained, and is called by one task alone: no call begins
//! before the one before has ended. No call is broken off, except when [`crate::Consumer::run`] is dropped.

use std::error::Error as StdError;

use async_trait::async_trait;
use millstream_client::StreamRef;
use millstream_lease::coordinator::LossReason;
use millstream_lease::{Checkpoint, PendingCheckpoint, ShardName};

use crate::checkpointer::Checkpointer;
use crate::record::UserRecord;

/// Whatever went wrong in a processor.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// An error of a processor that has lost what it had in work: a process that died, say, with records that it was given
/// and had not checkpointed. The shard is read anew behind the last checkpoint, for a processor that is made anew; how
/// often and after what waits says [`crate::FailurePolicy`], which cannot skip here. Failures count until a checkpoint is
/// made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProcessorLost(pub String);

/// The shard that a processor is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardOfStream {
    /// As it was given to the builder.
    pub stream: StreamRef,
    /// The shard's id.
    pub shard: ShardName,
}

/// Where a processor begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialization {
    /// What the processor is for.
    pub shard: ShardOfStream,
    /// Everything up to here was processed.
    pub checkpoint: Checkpoint,
    /// A checkpoint that an earlier processor announced and did not make: what it was about may have happened.
    pub pending: Option<PendingCheckpoint>,
    /// Greater with each processor of this shard, so it can fence writes to other systems.
    pub epoch: u64,
}

/// Records to be processed, in the order of their shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// One at least, unless empty batches are asked for too.
    pub records: Vec<UserRecord>,
    /// How far the last of them lies behind the newest record of the shard; 0 when caught up.
    pub millis_behind_latest: u64,
}

/// Processes the records of one shard.
#[async_trait]
pub trait RecordProcessor: Send {
    /// Is called first. An error is tried again as those of [`Self::process_records`] are.
    async fn initialize(&mut self, _start: &Initialization) -> Result<(), BoxError> {
        Ok(())
    }

    /// `Ok` says that the whole batch was processed, or is safely somebody else's: automatic checkpoints rely on it.
    ///
    /// After an error the records behind the last checkpoint come again, until they are processed or
    /// [`crate::FailurePolicy`] gives up. A panic stops the shard at once.
    async fn process_records(&mut self, batch: &Batch, checkpointer: &Checkpointer) -> Result<(), BoxError>;

    /// Is called when the shard stops and stays: a call failed too often, or what comes next cannot be read. No more
    /// records come, and the lease is kept, see [`crate::AfterRetries::StopShard`]; what ends it is told as ever.
    async fn shard_stopped(&mut self, _why: &str) {}

    /// Is called last when the lease went away. Checkpoints are refused: another processor may be at work.
    async fn lease_lost(&mut self, _reason: &LossReason) {}

    /// Is called last when all records of a closed shard were processed. `Ok` says that nothing of it is in work any
    /// more, and the end of the shard is stored; an error is tried again as those of [`Self::process_records`] are.
    async fn shard_ended(&mut self, _checkpointer: &Checkpointer) -> Result<(), BoxError> {
        Ok(())
    }

    /// Is called last when another worker is to go on, or this one stops: finish what is in work and checkpoint. The
    /// lease is given back when it returns.
    async fn shutdown_requested(&mut self, _checkpointer: &Checkpointer) -> Result<(), BoxError> {
        Ok(())
    }
}
