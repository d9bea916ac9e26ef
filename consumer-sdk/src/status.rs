//! What a consumer is doing, for health endpoints and metrics: a snapshot at any time, without waiting for anybody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_client::Record;
use millstream_client::aggregation::Tally;
use millstream_lease::coordinator::LossReason;
use millstream_lease::{Checkpoint, LeaseKey, ShardName, WorkerId};
use millstream_runtime::SharedClock;
use parking_lot::Mutex;

use crate::metrics::ShardMetrics;
use crate::processor::ShardOfStream;

/// The shards of one worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its name in the lease table.
    pub worker: WorkerId,
    /// By lease.
    pub shards: Vec<ShardReport>,
}

/// One shard whose lease is held.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardReport {
    /// The lease's key: the shard's id, after the stream's where there are several.
    pub lease: LeaseKey,
    /// The shard that it is for.
    pub shard: ShardOfStream,
    /// What is being done with it.
    pub state: ShardState,
    /// The last one that was stored.
    pub checkpoint: Checkpoint,
    /// `polling` or `fan-out`; `None` before the first read.
    pub retrieval: Option<&'static str>,
    /// How far the last read ended behind the newest record. `None` before the first read.
    pub millis_behind_latest: Option<u64>,
    /// Since the lease was gained.
    pub records_read: u64,
    /// Of data and partition keys, since the lease was gained.
    pub bytes_read: u64,
    /// User records that the processor returned `Ok` for, since the lease was gained.
    pub records_processed: u64,
    /// Given up on, by the policy for failures.
    pub records_skipped: u64,
    /// Members of aggregated records that belong to another shard and were processed all the same, so may come twice.
    pub members_foreign: u64,
    /// Members that were left out by [`crate::MemberPolicy`].
    pub members_dropped: u64,
    /// Left out because a record with the same idempotence tag came before, by
    /// [`crate::ConsumerSettings::repetition_window`].
    pub repetitions_dropped: u64,
    /// Read ahead and not yet processed.
    pub prefetched_bytes: usize,
    /// The last failure to read since a read succeeded.
    pub read_failure: Option<String>,
}

/// What a shard is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardState {
    /// These shards have to be processed to their end first.
    WaitingForParents(Vec<ShardName>),
    /// The processor's first call is under way.
    Initializing,
    /// Records are read and processed.
    Processing,
    /// A call of the processor failed so many times in a row, and is to be repeated.
    Retrying {
        /// So many times.
        failures: u32,
        /// What the processor said last.
        error: String,
    },
    /// The processor is given nothing any more. See [`crate::AfterRetries::StopShard`].
    Stopped {
        /// What the processor said last.
        error: String,
    },
    /// Another worker is to go on, or this one stops.
    Draining,
    /// All records were processed.
    Ending,
}

/// Shows what a consumer does; clones show the same. Outlives it.
#[derive(Clone, Debug)]
pub struct StatusHandle(Arc<Board>);

#[derive(Debug)]
struct Board {
    worker: WorkerId,
    application: String,
    shards: Mutex<BTreeMap<LeaseKey, Arc<Mutex<ShardReport>>>>,
}

/// The entry of one shard; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct ShardStatus {
    board: Arc<Board>,
    report: Arc<Mutex<ShardReport>>,
    metrics: ShardMetrics,
    clock: SharedClock,
    throughput: Mutex<Throughput>,
}

/// What was read since the last sample.
#[derive(Debug)]
struct Throughput {
    since: Duration,
    bytes: u64,
}

impl Status {
    /// Whether every shard gets on, as far as it is this worker's to tell.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.shards.iter().any(|shard| matches!(shard.state, ShardState::Stopped { .. }))
    }
}

impl StatusHandle {
    pub(crate) fn new(worker: WorkerId, application: &str) -> Self {
        let application = application.to_owned();
        Self(Arc::new(Board { worker, application, shards: Mutex::default() }))
    }

    /// What the consumer is doing now. Waits for nobody.
    #[must_use]
    pub fn snapshot(&self) -> Status {
        let shards = self.0.shards.lock().values().map(|report| report.lock().clone()).collect();
        Status { worker: self.0.worker.clone(), shards }
    }

