//! Runs a record processor for every shard whose lease it holds.
//!
//! A [`Consumer`] is one worker of an application. Which shards it has is decided by `lease`, with workers of KCL as
//! with its own kind; it reads them through any `StreamApi`, ahead and within a budget, calls the [`RecordProcessor`],
//! and stores how far that went. Nothing is passed over silently: a record was processed, or an explicit
//! [`FailurePolicy`] gave up on it, or its shard stands still and says why. How a stream is stored and served is not
//! known here.

#![warn(missing_docs)]

#[cfg(feature = "aws")]
mod aws;
mod checkpointer;
mod consumer;
mod deaggregation;
mod error;
mod failure;
mod fetch;
mod identity;
mod machine;
mod metrics;
mod prefetch;
mod processor;
mod record;
mod registration;
mod repetitions;
mod settings;
mod shards;
mod status;
mod stream;
mod worker;

pub use async_trait::async_trait;
pub use millstream_client::aggregation::{MemberPolicy, Tag, Tags};
#[cfg(feature = "aws")]
pub use millstream_client::aws::AwsSettings;
pub use millstream_client::envelope::{KeyProvider, SecretKey, StaticKeys};
pub use millstream_client::{StreamApi, StreamRef};
pub use millstream_lease::assignment::BalanceBy;
pub use millstream_lease::coordinator::LossReason;
pub use millstream_lease::shard_sync::InitialPosition;
pub use millstream_lease::{Checkpoint, LeaseStore, MemoryStore, PendingCheckpoint, WorkerId};

pub use self::checkpointer::{
    CheckpointError, CheckpointToken, Checkpointer, DetachedCheckpointer, PreparedCheckpoint,
};
pub use self::consumer::{Consumer, ConsumerBuilder, Ended};
pub use self::error::{Error, Result};
pub use self::failure::{AfterRetries, DeadLetters, FailurePolicy};
pub use self::processor::{Batch, BoxError, Initialization, ProcessorLost, RecordProcessor, ShardOfStream};
pub use self::record::UserRecord;
pub use self::settings::{
    CheckpointPolicy, ConsumerSettings, MeasureWhere, OnRecreatedStream, Retrieval, WorkerMetrics,
};
pub use self::status::{ShardReport, ShardState, Status, StatusHandle};
