//! Metrics in Prometheus' text form, under names that mirror CloudWatch's.
//!
//! What streams did is counted by the engine and read when somebody asks; what requests took is counted
//! here. There are no labels with unbounded values: streams are listed, callers are not, and shards are where
//! their stream's enhanced monitoring asks for it.

mod consumers;
mod reported;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_engine::{LiveEngine, MonitoredShards, ShardMetric, StreamMetrics};
use millstream_model::StreamArn;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use self::reported::Reported;
pub(crate) use self::reported::{ReportedMetrics, Samples, Series};
use crate::aws::call::Call;

/// Everything that the admin port shows.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    service: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    service: &'static str,
    operation: &'static str,
    status: u16,
}

/// What a request was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ProtocolLabels {
    /// The version of HTTP: `1.1` or `2`, below TLS or not.
    pub(crate) http: &'static str,
    /// `json`, `cbor`, `protobuf`, `query`, or `other` where the content type is none of these.
    pub(crate) format: &'static str,
}

/// Requests by operation: how many, with which status, and how long they took; and what they were written in.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    requests: Family<OutcomeLabels, Counter>,
    protocols: Family<ProtocolLabels, Counter>,
    latency: Family<OperationLabel, Histogram, fn() -> Histogram>,
}

impl RequestMetrics {
    fn register_in(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            protocols: Family::default(),
            latency: Family::new_with_constructor(latency_buckets as fn() -> Histogram),
        };
        registry.register(
            "requests",
            "Requests answered, by operation and HTTP status",
            metrics.requests.clone(),
        );
        registry.register(
            "requests_by_protocol",
            "Requests answered, by version of HTTP and format of the body",
            metrics.protocols.clone(),
        );
        registry.register(
            "request_latency_milliseconds",
            "From a request's head to its answer",
            metrics.latency.clone(),
        );
        metrics
    }

    pub(crate) fn note(&self, call: Option<Call>, protocol: ProtocolLabels, status: u16, took: Duration) {
        let (service, operation) = call.map_or(("none", "none"), |call| (call.service().name(), call.name()));
        self.protocols.get_or_create(&protocol).inc();
        self.requests.get_or_create(&OutcomeLabels { service, operation, status }).inc();
        self.latency
            .get_or_create(&OperationLabel { service, operation })
            .observe(took.as_secs_f64() * 1000.0);
    }
}

/// 0.1 ms to 6.5 s.
fn latency_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.1, 2.0, 17))
}

impl Metrics {
    /// With what is counted into it: requests, and what clients report.
    pub(crate) fn new(engine: LiveEngine) -> (Arc<Self>, Arc<RequestMetrics>, Arc<ReportedMetrics>) {
        let mut registry = Registry::with_prefix("millstream");
        let requests = RequestMetrics::register_in(&mut registry);
        registry.register_collector(Box::new(Streams { engine }));
        let reported = Arc::new(ReportedMetrics::default());
        registry.register_collector(Box::new(Reported(reported.clone())));
        (Arc::new(Self { registry }), Arc::new(requests), reported)
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
    engine: LiveEngine,
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

/// Name, help, and what the shards of a stream count.
type ShardFigure = (&'static str, &'static str, ShardMetric);

const SHARD_COUNTERS: &[ShardFigure] = &[
    ("shard_incoming_bytes", "IncomingBytes, of a shard", ShardMetric::IncomingBytes),
    ("shard_incoming_records", "IncomingRecords, of a shard", ShardMetric::IncomingRecords),
    ("shard_outgoing_bytes", "OutgoingBytes, of a shard", ShardMetric::OutgoingBytes),
    ("shard_outgoing_records", "OutgoingRecords, of a shard", ShardMetric::OutgoingRecords),
    (
        "shard_write_provisioned_throughput_exceeded",
        "WriteProvisionedThroughputExceeded, of a shard",
        ShardMetric::WriteProvisionedThroughputExceeded,
    ),
    (
        "shard_read_provisioned_throughput_exceeded",
        "ReadProvisionedThroughputExceeded, of a shard",
        ShardMetric::ReadProvisionedThroughputExceeded,
    ),
];

const SHARD_GAUGES: &[ShardFigure] = &[(
    "shard_iterator_age_milliseconds",
    "IteratorAgeMilliseconds, of a shard's newest reply",
    ShardMetric::IteratorAgeMilliseconds,
)];

impl Collector for Streams {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // While the content is being replaced there are no streams.
        let Some(Ok(engine)) = self.engine.try_current() else { return Ok(()) };
        let streams = engine.metrics();
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
        encode_shards(&mut encoder, &engine.shard_metrics())?;
        consumers::encode(&mut encoder, &engine.consumer_metrics())
    }
}

/// What shards count. A metric that no stream asks for is not there at all.
fn encode_shards(encoder: &mut DescriptorEncoder<'_>, streams: &[MonitoredShards]) -> fmt::Result {
    let counters = SHARD_COUNTERS.iter().map(|figure| (figure, MetricType::Counter));
    let gauges = SHARD_GAUGES.iter().map(|figure| (figure, MetricType::Gauge));
    for ((name, help, metric), kind) in counters.chain(gauges) {
        let mut counting = streams.iter().filter(|stream| stream.monitored.contains(*metric)).peekable();
        if counting.peek().is_none() {
            continue;
        }
        let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
        for MonitoredShards { stream, shards, .. } in counting {
            for (shard, counts) in shards {
                let shard = shard.to_string();
                let labels = [
                    ("stream_name", stream.name.as_str()),
                    ("region", stream.region.as_str()),
                    ("account", stream.account.as_str()),
                    ("shard_id", shard.as_str()),
                ];
                let encoder = descriptor.encode_family(&labels)?;
                let count = counts.get(*metric);
                match kind {
                    MetricType::Gauge => {
                        ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX)).encode(encoder)?;
                    }
                    _ => ConstCounter::new(count).encode(encoder)?,
                }
            }
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinesis::generated::Operation;

    #[test]
    fn requests_are_counted_by_operation_and_by_protocol() {
        let mut registry = Registry::with_prefix("millstream");
        let metrics = RequestMetrics::register_in(&mut registry);
        let (h2, h1) =
            (ProtocolLabels { http: "2", format: "json" }, ProtocolLabels { http: "1.1", format: "cbor" });
        let put = Call::Kinesis(Operation::PutRecord);
        for (operation, protocol, status) in [(Some(put), h2, 200), (Some(put), h2, 400), (None, h1, 403)] {
            metrics.note(operation, protocol, status, Duration::from_millis(3));
        }
        let shown = Metrics { registry }.show();
        for line in [
            "millstream_requests_total{service=\"kinesis\",operation=\"PutRecord\",status=\"400\"} 1",
            "millstream_requests_total{service=\"none\",operation=\"none\",status=\"403\"} 1",
            "millstream_requests_by_protocol_total{http=\"2\",format=\"json\"} 2",
            "millstream_requests_by_protocol_total{http=\"1.1\",format=\"cbor\"} 1",
            "millstream_request_latency_milliseconds_count{service=\"kinesis\",operation=\"PutRecord\"} 2",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
        }
    }
}
