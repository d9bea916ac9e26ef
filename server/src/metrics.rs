//! Metrics in Prometheus' text form, under names that mirror CloudWatch's.
//!
//! What streams did is counted by the engine and read when somebody asks; what requests took is counted
//! here. There are no labels with unbounded values: streams are listed, shards and callers are not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_engine::{Engine, StreamMetrics};
use millstream_model::StreamArn;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Everything that the admin port shows.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    operation: &'static str,
    status: u16,
}

/// Requests by operation: how many, with which status, and how long they took.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    requests: Family<OutcomeLabels, Counter>,
    latency: Family<OperationLabel, Histogram, fn() -> Histogram>,
}

impl RequestMetrics {
    pub(crate) fn note(&self, operation: Option<&'static str>, status: u16, took: Duration) {
        let operation = operation.unwrap_or("none");
        self.requests.get_or_create(&OutcomeLabels { operation, status }).inc();
        self.latency.get_or_create(&OperationLabel { operation }).observe(took.as_secs_f64() * 1000.0);
    }
}

/// 0.1 ms to 6.5 s.
fn latency_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.1, 2.0, 17))
}

impl Metrics {
    pub(crate) fn new(engine: Engine) -> (Arc<Self>, Arc<RequestMetrics>) {
        let requests = RequestMetrics {
            requests: Family::default(),
            latency: Family::new_with_constructor(latency_buckets as fn() -> Histogram),
        };
        let mut registry = Registry::with_prefix("millstream");
        registry.register(
            "requests",
            "Requests answered, by operation and HTTP status",
            requests.requests.clone(),
        );
        registry.register(
            "request_latency_milliseconds",
            "From a request's head to its answer",
            requests.latency.clone(),
        );
        registry.register_collector(Box::new(Streams { engine }));
        (Arc::new(Self { registry }), Arc::new(requests))
    }

    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        // Writing to a string fails only if a metric refuses to be written.
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

/// Reads the engine's counters when they are asked for.
struct Streams {
    engine: Engine,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}

/// Name, help, and where the figure is.
type Figure = (&'static str, &'static str, fn(&StreamMetrics) -> u64);

const COUNTERS: &[Figure] = &[
    ("incoming_bytes", "IncomingBytes", |m| m.incoming_bytes),
    ("incoming_records", "IncomingRecords", |m| m.incoming_records),
    ("put_record_success", "PutRecord.Success", |m| m.put_record_success),
    ("put_records_success", "PutRecords.Success", |m| m.put_records_success),
    ("put_records_total_records", "PutRecords.TotalRecords", |m| m.put_records_total_records),
    ("put_records_successful_records", "PutRecords.SuccessfulRecords", |m| m.put_records_successful_records),
    ("put_records_failed_records", "PutRecords.FailedRecords", |m| m.put_records_failed_records),
    ("put_records_throttled_records", "PutRecords.ThrottledRecords", |m| m.put_records_throttled_records),
    ("write_provisioned_throughput_exceeded", "WriteProvisionedThroughputExceeded", |m| {
        m.write_provisioned_throughput_exceeded
    }),
    ("get_records_bytes", "GetRecords.Bytes", |m| m.get_records_bytes),
    ("get_records_records", "GetRecords.Records", |m| m.get_records_records),
    ("get_records_success", "GetRecords.Success", |m| m.get_records_success),
    ("read_provisioned_throughput_exceeded", "ReadProvisionedThroughputExceeded", |m| {
        m.read_provisioned_throughput_exceeded
    }),
];

const GAUGES: &[Figure] = &[(
    "get_records_iterator_age_milliseconds",
    "GetRecords.IteratorAgeMilliseconds, of the newest reply",
    |m| m.get_records_iterator_age_millis,
)];

impl Collector for Streams {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let streams = self.engine.metrics();
        for (name, help, figure) in COUNTERS {
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            encode_all(descriptor, &streams, |metrics, encoder| {
                ConstCounter::new(figure(metrics)).encode(encoder)
            })?;
        }
        for (name, help, figure) in GAUGES {
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            encode_all(descriptor, &streams, |metrics, encoder| {
                let value = i64::try_from(figure(metrics)).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(encoder)
            })?;
        }
        Ok(())
    }
}

/// One line for each stream.
fn encode_all(
    mut descriptor: MetricEncoder<'_>,
    streams: &[(StreamArn, StreamMetrics)],
    encode: impl Fn(&StreamMetrics, MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    for (arn, metrics) in streams {
        let labels = [
            ("stream_name", arn.name.as_str()),
            ("region", arn.region.as_str()),
            ("account", arn.account.as_str()),
        ];
        encode(metrics, descriptor.encode_family(&labels)?)?;
    }
    Ok(())
}
