//! Workers that renew leases: conditional updates of which each expects what the one before has written.
//!
//! A lease is taken out of its queue for as long as a request for it is under way, so a condition fails only when
//! the target forgot an update or made one that nobody asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Pace, Schedule, Seat, Tally};
use crate::error::Error;
use crate::measure::{Recorder, Sample};
use crate::payload::{Lease, Renewal};
use crate::scan::{self, Refusal};
use crate::streams::Caller;
use crate::wire::{Connection, Heads, Message, Operation, Protocol};

/// How long a connection that sends as fast as it may rests after "later".
const THROTTLE_REST: Duration = Duration::from_millis(100);

/// What the connections of a table load share.
#[derive(Debug)]
pub(crate) struct TableLoad {
    pub(crate) caller: Caller,
    pub(crate) renewal: Renewal,
    pub(crate) schedule: Schedule,
    /// The name in the result.
    pub(crate) operation: &'static str,
}

/// Leases in the order in which they are renewed. They last for all repetitions, since their counters do.
#[derive(Debug)]
pub(crate) struct Leases(Mutex<VecDeque<Lease>>);

impl Leases {
    pub(crate) fn new(leases: impl IntoIterator<Item = Lease>) -> Self {
        Self(Mutex::new(leases.into_iter().collect()))
    }

    fn take(&self) -> Result<Lease, Error> {
        let next = self.0.lock().pop_front();
        next.ok_or_else(|| Error::Usage("there are fewer leases than connections".to_owned()))
    }

    fn give_back(&self, lease: Lease) {
        self.0.lock().push_back(lease);
    }
}

impl TableLoad {
    pub(crate) async fn worker(
        self: Arc<Self>,
        mut seat: Seat,
        leases: Arc<Leases>,
    ) -> Result<Vec<Tally>, Error> {
        let mut connection = self.caller.connection();
        connection.connect().await?;
        let mut heads = Heads::new(Arc::clone(&self.caller.signer), Operation::UpdateItem, Protocol::Json);
        let mut alarm = seat.alarm()?;
        let window = seat.ready().await?;
        let mut recorder = Recorder::new(window)?;
        while let Some(intended) = self.schedule.turn(window, &mut alarm).await? {
            let mut lease = leases.take()?;
            let (refusal, wire_bytes) = self.renew(&mut connection, &mut heads, &lease).await?;
            match &refusal {
                Some(refusal) => recorder.error(&refusal.kind, 1),
                None => {
                    lease.counter += 1;
                    let completed = alarm.now();
                    recorder.record(Sample { intended, completed, records: 1, user_bytes: 0, wire_bytes });
                }
            }
            leases.give_back(lease);
            if refusal.is_some_and(|refusal| refusal.is_throttle()) && self.schedule.pace() == Pace::Closed {
                let rested = alarm.now() + THROTTLE_REST;
                alarm.until(rested).await?;
            }
        }
        Ok(vec![Tally { operation: self.operation, recorder }])
    }

    /// One exchange: what was wrong with it, and its bytes on the wire.
    async fn renew(
        &self,
        connection: &mut Connection,
        heads: &mut Heads,
        lease: &Lease,
    ) -> Result<(Option<Refusal>, u64), Error> {
        let body = self.renewal.body(lease);
        let message = Message { head: heads.head(&body)?, body: body.into() };
        let reply = connection.exchange(&message).await?;
        let wire_bytes = (message.len() + reply.wire_bytes) as u64;
        let refusal = Refusal::of(reply, Protocol::Json);
        if refusal.is_none() {
            scan::updated(reply.body)?;
        }
        Ok((refusal, wire_bytes))
    }
}
