//! The lease table, as what may be done with it.
//!
//! Every write compares what the caller decided by (counter, owner, checkpoint owner) and says what it found instead if
//! that is no longer so. [`LeaseStore`] is the trait; [`TableStore`] has its writes once, in KCL's terms, over the few
//! operations on rows that a [`RowTable`] offers. Retrying, timing and deciding are not here.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(any(test, feature = "embedded"))]
pub mod embedded;
pub mod memory;
mod rows;
mod table;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::leader::Lock;
use crate::lease::{Lease, PendingCheckpoint};
use crate::names::{LeaseKey, ShardName, WorkerId};
use crate::row::{BadRow, Row};
use crate::worker::WorkerReport;

pub use self::memory::MemoryStore;
pub use self::rows::TableStore;
pub use self::table::{
    Change, Changes, Expect, Expected, KeyPage, Layout, OWNER_INDEX, Outcome, Page, Part, RowTable, Table,
};

use std::collections::BTreeSet;

use millstream_model::HashKeyRange;

use crate::checkpoint::Checkpoint;

/// What became of a write that compares.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Cas<T = Lease> {
    /// It was made; what the table holds now, or held last for a deletion.
    Applied(T),
    /// Somebody else had been there. Nothing was written.
    Lost(Lost<T>),
}

/// What stood in the way of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Lost<T = Lease> {
    /// There is no such row.
    Gone,
    /// The row is another than the caller thought.
    Changed(Box<T>),
}

impl<T> Cas<T> {
    /// What the table holds now, if the write was made.
    pub fn applied(self) -> Option<T> {
        match self {
            Self::Applied(value) => Some(value),
            Self::Lost(_) => None,
        }
    }

    pub fn is_applied(&self) -> bool {
        matches!(self, Self::Applied(_))
    }
}

/// How much of what was seen an assignment compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Nobody must have renewed meanwhile: for leases that seemed abandoned.
    OwnerAndCounter,
    /// The same workers must have it, renewed or not: for a handoff that took too long.
    Owner,
}

/// A checkpoint to be made, with what is learned at the end of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCheckpoint {
    pub checkpoint: Checkpoint,
    /// The shards that continue this one. Empty: not known yet.
    pub children: BTreeSet<ShardName>,
}

impl NewCheckpoint {
    #[must_use]
    pub fn at(checkpoint: Checkpoint) -> Self {
        Self { checkpoint, children: BTreeSet::new() }
    }
}

/// What is known of a lease's shard and was missing in its row. `None` and empty leave alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub children: BTreeSet<ShardName>,
    pub hash_range: Option<HashKeyRange>,
}

/// What the table holds in leases. Rows of other kinds are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// By key.
    pub leases: Vec<Lease>,
    /// Rows that should be leases and cannot be read. Nobody may treat their shards as free.
    pub bad: Vec<BadRow>,
}

/// A lease table. Times out and fails by itself; a call that fails with [`crate::Error::Unavailable`] may have written.
#[async_trait]
pub trait LeaseStore: fmt::Debug + Send + Sync {
    /// Makes tables and index where they are missing, and waits until they can be used.
    async fn prepare(&self) -> Result<()>;

    /// Every lease, read in parallel. May lag behind writes by a moment.
    async fn list(&self) -> Result<Listing>;

    /// One lease, as last written.
    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>>;

    /// The keys of the leases that a worker owns, by the index. May lag behind writes by a moment.
    async fn keys_of(&self, owner: &WorkerId) -> Result<Vec<LeaseKey>>;

    /// Writes a lease that is not there yet.
    async fn create(&self, lease: &Lease) -> Result<Cas>;

    /// Raises the counter of a lease that `me` holds. Lost to a handoff request until `held` shows it.
    async fn renew(&self, held: &Lease, me: &WorkerId, throughput_kbps: Option<f64>) -> Result<Cas>;

    /// Makes `by` the owner at once, whoever it was: what KCL 1.x and 2.x workers do.
    async fn take(&self, seen: &Lease, by: &WorkerId) -> Result<Cas>;

    /// Makes `to` the owner and ends a handoff: what the leader does.
    async fn assign(&self, seen: &Lease, to: &WorkerId, compare: Compare) -> Result<Cas>;

    /// Names `to` as the next owner, and today's as the one who still processes. The counter stays.
    async fn request_handoff(&self, seen: &Lease, to: &WorkerId) -> Result<Cas>;

    /// Ends a handoff from `me` to the lease's owner: nothing of it is in work any more.
    async fn transfer(&self, held: &Lease, me: &WorkerId) -> Result<Cas>;

    /// The same where the lease's owner is gone: anybody may be the next.
    async fn transfer_to_anybody(&self, held: &Lease, me: &WorkerId) -> Result<Cas>;

    /// Takes the holder away; in a handoff, the one who still processes. Anybody may be the owner next.
    async fn release(&self, seen: &Lease) -> Result<Cas>;

    /// Makes a checkpoint, ends a pending one, and renews.
    async fn checkpoint(&self, held: &Lease, me: &WorkerId, new: &NewCheckpoint) -> Result<Cas>;

    /// Announces a checkpoint, and renews.
    async fn prepare_checkpoint(
        &self,
        held: &Lease,
        me: &WorkerId,
        pending: &PendingCheckpoint,
    ) -> Result<Cas>;

    /// Adds what is known of the shard. Needs no ownership and leaves the counter.
    async fn update_metadata(&self, seen: &Lease, metadata: &Metadata) -> Result<Cas>;

    /// Removes a lease that nobody renewed since it was seen.
    async fn delete(&self, seen: &Lease) -> Result<Cas>;

    /// Writes a worker's report in place of its last one.
    async fn report(&self, last: Option<&WorkerReport>, new: &WorkerReport) -> Result<Cas<WorkerReport>>;

    /// What workers reported. Rows that cannot be read are left out.
    async fn reports(&self) -> Result<Vec<WorkerReport>>;

    /// Whether a worker has a report; one that stops takes it back.
    async fn has_report(&self, worker: &WorkerId) -> Result<bool>;

    /// Removes the report of a worker that did not report since it was seen.
    async fn delete_report(&self, seen: &WorkerReport) -> Result<Cas<WorkerReport>>;

    /// The leader's lock, as last written.
    async fn lock(&self) -> Result<Option<Lock>>;

    /// Writes a lock in place of the one that was seen, if that is still the same version.
    async fn acquire_lock(&self, seen: Option<&Lock>, new: &Lock) -> Result<Cas<Lock>>;

    /// Gives a lock that one holds a new version.
    async fn heartbeat_lock(&self, held: &Lock, new: &Lock) -> Result<Cas<Lock>>;

    /// Removes a lock that one holds.
    async fn release_lock(&self, held: &Lock) -> Result<Cas<Lock>>;

    /// A row of coordinator state (`Migration3.0`, `TableMigration3.5`), as last written.
    async fn state(&self, key: &str) -> Result<Option<Row>>;

    /// Writes coordinator state in place of the row that was seen, compared in all attributes. `new` has no key in it.
    async fn put_state(&self, key: &str, seen: Option<&Row>, new: Row) -> Result<Cas<Row>>;
}
