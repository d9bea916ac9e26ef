//! Moves records from the input into the stream by a producer.
//!
//! Packing, pacing, order and trying again are the producer's. Here is what is of `put` alone: what was read and not
//! acknowledged is bounded, throttles are waited out for as long as they last, an outage only for as long as somebody
//! asked for, and everything that was stored is witnessed.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use millstream_client::{Error, StreamApi, StreamRef};
use millstream_producer_sdk::{Order, Producer, PutError, Receipt, Record, TryPutError};
use tokio::sync::mpsc;

use super::input::{InputError, Pending, Position};
use crate::connection::Surroundings;
use crate::exit::Failure;

/// Records that are read and not acknowledged. Each costs a few hundred bytes beside its data.
const UNACKNOWLEDGED_RECORDS_MAX: usize = 100_000;
/// Records that are witnessed at once.
const WITNESSED_RECORDS: usize = 1_000;
/// How often an outage is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long what is on its way is waited for when nothing more is to be put.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// No record expires while the stream is at its limit: ten years.
const RECORD_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
/// How long records that go each by itself wait for company in a call. It costs a person nothing and saves a file
/// hundreds of thousands of calls.
const LINGER: Duration = Duration::from_millis(5);
/// Keys of a shard that can each have a record on its way, where each record goes by itself.
const SINGLE_RECORD_LANES: usize = 64;

/// How to put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadSettings {
    /// Whether many records of a shard are packed into one.
    pub(crate) aggregates: bool,
    /// Whether records of one key stay in order.
    pub(crate) is_ordered: bool,
    /// Requests in flight at once.
    pub(crate) connections: usize,
    /// How long the service may fail without answering.
    pub(crate) patience: Duration,
    pub(crate) record_bytes_max: usize,
    pub(crate) unacknowledged_bytes_max: usize,
}

/// Is told what happens, as it happens.
pub(crate) trait Witness {
    /// These records are stored.
    async fn stored(&mut self, records: &[(Pending, Receipt)]) -> Result<(), Failure>;

    /// The service does not answer.
    fn failing(&mut self, error: &Error);
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

/// What became of a record.
type Outcome = (Pending, Result<Receipt, PutError>);

/// Records on their way.
pub(crate) struct Upload {
    producer: Producer,
    surroundings: Surroundings,
    patience: Duration,
    in_flight: FuturesUnordered<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    /// By their place in the input.
    unacknowledged: BTreeMap<u64, Position>,
    read: u64,
    stopped: Option<Stopped>,
}

impl Upload {
    pub(crate) async fn start(
        api: Arc<dyn StreamApi>,
        stream: StreamRef,
        surroundings: &Surroundings,
        settings: UploadSettings,
    ) -> Result<Self, Failure> {
        let order = if settings.is_ordered { Order::PartitionKey } else { Order::None };
        let builder = Producer::builder(api, stream).order(order).settings(|producer| {
            producer.aggregation_enabled = settings.aggregates;
            if !settings.aggregates {
                producer.record_max_buffered_time = LINGER;
                producer.order_lanes = SINGLE_RECORD_LANES;
            }
            // A file is to be stored as fast as the stream takes it, and only the stream knows how fast that is.
            producer.rate_limit = None;
            producer.max_connections = settings.connections;
            producer.max_user_record_size = settings.record_bytes_max;
            producer.outstanding_records_max = UNACKNOWLEDGED_RECORDS_MAX;
            producer.outstanding_bytes_max = settings.unacknowledged_bytes_max.max(settings.record_bytes_max);
            producer.record_ttl = RECORD_TTL;
        });
        let builder = builder.surroundings(surroundings.clock.clone(), surroundings.entropy.clone());
        let started = builder.start().await;
        let producer = started.map_err(|error| match error {
            millstream_producer_sdk::Error::Stream { error, .. } => Failure::from(error),
            millstream_producer_sdk::Error::Configuration(what) => Failure::Usage(what),
        })?;
        Ok(Self {
            producer,
            surroundings: surroundings.clone(),
            patience: settings.patience,
            in_flight: FuturesUnordered::new(),
            unacknowledged: BTreeMap::new(),
            read: 0,
            stopped: None,
        })
    }

