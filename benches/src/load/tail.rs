//! Writers that stamp their records, and readers that follow and see how old the stamps are.
//!
//! The stamp is when the record should have been sent; its latency ends when the reply that holds it has
//! arrived whole. Both ends read one clock, since both are in this process. Every record that was
//! acknowledged must come out, or the run counts it as missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::get::read;
use super::stamped::Way;
use super::{Seat, StampedPuts, Tally};
use crate::error::Error;
use crate::measure::{Recorder, Sample};
use crate::streams::{Shard, StartAt};

const THROTTLE_REST: Duration = Duration::from_millis(200);

/// What writers and readers share.
#[derive(Debug)]
pub(crate) struct TailLoad {
    pub(crate) puts: StampedPuts,
    pub(crate) poll: Duration,
    /// How long readers look for records after the window.
    pub(crate) drain: Duration,
    pub(crate) limit: u32,
    pub(crate) progress: Progress,
}

/// How far writers and readers have come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    writers_left: AtomicUsize,
    acknowledged: AtomicU64,
    received: AtomicU64,
}

impl Progress {
    pub(crate) fn of(writers: usize) -> Self {
        Self { writers_left: AtomicUsize::new(writers), ..Self::default() }
    }
}

impl TailLoad {
    pub(crate) async fn writer(self: Arc<Self>, mut seat: Seat) -> Result<Vec<Tally>, Error> {
        let mut connection = self.puts.caller.connection();
        connection.connect().await?;
        let alarm = seat.alarm()?;
        let window = seat.ready().await?;
        let mut writer = self.puts.writer(Way::Exchanges(Box::new(connection)), alarm, window)?;
        while let Some(intended) = writer.turn().await? {
            let (records, _) = writer.put(intended).await?;
            self.progress.acknowledged.fetch_add(records, Ordering::Relaxed);
        }
        self.progress.writers_left.fetch_sub(1, Ordering::AcqRel);
        Ok(vec![Tally { operation: "tail_put", recorder: writer.finish() }])
    }

    /// Follows some shards on one connection, each at most once a poll interval.
    pub(crate) async fn reader(
        self: Arc<Self>,
        mut seat: Seat,
        shards: Vec<Shard>,
    ) -> Result<Vec<Tally>, Error> {
        let (caller, protocol) = (&self.puts.caller, self.puts.protocol);
        let mut connection = caller.connection();
        let mut iterators = Vec::with_capacity(shards.len());
        for shard in &shards {
            let latest = caller.shard_iterator(&mut connection, shard, StartAt::Latest).await?;
            // The place of LATEST may be fixed only by the first read; it has to be before the first put.
            let call = (latest.as_str(), self.limit);
            let first = read(caller, &mut connection, protocol, call, |_| {}).await?;
            iterators.push(first.map_or(Some(latest), |read| read.next_iterator));
        }
        let mut alarm = seat.alarm()?;
        let window = seat.ready().await?;
        let mut recorder = Recorder::new(window)?;
        while !self.is_drained(alarm.now().saturating_sub(window.until)) {
            let next_poll = alarm.now() + self.poll;
            for iterator in &mut iterators {
                let Some(from) = iterator.take() else { continue };
                let mut stamps = Vec::new();
                let call = (from.as_str(), self.limit);
                let outcome = read(caller, &mut connection, protocol, call, |data| {
                    stamps.extend(data.stamp().filter(|stamp| stamp.run == self.puts.run));
                })
                .await?;
                let completed = alarm.now();
                match outcome {
                    Ok(read) => {
                        *iterator = read.next_iterator;
                        for stamp in &stamps {
                            recorder.latency(stamp.intended, completed);
                        }
                        self.progress.received.fetch_add(stamps.len() as u64, Ordering::Relaxed);
                        recorder.completed(Sample {
                            intended: completed,
                            completed,
                            records: read.records,
                            user_bytes: read.data_bytes,
                            wire_bytes: read.wire_bytes,
                        });
                    }
                    Err(refusal) => {
                        recorder.error(&refusal.kind, 1);
                        *iterator = Some(from);
                        alarm.until(completed + THROTTLE_REST).await?;
                    }
                }
            }
            alarm.until(next_poll).await?;
        }
        Ok(vec![Tally { operation: "tail", recorder }])
    }

    /// Records that were acknowledged and never came out.
    pub(crate) fn missing(&self) -> u64 {
        let received = self.progress.received.load(Ordering::Relaxed);
        self.progress.acknowledged.load(Ordering::Relaxed).saturating_sub(received)
    }

    fn is_drained(&self, since_end: Duration) -> bool {
        let written = self.progress.writers_left.load(Ordering::Acquire) == 0;
        (written && self.missing() == 0) || since_end > self.drain
    }
}
