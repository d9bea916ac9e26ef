//! Workers that hold subscriptions, from before the load begins until every record has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;

use super::line::{Line, Place, Position, Transport};
use super::trace::{Origin, Trace};
use super::{AFTER_ACKNOWLEDGEMENT, Role};
use crate::error::Error;
use crate::load::{Seat, Tally};
use crate::measure::{Recorder, Sample, Window};
use crate::payload::Stamp;
use crate::scan::{self, Data, Event};
use crate::wire::{Frame, Operation, Pushed, Subscription};

/// How long a subscriber rests when the target ended its subscription with an error.
const EXCEPTION_REST: Duration = Duration::from_millis(200);

/// What subscribers share.
#[derive(Debug)]
pub(crate) struct PushLoad {
    pub(crate) transport: Transport,
    pub(crate) trace: Arc<Trace>,
    /// How long subscribers wait for records after the window.
    pub(crate) drain: Duration,
    /// Subscriptions that were made again because the target ended them.
    pub(crate) renewals: AtomicU64,
    /// Records that came before the acknowledgement of their put.
    pub(crate) ahead: AtomicU64,
}

impl PushLoad {
    /// Holds a subscription at each of these places.
    pub(crate) async fn subscriber(
        self: Arc<Self>,
        mut seat: Seat,
        places: Vec<Place>,
        role: Role,
    ) -> Result<Vec<Tally>, Error> {
        let (line, driver) = self.transport.line().await?;
        let work = async {
            let mut subscriptions = Vec::with_capacity(places.len());
            for place in &places {
                subscriptions.push(line.subscribe(place, &role.start(), |_| {}).await?);
            }
            let window = seat.ready().await?;
            let group =
                Group { load: &self, line: &line, role, window, tallies: Mutex::new(Tallies::new(window)?) };
            let mut followers: FuturesUnordered<_> = places
                .iter()
                .zip(subscriptions)
                .map(|(place, subscription)| group.follow(place, subscription))
                .collect();
            let all = async {
                while let Some(ended) = followers.next().await {
                    ended?;
                }
                Ok::<_, Error>(())
            };
            tokio::select! {
                ended = all => ended?,
                () = group.is_over() => {}
            }
            drop(followers);
            Ok(group.tallies.into_inner().finish(role))
        };
        tokio::select! {
            outcome = work => outcome,
            broken = driver => Err(broken),
        }
    }
}

/// The subscriptions of one worker.
struct Group<'a> {
    load: &'a PushLoad,
    line: &'a Line<'a>,
    role: Role,
    window: Window,
    tallies: Mutex<Tallies>,
}

/// What a worker measured. Recorders are large, so that its subscriptions share them.
struct Tallies {
    events: Recorder,
    after_acknowledgement: Recorder,
    /// Of one event, kept for the next: stamps, each with the number of consecutive records that carry it.
    stamps: Stamps,
}

type Stamps = Vec<(Stamp, u64)>;

/// How far a subscriber has come.
struct Progress {
    position: Position,
    /// The target said why it ends the subscription.
    was_refused: bool,
    is_exhausted: bool,
}

