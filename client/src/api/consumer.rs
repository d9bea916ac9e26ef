//! Consumers that have their own read capacity, and what is pushed to them.

use std::fmt;

use async_trait::async_trait;
use millstream_model::ConsumerArn;

use super::SequenceNumber;
use super::record::Record;
use super::shard::ChildShard;
use crate::error::Result;

/// A consumer as it is registered with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConsumer {
    pub arn: ConsumerArn,
    pub status: ConsumerStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerStatus {
    Creating,
    /// It can subscribe.
    Active,
    Deleting,
}

/// What is pushed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// Empty where nothing was written for a while.
    pub records: Vec<Record>,
    pub then: Then,
    /// How far this event lies behind the newest record of the shard; 0 when caught up.
    pub millis_behind_latest: u64,
}

/// What follows an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Everything up to here was pushed, whether in this event or before: the next subscription begins after it.
    ContinueAfter(SequenceNumber),
    /// The shard was closed and this was its end. `children` go on with its hash keys.
    ShardEnd { children: Vec<ChildShard> },
}

/// Events of one shard, for five minutes at most. Whoever does not ask for the next one holds the service up; dropping
/// it ends it.
#[async_trait]
pub trait Subscription: fmt::Debug + Send {
    /// The next event, `None` when the subscription ended as it should. Waits for as long as nothing comes.
    ///
    /// May be dropped while it waits only together with the subscription: a part of an event may have been read.
    async fn next_event(&mut self) -> Result<Option<SubscriptionEvent>>;
}
