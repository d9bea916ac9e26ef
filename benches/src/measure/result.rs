//! The result as it is written to JSON. The field names are an interface: they are added to, never renamed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::push::PushResult;
use super::recorder::Recorder;

/// Raised when a reader of older results has to care.
pub(crate) const FORMAT: u32 = 1;

/// A benchmark with all its repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchResult {
    pub format: u32,
    /// `put`, `get`, `tail`, `push`, `mixed` or `table`.
    pub workload: String,
    pub target: Target,
    /// Every parameter by its flag's name.
    pub parameters: BTreeMap<String, serde_json::Value>,
    pub machine: Machine,
    pub started_unix_secs: u64,
    pub runs: Vec<RunResult>,
    /// Over all runs, by operation.
    pub summary: BTreeMap<String, Summary>,
}

/// What was measured against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub endpoint: String,
    pub label: String,
    /// In the caller's words: what an acknowledgement of this target promises.
    pub durability: String,
}

/// One repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    pub measured_secs: f64,
    /// Of the process that generated the load, while measuring.
    pub generator_cpu_secs: f64,
    /// Of the process given with `--target-pid`, while measuring.
    pub target_cpu_secs: Option<f64>,
    pub target_rss_bytes: Option<u64>,
    pub target_rss_peak_bytes: Option<u64>,
    /// `put`, `get`, `tail` (records from writer to reader) and `tail_put` (their puts), `push` (records from
    /// writer to subscriber), `push_put` (their puts) and `push_idle` (events of subscriptions without records); of tables
    /// `update` or `renew`, whose records are items.
    pub operations: BTreeMap<String, OperationResult>,
    /// What only subscribers see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationResult {
    pub requests: u64,
    pub records: u64,
    pub requests_per_second: f64,
    pub records_per_second: f64,
    /// Millions of bytes of record data, partition keys not counted.
    pub user_mb_per_second: f64,
    /// Millions of bytes on the wire, both directions, HTTP heads included.
    pub wire_mb_per_second: f64,
    pub latency: Latency,
    pub errors: BTreeMap<String, u64>,
    /// Requests that were due by the given rate and never sent, because the target fell behind. Their
    /// latency is counted as the time they had waited when the measurement ended.
    pub unsent: u64,
    pub timeline: Timeline,
}

/// Milliseconds from when a request should have been sent to its reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    pub mean_ms: f64,
    pub min_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p99_9_ms: f64,
    pub max_ms: f64,
    /// The distribution, for drawing.
    pub points: Vec<LatencyPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyPoint {
    pub quantile: f64,
    pub ms: f64,
}

/// Per bucket, from the start of the measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    pub bucket_secs: f64,
    pub requests_per_second: Vec<f64>,
    pub records_per_second: Vec<f64>,
    pub user_mb_per_second: Vec<f64>,
}

/// One operation over all repetitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub requests_per_second: Spread,
    pub records_per_second: Spread,
    pub user_mb_per_second: Spread,
    pub wire_mb_per_second: Spread,
    pub p50_ms: Spread,
    pub p90_ms: Spread,
    pub p99_ms: Spread,
    pub p99_9_ms: Spread,
    pub max_ms: Spread,
    pub errors: BTreeMap<String, u64>,
    pub unsent: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// `bench disk`: how long fdatasync takes after a small append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskResult {
    pub format: u32,
    pub workload: String,
    pub directory: String,
    pub machine: Machine,
    pub started_unix_secs: u64,
    /// By the number of bytes appended before each fdatasync.
    pub fdatasync: BTreeMap<u64, Latency>,
}

impl OperationResult {
    pub(crate) fn of(recorder: &Recorder) -> Self {
        let total = recorder.total();
        let measured_secs = recorder.window().measured().as_secs_f64().max(f64::MIN_POSITIVE);
        Self {
            requests: total.requests,
            records: total.records,
            requests_per_second: total.requests as f64 / measured_secs,
            records_per_second: total.records as f64 / measured_secs,
            user_mb_per_second: total.user_bytes as f64 / 1e6 / measured_secs,
            wire_mb_per_second: total.wire_bytes as f64 / 1e6 / measured_secs,
            latency: Latency::of(&recorder.latency_nanos),
            errors: recorder.errors.clone(),
            unsent: recorder.unsent_count(),
            timeline: Timeline::of(recorder),
        }
    }
}

impl Latency {
    pub(crate) fn of(nanos: &hdrhistogram::Histogram<u64>) -> Self {
        if nanos.is_empty() {
            return Self::default();
        }
        let ms = |nanos: u64| nanos as f64 / 1e6;
        let at = |quantile: f64| ms(nanos.value_at_quantile(quantile));
        let points = nanos.iter_quantiles(5).map(|step| LatencyPoint {
            quantile: step.quantile_iterated_to().min(1.0),
            ms: ms(step.value_iterated_to()),
        });
        Self {
            count: nanos.len(),
            mean_ms: nanos.mean() / 1e6,
            min_ms: ms(nanos.min()),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            max_ms: ms(nanos.max()),
            points: points.collect(),
        }
    }
}

impl Timeline {
    fn of(recorder: &Recorder) -> Self {
        let bucket_secs = recorder.bucket.as_secs_f64();
        // The last bucket may be shorter than the others.
        let measured = recorder.window().measured().as_secs_f64();
        let width = |index: usize| (measured - index as f64 * bucket_secs).min(bucket_secs);
        let rates = |count: fn(&super::recorder::Completed) -> f64| -> Vec<f64> {
            let buckets = recorder.timeline.iter().enumerate();
            buckets.map(|(index, bucket)| count(bucket) / width(index).max(f64::MIN_POSITIVE)).collect()
        };
        Self {
            bucket_secs,
            requests_per_second: rates(|bucket| bucket.requests as f64),
            records_per_second: rates(|bucket| bucket.records as f64),
            user_mb_per_second: rates(|bucket| bucket.user_bytes as f64 / 1e6),
        }
    }
}

impl Summary {
    /// By operation, over every run that has it.
    pub fn of(runs: &[RunResult]) -> BTreeMap<String, Self> {
        let mut by_operation: BTreeMap<&str, Vec<&OperationResult>> = BTreeMap::new();
        for (name, operation) in runs.iter().flat_map(|run| &run.operations) {
            by_operation.entry(name).or_default().push(operation);
        }
        by_operation.into_iter().map(|(name, results)| (name.to_owned(), Self::over(&results))).collect()
    }

    fn over(results: &[&OperationResult]) -> Self {
        let spread =
            |value: fn(&OperationResult) -> f64| Spread::of(results.iter().map(|result| value(result)));
        let mut errors = BTreeMap::new();
        for (kind, count) in results.iter().flat_map(|result| &result.errors) {
            *errors.entry(kind.clone()).or_default() += count;
        }
        Self {
            requests_per_second: spread(|result| result.requests_per_second),
            records_per_second: spread(|result| result.records_per_second),
            user_mb_per_second: spread(|result| result.user_mb_per_second),
            wire_mb_per_second: spread(|result| result.wire_mb_per_second),
            p50_ms: spread(|result| result.latency.p50_ms),
            p90_ms: spread(|result| result.latency.p90_ms),
            p99_ms: spread(|result| result.latency.p99_ms),
            p99_9_ms: spread(|result| result.latency.p99_9_ms),
            max_ms: spread(|result| result.latency.max_ms),
            errors,
            unsent: results.iter().map(|result| result.unsent).sum(),
        }
    }
}

impl Spread {
    /// All zero for no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else { return Self::default() };
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Self { median, min: *min, max: *max }
    }
}
