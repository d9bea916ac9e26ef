//! Trying again: the one place that decides when, how often and for how long.
//!
//! [`Attempts`] is the decision, told the time and given a random number. [`Retrying`] applies it to every
//! call of another [`StreamApi`]; whoever has to keep records in order (a producer) uses [`Attempts`]
//! itself, because a failed record must hold back its successors while it waits.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millstream_model::{ConsumerArn, ConsumerName, ShardId, StreamArn, StreamName};
use millstream_runtime::{Backoff, SharedClock, SharedEntropy};

use crate::api::{
    EntryOutcome, NewRecord, NewStream, Page, PageToken, RecordPage, Shard, ShardFilter, ShardIterator,
    StartingPosition, StreamApi, StreamConsumer, StreamListing, StreamRef, StreamSummary, Subscription,
};
use crate::error::{Error, Result};

/// How to wait and when to stop. Throttles are told apart: they come from a service that is well and only
/// asks for patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub transient: Backoff,
    pub throttled: Backoff,
    /// How long transient failures may go on without a success.
    pub transient_patience: Duration,
    /// How long throttles may go on without a success.
    pub throttled_patience: Duration,
}

impl Default for RetryPolicy {
    /// Throttles are capped at one second because that is what a shard's bucket holds: whoever waits longer
    /// than it takes to fill leaves capacity unused.
    fn default() -> Self {
        Self {
            transient: Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(5) },
            throttled: Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) },
            transient_patience: Duration::from_secs(60),
            throttled_patience: Duration::from_secs(60),
        }
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    RetryAfter(Duration),
    GiveUp,
}

/// What a failure is to whoever may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may succeed without anything being changed.
    Transient,
    /// The service is well, and asks for patience.
    Throttle,
    /// The same would fail again.
    Final,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match (error.is_retryable(), error.is_throttle()) {
            (false, _) => Self::Final,
            (true, true) => Self::Throttle,
            (true, false) => Self::Transient,
        }
    }
}

/// The failures of one piece of work since its last success.
#[derive(Clone, Debug)]
pub struct Attempts {
    policy: RetryPolicy,
    transient: Option<Streak>,
    throttled: Option<Streak>,
}

#[derive(Clone, Copy, Debug)]
struct Streak {
    since: Duration,
    failures: u32,
}

impl Attempts {
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, transient: None, throttled: None }
    }

    /// Forgets the failures so far.
    pub fn succeeded(&mut self) {
        self.transient = None;
        self.throttled = None;
    }

    /// Counts a failure at monotonic time `now`. `random` is drawn from all of `u64`.
    pub fn failed(&mut self, failure: impl Into<Failure>, now: Duration, random: u64) -> Verdict {
        let (streak, backoff, patience) = match failure.into() {
            Failure::Final => return Verdict::GiveUp,
            Failure::Throttle => {
                // A throttle is an answer: whatever was broken works again.
                self.transient = None;
                (&mut self.throttled, self.policy.throttled, self.policy.throttled_patience)
            }
            Failure::Transient => {
                (&mut self.transient, self.policy.transient, self.policy.transient_patience)
            }
        };
        let streak = streak.get_or_insert(Streak { since: now, failures: 0 });
        let delay = backoff.delay(streak.failures, random);
        streak.failures = streak.failures.saturating_add(1);
        let waited = (now + delay).saturating_sub(streak.since);
        if waited > patience { Verdict::GiveUp } else { Verdict::RetryAfter(delay) }
    }
}

/// Tries calls of `inner` again by a policy.
///
/// Creating, registering and deleting are repeated only after failures that certainly changed nothing, since a second
/// try after a lost reply would fail with "exists" or "not found". `put_records` is repeated after lost
/// replies, which may store records twice; its single entries are never retried here.
pub struct Retrying {
    inner: Arc<dyn StreamApi>,
    policy: RetryPolicy,
    clock: SharedClock,
    entropy: SharedEntropy,
    on_retry: OnRetry,
}

