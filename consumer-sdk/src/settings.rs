//! How a consumer behaves. Each field names KCL's setting where there is one.

use std::time::Duration;

use millstream_client::aggregation::MemberPolicy;
use millstream_lease::assignment::{AssignmentSettings, BalanceBy};
use millstream_lease::coordinator::CoordinatorSettings;
use millstream_lease::shard_sync::InitialPosition;
use millstream_lease::{StreamIdentifier, WorkerId};
use millstream_model::ConsumerName;
use millstream_runtime::Backoff;

use crate::failure::FailurePolicy;

/// How records are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// The service pushes records to a consumer that is registered with the stream and has its own read capacity.
    /// Until it is registered, and where it cannot be, records are polled for.
    FanOut {
        /// KCL's `consumerName`; the application's name unless it is set.
        consumer_name: Option<ConsumerName>,
    },
    /// Records are asked for, from the read capacity that all pollers of a shard share.
    Polling,
}

/// When what was processed is stored without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointPolicy {
    /// Never: the processor makes its checkpoints.
    Manual,
    /// Once something was processed this long ago, and before the lease is given back. What
    /// [`crate::RecordProcessor::process_records`] returned `Ok` for counts as processed.
    Automatic {
        /// Between two checkpoints of a shard.
        interval: Duration,
    },
}

/// What to do when the stream is not the one that the leases were made for: it was deleted, and another one was created
/// under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRecreatedStream {
    /// End with [`crate::Error::StreamRecreated`], and change nothing.
    Refuse,
    /// At the start, remove the leases of the old stream and begin anew. While a consumer runs, it ends all the same.
    Reset,
}

/// Where a worker looks at its own machine. What all workers report is balanced; where any does not, throughput is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureWhere {
    /// On EC2, ECS and Kubernetes, as KCL does: there a worker has a machine or a share of one to itself.
    OnAws,
    /// On any Linux. Workers that share a machine look equally busy, and shards do not move between them for that.
    Everywhere,
    /// KCL's `disableWorkerMetrics`.
    Nowhere,
}

/// What a worker reports of its machine, for `WorkerLoad` to balance by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerMetrics {
    /// Where the machine is looked at.
    pub measure: MeasureWhere,
    /// The processor's use in percent above which a worker is relieved, however busy others are.
    pub cpu_max_percent: f64,
    /// Report the use of memory too. KCL does not: memory seldom follows from the shards that a worker has.
    pub memory: bool,
}

impl Default for WorkerMetrics {
    fn default() -> Self {
        Self { measure: MeasureWhere::OnAws, cpu_max_percent: 100.0, memory: false }
    }
}

