//! One call, and what its answers mean for the records in it.
//!
//! What failed is tried again alone, until it expires. What landed in another shard than expected was stored; whether
//! readers will have it depends on whether all members belong there, because some readers leave a whole container out
//! that has one member of another shard. So if any does not, all of them are put again.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_client::{Acknowledgement, EntryOutcome, Error};
use millstream_model::HashKeyRange;
use millstream_runtime::OnFailure;
use tracing::Instrument;

use super::Pipeline;
use crate::lane::Lane;
use crate::parcel::Parcel;
use crate::receipt::{AttemptOutcome, End};
use crate::routes::{Routes, ShardLanes};

/// A parcel in a call, and where it was taken from.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) shard: Arc<ShardLanes>,
    pub(super) lane: usize,
    pub(super) parcel: Parcel,
}

/// One call, from being decided on to being answered. Its records get their due even if it is broken off.
pub(super) struct Call {
    pipeline: Arc<Pipeline>,
    entries: Vec<Entry>,
    began: Duration,
}

/// A container that was stored in a shard which is not known yet.
#[derive(Debug)]
pub(super) struct Strayed {
    entry: Entry,
    landed: Acknowledgement,
    began: Duration,
    ended: Duration,
}

impl Strayed {
    /// Without having found out whether it is where it belongs.
    pub(super) fn into_parcel(self) -> Parcel {
        let mut parcel = self.entry.parcel;
        parcel.attempted(self.began, self.ended, AttemptOutcome::StoredElsewhere(self.landed));
        parcel
    }
}

impl Call {
    pub(super) fn new(pipeline: Arc<Pipeline>, entries: Vec<Entry>) -> Self {
        let began = pipeline.clock.monotonic();
        Self { pipeline, entries, began }
    }

    /// Makes the call in a task of its own.
    pub(super) fn begin(self) {
        let tasks = self.pipeline.tasks.clone();
        let records = self.entries.len();
        let span = tracing::debug_span!("put_records", stream = %self.pipeline.stream_label, records);
        tasks.spawn(
            "producer: call",
            OnFailure::Log,
            async move {
                self.make().await;
                Ok::<_, Infallible>(())
            }
            .instrument(span),
        );
    }

    async fn make(mut self) {
        let pipeline = self.pipeline.clone();
        let records = Parcel::take_records(self.entries.iter_mut().map(|entry| &mut entry.parcel));
        self.began = pipeline.clock.monotonic();
        for entry in &mut self.entries {
            entry.parcel.sent.get_or_insert(self.began);
        }
        let limit = pipeline.settings.request_timeout;
        let answer = tokio::select! {
            biased;
            () = pipeline.tasks.stopping() => None,
            answer = pipeline.clock.timeout(limit, pipeline.api.put_records(&pipeline.stream, &records)) => {
                Some(answer.unwrap_or(Err(Error::TimedOut(limit))))
            }
        };
        for (entry, record) in self.entries.iter_mut().zip(records) {
            entry.parcel.restore(record);
        }
        // Without an answer the producer is at its end, and the entries are given up when this is dropped.
        if let Some(answer) = answer {
            self.answered(answer);
        }
    }

