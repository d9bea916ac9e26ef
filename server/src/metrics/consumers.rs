//! What consumers were brought, in the form in which the admin port shows it.

use std::fmt;

use millstream_engine::ConsumerMetrics;
use millstream_model::ConsumerArn;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Name, help, and where the figure is.
type Figure = (&'static str, &'static str, fn(&ConsumerMetrics) -> u64);

const COUNTERS: &[Figure] = &[
    ("subscribe_to_shard_success", "SubscribeToShard.Success", |m| m.subscribe_to_shard_success),
    ("subscribe_to_shard_rate_exceeded", "SubscribeToShard.RateExceeded", |m| {
        m.subscribe_to_shard_rate_exceeded
    }),
    ("subscribe_to_shard_event_success", "SubscribeToShardEvent.Success", |m| {
        m.subscribe_to_shard_event_success
    }),
    ("subscribe_to_shard_event_bytes", "SubscribeToShardEvent.Bytes", |m| m.subscribe_to_shard_event_bytes),
    ("subscribe_to_shard_event_records", "SubscribeToShardEvent.Records", |m| {
        m.subscribe_to_shard_event_records
    }),
];

const GAUGES: &[Figure] = &[(
    "subscribe_to_shard_event_milliseconds_behind_latest",
    "SubscribeToShardEvent.MillisBehindLatest, of the newest event",
    |m| m.subscribe_to_shard_event_millis_behind_latest,
)];

/// One line for each consumer and figure. Without consumers there is none of it.
pub(super) fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    consumers: &[(ConsumerArn, ConsumerMetrics)],
) -> fmt::Result {
    if consumers.is_empty() {
        return Ok(());
    }
    let counters = COUNTERS.iter().map(|figure| (figure, MetricType::Counter));
    let gauges = GAUGES.iter().map(|figure| (figure, MetricType::Gauge));
    for ((name, help, figure), kind) in counters.chain(gauges) {
        let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
        for (arn, metrics) in consumers {
            let labels = [
                ("stream_name", arn.stream.name.as_str()),
                ("region", arn.stream.region.as_str()),
                ("account", arn.stream.account.as_str()),
                ("consumer_name", arn.name.as_str()),
            ];
            let encoder = descriptor.encode_family(&labels)?;
            match kind {
                MetricType::Gauge => {
                    ConstGauge::new(i64::try_from(figure(metrics)).unwrap_or(i64::MAX)).encode(encoder)?;
                }
                _ => ConstCounter::new(figure(metrics)).encode(encoder)?,
            }
        }
    }
    Ok(())
}
