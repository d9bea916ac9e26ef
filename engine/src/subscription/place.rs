//! Who is subscribed to which shards of a stream as one consumer: a place for each shard, with one holder.
//!
//! A holder gives way to a newer one once it has held its place for 5 seconds, and leaves it when it is dropped.
//! What is kept of a shard without a holder are its buckets, until they are full again: who subscribes anew is let
//! through no sooner, and brought no more, than who stays.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_model::{ConsumerArn, ShardIndex, StreamArn, limits as aws};
use millstream_runtime::{RetryAfter, TokenBucket};
use parking_lot::Mutex;
use tokio::sync::SetOnce;

use crate::consumer::Consumer;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::shard::Shard;

/// Why a subscription ends before its time; `None` for no reason that its subscriber should be told.
pub(crate) type Ending = Option<Error>;

/// The places of one consumer.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Set once nobody may subscribe any more.
    closed: Option<Error>,
    by_shard: HashMap<ShardIndex, Seat>,
    /// Seats that may be there before the idle ones are looked for and dropped.
    bound: usize,
}

/// Fewer than these are not worth a search.
const SEATS_MIN: usize = 64;

#[derive(Debug, Default)]
struct Seat {
    calls: Option<TokenBucket>,
    pace: Option<Pace>,
    holder: Option<Arc<Holder>>,
}

/// Bytes that a consumer is brought of a shard, whoever holds its place.
type Pace = Arc<Mutex<TokenBucket>>;

/// Whoever holds a place, as others see it.
#[derive(Debug)]
struct Holder {
    /// By the monotonic clock.
    since: Duration,
    ended: SetOnce<Ending>,
}

/// One subscription's place; it is free again when this is dropped.
pub(crate) struct Place {
    consumer: Arc<Consumer>,
    shard: Arc<Shard>,
    holder: Arc<Holder>,
    pace: Option<Pace>,
}

impl Places {
    /// Lets a call through, unless it comes too soon after another one for the same shard.
    pub(crate) fn admit(&self, limits: &Limits, shard: ShardIndex, now: Duration) -> bool {
        let Some(per_second) = limits.subscription_calls_per_second else { return true };
        let mut state = self.0.lock();
        let calls = &mut state.seat(shard, now).calls;
        calls.get_or_insert_with(|| TokenBucket::new(per_second, per_second, now)).take(now, 1).is_ok()
    }

    /// Fails where [`Place::take`] would.
    pub(crate) fn check(&self, consumer: &ConsumerArn, shard: &Shard, now: Duration) -> Result<()> {
        self.0.lock().check(consumer, shard, now)
    }

    /// Ends all subscriptions and lets nobody subscribe any more. Those that run are told `ending`.
    pub(crate) fn close(&self, error: &Error, ending: &Ending) {
        let mut state = self.0.lock();
        state.closed.get_or_insert_with(|| error.clone());
        for holder in state.by_shard.values().filter_map(|seat| seat.holder.as_ref()) {
            holder.end(ending.clone());
        }
    }
}

#[cfg(test)]
impl Places {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().by_shard.len()
    }
}

impl State {
    fn check(&self, consumer: &ConsumerArn, shard: &Shard, now: Duration) -> Result<()> {
        if let Some(error) = &self.closed {
            return Err(error.clone());
        }
        let seat = self.by_shard.get(&shard.meta().index);
        match seat.and_then(|seat| seat.holder.as_ref()) {
            Some(holder) if now.saturating_sub(holder.since) < aws::SUBSCRIPTION_TAKEOVER => {
                Err(is_taken(consumer, shard))
            }
            _ => Ok(()),
        }
    }

    fn seat(&mut self, shard: ShardIndex, now: Duration) -> &mut Seat {
        if self.by_shard.len() >= self.bound.max(SEATS_MIN) {
            self.by_shard.retain(|_, seat| seat.is_worth_keeping(now));
            self.bound = 2 * self.by_shard.len();
        }
        self.by_shard.entry(shard).or_default()
    }
}

impl Seat {
    fn is_worth_keeping(&mut self, now: Duration) -> bool {
        self.holder.is_some()
            || self.calls.as_mut().is_some_and(|calls| !calls.is_full(now))
            || self.pace.as_ref().is_some_and(|pace| !pace.lock().is_full(now))
    }
}

impl Holder {
    fn end(&self, ending: Ending) {
        // The first reason counts.
        let _ = self.ended.set(ending);
    }
}

impl Place {
    /// Takes the consumer's place at a shard, from an older holder if need be.
    pub(crate) fn take(
        consumer: Arc<Consumer>,
        shard: Arc<Shard>,
        limits: &Limits,
        now: Duration,
    ) -> Result<Self> {
        let holder = Arc::new(Holder { since: now, ended: SetOnce::new() });
        let pace = {
            let mut state = consumer.places.0.lock();
            state.check(&consumer.arn, &shard, now)?;
            let seat = state.seat(shard.meta().index, now);
            if let Some(older) = seat.holder.replace(holder.clone()) {
                older.end(Some(is_taken(&consumer.arn, &shard)));
            }
            limits.subscription_bytes_per_second.map(|per_second| {
                let full = || Arc::new(Mutex::new(TokenBucket::new(per_second, per_second, now)));
                seat.pace.get_or_insert_with(full).clone()
            })
        };
        shard.subscriptions.fetch_add(1, Ordering::Relaxed);
        Ok(Self { consumer, shard, holder, pace })
    }

    /// How long to wait before more may be brought, if it is too soon.
    pub(crate) fn pause(&self, now: Duration) -> Option<RetryAfter> {
        self.pace.as_ref()?.lock().check(now).err()
    }

    /// Notes what is brought.
    pub(crate) fn charge(&self, bytes: u64, now: Duration) {
        if let Some(pace) = &self.pace {
            pace.lock().charge(now, bytes);
        }
    }

    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    pub(crate) fn shard(&self) -> &Arc<Shard> {
        &self.shard
    }

    /// Why the subscription is over, if somebody has ended it.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.holder.ended.get().cloned()
    }

    /// Resolves when somebody ends the subscription.
    pub(crate) async fn ended(&self) {
        self.holder.ended.wait().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shard.subscriptions.fetch_sub(1, Ordering::Relaxed);
        let mut state = self.consumer.places.0.lock();
        let Some(seat) = state.by_shard.get_mut(&self.shard.meta().index) else { return };
        if seat.holder.as_ref().is_some_and(|holder| Arc::ptr_eq(holder, &self.holder)) {
            seat.holder = None;
        }
        if seat.holder.is_none() && seat.calls.is_none() && seat.pace.is_none() {
            state.by_shard.remove(&self.shard.meta().index);
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({} of {})", self.shard.id(), self.consumer.arn)
    }
}

fn is_taken(consumer: &ConsumerArn, shard: &Shard) -> Error {
    let ConsumerArn { stream: StreamArn { account, name: stream, .. }, name, .. } = consumer;
    let shard = shard.id();
    Error::ResourceInUse(format!(
        "Another active subscription exists for this consumer: {account}:{stream}:{shard}:{name}"
    ))
}