    fn answered(mut self, answer: Result<Vec<EntryOutcome>, Error>) {
        let pipeline = self.pipeline.clone();
        let entries = std::mem::take(&mut self.entries);
        let (began, now) = (self.began, pipeline.clock.monotonic());
        let user_records = entries.iter().map(|entry| entry.parcel.members()).sum();
        pipeline.metrics.called(entries.len(), user_records, now.saturating_sub(began));
        let sent = entries.len();
        pipeline.note_answer(answer.as_ref().err(), began);
        let routes = pipeline.routes.read();
        match answer {
            Ok(outcomes) if outcomes.len() == sent => {
                for (entry, outcome) in entries.into_iter().zip(outcomes) {
                    pipeline.landed(&routes, entry, outcome, began, now);
                }
            }
            Ok(outcomes) => {
                let error = format!("{} outcomes for {sent} records", outcomes.len());
                for entry in entries {
                    let error = Err(Error::UnreadableReply(error.clone()));
                    pipeline.landed(&routes, entry, error, began, now);
                }
            }
            Err(error) => {
                tracing::debug!(%error, records = sent, "a call failed");
                for entry in entries {
                    if sent > 1 && may_be_of_one(&error) {
                        pipeline.separate(&routes, entry, &error, sent / 2, began, now);
                    } else {
                        pipeline.landed(&routes, entry, Err(error.clone()), began, now);
                    }
                }
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let now = self.pipeline.clock.monotonic();
        for mut entry in self.entries.drain(..) {
            let error = Error::ConnectionLost("the call was broken off".to_owned());
            entry.parcel.attempted(self.began, now, AttemptOutcome::Failed(error));
            self.pipeline.finish(entry, End::Abandoned, now);
        }
        self.pipeline.calls_in_flight.fetch_sub(1, Ordering::SeqCst);
        self.pipeline.woken.notify_one();
    }
}

/// Whether a call may have been refused as a whole for what one of its records is like.
fn may_be_of_one(error: &Error) -> bool {
    matches!(
        error,
        Error::Validation(_) | Error::InvalidArgument(_) | Error::Unsendable(_) | Error::Refused { .. }
    )
}

impl Pipeline {
    /// An attempt has ended.
    fn landed(
        &self,
        routes: &Routes,
        mut entry: Entry,
        outcome: EntryOutcome,
        began: Duration,
        now: Duration,
    ) {
        match outcome {
            Ok(landed) => {
                let is_as_expected = entry.shard.id.is_none_or(|expected| expected == landed.shard);
                if !is_as_expected && !routes.is_open(landed.shard) {
                    self.map_wanted.notify_one();
                }
                if is_as_expected || entry.parcel.members() == 1 {
                    self.stored(entry, landed, began, now);
                } else {
                    let unknown = self.stray(routes, Strayed { entry, landed, began, ended: now });
                    if let Some(strayed) = unknown {
                        self.find_out(strayed, now);
                    }
                }
            }
            Err(error) => {
                entry.shard.metrics.failed(&error);
                if matches!(error, Error::ProvisionedThroughputExceeded(_))
                    && let Some(limiter) = &entry.shard.limiter
                {
                    let mut limiter = limiter.lock();
                    limiter.throttled(now);
                    entry.shard.metrics.paced(limiter.share());
                }
                entry.parcel.attempted(began, now, AttemptOutcome::Failed(error.clone()));
                let is_fatal =
                    !error.is_retryable() || (error.is_throttle() && self.settings.fail_if_throttled);
                if is_fatal {
                    self.finish(entry, End::Rejected(error), now);
                } else {
                    self.again(routes, entry, now);
                }
            }
        }
    }

    /// A call was refused for what may be the fault of one of its records: they are tried again in smaller companies.
    fn separate(
        &self,
        routes: &Routes,
        mut entry: Entry,
        error: &Error,
        company_max: usize,
        began: Duration,
        now: Duration,
    ) {
        entry.shard.metrics.failed(error);
        entry.parcel.attempted(began, now, AttemptOutcome::Failed(error.clone()));
        entry.parcel.company_max = company_max.max(1);
        self.put_back(routes, entry);
    }

    /// A container landed where it was not expected. Gives it back if that place is not known.
    fn stray(&self, routes: &Routes, mut strayed: Strayed) -> Option<Strayed> {
        let Some(range) = routes.range_of(strayed.landed.shard) else { return Some(strayed) };
        let is_where_it_belongs = strayed.is_where_it_belongs(range);
        let Strayed { mut entry, landed, began, ended } = strayed;
        if is_where_it_belongs {
            self.stored(entry, landed, began, ended);
            return None;
        }
        tracing::debug!(shard = %landed.shard, "an aggregated record landed where some members do not belong");
        entry.shard.metrics.strayed();
        entry.parcel.attempted(began, ended, AttemptOutcome::StoredElsewhere(landed));
        routes.distribute(entry.parcel, Lane::put_back);
        if let Some(lane) = entry.shard.lanes.get(entry.lane) {
            lane.lock().landed();
        }
        self.woken.notify_one();
        None
    }

    /// Keeps a container until the shard that it landed in is known.
    fn find_out(&self, strayed: Strayed, now: Duration) {
        // Nobody asks any more once the producer has ended.
        if self.tasks.is_stopping() {
            self.settle(strayed.into_parcel(), End::Abandoned, now);
        } else {
            self.strayed.lock().push(strayed);
            self.map_wanted.notify_one();
        }
    }

    /// The shards are others now: containers that strayed may be known to be where they belong, or not to.
    pub(super) fn stray_again(&self, routes: &Routes) {
        let mut strayed = self.strayed.lock();
        let looked_at: Vec<_> = strayed.drain(..).collect();
        strayed.extend(looked_at.into_iter().filter_map(|strayed| self.stray(routes, strayed)));
    }

    /// Gives up on strayed containers that nothing becomes known about in time. True while there are any.
    pub(super) fn expire_strayed(&self, now: Duration) -> bool {
        let ttl = self.settings.record_ttl;
        let mut strayed = self.strayed.lock();
        let expired: Vec<_> =
            strayed.extract_if(.., |strayed| strayed.entry.parcel.oldest + ttl <= now).collect();
        let is_any_left = !strayed.is_empty();
        drop(strayed);
        for Strayed { mut entry, landed, began, ended } in expired {
            entry.parcel.attempted(began, ended, AttemptOutcome::StoredElsewhere(landed));
            entry.shard.metrics.expired(entry.parcel.members());
            self.finish(entry, End::Expired, now);
        }
        is_any_left
    }

    fn stored(&self, mut entry: Entry, landed: Acknowledgement, began: Duration, now: Duration) {
        entry.parcel.attempted(began, now, AttemptOutcome::Stored(landed.clone()));
        self.finish(entry, End::Stored(landed), now);
    }

    /// Tries a parcel again after a while, if there is time.
    fn again(&self, routes: &Routes, mut entry: Entry, now: Duration) {
        let parcel = &mut entry.parcel;
        let failures = u32::try_from(parcel.attempts.len()).unwrap_or(u32::MAX);
        let delay = self.settings.retry_backoff.delay(failures.saturating_sub(1), self.entropy.next_u64());
        parcel.not_before = now + delay;
        if parcel.oldest + self.settings.record_ttl <= now {
            entry.shard.metrics.expired(entry.parcel.members());
            self.finish(entry, End::Expired, now);
        } else {
            self.put_back(routes, entry);
        }
    }

    fn put_back(&self, routes: &Routes, Entry { shard, lane, parcel }: Entry) {
        let Some(lane) = shard.lanes.get(lane) else { return };
        let mut guard = lane.lock();
        if !guard.is_retired() {
            guard.put_back(parcel);
            guard.landed();
            return;
        }
        drop(guard);
        if self.tasks.is_stopping() {
            self.settle(parcel, End::Abandoned, self.clock.monotonic());
        } else {
            // What follows waits until this one has landed, and has to find it before itself then.
            routes.distribute(parcel, Lane::put_back);
        }
        lane.lock().landed();
    }

    /// The fate of a parcel is decided.
    fn finish(&self, Entry { shard, lane, parcel }: Entry, end: End, now: Duration) {
        let (size, oldest) = (parcel.size, parcel.oldest);
        let is_stored = matches!(end, End::Stored(_));
        let (charge, delivery) = parcel.settle(end, now);
        if is_stored {
            shard.metrics.stored(charge.records, charge.bytes, size, oldest, &delivery);
        }
        self.give_back(charge);
        if let Some(lane) = shard.lanes.get(lane) {
            lane.lock().landed();
        }
    }
}

impl Strayed {
    /// Whether readers of its shard will have all its members. A container whose own hash key is not the shard's either
    /// was not routed by it: the stream spreads records itself, and no shard is more right than another.
    fn is_where_it_belongs(&mut self, range: HashKeyRange) -> bool {
        let parcel = &mut self.entry.parcel;
        !range.contains(parcel.hash_key()) || parcel.is_within(range)
    }
}
