//! Puts records into a stream: fast, within bounds, and with the truth about each.
//!
//! A [`Producer`] packs records into containers of the Kinesis Producer Library's form, each for the shard that its
//! members belong to, sends many in one call, keeps to what a shard takes, and tries again what failed. Each record that
//! is put ends with a [`Receipt`] or a [`PutError`], which say what was tried; none is dropped silently, and where one
//! may have been stored twice, its receipt says so. Records stay in order where [`Order`] asks for it, and whoever puts
//! more than the budget holds waits. How a stream is stored and served is not known here, nor what is in a record.
#![warn(missing_docs)]

#[cfg(feature = "aws")]
mod aws;
mod budget;
mod error;
mod flushes;
mod lane;
mod limiter;
mod metrics;
mod parcel;
mod pending;
mod pipeline;
mod producer;
mod receipt;
mod record;
mod routes;
mod sealing;
mod settings;
mod shard_map;

#[cfg(feature = "aws")]
pub use millstream_client::aws::AwsSettings;
pub use millstream_client::envelope::{Compression, KeyProvider, SecretKey, StaticKeys};
pub use millstream_client::{Acknowledgement, SequenceNumber, StreamApi, StreamRef};
pub use millstream_model::{HashKey, ShardId};

pub use self::error::{Error, PutError, Result, TryPutError, Undelivered};
pub use self::pending::Pending;
pub use self::producer::{Ended, Outage, Outstanding, Producer, ProducerBuilder};
pub use self::receipt::{Attempt, AttemptOutcome, Receipt, StageTimes};
pub use self::record::Record;
pub use self::settings::{Idempotence, Order, ProducerSettings};
