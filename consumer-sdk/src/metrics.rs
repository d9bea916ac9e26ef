//! What is counted and measured of each shard, through the `metrics` facade: for Prometheus, OpenTelemetry, or whatever
//! recorder the program has installed before the consumer runs; for nobody where there is none.
//!
//! The names are for dashboards, so they stay as they are. `docs/consumer.md` lists them.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Label, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use millstream_client::aggregation::Tally;
use millstream_lease::coordinator::LossReason;

use crate::processor::ShardOfStream;

const LAG: &str = "millstream_consumer_lag_seconds";
const PREFETCHED: &str = "millstream_consumer_prefetched_bytes";
const RECORDS_READ: &str = "millstream_consumer_records_read_total";
const BYTES_READ: &str = "millstream_consumer_bytes_read_total";
const RECORDS_PROCESSED: &str = "millstream_consumer_records_processed_total";
const RECORDS_SKIPPED: &str = "millstream_consumer_records_skipped_total";
const MEMBERS_FOREIGN: &str = "millstream_consumer_members_foreign_total";
const MEMBERS_DROPPED: &str = "millstream_consumer_members_dropped_total";
const REPETITIONS_DROPPED: &str = "millstream_consumer_repetitions_dropped_total";
const READ_FAILURES: &str = "millstream_consumer_read_failures_total";
const PROCESSING: &str = "millstream_consumer_processing_seconds";
const PROCESSOR_FAILURES: &str = "millstream_consumer_processor_failures_total";
const LEASES_GAINED: &str = "millstream_consumer_leases_gained_total";
const LEASES_LOST: &str = "millstream_consumer_leases_lost_total";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_gauge!(LAG, Unit::Seconds, "How far the last read ended behind the newest record of the shard");
    describe_gauge!(PREFETCHED, Unit::Bytes, "Read ahead and not yet processed");
    describe_counter!(RECORDS_READ, Unit::Count, "Records of the stream that were read");
    describe_counter!(BYTES_READ, Unit::Bytes, "Their data and partition keys");
    describe_counter!(RECORDS_PROCESSED, Unit::Count, "Records that a processor was given and processed");
    describe_counter!(RECORDS_SKIPPED, Unit::Count, "Records given up on by the policy for failures");
    describe_counter!(
        MEMBERS_FOREIGN,
        Unit::Count,
        "Members of another shard that were processed all the same"
    );
    describe_counter!(MEMBERS_DROPPED, Unit::Count, "Members left out by the policy for members");
    describe_counter!(
        REPETITIONS_DROPPED,
        Unit::Count,
        "Records left out because one with the same idempotence tag came before"
    );
    describe_counter!(READ_FAILURES, Unit::Count, "Requests for records that failed");
    describe_histogram!(PROCESSING, Unit::Seconds, "One call of process_records");
    describe_counter!(PROCESSOR_FAILURES, Unit::Count, "Calls of a processor that failed");
    describe_counter!(LEASES_GAINED, Unit::Count, "Leases that this worker gained");
    describe_counter!(LEASES_LOST, Unit::Count, "Leases that this worker lost, by reason");
}

/// The figures of one shard.
pub(crate) struct ShardMetrics {
    pub(crate) lag: Gauge,
    pub(crate) prefetched: Gauge,
    pub(crate) records_read: Counter,
    pub(crate) bytes_read: Counter,
    pub(crate) records_processed: Counter,
    pub(crate) records_skipped: Counter,
    pub(crate) repetitions_dropped: Counter,
    pub(crate) read_failures: Counter,
    pub(crate) processor_failures: Counter,
    members_foreign: Counter,
    members_dropped: Counter,
    processing: Histogram,
    labels: Vec<Label>,
}

impl std::fmt::Debug for ShardMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardMetrics").field("labels", &self.labels).finish_non_exhaustive()
    }
}

impl ShardMetrics {
    pub(crate) fn new(application: &str, shard: &ShardOfStream) -> Self {
        let labels = vec![
            Label::new("application", application.to_owned()),
            Label::new("stream", shard.stream.to_string()),
            Label::new("shard", shard.shard.to_string()),
        ];
        counter!(LEASES_GAINED, labels.clone()).increment(1);
        Self {
            lag: gauge!(LAG, labels.clone()),
            prefetched: gauge!(PREFETCHED, labels.clone()),
            records_read: counter!(RECORDS_READ, labels.clone()),
            bytes_read: counter!(BYTES_READ, labels.clone()),
            records_processed: counter!(RECORDS_PROCESSED, labels.clone()),
            records_skipped: counter!(RECORDS_SKIPPED, labels.clone()),
            repetitions_dropped: counter!(REPETITIONS_DROPPED, labels.clone()),
            read_failures: counter!(READ_FAILURES, labels.clone()),
            processor_failures: counter!(PROCESSOR_FAILURES, labels.clone()),
            members_foreign: counter!(MEMBERS_FOREIGN, labels.clone()),
            members_dropped: counter!(MEMBERS_DROPPED, labels.clone()),
            processing: histogram!(PROCESSING, labels.clone()),
            labels,
        }
    }

    pub(crate) fn unpacked(&self, tally: Tally) {
        self.members_foreign.increment(tally.foreign);
        self.members_dropped.increment(tally.dropped);
    }

    pub(crate) fn processing_took(&self, duration: Duration) {
        self.processing.record(duration.as_secs_f64());
    }

    pub(crate) fn lost(&self, reason: &LossReason) {
        let name = match reason {
            LossReason::Taken { .. } => "taken",
            LossReason::Lapsed => "lapsed",
            LossReason::HandoffTimedOut => "handoff timed out",
            LossReason::Removed => "removed",
        };
        let mut labels = self.labels.clone();
        labels.push(Label::new("reason", name));
        counter!(LEASES_LOST, labels).increment(1);
    }
}

impl Drop for ShardMetrics {
    /// Whoever has the shard from now on says how far it is behind.
    fn drop(&mut self) {
        self.lag.set(0.0);
        self.prefetched.set(0.0);
    }
}
