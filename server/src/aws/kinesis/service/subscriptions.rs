//! SubscribeToShard: a subscription's events as frames.
//!
//! Most of an event is the JSON of its records, which is the same for all subscribers of a shard. So it is made by
//! blocks, and once for all of them; what differs stands before and behind it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use millstream_engine::{Error, Event, Form, Part, Subscribe, Subscription};
use millstream_runtime::SharedClock;
use millstream_runtime::clock::Sleep;

use super::{Answer, Kinesis, consumers, positions, records, shards};
use crate::aws::codec::{ApiError, Format, encode};
use crate::aws::event_stream::EventStream;
use crate::aws::event_stream::frame::{Frame, Payload, Piece};
use crate::aws::kinesis::generated::{
    Exception, JSON_CONTENT_TYPE, SubscribeToShardEvent, SubscribeToShardInput,
};

const EVENT: &str = "SubscribeToShardEvent";
/// What stands before the records of an event.
const BEFORE_RECORDS: &[u8] = br#"{"Records":["#;
/// A record's JSON beside its data and partition key, about.
const RECORD_OVERHEAD_BYTES: usize = 180;
/// A subscriber hears something at least this often by the machine's clock. The engine's own heartbeats come earlier,
/// but while a test has frozen the engine's clock there are none.
const SILENCE_MAX: Duration = Duration::from_secs(6);

pub(super) async fn subscribe(kinesis: &Kinesis, input: SubscribeToShardInput) -> Answer<EventStream> {
    let subscription = Audible::subscribe(kinesis, input).await?;
    Ok(EventStream::new(JSON_CONTENT_TYPE, frames(subscription)))
}

/// A subscription that is never silent for long.
pub(crate) struct Audible {
    subscription: Subscription,
    clock: SharedClock,
    /// When the last event was, by the machine's monotonic clock.
    heard_at: Duration,
    /// Goes off before the silence is too long; kept from one event to the next.
    alarm: Option<Sleep>,
}

impl Audible {
    pub(crate) async fn subscribe(
        Kinesis { engine, clock, .. }: &Kinesis,
        input: SubscribeToShardInput,
    ) -> Answer<Self> {
        let consumer = consumers::consumer_arn(&input.consumer_arn)?;
        engine.check_subscribe(&consumer, &input.shard_id)?;
        let position = &input.starting_position;
        let start = positions::start(position.kind, position.sequence_number.as_ref(), position.timestamp)?;
        let call = Subscribe {
            consumer: &consumer,
            shard_id: &input.shard_id,
            start,
            dry_run: input.dry_run.unwrap_or_default(),
        };
        Ok(Self::new(engine.subscribe(call).await?, clock.clone()))
    }

    fn new(subscription: Subscription, clock: SharedClock) -> Self {
        Self { subscription, heard_at: clock.monotonic(), clock, alarm: None }
    }

    /// The next event, `None` when the subscription is over; after an error it is.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            let silent = self.clock.monotonic().saturating_sub(self.heard_at);
            let left = SILENCE_MAX.saturating_sub(silent);
            let alarm = self.alarm.get_or_insert_with(|| self.clock.sleep(left));
            tokio::select! {
                biased;
                next = self.subscription.next() => {
                    self.heard_at = self.clock.monotonic();
                    return next;
                }
                () = alarm => self.alarm = None,
            }
            let now = self.clock.monotonic();
            if now.saturating_sub(self.heard_at) >= SILENCE_MAX {
                self.heard_at = now;
                return Some(Ok(self.subscription.heartbeat()));
            }
        }
    }
}

impl fmt::Debug for Audible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Audible").field(&self.subscription).finish()
    }
}

/// A frame for each event, and one for an error at the end. The subscription goes when it is over, whether or not
/// its subscriber has taken everything.
fn frames(subscription: Audible) -> impl Stream<Item = Frame> + Send {
    stream::unfold(Some(subscription), |subscription| async {
        let mut subscription = subscription?;
        match subscription.next().await? {
            Ok(event) => Some((event_frame(&event), Some(subscription))),
            Err(error) => Some((Frame::exception(&in_stream(error), JSON_CONTENT_TYPE), None)),
        }
    })
}

/// Clients know a few errors inside a stream; whatever else happens is ours.
fn in_stream(error: Error) -> ApiError {
    let is_declared = matches!(
        error,
        Error::ResourceNotFound(_)
            | Error::ResourceInUse(_)
            | Error::KmsAccessDenied(_)
            | Error::KmsInvalidState(_)
            | Error::KmsNotFound(_)
    );
    match ApiError::from(error) {
        error if is_declared => error,
        _ => ApiError::new(Exception::InternalFailure, "Internal Service Failure"),
    }
}

fn event_frame(event: &Event) -> Frame {
    let around = SubscribeToShardEvent {
        records: Vec::new(),
        continuation_sequence_number: event.continuation.map(|number| number.to_string().into()),
        millis_behind_latest: i64::try_from(event.millis_behind_latest).unwrap_or(i64::MAX),
        child_shards: shards::children(&event.children),
    };
    let mut json = Vec::new();
    encode(Format::Json, &around, &mut json);
    let (before, after) = json.split_at(BEFORE_RECORDS.len());
    let middle =
        event.parts.iter().zip(0..).map(|(part, place)| Rendered::of(part).piece(place == 0)).collect();
    Frame::event(EVENT, JSON_CONTENT_TYPE, Payload { before, middle, after })
}

/// Records as they stand in an event: a comma before each of them, the CRC-32 of all this, and that of all but the
/// first comma. The checksums are part of what subscribers share.
struct Rendered(Bytes);

impl Rendered {
    const CHECKSUMS_BYTES: usize = 8;

    fn of(part: &Part) -> Self {
        Self(part.rendered(Form::FIRST, |part| {
            let data_bytes = usize::try_from(part.bytes()).unwrap_or_default();
            let mut json =
                Vec::with_capacity(data_bytes / 3 * 4 + part.record_count() * RECORD_OVERHEAD_BYTES);
            for record in part.records() {
                json.push(b',');
                encode(Format::Json, &records::wire(record), &mut json);
            }
            let checksums = [crc32fast::hash(&json), crc32fast::hash(&json[1..])];
            checksums.iter().for_each(|checksum| json.extend_from_slice(&checksum.to_be_bytes()));
            json.into()
        }))
    }

    /// The first piece of an event has no comma before it.
    fn piece(self, is_first: bool) -> Piece {
        let Self(bytes) = self;
        let end = bytes.len().saturating_sub(Self::CHECKSUMS_BYTES);
        let mut checksums = bytes[end..].as_chunks::<4>().0.iter().map(|crc32| u32::from_be_bytes(*crc32));
        let (all, but_comma) = (checksums.next().unwrap_or_default(), checksums.next().unwrap_or_default());
        if is_first {
            Piece::new(bytes.slice(1..end), but_comma)
        } else {
            Piece::new(bytes.slice(..end), all)
        }
    }
}

#[cfg(test)]
mod tests;
