//! The calls of one processor, in order: it is initialised, given batches, and told how it ended.
//!
//! A failed call is repeated by the policy for failures. Until a record was processed, or given up on by a policy that
//! says so, nothing behind it is given to the processor, and no automatic checkpoint passes it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millstream_client::aggregation::Deaggregation;
use millstream_lease::Checkpoint;
use millstream_lease::coordinator::Ownership;
use millstream_runtime::Entropy;
use tokio::sync::watch;
use tracing::Instrument;

use super::automatic::Automatic;
use super::{Interruption, Order, Outcome, Parts, give_back, interrupted, pause};
use crate::checkpointer::{CheckpointError, Checkpointer};
use crate::deaggregation::{Unpacked, unpack};
use crate::failure::{AfterRetries, DeadLetters, Verdict};
use crate::prefetch::{Next, Queue, Taken};
use crate::processor::{Batch, BoxError, Initialization, ProcessorLost, RecordProcessor, ShardOfStream};
use crate::record::UserRecord;
use crate::repetitions::Window;
use crate::status::{ShardState, ShardStatus};
use crate::stream::Stream;

/// Tries to store what was processed before the lease is given back.
const LAST_CHECKPOINT_TRIES: usize = 5;
const LAST_CHECKPOINT_WAIT: Duration = Duration::from_millis(200);

pub(super) struct Session {
    pub(super) parts: Arc<Parts>,
    pub(super) stream: Arc<Stream>,
    pub(super) shard: ShardOfStream,
    pub(super) ownership: Ownership,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) status: Arc<ShardStatus>,
    processor: Box<dyn RecordProcessor>,
    pub(super) checkpointer: Checkpointer,
    automatic: Automatic,
    window: Window,
    /// Up to where everything was processed, or given up on by policy.
    processed: Checkpoint,
    /// After a panic the processor is not called again: it may be half way through anything.
    panicked: bool,
    losses: Losses,
}

/// How often in a row processors were lost that made no checkpoint.
#[derive(Clone, Debug)]
struct Losses {
    /// The present one is lost, and not called again.
    is_lost: bool,
    count: u32,
    since: Checkpoint,
}

