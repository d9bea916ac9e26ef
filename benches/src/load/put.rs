//! Workers that put prepared requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::{Alarm, Pace, Schedule, Seat, Tally};
use crate::error::Error;
use crate::measure::{Recorder, Sample};
use crate::payload::PutPool;
use crate::scan::{self, Refusal, is_throttle};
use crate::wire::{Connection, Endpoint, Operation, Protocol, Reply};

/// How long a connection that sends as fast as it may rests after "later".
const THROTTLE_REST: Duration = Duration::from_millis(100);

/// What the connections of a put load share.
#[derive(Debug)]
pub(crate) struct PutLoad {
    pub(crate) endpoint: Endpoint,
    pub(crate) pool: PutPool,
    pub(crate) schedule: Schedule,
    pub(crate) protocol: Protocol,
    pub(crate) batch: usize,
    pub(crate) record_bytes: usize,
}

impl PutLoad {
    pub(crate) async fn worker(self: Arc<Self>, mut seat: Seat) -> Result<Vec<Tally>, Error> {
        let mut connection = Connection::to(self.endpoint.clone());
        connection.connect().await?;
        let mut alarm = seat.alarm()?;
        let window = seat.ready().await?;
        let mut recorder = Recorder::new(window)?;
        while let Some(intended) = self.schedule.turn(window, &mut alarm).await? {
            let put = self.put(&mut connection, &alarm).await?;
            let throttled = put.errors(|kind, count| recorder.error(kind, count));
            if put.records > 0 {
                recorder.record(Sample {
                    intended,
                    completed: alarm.now(),
                    records: put.records,
                    user_bytes: put.records * self.record_bytes as u64,
                    wire_bytes: put.wire_bytes,
                });
            }
            if throttled && self.schedule.pace() == Pace::Closed {
                let rested = alarm.now() + THROTTLE_REST;
                alarm.until(rested).await?;
            }
        }
        Ok(vec![Tally { operation: "put", recorder }])
    }

    async fn put(&self, connection: &mut Connection, alarm: &Alarm) -> Result<Put, Error> {
        let message = self.pool.next(alarm.now())?;
        let reply = connection.exchange(&message).await?;
        Put::of(reply, message.len(), (self.pool.operation(), self.protocol), self.batch)
    }
}

/// One exchange.
pub(super) struct Put {
    /// How many were acknowledged.
    pub(super) records: u64,
    pub(super) wire_bytes: u64,
    pub(super) refusal: Option<Refusal>,
    failures: scan::Failures,
}

impl Put {
    /// What a reply says of a request with so many bytes and records.
    pub(super) fn of(
        reply: Reply<'_>,
        message_bytes: usize,
        (operation, protocol): (Operation, Protocol),
        batch: usize,
    ) -> Result<Self, Error> {
        let wire_bytes = (message_bytes + reply.wire_bytes) as u64;
        if let Some(refusal) = Refusal::of(reply, protocol) {
            return Ok(Self {
                records: 0,
                wire_bytes,
                refusal: Some(refusal),
                failures: scan::Failures::new(),
            });
        }
        let failures = scan::put(operation, protocol, reply.body)?;
        let failed: u64 = failures.values().sum();
        Ok(Self { records: (batch as u64).saturating_sub(failed), wire_bytes, refusal: None, failures })
    }

    /// Names every error; true when one of them asks for patience.
    pub(super) fn errors(&self, mut count: impl FnMut(&str, u64)) -> bool {
        let refused = self.refusal.iter().map(|refusal| (refusal.kind.as_str(), 1));
        let failed = self.failures.iter().map(|(kind, records)| (kind.as_str(), *records));
        let mut throttled = false;
        for (kind, number) in refused.chain(failed) {
            throttled |= is_throttle(kind);
            count(kind, number);
        }
        throttled
    }
}

/// Fills streams with a given amount of data, as fast as the target takes it.
#[derive(Debug)]
pub(crate) struct Fill {
    pub(crate) load: PutLoad,
    /// Bytes still to be acknowledged.
    pub(crate) left: AtomicI64,
}

impl Fill {
    /// Puts until enough is acknowledged. Throttling is waited out; any other error ends the fill.
    pub(crate) async fn worker(self: Arc<Self>, mut seat: Seat) -> Result<Vec<Tally>, Error> {
        let mut connection = Connection::to(self.load.endpoint.clone());
        let mut alarm = seat.alarm()?;
        seat.ready().await?;
        while self.left.load(Ordering::Relaxed) > 0 {
            let put = self.load.put(&mut connection, &alarm).await?;
            let mut fatal = None;
            let throttled = put.errors(|kind, _| {
                if !is_throttle(kind) {
                    fatal = Some(kind.to_owned());
                }
            });
            if let Some(kind) = fatal {
                let message = put.refusal.map(|refusal| refusal.message).unwrap_or_default();
                return Err(Error::Refused { operation: self.load.pool.operation().name(), kind, message });
            }
            let bytes = put.records.saturating_mul(self.load.record_bytes as u64);
            self.left.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
            if throttled {
                let rested = alarm.now() + THROTTLE_REST;
                alarm.until(rested).await?;
            }
        }
        Ok(Vec::new())
    }
}