    pub(crate) fn add(
        &self,
        lease: &LeaseKey,
        shard: ShardOfStream,
        checkpoint: Checkpoint,
        clock: SharedClock,
    ) -> ShardStatus {
        let metrics = ShardMetrics::new(&self.0.application, &shard);
        let report = Arc::new(Mutex::new(ShardReport {
            lease: lease.clone(),
            shard,
            state: ShardState::Initializing,
            checkpoint,
            retrieval: None,
            millis_behind_latest: None,
            records_read: 0,
            bytes_read: 0,
            records_processed: 0,
            records_skipped: 0,
            members_foreign: 0,
            members_dropped: 0,
            repetitions_dropped: 0,
            prefetched_bytes: 0,
            read_failure: None,
        }));
        self.0.shards.lock().insert(lease.clone(), report.clone());
        let throughput = Mutex::new(Throughput { since: clock.monotonic(), bytes: 0 });
        ShardStatus { board: self.0.clone(), report, metrics, clock, throughput }
    }
}

impl ShardStatus {
    pub(crate) fn is(&self, state: ShardState) {
        self.report.lock().state = state;
    }

    pub(crate) fn checkpointed(&self, at: Checkpoint) {
        self.report.lock().checkpoint = at;
    }

    pub(crate) fn retrieves(&self, how: &'static str) {
        self.report.lock().retrieval = Some(how);
    }

    pub(crate) fn read(&self, records: &[Record], millis_behind_latest: u64) {
        let bytes: usize = records.iter().map(Record::size).sum();
        let mut report = self.report.lock();
        report.read_failure = None;
        report.millis_behind_latest = Some(millis_behind_latest);
        report.records_read += records.len() as u64;
        report.bytes_read += bytes as u64;
        self.metrics.records_read.increment(records.len() as u64);
        self.metrics.bytes_read.increment(bytes as u64);
        #[allow(clippy::cast_precision_loss)] // 285,000 years are exact
        self.metrics.lag.set(millis_behind_latest as f64 / 1000.0);
        self.throughput.lock().bytes += bytes as u64;
    }

    pub(crate) fn failed_to_read(&self, error: &millstream_client::Error) {
        self.metrics.read_failures.increment(1);
        self.report.lock().read_failure = Some(error.to_string());
    }

    pub(crate) fn processed(&self, records: usize, prefetched_bytes: usize) {
        let mut report = self.report.lock();
        report.records_processed += records as u64;
        report.prefetched_bytes = prefetched_bytes;
        self.metrics.records_processed.increment(records as u64);
        #[allow(clippy::cast_precision_loss)] // a budget of bytes
        self.metrics.prefetched.set(prefetched_bytes as f64);
    }

    pub(crate) fn unpacked(&self, tally: Tally, repetitions: u64) {
        let mut report = self.report.lock();
        report.repetitions_dropped += repetitions;
        self.metrics.repetitions_dropped.increment(repetitions);
        report.members_foreign += tally.foreign;
        report.members_dropped += tally.dropped;
        self.metrics.unpacked(tally);
    }

    pub(crate) fn skipped(&self) {
        self.report.lock().records_skipped += 1;
        self.metrics.records_skipped.increment(1);
    }

    /// A call of `process_records` has ended.
    pub(crate) fn call_took(&self, duration: Duration) {
        self.metrics.processing_took(duration);
    }

    /// A call of the processor failed.
    pub(crate) fn failed(&self) {
        self.metrics.processor_failures.increment(1);
    }

    pub(crate) fn lost(&self, reason: &LossReason) {
        self.metrics.lost(reason);
    }

    /// When the throughput was sampled last, by the monotonic clock.
    pub(crate) fn sampled_at(&self) -> Duration {
        self.throughput.lock().since
    }

    /// KiB a second since the last sample, if that is as long ago as `interval`.
    pub(crate) fn sample(&self, interval: Duration) -> Option<f64> {
        let now = self.clock.monotonic();
        let mut throughput = self.throughput.lock();
        let passed = now.saturating_sub(throughput.since);
        if passed < interval || passed.is_zero() {
            return None;
        }
        let bytes = std::mem::take(&mut throughput.bytes);
        throughput.since = now;
        #[allow(clippy::cast_precision_loss)] // a rate needs no more than its leading digits
        let kib = bytes as f64 / 1024.0;
        Some(kib / passed.as_secs_f64())
    }
}

impl Drop for ShardStatus {
    fn drop(&mut self) {
        let mut shards = self.board.shards.lock();
        let lease = self.report.lock().lease.clone();
        if shards.get(&lease).is_some_and(|report| Arc::ptr_eq(report, &self.report)) {
            shards.remove(&lease);
        }
    }
}