    /// Puts until the input ends, something cannot be stored, or `stop` resolves. What is on its way then is waited for
    /// a while, so that what is stored is also witnessed.
    pub(crate) async fn run(
        mut self,
        mut input: mpsc::Receiver<Result<Pending, InputError>>,
        stop: impl Future<Output = ()>,
        witness: &mut impl Witness,
    ) -> Result<Ended, Failure> {
        let mut stop = std::pin::pin!(stop);
        // A record that was read and for which there is no room yet.
        let mut next: Option<Pending> = None;
        let mut input_is_open = true;
        while !self.is_stopping() && (input_is_open || next.is_some()) {
            if let Some(pending) = next.take() {
                next = self.put(pending);
            }
            let wants_more = input_is_open && next.is_none();
            tokio::select! {
                biased;
                () = &mut stop => self.stopped = Some(Stopped::Asked),
                Some(outcome) = self.in_flight.next() => self.settle(outcome, witness).await?,
                read = input.recv(), if wants_more => match read {
                    Some(Ok(pending)) => {
                        self.read += 1;
                        self.unacknowledged.insert(pending.position.record, pending.position.clone());
                        next = Some(pending);
                    }
                    Some(Err(error)) => {
                        input_is_open = false;
                        self.stopped = Some(Stopped::Input(error));
                    }
                    None => input_is_open = false,
                },
                () = self.surroundings.clock.sleep(LOOK_INTERVAL) => self.look(witness),
            }
        }
        // Nothing more comes to fill containers with.
        let producer = self.producer.clone();
        let mut flush = std::pin::pin!(producer.flush().fuse());
        while !self.is_stopping() && !self.in_flight.is_empty() {
            tokio::select! {
                biased;
                () = &mut stop => self.stopped = Some(Stopped::Asked),
                Some(outcome) = self.in_flight.next() => self.settle(outcome, witness).await?,
                () = &mut flush => {}
                () = self.surroundings.clock.sleep(LOOK_INTERVAL) => self.look(witness),
            }
        }
        self.drain(witness).await?;
        let first_unacknowledged = self.unacknowledged.into_values().next();
        Ok(Ended { read: self.read, first_unacknowledged, stopped: self.stopped })
    }

    /// Whether nothing more is to be put. An error of the input is no reason: what came before it goes on.
    fn is_stopping(&self) -> bool {
        matches!(self.stopped, Some(Stopped::Asked | Stopped::Refused { .. }))
    }

    fn refuse(&mut self, position: Position, error: Error) {
        if !self.is_stopping() {
            self.stopped = Some(Stopped::Refused { position, error });
        }
    }

    /// Hands a record over; gives it back if there is no room.
    fn put(&mut self, pending: Pending) -> Option<Pending> {
        let record = Record::new(pending.record.partition_key.clone(), pending.record.data.clone());
        match self.producer.try_put(record) {
            Ok(outcome) => self.in_flight.push(Box::pin(outcome.map(|outcome| (pending, outcome)))),
            Err(TryPutError::Full(_)) => return Some(pending),
            Err(TryPutError::Refused(error)) => self.refused(&pending, &error),
        }
        None
    }

    /// Takes an outcome, and those that are there as well.
    async fn settle(&mut self, outcome: Outcome, witness: &mut impl Witness) -> Result<(), Failure> {
        let mut stored = Vec::new();
        let mut next = Some(outcome);
        while let Some((pending, outcome)) = next.take() {
            match outcome {
                Ok(receipt) => {
                    self.unacknowledged.remove(&pending.position.record);
                    stored.push((pending, receipt));
                }
                Err(error) => self.refused(&pending, &error),
            }
            if stored.len() < WITNESSED_RECORDS {
                next = self.in_flight.next().now_or_never().flatten();
            }
        }
        if stored.is_empty() { Ok(()) } else { witness.stored(&stored).await }
    }

    /// A record cannot be stored: the first one counts.
    fn refused(&mut self, pending: &Pending, error: &PutError) {
        if let Some(error) = reason(error) {
            self.refuse(pending.position.clone(), error);
        }
    }

    /// Gives up after an outage that lasts too long.
    fn look(&mut self, witness: &mut impl Witness) {
        let Some(outage) = self.producer.outage() else { return };
        witness.failing(&outage.error);
        if outage.lasts > self.patience
            && let Some(position) = self.unacknowledged.values().next()
        {
            self.refuse(position.clone(), outage.error);
        }
    }

    async fn drain(&mut self, witness: &mut impl Witness) -> Result<(), Failure> {
        let limit = if self.producer.outage().is_some() { Duration::ZERO } else { DRAIN_LIMIT };
        let closing = self.producer.clone();
        let mut closing = std::pin::pin!(closing.close(limit).fuse());
        loop {
            tokio::select! {
                biased;
                outcome = self.in_flight.next() => match outcome {
                    Some(outcome) => self.settle(outcome, witness).await?,
                    None => break,
                },
                _ = &mut closing => {}
            }
        }
        Ok(())
    }
}

/// What the service said; `None` of a record that was only left behind.
fn reason(error: &PutError) -> Option<Error> {
    match error {
        PutError::Rejected { error, .. } => Some(error.clone()),
        PutError::Abandoned(_) | PutError::Closed => None,
        PutError::Expired(_) | PutError::Invalid(_) | PutError::TooLarge { .. } | PutError::Unsealed(_) => {
            Some(Error::Unsendable(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests;
