//! Workers that read shards from their beginning to their end, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Schedule, Seat, Tally};
use crate::error::Error;
use crate::measure::{Recorder, Sample};
use crate::payload::get_records;
use crate::scan::{self, Data, Refusal};
use crate::streams::{Caller, Shard, StartAt};
use crate::wire::{Connection, Operation, Protocol};

/// An iterator is good for five minutes and can be used more than once.
const ITERATOR_AGE_MAX: Duration = Duration::from_secs(240);
/// How long a connection rests when a target asks for patience; AWS allows five reads a second.
const THROTTLE_REST: Duration = Duration::from_millis(200);

/// The shards that a load reads, handed out in turn.
#[derive(Debug)]
pub(crate) struct Shards {
    starts: Vec<ShardStart>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct ShardStart {
    shard: Shard,
    iterator: Mutex<Option<(Duration, String)>>,
}

impl Shards {
    pub(crate) fn new(shards: Vec<Shard>) -> Self {
        let starts = shards.into_iter().map(|shard| ShardStart { shard, iterator: Mutex::new(None) });
        Self { starts: starts.collect(), next: AtomicUsize::new(0) }
    }

    /// An iterator at the beginning of the next shard; `None` when there are no shards.
    async fn next(&self, caller: &Caller, connection: &mut Connection) -> Result<Option<String>, Error> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(start) = self.starts.get(turn % self.starts.len().max(1)) else { return Ok(None) };
        let now = caller.clock.monotonic();
        if let Some((at, iterator)) = &*start.iterator.lock()
            && now.saturating_sub(*at) < ITERATOR_AGE_MAX
        {
            return Ok(Some(iterator.clone()));
        }
        let iterator = caller.shard_iterator(connection, &start.shard, StartAt::TrimHorizon).await?;
        *start.iterator.lock() = Some((now, iterator.clone()));
        Ok(Some(iterator))
    }
}

/// A reply to GetRecords, its buffer given back.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) records: u64,
    pub(super) data_bytes: u64,
    pub(super) wire_bytes: u64,
    pub(super) next_iterator: Option<String>,
    pub(super) millis_behind_latest: u64,
}

/// One GetRecords call, as every reader makes it.
pub(super) async fn read(
    caller: &Caller,
    connection: &mut Connection,
    protocol: Protocol,
    (iterator, limit): (&str, u32),
    on_data: impl FnMut(Data<'_>),
) -> Result<Result<Read, Refusal>, Error> {
    let body = get_records(protocol, iterator, limit);
    let message = caller.signer.message(Operation::GetRecords, protocol, body)?;
    let reply = connection.exchange(&message).await?;
    if let Some(refusal) = Refusal::of(reply, protocol) {
        return Ok(Err(refusal));
    }
    let page = scan::page(protocol, reply.body, on_data)?;
    Ok(Ok(Read {
        records: page.records,
        data_bytes: page.data_bytes,
        wire_bytes: (message.len() + reply.wire_bytes) as u64,
        next_iterator: page.next_iterator.map(std::borrow::Cow::into_owned),
        millis_behind_latest: page.millis_behind_latest,
    }))
}

/// What the connections of a catch-up load share.
#[derive(Debug)]
pub(crate) struct GetLoad {
    pub(crate) caller: Caller,
    pub(crate) shards: Shards,
    pub(crate) schedule: Schedule,
    pub(crate) protocol: Protocol,
    pub(crate) limit: u32,
}

impl GetLoad {
    pub(crate) async fn worker(self: Arc<Self>, mut seat: Seat) -> Result<Vec<Tally>, Error> {
        let mut connection = self.caller.connection();
        let mut iterator = self.shards.next(&self.caller, &mut connection).await?;
        let mut alarm = seat.alarm()?;
        let window = seat.ready().await?;
        let mut recorder = Recorder::new(window)?;
        while let Some(from) = iterator {
            let Some(intended) = self.schedule.turn(window, &mut alarm).await? else { break };
            let call = (from.as_str(), self.limit);
            match read(&self.caller, &mut connection, self.protocol, call, |_| {}).await? {
                Ok(read) => {
                    recorder.record(Sample {
                        intended,
                        completed: alarm.now(),
                        records: read.records,
                        user_bytes: read.data_bytes,
                        wire_bytes: read.wire_bytes,
                    });
                    // Not every target tells how far behind a reader is, so only an empty page is the end.
                    let at_end = read.records == 0 && read.millis_behind_latest == 0;
                    iterator = match read.next_iterator {
                        Some(next) if !at_end => Some(next),
                        _ => self.shards.next(&self.caller, &mut connection).await?,
                    };
                }
                Err(refusal) => {
                    recorder.error(&refusal.kind, 1);
                    let rested = alarm.now() + THROTTLE_REST;
                    alarm.until(rested).await?;
                    iterator = Some(from);
                }
            }
        }
        Ok(vec![Tally { operation: "get", recorder }])
    }
}
