//! Streams, shards, the shard log, routing, limits, iterators, retention.
//!
//! [`Engine`] is Kinesis's semantics as typed calls over a `storage` slot. No wire format is known here:
//! no JSON, no HTTP, no gRPC; and neither are leases. Nothing is acknowledged and nothing is shown that
//! would not survive a power cut.

mod account;
mod call_limits;
mod capacity;
mod catalog;
mod change;
mod committer;
mod consumer;
mod encryption;
mod engine;
mod error;
mod keyspace;
mod limits;
mod live;
mod metrics;
mod monitoring;
mod operations;
mod record_block;
mod recovery;
mod reshard;
mod retention;
mod rolling_day;
mod routing;
mod settings;
mod shard;
mod snapshot;
mod stream;
mod subscription;
mod token;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(test)]
mod tests;

pub use account::{CommitmentDescription, CommitmentStatus};
pub use call_limits::CallLimits;
pub use capacity::{Distribution, WarmThroughput};
pub use consumer::ConsumerStatus;
pub use encryption::master_key::MasterKey;
pub use encryption::source::{EphemeralKey, KeySource};
pub use engine::Engine;
pub use error::{Error, Result, SnapshotError};
pub use limits::Limits;
pub use live::LiveEngine;
pub use metrics::{ConsumerMetrics, StreamMetrics};
pub use monitoring::{ShardMetric, ShardMetricSet, ShardMetrics};
pub use operations::consumers::{ConsumerDescription, ConsumerKey, ConsumersPage, RegisterConsumer};
pub use operations::describe::{AccountLimits, ShardDescription, StreamDescription};
pub use operations::get::{GetRecords, RecordsPage, StartingPosition};
pub use operations::lifecycle::CreateStream;
pub use operations::list::{ListShards, ListedStream, ShardFilter, ShardsFrom, ShardsPage, StreamsPage};
pub use operations::monitoring::{MonitoredShards, MonitoringChange};
pub use operations::put::{PutEntry, PutFailure, Receipt};
pub use operations::reshard::{SplitPoint, UpdatedCount};
pub use operations::resource::Resource;
pub use operations::tags::TagsPage;
pub use record_block::{BlockBuilder, BlockError, BlockHeader, BlockRecord, RecordBlock, StoredBlock};
pub use settings::{Delays, Settings};
pub use shard::ChildShard;
pub use snapshot::{Loaded, Saved, SnapshotSource};
pub use stream::{Mode, StreamStatus};
pub use subscription::{Event, Form, Part, Subscribe, Subscription};
