//! Moves records from the input into the stream: many lanes, one batch of each in flight.
//!
//! A lane has a range of hash keys of its own, as shards have, so that a shard that is used up slows only
//! the lanes that feed it. Memory is bounded by the bytes of all records that are read and not yet
//! acknowledged; while they are too many the input is left alone. Order by key is the lanes' business, speed
//! is [`Pace`]'s.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use millstream_client::{Acknowledgement, EntryOutcome, Error, StreamApi, StreamRef};
use millstream_model::HashKey;
use tokio::sync::mpsc;

use super::input::{InputError, Pending, Position};
use super::lane::Lane;
use super::pace::{Pace, Step, mildness};
use crate::connection::Surroundings;
use crate::exit::Failure;

/// Data and keys of one PutRecords call, if it has more than one record. The service takes ten times as
/// much, but more at once is not faster, and a lost reply stores it all twice.
const BATCH_BYTES: usize = 1024 * 1024;
/// What a record costs in memory beside its data and key.
const RECORD_OVERHEAD_BYTES: usize = 256;
/// How long a batch that is not full waits for more. It costs a person nothing and saves a file hundreds of
/// thousands of requests.
const LINGER: Duration = Duration::from_millis(5);
/// Records taken from the input at once.
const GULP_RECORDS: usize = 64;

/// How to upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadSettings {
    /// Batches in flight at once.
    pub(crate) lanes: usize,
    /// How long the service may fail without storing anything.
    pub(crate) patience: Duration,
    /// Records that are read and not acknowledged, with what they cost in memory.
    pub(crate) unacknowledged_bytes_max: usize,
}

/// Is told what happens, as it happens.
pub(crate) trait Witness {
    /// These records are stored. Nothing else is sent until this returns.
    async fn acknowledged(&mut self, records: &[(Pending, Acknowledgement)]) -> Result<(), Failure>;

    /// So many records were refused for now, because the stream is at its limit.
    fn throttled(&mut self, records: usize);

    /// A call failed and will be repeated.
    fn failed(&mut self, error: &Error);
}

/// Why an upload ended early.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The input ended with an error. Everything before it is stored.
    Input(InputError),
    /// A record could not be stored.
    Refused { position: Position, error: Error },
    /// The caller asked for it.
    Asked,
}

/// How an upload ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Records taken from the input.
    pub(crate) read: u64,
    /// The first record of the input that is read and not acknowledged.
    pub(crate) first_unacknowledged: Option<Position>,
    pub(crate) stopped: Option<Stopped>,
}

/// One upload. Records that are neither in the lanes nor acknowledged are in flight.
pub(crate) struct Upload<'a> {
    api: Arc<dyn StreamApi>,
    stream: &'a StreamRef,
    surroundings: &'a Surroundings,
    settings: UploadSettings,
    lanes: Vec<PacedLane>,
    in_flight: FuturesUnordered<Pin<Box<dyn Future<Output = Reply> + Send>>>,
    unacknowledged_bytes: usize,
    read: u64,
    input_is_open: bool,
    stopped: Option<Stopped>,
}

struct PacedLane {
    lane: Lane,
    pace: Pace,
    paused_until: Duration,
}

impl PacedLane {
    /// When the next batch may go, if one is ready.
    fn due(&self, linger: Duration) -> Duration {
        self.paused_until.max(self.lane.ready_since(self.pace.entries()) + linger)
    }
}

/// What came back for a lane's batch.
struct Reply {
    lane: usize,
    batch: Vec<Pending>,
    outcome: Result<Vec<EntryOutcome>, Error>,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(
        api: Arc<dyn StreamApi>,
        stream: &'a StreamRef,
        surroundings: &'a Surroundings,
        settings: UploadSettings,
    ) -> Self {
        let lane = || PacedLane {
            lane: Lane::default(),
            pace: Pace::new(settings.patience),
            paused_until: Duration::ZERO,
        };
        Self {
            api,
            stream,
            surroundings,
            settings,
            lanes: std::iter::repeat_with(lane).take(settings.lanes).collect(),
            in_flight: FuturesUnordered::new(),
            unacknowledged_bytes: 0,
            read: 0,
            input_is_open: true,
            stopped: None,
        }
    }

    /// Uploads until the input ends, something cannot be stored, or `stop` resolves. What is in flight then
    /// is waited for, so that everything stored is also witnessed.
    pub(crate) async fn run(
        mut self,
        mut input: mpsc::Receiver<Result<Pending, InputError>>,
        stop: impl Future<Output = ()>,
        witness: &mut impl Witness,
    ) -> Result<Ended, Failure> {
        let mut stop = std::pin::pin!(stop);
        let mut gulp = Vec::with_capacity(GULP_RECORDS);
        loop {
            self.send_batches();
            let lanes_are_empty = self.lanes.iter().all(|lane| lane.lane.is_empty());
            if self.in_flight.is_empty() && (self.is_stopping() || (!self.input_is_open && lanes_are_empty)) {
                break;
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = &mut stop, if !self.is_stopping() => self.stopped = Some(Stopped::Asked),
                Some(reply) = self.in_flight.next() => self.settle(reply, witness).await?,
                count = input.recv_many(&mut gulp, GULP_RECORDS), if self.is_hungry() => {
                    self.input_is_open = count > 0;
                    let now = self.surroundings.clock.monotonic();
                    gulp.drain(..).for_each(|item| self.take(item, now));
                }
                () = self.surroundings.clock.sleep(wake.unwrap_or_default()), if wake.is_some() => {}
            }
        }
        Ok(Ended {
            read: self.read,
            first_unacknowledged: self.first_unacknowledged(),
            stopped: self.stopped,
        })
    }

