//! What producers, consumers and the command line ask of a stream service, as one typed trait, and its
//! implementation over the AWS wire.
//!
//! [`StreamApi`] speaks in nouns and knows no transport. [`aws::AwsStreamApi`] makes exactly one attempt for
//! each call; [`Retrying`] wraps any implementation and is the only place that tries again. Not here: the
//! order of records, batching and pacing, which belong to whoever holds the records. [`aggregation`] packs many user
//! records into one and takes such records apart; [`envelope`] is what may be done to the data of each.

pub mod aggregation;
pub mod api;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "envelope")]
pub mod envelope;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod retry;

pub use api::{
    Acknowledgement, Capacity, ChildShard, ConsumerStatus, EntryOutcome, NewRecord, NewStream, Next, Page,
    PageToken, Record, RecordPage, SequenceNumber, Shard, ShardFilter, ShardIterator, StartingPosition,
    StreamApi, StreamConsumer, StreamListing, StreamMode, StreamRef, StreamStatus, StreamSummary,
    Subscription, SubscriptionEvent, Then,
};
pub use error::{Error, Result};
pub use retry::{Attempts, OnRetry, RetryPolicy, Retrying, Verdict};
