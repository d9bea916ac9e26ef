//! What producers, consumers and the command line ask of a stream service, as one typed trait, and its
//! implementations over the AWS wire and over gRPC.
//!
//! [`StreamApi`] speaks in nouns and knows no transport. [`aws::AwsStreamApi`] and [`grpc::GrpcStreamApi`] make exactly one
//! attempt for each call, and [`connect()`] chooses between them by the URL; [`Retrying`] wraps any implementation and is the only place that tries again. Not here: the
//! order of records, batching and pacing, which belong to whoever holds the records. [`aggregation`] packs many user
//! records into one and takes such records apart; [`envelope`] is what may be done to the data of each.

pub mod aggregation;
pub mod api;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "grpc")]
mod connect;
#[cfg(feature = "envelope")]
pub mod envelope;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(feature = "grpc")]
pub mod grpc;
pub mod retry;

pub use api::{
    Acknowledgement, Capacity, ChildShard, ConsumerStatus, EntryOutcome, NewRecord, NewStream, Next, Page,
    PageToken, Record, RecordPage, SequenceNumber, Shard, ShardFilter, ShardIterator, StartingPosition,
    StreamApi, StreamConsumer, StreamListing, StreamMode, StreamRef, StreamStatus, StreamSummary,
    Subscription, SubscriptionEvent, Then,
};
#[cfg(feature = "grpc")]
pub use connect::connect;
pub use error::{Error, Result};
pub use retry::{Attempts, Failure, OnRetry, RetryPolicy, Retrying, Verdict};
