//! Puts whose records carry when they should have been sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::put::Put;
use super::{Alarm, Schedule};
use crate::error::Error;
use crate::measure::{Recorder, Sample, Window};
use crate::payload::{Batch, Stamp, StampedBody};
use crate::scan;
use crate::streams::Caller;
use crate::wire::{Connection, GrpcCall, Protocol};

/// What the writers of stamped records share.
#[derive(Debug)]
pub(crate) struct StampedPuts {
    pub(crate) caller: Caller,
    pub(crate) protocol: Protocol,
    pub(crate) schedule: Schedule,
    /// Bodies in turn, with different keys.
    pub(crate) bodies: Vec<StampedBody>,
    pub(crate) next_body: AtomicUsize,
    pub(crate) batch: usize,
    pub(crate) record_bytes: usize,
    /// In every stamp, so that other records in the streams are not taken for ours.
    pub(crate) run: u32,
}

/// What puts go over.
pub(super) enum Way {
    /// A request, then its reply.
    Exchanges(Box<Connection>),
    /// A PutStream call, with one request unanswered.
    Call(GrpcCall),
}

/// A writer's way to the target.
pub(super) struct Writer<'a> {
    puts: &'a StampedPuts,
    way: Way,
    alarm: Alarm,
    recorder: Recorder,
    window: Window,
}

impl StampedPuts {
    pub(super) fn writer(&self, way: Way, alarm: Alarm, window: Window) -> Result<Writer<'_>, Error> {
        Ok(Writer { puts: self, way, alarm, recorder: Recorder::new(window)?, window })
    }

    fn sample(&self, intended: Duration, completed: Duration, records: u64, wire_bytes: u64) -> Sample {
        let user_bytes = records * self.record_bytes as u64;
        Sample { intended, completed, records, user_bytes, wire_bytes }
    }
}

impl Writer<'_> {
    /// Waits until the next put should be sent; `None` when the window is over.
    pub(super) async fn turn(&mut self) -> Result<Option<Duration>, Error> {
        self.puts.schedule.turn(self.window, &mut self.alarm).await
    }

    /// Sends the put that should have been sent at `intended`. Returns how many of its records were acknowledged,
    /// and when.
    pub(super) async fn put(&mut self, intended: Duration) -> Result<(u64, Duration), Error> {
        let Self { puts, way, alarm, recorder, .. } = self;
        let turn = puts.next_body.fetch_add(1, Ordering::Relaxed);
        let body = puts.bodies[turn % puts.bodies.len()].stamped(Stamp { run: puts.run, intended });
        let connection = match way {
            Way::Exchanges(connection) => connection,
            Way::Call(call) => {
                let sent = body.len();
                call.send(body.into())?;
                let message = call.answer().await?;
                let completed = alarm.now();
                let answer = scan::put_stream(&message)?;
                answer.failures.iter().for_each(|(kind, count)| recorder.error(kind, *count));
                if answer.records > 0 {
                    let wire_bytes = (sent + message.len()) as u64;
                    recorder.record(puts.sample(intended, completed, answer.records, wire_bytes));
                }
                return Ok((answer.records, completed));
            }
        };
        let operation = Batch::operation(puts.batch);
        let message = puts.caller.signer.message(operation, puts.protocol, body)?;
        let reply = connection.exchange(&message).await?;
        let put = Put::of(reply, message.len(), (operation, puts.protocol), puts.batch)?;
        let completed = alarm.now();
        put.errors(|kind, count| recorder.error(kind, count));
        if put.refusal.is_none() {
            recorder.record(puts.sample(intended, completed, put.records, put.wire_bytes));
        }
        Ok((put.records, completed))
    }

    pub(super) fn finish(self) -> Recorder {
        self.recorder
    }
}