/// Everything that can be set. The defaults are KCL's where workers have to agree, and quicker ones where they need not.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerSettings {
    /// Where an application begins that has processed nothing (`initialPositionInStream`).
    pub initial_position: InitialPosition,
    /// `retrievalMode`.
    pub retrieval: Retrieval,
    /// Who makes checkpoints: the consumer every 5 s unless set.
    pub checkpoints: CheckpointPolicy,
    /// What to do when a processor fails.
    pub failures: FailurePolicy,
    /// What to do when another stream has the name of the one that was read.
    pub on_recreated_stream: OnRecreatedStream,
    /// What becomes of members of aggregated records that belong to another shard.
    pub members: MemberPolicy,
    /// Records of each shard whose idempotence tags are remembered: one with the same tag that lies behind it is left
    /// out. 0 gives every record. The window begins anew with each lease, and does not reach into other shards.
    pub repetition_window: usize,

    /// How long a lease may go without renewal before others may have it (`failoverTimeMillis`).
    pub failover_time: Duration,
    /// How often leases are assigned (`leaseAssignmentIntervalMillis`). Follows from the failover time unless it is set.
    pub lease_assignment_interval: Option<Duration>,
    /// How long handing a lease over may take (`gracefulLeaseHandoffTimeoutMillis`).
    pub graceful_lease_handoff_timeout: Duration,
    /// How often shards are compared with leases (`shardSyncIntervalMillis`), and the stream with the one that the
    /// leases were made for.
    pub shard_sync_interval: Duration,
    /// How workers share the shards (`leaseAssignmentStrategy`, `maxLeasesForWorker`, `dampeningPercentage` and so on).
    pub assignment: AssignmentSettings,
    /// What workers report of their machines.
    pub worker_metrics: WorkerMetrics,
    /// How often a shard looks whether its parents have ended (`parentShardPollIntervalMillis`).
    pub parent_shard_poll_interval: Duration,

    /// Records given to a processor at once, and asked for at once (`maxRecords`, 1 to 10 000).
    pub max_records: usize,
    /// Between two reads of a shard without new records, when polling (`idleTimeBetweenReadsInMillis`).
    pub idle_time_between_reads: Duration,
    /// Give empty batches too (`callProcessRecordsEvenForEmptyRecordList`).
    pub call_process_records_even_for_empty_record_list: bool,
    /// Bytes read ahead for one shard, which one reply may exceed.
    pub prefetch_bytes_per_shard: usize,
    /// Bytes read ahead for all shards. A shard for which nothing is read ahead may read in any case.
    pub prefetch_bytes: usize,
    /// Waits after failed reads.
    pub read_backoff: Backoff,
    /// A subscription without an event for this long is given up; the service sends one every few seconds.
    pub subscription_silence: Duration,
    /// How long [`crate::Consumer::run`] waits for processors when it was asked to stop (`shutdownGraceMillis`).
    pub shutdown_grace: Duration,
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            initial_position: InitialPosition::default(),
            retrieval: Retrieval::FanOut { consumer_name: None },
            checkpoints: CheckpointPolicy::Automatic { interval: Duration::from_secs(5) },
            failures: FailurePolicy::default(),
            on_recreated_stream: OnRecreatedStream::Refuse,
            members: MemberPolicy::KeepAll,
            repetition_window: 0,
            failover_time: Duration::from_secs(10),
            lease_assignment_interval: None,
            graceful_lease_handoff_timeout: Duration::from_secs(30),
            shard_sync_interval: Duration::from_secs(60),
            assignment: AssignmentSettings::default(),
            worker_metrics: WorkerMetrics::default(),
            parent_shard_poll_interval: Duration::from_secs(1),
            max_records: 10_000,
            idle_time_between_reads: Duration::from_millis(500),
            call_process_records_even_for_empty_record_list: false,
            prefetch_bytes_per_shard: 8 << 20,
            prefetch_bytes: 128 << 20,
            read_backoff: Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(10) },
            subscription_silence: Duration::from_secs(35),
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

impl ConsumerSettings {
    /// What is to be even among workers.
    #[must_use]
    pub fn balanced_by(mut self, balance_by: BalanceBy) -> Self {
        self.assignment.balance_by = balance_by;
        self
    }

    /// The same, as the coordinator of leases knows it.
    pub(crate) fn coordinator(
        &self,
        worker: WorkerId,
        streams: Vec<StreamIdentifier>,
    ) -> CoordinatorSettings {
        let mut settings = CoordinatorSettings::with_failover(worker, self.failover_time);
        if let Some(interval) = self.lease_assignment_interval {
            settings.look_interval = interval;
        }
        settings.handoff_timeout = self.graceful_lease_handoff_timeout;
        settings.shard_sync_interval = self.shard_sync_interval;
        settings.initial_position = self.initial_position;
        settings.assignment = self.assignment.clone();
        settings.streams = streams;
        settings
    }

    /// The name of the setting that makes no sense, if there is one.
    pub(crate) fn nonsense(&self) -> Option<&'static str> {
        let checks = [
            (self.failover_time < Duration::from_millis(100), "failover_time is below 100 ms"),
            (!(1..=10_000).contains(&self.max_records), "max_records is not between 1 and 10 000"),
            (self.prefetch_bytes == 0, "prefetch_bytes is 0"),
            (self.prefetch_bytes_per_shard == 0, "prefetch_bytes_per_shard is 0"),
            (self.read_backoff.cap.is_zero(), "read_backoff never waits"),
            (self.failures.backoff.cap.is_zero(), "failures.backoff never waits"),
        ];
        checks.into_iter().find_map(|(is_wrong, what)| is_wrong.then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_nonsense_is_named() {
        assert_eq!(ConsumerSettings::default().nonsense(), None);
        let greedy = ConsumerSettings { max_records: 10_001, ..ConsumerSettings::default() };
        assert!(greedy.nonsense().unwrap().contains("max_records"));
    }
}