/// A call of the processor.
pub(super) enum Call<'a> {
    Initialize(&'a Initialization),
    Process(&'a Batch),
    ShardEnded,
}

/// Why a call was not repeated.
#[derive(Debug)]
pub(super) enum Halt {
    Interrupted(Interruption),
    GaveUp(String),
    Anew,
}

impl From<Interruption> for Halt {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl Session {
    pub(super) fn new(
        parts: Arc<Parts>,
        stream: Arc<Stream>,
        shard: ShardOfStream,
        ownership: Ownership,
        orders: watch::Receiver<Order>,
        status: Arc<ShardStatus>,
    ) -> Self {
        Self {
            stream,
            processor: (parts.factory)(&shard),
            shard,
            checkpointer: Checkpointer::new(ownership.clone(), orders.clone()),
            automatic: Automatic::new(parts.settings.checkpoints),
            window: Window::new(parts.settings.repetition_window),
            parts,
            processed: ownership.gained().checkpoint.clone(),
            losses: Losses { is_lost: false, count: 0, since: ownership.gained().checkpoint.clone() },
            ownership,
            orders,
            status,
            panicked: false,
        }
    }

    /// With a processor that is made anew, behind the last checkpoint. `start` becomes what it is to be told.
    pub(super) fn anew(mut self, start: &mut Initialization) -> Self {
        let (checkpointer, pending) = self.checkpointer.anew();
        start.checkpoint = checkpointer.checkpointed();
        start.pending = pending;
        self.processed = start.checkpoint.clone();
        self.processor = (self.parts.factory)(&self.shard);
        self.automatic.stored();
        self.losses.is_lost = false;
        Self { checkpointer, ..self }
    }

    /// Everything up to the end of the shard or an interruption.
    pub(super) async fn run(&mut self, start: &Initialization, queue: &Queue) -> Outcome {
        match self.persist(&Call::Initialize(start)).await {
            Ok(()) => {}
            Err(halt) => return self.halted(halt).await,
        }
        self.status.is(ShardState::Processing);
        loop {
            let due_at = self.next_timer();
            let next = tokio::select! {
                biased;
                interruption = interrupted(&mut self.orders) => return Outcome::Interrupted(interruption),
                () = self.parts.clock.sleep_until(due_at) => None,
                next = queue.next(self.parts.settings.max_records) => Some(next),
            };
            let done = match next {
                None => {
                    self.on_timer().await;
                    Ok(())
                }
                Some(Next::Records(taken)) => self.process(taken, queue).await,
                Some(Next::End { children }) => return self.end(children).await,
                Some(Next::Unreadable(why)) => return self.stopped(why).await,
            };
            if let Err(halt) = done {
                return self.halted(halt).await;
            }
        }
    }

    async fn process(&mut self, mut taken: Taken<'_>, queue: &Queue) -> Result<(), Halt> {
        let how =
            Deaggregation { policy: self.parts.settings.members, range: self.ownership.gained().hash_range };
        let records = std::mem::take(&mut taken.records);
        let unpacked = unpack(records, how, &self.parts.opener, &mut self.window, &self.processed);
        let Unpacked { mut records, broken, tally, repetitions, end } = unpacked;
        self.status.unpacked(tally, repetitions);
        let stop = self.give_up_on_broken(broken, &mut records).await?;
        let wants_empty = self.parts.settings.call_process_records_even_for_empty_record_list;
        if !records.is_empty() || (wants_empty && stop.is_none()) {
            let batch = Batch { records, millis_behind_latest: taken.millis_behind_latest };
            let count = batch.records.len();
            let delivered = self.deliver(batch).await;
            drop(taken);
            if delivered.is_ok() {
                self.status.processed(count, queue.bytes());
            }
            self.status.checkpointed(self.checkpointer.checkpointed());
            delivered?;
        }
        if let Some(why) = stop {
            return Err(Halt::GaveUp(why));
        }
        // Members that were given up on may be the last ones.
        if let Some(end) = end {
            self.checkpointer.delivered(end.clone());
            self.is_processed(end);
        }
        Ok(())
    }

    /// Has a batch processed, whatever that takes.
    async fn deliver(&mut self, mut batch: Batch) -> Result<(), Halt> {
        let Some(last) = batch.records.last().map(UserRecord::checkpoint) else {
            return self.persist(&Call::Process(&batch)).await;
        };
        self.checkpointer.delivered(last.clone());
        let mut failures = 0;
        while let Err(failure) = self.call(&Call::Process(&batch)).await {
            failures += 1;
            let gave_up = self.after_failure(failures, &failure).await;
            // What the processor stored itself before it failed need not come again.
            let stored = self.checkpointer.checkpointed();
            batch.records.retain(|record| record.checkpoint() > stored);
            self.is_processed(stored);
            match (gave_up, &self.parts.settings.failures.then) {
                (Ok(()), _) => {}
                (Err(Halt::GaveUp(_)), AfterRetries::Skip) if !self.is_unusable() => {
                    return self.isolate(batch, None).await;
                }
                (Err(Halt::GaveUp(_)), AfterRetries::DeadLetter(letters)) if !self.is_unusable() => {
                    return self.isolate(batch, Some(letters.clone())).await;
                }
                (Err(halt), _) => return Err(halt),
            }
            if batch.records.is_empty() {
                break;
            }
        }
        self.status.is(ShardState::Processing);
        self.is_processed(last);
        Ok(())
    }

    /// Gives each record alone once more, and gives up on those that fail.
    async fn isolate(&mut self, batch: Batch, letters: Option<Arc<dyn DeadLetters>>) -> Result<(), Halt> {
        for record in batch.records {
            if *self.orders.borrow() != Order::Process {
                return Err(interrupted(&mut self.orders).await.into());
            }
            let single =
                Batch { records: vec![record.clone()], millis_behind_latest: batch.millis_behind_latest };
            if let Err(failure) = self.call(&Call::Process(&single)).await {
                if self.is_unusable() {
                    self.after_failure(1, &failure).await?;
                    return Err(Halt::GaveUp(failure));
                }
                if let Some(letters) = &letters {
                    self.put_away(letters.as_ref(), &record, &failure).await?;
                }
                let (shard, number) = (&self.shard.shard, &record.sequence_number);
                tracing::error!(%shard, %number, sub_sequence = record.sub_sequence, %failure, "a record is left out");
                self.status.skipped();
            }
            self.is_processed(record.checkpoint());
        }
        self.status.is(ShardState::Processing);
        Ok(())
    }

    /// Until it is put away, nothing behind the record is processed.
    pub(super) async fn put_away(
        &mut self,
        letters: &dyn DeadLetters,
        record: &UserRecord,
        reason: &str,
    ) -> Result<(), Halt> {
        let mut failures = 0;
        while let Err(failure) = guarded(letters.put(&self.shard, record, reason)).await {
            failures += 1;
            let error = format!("a record cannot be put away: {}", failure.text);
            tracing::error!(shard = %self.shard.shard, %error, failures);
            self.status.is(ShardState::Retrying { failures, error });
            let wait = self.parts.settings.failures.backoff.delay(failures, self.random());
            pause(&self.parts.clock, wait, &mut self.orders).await?;
        }
        Ok(())
    }

    /// Repeats a call until it succeeds.
    pub(super) async fn persist(&mut self, call: &Call<'_>) -> Result<(), Halt> {
        let mut failures = 0;
        while let Err(failure) = self.call(call).await {
            failures += 1;
            self.after_failure(failures, &failure).await?;
        }
        Ok(())
    }

    /// Waits before the next try, if there is to be one.
    async fn after_failure(&mut self, failures: u32, failure: &str) -> Result<(), Halt> {
        let failures = if self.losses.is_lost { self.losses_in_a_row() } else { failures };
        tracing::warn!(shard = %self.shard.shard, failures, error = failure, "a processor failed");
        let verdict = self.parts.settings.failures.verdict(failures, self.random());
        let Verdict::RetryAfter(wait) = verdict else { return Err(Halt::GaveUp(failure.to_owned())) };
        if self.panicked {
            return Err(Halt::GaveUp(failure.to_owned()));
        }
        self.status.is(ShardState::Retrying { failures, error: failure.to_owned() });
        pause(&self.parts.clock, wait, &mut self.orders).await?;
        if self.losses.is_lost { Err(Halt::Anew) } else { Ok(()) }
    }

    fn losses_in_a_row(&mut self) -> u32 {
        let checkpointed = self.checkpointer.checkpointed();
        if checkpointed != self.losses.since {
            self.losses.count = 0;
        }
        self.losses.since = checkpointed;
        self.losses.count = self.losses.count.saturating_add(1);
        self.losses.count
    }

    /// Whether the processor must not be called any more.
    fn is_unusable(&self) -> bool {
        self.panicked || self.losses.is_lost
    }

    /// One call. The error is what to say about it.
    async fn call(&mut self, call: &Call<'_>) -> Result<(), String> {
        let (processor, checkpointer) = (&mut self.processor, &self.checkpointer);
        let called = match call {
            Call::Initialize(start) => guarded(processor.initialize(start)).await,
            Call::Process(batch) => {
                let begun = self.parts.clock.monotonic();
                let span = tracing::debug_span!("process_records", records = batch.records.len());
                let called = guarded(processor.process_records(batch, checkpointer)).instrument(span).await;
                self.status.call_took(self.parts.clock.monotonic().saturating_sub(begun));
                called
            }
            Call::ShardEnded => guarded(processor.shard_ended(checkpointer)).await,
        };
        called.map_err(|failure| {
            self.status.failed();
            self.panicked |= failure.is_panic;
            self.losses.is_lost |= failure.is_loss;
            failure.text
        })
    }

    fn random(&self) -> u64 {
        <dyn Entropy>::next_u64(self.parts.entropy.as_ref())
    }

    fn is_processed(&mut self, to: Checkpoint) {
        if self.processed < to {
            self.processed = to;
            self.automatic.processed(self.parts.clock.monotonic());
        }
    }

    fn sample_interval(&self) -> Duration {
        self.parts.settings.failover_time / 3
    }

    fn next_timer(&self) -> Duration {
        let sample_at = self.status.sampled_at() + self.sample_interval();
        self.automatic.due_at().map_or(sample_at, |due_at| due_at.min(sample_at))
    }

    async fn on_timer(&mut self) {
        if let Some(kbps) = self.status.sample(self.sample_interval()) {
            self.ownership.measured(kbps);
        }
        let now = self.parts.clock.monotonic();
        if self.automatic.due_at().is_some_and(|due_at| due_at <= now)
            && let Err(error) = self.checkpoint_processed().await
        {
            tracing::warn!(shard = %self.shard.shard, %error, "an automatic checkpoint was not made");
        }
    }

    /// Stores what was processed, if that is to be done without being asked for.
    async fn checkpoint_processed(&mut self) -> Result<(), CheckpointError> {
        let is_stored = self.processed <= self.checkpointer.checkpointed();
        if !self.automatic.is_on() || is_stored {
            self.automatic.stored();
            return Ok(());
        }
        self.automatic.postpone(self.parts.clock.monotonic());
        // It would end what the processor has announced.
        if self.checkpointer.has_pending() {
            return Ok(());
        }
        self.checkpointer.checkpoint_to(self.processed.clone()).await?;
        self.automatic.stored();
        self.status.checkpointed(self.processed.clone());
        Ok(())
    }

    pub(super) async fn halted(&mut self, halt: Halt) -> Outcome {
        match halt {
            Halt::Interrupted(interruption) => Outcome::Interrupted(interruption),
            Halt::Anew => Outcome::Anew,
            Halt::GaveUp(error) => self.stopped(error).await,
        }
    }

    /// Stands still, and says why, until the lease goes.
    pub(super) async fn stopped(&mut self, error: String) -> Outcome {
        tracing::error!(shard = %self.shard.shard, %error, "the shard is stopped");
        if let Err(error) = self.checkpoint_processed().await {
            tracing::warn!(shard = %self.shard.shard, %error, "what was processed before is not stored");
        }
        self.tell_of_stop(&error).await;
        self.status.is(ShardState::Stopped { error });
        Outcome::Interrupted(interrupted(&mut self.orders).await)
    }

    async fn tell_of_stop(&mut self, why: &str) {
        if !self.is_unusable() {
            let told = guarded(Box::pin(self.processor.shard_stopped(why).map(Ok))).await;
            self.panicked = told.is_err();
            self.report(told);
        }
    }

    /// Of a processor that could not take what it was told, where nothing else can come of it.
    fn report(&self, told: Result<(), Failure>) {
        if let Err(Failure { text, .. }) = told {
            tracing::error!(shard = %self.shard.shard, error = %text, "a processor failed");
        }
    }

    /// Tells the processor how it ended, and lets go of the lease.
    pub(super) async fn finish(mut self, outcome: Outcome) {
        match outcome {
            // A session that goes on anew is not finished.
            Outcome::Over | Outcome::Anew => {}
            Outcome::Interrupted(Interruption::Lost(reason)) => {
                tracing::info!(shard = %self.shard.shard, %reason, "the lease was lost");
                self.status.lost(&reason);
                if !self.is_unusable() {
                    let told = guarded(Box::pin(self.processor.lease_lost(&reason).map(Ok))).await;
                    self.report(told);
                }
            }
            Outcome::Interrupted(Interruption::Drain) => {
                self.status.is(ShardState::Draining);
                if !self.is_unusable() {
                    let told = guarded(self.processor.shutdown_requested(&self.checkpointer)).await;
                    self.report(told);
                }
                self.let_go().await;
            }
            Outcome::DrainAtEnd => self.let_go().await,
        }
    }

    /// Stores what was processed, so that nobody processes it again, and gives the lease back.
    async fn let_go(mut self) {
        for _ in 0..LAST_CHECKPOINT_TRIES {
            match self.checkpoint_processed().await {
                Err(error) if error.is_retryable() => self.parts.clock.sleep(LAST_CHECKPOINT_WAIT).await,
                Err(error) => {
                    tracing::warn!(shard = %self.shard.shard, %error, "the last checkpoint was not made");
                    break;
                }
                Ok(()) => break,
            }
        }
        // Tokens are worth nothing before the next holder begins.
        drop(self.checkpointer);
        give_back(&self.ownership).await;
    }
}

/// What went wrong in the application's code.
struct Failure {
    text: String,
    is_panic: bool,
    is_loss: bool,
}

async fn guarded(call: BoxFuture<'_, Result<(), BoxError>>) -> Result<(), Failure> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            Err(Failure { text: error.to_string(), is_panic: false, is_loss: error.is::<ProcessorLost>() })
        }
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let text = format!("it panicked: {}", text.unwrap_or("without saying why"));
            Err(Failure { text, is_panic: true, is_loss: false })
        }
    }
}