impl Group<'_> {
    /// When subscribers may stop, whether their subscriptions go on or not.
    async fn is_over(&self) {
        let clock = &self.load.transport.caller.clock;
        let until = match self.role {
            Role::Follow => self.window.until + self.load.drain,
            Role::CatchUp | Role::Idle => self.window.until,
        };
        let all_brought = async {
            match self.role {
                Role::Follow => self.load.trace.all_brought().await,
                Role::CatchUp | Role::Idle => std::future::pending().await,
            }
        };
        tokio::select! {
            () = all_brought => {}
            () = clock.sleep(until.saturating_sub(clock.monotonic())) => {}
        }
    }

    /// Takes what one subscription brings and makes it again when it ends. Returns at the end of a shard.
    async fn follow(&self, place: &Place, mut subscription: Box<Subscription>) -> Result<(), Error> {
        let caller = &self.load.transport.caller;
        let mut progress = Progress { position: self.role.start(), was_refused: false, is_exhausted: false };
        loop {
            if subscription.receive(|pushed| self.take(place, &mut progress, pushed)).await? {
                continue;
            }
            if progress.position == Position::End {
                return Ok(());
            }
            // The target must not find the old one there.
            drop(subscription);
            if std::mem::take(&mut progress.was_refused) {
                caller.clock.sleep(EXCEPTION_REST).await;
            } else {
                self.load.renewals.fetch_add(1, Ordering::Relaxed);
            }
            let on_refusal = |kind: &str| self.tallies.lock().events.error(kind, 1);
            subscription = self.line.subscribe(place, &progress.position, on_refusal).await?;
        }
    }

    fn take(&self, place: &Place, progress: &mut Progress, pushed: Pushed<'_>) -> Result<(), Error> {
        let completed = self.load.transport.caller.clock.monotonic();
        let frame = match pushed {
            Pushed::Frame(frame) => frame,
            Pushed::Message(message) => {
                let scanned = |stamps: &mut Stamps| scan::pushed(&message, |data| self.stamp(stamps, data));
                return self.event(place, progress, scanned, (message.len(), completed));
            }
        };
        self.frame(place, progress, frame, completed)
    }

    fn frame(
        &self,
        place: &Place,
        progress: &mut Progress,
        frame: Frame<'_>,
        completed: Duration,
    ) -> Result<(), Error> {
        let kind = match frame.header(":message-type")? {
            Some("event") => match frame.header(":event-type")? {
                Some("SubscribeToShardEvent") => {
                    let scanned =
                        |stamps: &mut Stamps| scan::event(frame.payload, |data| self.stamp(stamps, data));
                    return self.event(place, progress, scanned, (frame.bytes, completed));
                }
                // Most of all the reply's own members, of which there are none.
                _ => return Ok(()),
            },
            Some("exception") => frame.header(":exception-type")?,
            Some("error") => frame.header(":error-code")?,
            _ => {
                let reason = "a frame without a type of message";
                return Err(Error::Malformed { operation: Operation::SubscribeToShard.name(), reason });
            }
        };
        progress.was_refused = true;
        self.tallies.lock().events.error(kind.unwrap_or("error without a name"), 1);
        Ok(())
    }

    /// Notes a record's stamp, if it is followed and has one of this run.
    fn stamp(&self, stamps: &mut Stamps, data: Data<'_>) {
        match (self.role, data.stamp()) {
            (Role::Follow, Some(stamp)) if stamp.run == self.load.trace.run => note(stamps, stamp),
            _ => {}
        }
    }

    fn event<'a>(
        &self,
        place: &Place,
        progress: &mut Progress,
        scanned: impl FnOnce(&mut Stamps) -> Result<Event<'a>, Error>,
        (bytes, completed): (usize, Duration),
    ) -> Result<(), Error> {
        let tallies = &mut *self.tallies.lock();
        tallies.stamps.clear();
        let event = scanned(&mut tallies.stamps)?;
        tallies.events.completed(Sample {
            intended: completed,
            completed,
            records: event.records,
            user_bytes: event.data_bytes,
            wire_bytes: bytes as u64,
        });
        if self.window.contains(completed) {
            place.brought_bytes.fetch_add(event.data_bytes, Ordering::Relaxed);
        }
        for index in 0..tallies.stamps.len() {
            let (stamp, records) = tallies.stamps[index];
            self.latencies(tallies, stamp, records, completed);
        }
        let is_at_end = self.role == Role::CatchUp && event.millis_behind_latest == 0;
        if is_at_end && !progress.is_exhausted && completed < self.window.until {
            progress.is_exhausted = true;
            tallies.events.error("nothing was left to read: fill more", 1);
        }
        match (event.continuation, &mut progress.position) {
            (None, position) => *position = Position::End,
            // The place for the text is used again.
            (Some(number), Position::After(text)) => {
                text.clear();
                text.push_str(&number);
            }
            (Some(number), position) => *position = Position::After(number.into_owned()),
        }
        Ok(())
    }

    /// Counts records of one put that came with the same event.
    fn latencies(&self, tallies: &mut Tallies, stamp: Stamp, records: u64, completed: Duration) {
        tallies.events.latencies(stamp.intended, completed, records);
        match self.load.trace.bring(stamp.intended, records) {
            Origin::Acknowledged(at) => tallies.after_acknowledgement.latencies(at, completed, records),
            Origin::UnderWay => {
                tallies.after_acknowledgement.latencies(completed, completed, records);
                if self.window.contains(completed) {
                    self.load.ahead.fetch_add(records, Ordering::Relaxed);
                }
            }
            Origin::Unknown => {}
        }
    }
}

/// Records of a put lie side by side.
fn note(stamps: &mut Stamps, stamp: Stamp) {
    match stamps.last_mut() {
        Some((last, records)) if *last == stamp => *records += 1,
        _ => stamps.push((stamp, 1)),
    }
}

impl Tallies {
    fn new(window: Window) -> Result<Self, Error> {
        let (events, after_acknowledgement) = (Recorder::new(window)?, Recorder::new(window)?);
        Ok(Self { events, after_acknowledgement, stamps: Vec::new() })
    }

    fn finish(self, role: Role) -> Vec<Tally> {
        let events = Tally { operation: role.operation(), recorder: self.events };
        let recorder = self.after_acknowledgement;
        match role {
            Role::Follow => vec![events, Tally { operation: AFTER_ACKNOWLEDGEMENT, recorder }],
            Role::CatchUp | Role::Idle => vec![events],
        }
    }
}