/// Is told of each failure that is followed by another try.
pub type OnRetry = Box<dyn Fn(&Error) + Send + Sync>;

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Which failures a call may be repeated after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    AfterAny,
    IfNothingChanged,
}

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Retrying {
    #[must_use]
    pub fn new(
        inner: Arc<dyn StreamApi>,
        policy: RetryPolicy,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Self {
        Self { inner, policy, clock, entropy, on_retry: Box::new(|_| ()) }
    }

    #[must_use]
    pub fn on_retry(self, on_retry: OnRetry) -> Self {
        Self { on_retry, ..self }
    }

    async fn repeat<'a, T>(&self, repeat: Repeat, call: impl Fn() -> Call<'a, T> + Send) -> Result<T> {
        let mut attempts = Attempts::new(self.policy);
        loop {
            let error = match call().await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if repeat == Repeat::IfNothingChanged && !error.has_no_side_effects() {
                return Err(error);
            }
            match attempts.failed(&error, self.clock.monotonic(), self.entropy.next_u64()) {
                Verdict::RetryAfter(delay) => {
                    (self.on_retry)(&error);
                    self.clock.sleep(delay).await;
                }
                Verdict::GiveUp => return Err(error),
            }
        }
    }
}

#[async_trait]
impl StreamApi for Retrying {
    async fn create_stream(&self, stream: &NewStream) -> Result<()> {
        self.repeat(Repeat::IfNothingChanged, || self.inner.create_stream(stream)).await
    }

    async fn delete_stream(&self, stream: &StreamRef, with_consumers: bool) -> Result<()> {
        self.repeat(Repeat::IfNothingChanged, || self.inner.delete_stream(stream, with_consumers)).await
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary> {
        self.repeat(Repeat::AfterAny, || self.inner.describe_stream_summary(stream)).await
    }

    async fn list_streams(&self, after: Option<&StreamName>) -> Result<Page<StreamListing, StreamName>> {
        self.repeat(Repeat::AfterAny, || self.inner.list_streams(after)).await
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        after: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        self.repeat(Repeat::AfterAny, || self.inner.list_shards(stream, filter, after)).await
    }

    async fn put_records(&self, stream: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        self.repeat(Repeat::AfterAny, || self.inner.put_records(stream, records)).await
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        self.repeat(Repeat::AfterAny, || self.inner.get_shard_iterator(stream, shard, from)).await
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<RecordPage> {
        self.repeat(Repeat::AfterAny, || self.inner.get_records(stream, iterator, limit)).await
    }

    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        self.repeat(Repeat::IfNothingChanged, || self.inner.register_stream_consumer(stream, name)).await
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        self.repeat(Repeat::AfterAny, || self.inner.describe_stream_consumer(stream, name)).await
    }

    /// Tries to subscribe; what is broken off later is not begun again here.
    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        self.repeat(Repeat::AfterAny, || self.inner.subscribe_to_shard(consumer, shard, from)).await
    }

    async fn increase_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        self.repeat(Repeat::AfterAny, || self.inner.increase_retention(stream, hours)).await
    }

    async fn decrease_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        self.repeat(Repeat::AfterAny, || self.inner.decrease_retention(stream, hours)).await
    }

    async fn add_tags(&self, stream: &StreamRef, tags: &BTreeMap<String, String>) -> Result<()> {
        self.repeat(Repeat::AfterAny, || self.inner.add_tags(stream, tags)).await
    }

    async fn remove_tags(&self, stream: &StreamRef, keys: &[String]) -> Result<()> {
        self.repeat(Repeat::AfterAny, || self.inner.remove_tags(stream, keys)).await
    }

    async fn list_tags(
        &self,
        stream: &StreamRef,
        after: Option<&str>,
    ) -> Result<Page<(String, String), String>> {
        self.repeat(Repeat::AfterAny, || self.inner.list_tags(stream, after)).await
    }
}
