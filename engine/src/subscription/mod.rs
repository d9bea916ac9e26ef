//! Enhanced fan-out: a shard's records are brought to a consumer as they become durable.
//!
//! A [`Subscription`] is driven by whoever asks it for its next event; there is no task behind it, and while nobody
//! asks it holds nothing but its place, where it stands, and what it may have read ahead. Caught up, it sleeps until its
//! shard grows, and takes the new blocks from the tail in memory; behind, it reads storage, [`ahead`] if it can. [`place`] says who may subscribe to what,
//! [`rendering`] lets subscribers share what blocks are made into for sending. What that is, is not known here.

pub(crate) mod ahead;
mod cursor;
mod event;
pub(crate) mod place;
pub(crate) mod rendering;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_model::{ConsumerArn, StreamArn, Timestamp, limits as aws};
use millstream_runtime::clock::Sleep;

pub use event::{Event, Part};
pub use rendering::Form;

use crate::consumer::ConsumerStatus;
use crate::engine::{Engine, Inner};
use crate::error::{Error, Result};
use crate::operations::consumers::{ConsumerKey, FoundConsumer};
use crate::operations::get::StartingPosition;
use crate::operations::put::dry_run_passed;
use crate::stream::Stream;
use cursor::Cursor;
use place::Place;

/// A subscriber hears something at least this often: the SDK for Java gives up after 10 seconds of silence.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A SubscribeToShard call.
#[derive(Clone, Debug)]
pub struct Subscribe<'a> {
    pub consumer: &'a ConsumerArn,
    /// Read as leniently as AWS reads it.
    pub shard_id: &'a str,
    pub start: StartingPosition,
    pub dry_run: bool,
}

/// What a consumer is brought of a shard for 5 minutes. Dropping it makes room for another one.
pub struct Subscription {
    engine: Engine,
    stream: Arc<Stream>,
    place: Place,
    cursor: Cursor,
    /// By the monotonic clock, as the other deadlines.
    ends_at: Duration,
    heartbeat_at: Duration,
    /// Wakes it at some deadline; kept from one event to the next.
    alarm: Option<(Duration, Sleep)>,
    is_over: bool,
}

impl Engine {
    /// Subscribes a consumer to a shard. An older subscription of the same consumer to it gives way if it is at
    /// least 5 seconds old.
    pub async fn subscribe(&self, call: Subscribe<'_>) -> Result<Subscription> {
        let inner = &self.inner;
        let FoundConsumer { found, consumer, meta, status } =
            inner.find_consumer(ConsumerKey::Arn(call.consumer))?;
        let shard = inner.shard_of(&found, call.shard_id)?;
        let (limits, now) = (&inner.settings.limits, inner.clock.monotonic());
        if !consumer.places.admit(limits, shard.meta().index, now) {
            consumer.counters.subscribe_to_shard_rate_exceeded.add(1);
            return Err(rate_exceeded(&consumer.arn.stream, &shard.id()));
        }
        if status != ConsumerStatus::Active {
            return Err(not_active(&consumer.arn, meta.created));
        }
        let position = inner.resolve(&found, &shard, &call.start, "SubscribeToShard").await?;
        if call.dry_run {
            consumer.places.check(&consumer.arn, &shard, now)?;
            return Err(dry_run_passed());
        }
        let cursor = Cursor::new(shard.clone(), position);
        let place = Place::take(consumer, shard, limits, now)?;
        // Whoever ends all subscriptions sees this place, or is seen here.
        if inner.no_more_subscriptions.load(Ordering::SeqCst) {
            return Err(shutting_down());
        }
        place.consumer().counters.subscribe_to_shard_success.add(1);
        Ok(Subscription {
            engine: self.clone(),
            stream: found.stream,
            place,
            cursor,
            ends_at: now + aws::SUBSCRIPTION_LIFETIME,
            heartbeat_at: now + HEARTBEAT,
            alarm: None,
            is_over: false,
        })
    }

    /// Fails as [`Self::subscribe`] would if it is the consumer or the shard that is wrong. AWS looks for these
    /// before it looks at where to start.
    pub fn check_subscribe(&self, consumer: &ConsumerArn, shard_id: &str) -> Result<()> {
        let found = self.inner.find_consumer(ConsumerKey::Arn(consumer))?.found;
        self.inner.shard_of(&found, shard_id).map(drop)
    }

    /// Ends all subscriptions, for the server is about to stop. Subscribers see an end like that after 5 minutes.
    pub fn end_subscriptions(&self) {
        self.inner.no_more_subscriptions.store(true, Ordering::SeqCst);
        for stream in self.inner.catalog.all() {
            for consumer in stream.consumers.all() {
                consumer.places.close(&shutting_down(), &None);
            }
        }
    }
}

