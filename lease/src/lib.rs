//! Who processes which shard, and how far: the lease table, and the decisions over it.
//!
//! The schema is KCL's, so that our workers and Java's share a table. Decisions ([`assignment`], [`shard_sync`],
//! [`cleanup`], [`stealing`], [`expiry`], [`handoff`], [`leader`]) are pure: from what was seen to what should be done,
//! with the reason. [`store`] writes it down, comparing in each write. Streams, records and how they are read are not
//! known here.

pub mod assignment;
pub mod checkpoint;
pub mod cleanup;
pub mod coordinator;
pub mod error;
pub mod expiry;
pub mod handoff;
pub mod leader;
pub mod lease;
pub mod names;
pub mod row;
pub mod shard_sync;
pub mod stealing;
pub mod store;
pub mod worker;

pub use checkpoint::{Checkpoint, Position};
pub use error::{Error, Result};
pub use lease::{Lease, PendingCheckpoint, StreamOfLease};
pub use millstream_model::IssuedNumber;
pub use names::{LeaseKey, ShardName, StreamIdentifier, WorkerId};
pub use store::{Cas, LeaseStore, Lost, MemoryStore};