    /// Whether nothing more is to be sent. An error of the input is no reason: what came before it goes on.
    fn is_stopping(&self) -> bool {
        matches!(self.stopped, Some(Stopped::Asked | Stopped::Refused { .. }))
    }

    /// Whether more of the input is wanted.
    fn is_hungry(&self) -> bool {
        let has_room = self.unacknowledged_bytes < self.settings.unacknowledged_bytes_max;
        self.input_is_open && has_room && !self.is_stopping()
    }

    fn take(&mut self, item: Result<Pending, InputError>, now: Duration) {
        match item {
            Ok(pending) => {
                self.read += 1;
                self.unacknowledged_bytes += cost(&pending);
                let lane = self.lane_of(&pending.record.partition_key);
                self.lanes[lane].lane.push(pending, now);
            }
            Err(error) => self.stopped = Some(Stopped::Input(error)),
        }
    }

    /// Equal ranges of the hash key space, from the top 64 bits of the hash key.
    fn lane_of(&self, partition_key: &str) -> usize {
        let place = HashKey::of_partition_key(partition_key).0 >> 64;
        // The product's top half is below the number of lanes.
        usize::try_from((place * self.lanes.len() as u128) >> 64).unwrap_or(0)
    }

    /// Sends a batch of every lane that has one and may.
    fn send_batches(&mut self) {
        if self.is_stopping() {
            return;
        }
        let (now, linger) = (self.surroundings.clock.monotonic(), self.linger());
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if !lane.lane.is_ready() || lane.due(linger) > now {
                continue;
            }
            let batch = lane.lane.take_batch(lane.pace.entries(), BATCH_BYTES);
            let (api, stream) = (self.api.clone(), self.stream.clone());
            self.in_flight.push(Box::pin(async move {
                let records: Vec<_> = batch.iter().map(|pending| pending.record.clone()).collect();
                let outcome = api.put_records(&stream, &records).await;
                Reply { lane: index, batch, outcome }
            }));
        }
    }

    async fn settle(&mut self, reply: Reply, witness: &mut impl Witness) -> Result<(), Failure> {
        let Reply { lane: index, batch, outcome } = reply;
        let (now, random) = (self.surroundings.clock.monotonic(), self.surroundings.entropy.next_u64());
        let paced = &mut self.lanes[index];
        let first = batch.first().map(|pending| pending.position.clone());
        let (step, culprit, acknowledged) = match outcome {
            Ok(outcomes) => {
                let settled = paced.lane.settle(batch, outcomes);
                let errors: Vec<_> = settled.failed.iter().map(|(_, error)| error).collect();
                witness.throttled(errors.iter().filter(|error| error.is_throttle()).count());
                let step = paced.pace.after_batch(settled.acknowledged.len(), &errors, now, random);
                let culprit = settled.failed.into_iter().min_by_key(|(_, error)| mildness(error));
                (step, culprit, settled.acknowledged)
            }
            Err(error) => {
                let sent = batch.len();
                paced.lane.take_back(batch);
                witness.failed(&error);
                let step = paced.pace.after_failure(&error, sent, now, random);
                (step, first.map(|position| (position, error)), Vec::new())
            }
        };
        match (step, culprit) {
            (Step::Wait(delay), _) => paced.paused_until = now + delay,
            (Step::Stop, Some((position, error))) if !self.is_stopping() => {
                self.stopped = Some(Stopped::Refused { position, error });
            }
            (Step::Go | Step::Stop, _) => {}
        }
        self.unacknowledged_bytes -= acknowledged.iter().map(|(pending, _)| cost(pending)).sum::<usize>();
        if acknowledged.is_empty() { Ok(()) } else { witness.acknowledged(&acknowledged).await }
    }

    /// How long until a lane that has something to send may send it.
    fn next_wake(&self) -> Option<Duration> {
        if self.is_stopping() {
            return None;
        }
        let (now, linger) = (self.surroundings.clock.monotonic(), self.linger());
        let ready = self.lanes.iter().filter(|lane| lane.lane.is_ready());
        ready.map(|lane| lane.due(linger).saturating_sub(now)).min()
    }

    /// Waiting for more is in vain when no more is to come.
    fn linger(&self) -> Duration {
        if self.is_hungry() { LINGER } else { Duration::ZERO }
    }

    fn first_unacknowledged(&self) -> Option<Position> {
        let firsts = self.lanes.iter().filter_map(|lane| lane.lane.first_position());
        firsts.min_by_key(|position| position.record).cloned()
    }
}

fn cost(pending: &Pending) -> usize {
    pending.record.size() + RECORD_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;