impl Subscription {
    /// Waits for the next event. `None` when the subscription is over; after an error, of which the subscriber is
    /// told, it is. Nothing is lost if this is given up and called again.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        let (inner, shard) = (self.engine.inner.clone(), self.place.shard().clone());
        loop {
            let mut grown = pin!(shard.grown.notified());
            // Listens before it looks, so as not to miss what happens in between.
            grown.as_mut().enable();
            let now = inner.clock.monotonic();
            if self.is_over || now >= self.ends_at {
                return None;
            }
            if let Some(ending) = self.place.ending() {
                return self.end(ending);
            }
            let mut goes_on = false;
            let pause = self.place.pause(now);
            if pause.is_none() {
                match self.look(&inner).await {
                    Ok(None) => goes_on = !self.cursor.is_caught_up(),
                    Ok(Some(event)) => return Some(Ok(event)),
                    Err(error) => return self.end(Some(error)),
                }
            }
            if now >= self.heartbeat_at {
                return Some(Ok(self.event(&inner, Vec::new())));
            }
            if goes_on {
                // One look at a time, so that it is heard meanwhile if there is much to look at in vain.
                tokio::task::yield_now().await;
                continue;
            }
            let deadline = self.heartbeat_at.min(self.ends_at);
            let deadline = pause.map_or(deadline, |pause| deadline.min(now.saturating_add(pause.0)));
            let place = &self.place;
            let alarm = set_alarm(&mut self.alarm, &inner, deadline);
            tokio::select! {
                biased;
                () = grown, if pause.is_none() => {}
                () = place.ended() => {}
                () = alarm => self.alarm = None,
            }
        }
    }

    /// An event without records, which says where the subscription stands: for a subscriber who must hear something
    /// while the clock by which heartbeats come stands still.
    pub fn heartbeat(&mut self) -> Event {
        let inner = self.engine.inner.clone();
        self.event(&inner, Vec::new())
    }

    /// What there is by now: records, or the end of the shard.
    async fn look(&mut self, inner: &Inner) -> Result<Option<Event>> {
        let horizon = self.stream.meta().horizon(inner.now());
        let parts = self.cursor.take(inner, horizon).await?;
        if self.cursor.is_at_end_of_shard() {
            return self.last_event(inner, parts).map(Some);
        }
        Ok((!parts.is_empty()).then(|| self.event(inner, parts)))
    }

    fn event(&mut self, inner: &Inner, parts: Vec<Part>) -> Event {
        let bytes = parts.iter().map(Part::bytes).sum();
        let (wall, now) = (inner.now(), inner.clock.monotonic());
        self.heartbeat_at = now + HEARTBEAT;
        self.place.charge(bytes, now);
        let millis_behind_latest = self.cursor.millis_behind(wall);
        let counters = &self.place.consumer().counters;
        counters.subscribe_to_shard_event_success.add(1);
        counters.subscribe_to_shard_event_bytes.add(bytes);
        let records: usize = parts.iter().map(Part::record_count).sum();
        counters.subscribe_to_shard_event_records.add(records as u64);
        counters.subscribe_to_shard_event_millis_behind_latest.set(millis_behind_latest);
        let continuation = Some(self.cursor.continuation(wall));
        Event { parts, continuation, millis_behind_latest, children: Vec::new() }
    }

    /// The shard is closed and all of it delivered with this event. Clients want to hear of both together: that
    /// there is nothing to continue, and who took over.
    fn last_event(&mut self, inner: &Inner, parts: Vec<Part>) -> Result<Event> {
        let shard = self.place.shard();
        let children = self.stream.heirs_of(shard)?;
        self.is_over = true;
        let event = self.event(inner, parts);
        Ok(Event { continuation: None, children, ..event })
    }

    fn end(&mut self, ending: place::Ending) -> Option<Result<Event>> {
        self.is_over = true;
        ending.map(Err)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("place", &self.place).field("cursor", &self.cursor).finish()
    }
}

/// An alarm that goes off at the deadline or before it. One that is set already is kept if it does: then a
/// subscriber who is brought a thousand events a second sets one every few seconds.
fn set_alarm<'a>(
    alarm: &'a mut Option<(Duration, Sleep)>,
    inner: &Inner,
    deadline: Duration,
) -> &'a mut Sleep {
    if alarm.as_ref().is_some_and(|(at, _)| *at > deadline) {
        *alarm = None;
    }
    &mut alarm.get_or_insert_with(|| (deadline, inner.clock.sleep_until(deadline))).1
}

fn rate_exceeded(StreamArn { account, name, .. }: &StreamArn, shard: &dyn fmt::Display) -> Error {
    Error::LimitExceeded(format!("Rate exceeded for shard {shard} in stream {name} under account {account}."))
}

fn not_active(consumer: &ConsumerArn, created: Timestamp) -> Error {
    let ConsumerArn { stream: StreamArn { account, name: stream, .. }, name, .. } = consumer;
    let created = created.as_secs();
    Error::ResourceInUse(format!(
        "Consumer {name} with creation timestamp {created} under stream {stream} and account {account} is not in \
         ACTIVE status."
    ))
}

fn shutting_down() -> Error {
    Error::Unavailable("the server is shutting down".to_owned())
}
