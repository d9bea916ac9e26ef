//! A lease: the right to process a shard, and how far that went.
//!
//! The counter is what fences: it rises with every renewal and change of owner, and each write names the one it was
//! decided by. A lease in handoff has two workers in it: the owner to be, and the one who still processes.

use std::collections::BTreeSet;
use std::fmt;

use millstream_model::HashKeyRange;

use crate::checkpoint::Checkpoint;
use crate::names::{LeaseKey, ShardName, StreamIdentifier, WorkerId};
use crate::row::Row;

/// A row of the lease table, understood. What KCL keeps in memory alone (times, tokens) is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    pub key: LeaseKey,
    pub owner: Option<WorkerId>,
    /// Who still processes the shard, while [`Self::owner`] waits for it to hand over.
    pub checkpoint_owner: Option<WorkerId>,
    pub counter: u64,
    pub checkpoint: Checkpoint,
    /// Prepared and not yet made.
    pub pending: Option<PendingCheckpoint>,
    pub owner_switches_since_checkpoint: u64,
    /// The shards that this one continues, one or two.
    pub parents: BTreeSet<ShardName>,
    /// The shards that continue this one, known from its end on.
    pub children: BTreeSet<ShardName>,
    pub hash_range: Option<HashKeyRange>,
    /// KiB a second, smoothed; written by the holder with its renewals.
    pub throughput_kbps: Option<f64>,
    /// Where one table serves many streams.
    pub stream: Option<StreamOfLease>,
    /// What a newer version wrote and this one does not know.
    pub unknown: Row,
}

/// A position that was announced, with what the application wants to be told if it has to start anew before it is
/// made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCheckpoint {
    pub checkpoint: Checkpoint,
    pub state: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOfLease {
    pub stream: StreamIdentifier,
    pub shard: ShardName,
}

impl Lease {
    /// A lease that nobody has had yet.
    #[must_use]
    pub fn new(key: LeaseKey, checkpoint: Checkpoint) -> Self {
        Self {
            key,
            owner: None,
            checkpoint_owner: None,
            counter: 0,
            checkpoint,
            pending: None,
            owner_switches_since_checkpoint: 0,
            parents: BTreeSet::new(),
            children: BTreeSet::new(),
            hash_range: None,
            throughput_kbps: None,
            stream: None,
            unknown: Row::new(),
        }
    }

    /// The shard, whichever kind of table the lease is in.
    #[must_use]
    pub fn shard(&self) -> ShardName {
        self.stream.as_ref().map_or_else(|| ShardName::of_key(&self.key), |stream| stream.shard.clone())
    }

    /// Whose checkpoints count now.
    #[must_use]
    pub fn holder(&self) -> Option<&WorkerId> {
        self.checkpoint_owner.as_ref().or(self.owner.as_ref())
    }

    #[must_use]
    pub fn is_in_handoff(&self) -> bool {
        self.checkpoint_owner.is_some()
    }

    /// Whether the shard was processed to its end, so that nobody needs to have the lease.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.checkpoint.is_shard_end()
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.key, self.checkpoint)?;
        match (&self.owner, &self.checkpoint_owner) {
            (None, None) => write!(f, ", without an owner"),
            (Some(owner), None) => write!(f, ", owned by {owner}"),
            (None, Some(from)) => write!(f, ", left by {from}"),
            (Some(to), Some(from)) => write!(f, ", going from {from} to {to}"),
        }
    }
}
