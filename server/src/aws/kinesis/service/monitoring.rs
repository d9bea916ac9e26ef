//! Enhanced monitoring of streams.

use millstream_engine::{Engine, MonitoringChange, ShardMetric, ShardMetricSet};
use millstream_model::StreamArn;

use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    DisableEnhancedMonitoringInput, EnableEnhancedMonitoringInput, EnhancedMetrics, EnhancedMonitoringOutput,
    MetricsName,
};

pub(super) async fn enable(
    engine: &Engine,
    caller: &Caller,
    input: EnableEnhancedMonitoringInput,
) -> Answer<EnhancedMonitoringOutput> {
    let stream = names::stream_of!(caller, input)?;
    let change = engine.enable_monitoring(&stream, set(&input.shard_level_metrics)).await?;
    Ok(output(&stream, change))
}

pub(super) async fn disable(
    engine: &Engine,
    caller: &Caller,
    input: DisableEnhancedMonitoringInput,
) -> Answer<EnhancedMonitoringOutput> {
    let stream = names::stream_of!(caller, input)?;
    let change = engine.disable_monitoring(&stream, set(&input.shard_level_metrics)).await?;
    Ok(output(&stream, change))
}

/// As descriptions of streams show it.
pub(super) fn metrics(monitored: ShardMetricSet) -> EnhancedMetrics {
    EnhancedMetrics { shard_level_metrics: Some(listed(monitored)) }
}

fn output(stream: &StreamArn, change: MonitoringChange) -> EnhancedMonitoringOutput {
    EnhancedMonitoringOutput {
        stream_name: Some(stream.name.as_str().into()),
        current_shard_level_metrics: Some(listed(change.before)),
        desired_shard_level_metrics: Some(listed(change.after)),
        stream_arn: Some(stream.to_string().into()),
    }
}

fn set(names: &[MetricsName]) -> ShardMetricSet {
    let metrics = |name: &MetricsName| match name {
        MetricsName::IncomingBytes => &[ShardMetric::IncomingBytes],
        MetricsName::IncomingRecords => &[ShardMetric::IncomingRecords],
        MetricsName::OutgoingBytes => &[ShardMetric::OutgoingBytes],
        MetricsName::OutgoingRecords => &[ShardMetric::OutgoingRecords],
        MetricsName::WriteProvisionedThroughputExceeded => &[ShardMetric::WriteProvisionedThroughputExceeded],
        MetricsName::ReadProvisionedThroughputExceeded => &[ShardMetric::ReadProvisionedThroughputExceeded],
        MetricsName::IteratorAgeMilliseconds => &[ShardMetric::IteratorAgeMilliseconds],
        MetricsName::All => ShardMetric::ALL.as_slice(),
    };
    names.iter().flat_map(metrics).copied().collect()
}

fn listed(set: ShardMetricSet) -> Vec<MetricsName> {
    let name = |metric| match metric {
        ShardMetric::IncomingBytes => MetricsName::IncomingBytes,
        ShardMetric::IncomingRecords => MetricsName::IncomingRecords,
        ShardMetric::OutgoingBytes => MetricsName::OutgoingBytes,
        ShardMetric::OutgoingRecords => MetricsName::OutgoingRecords,
        ShardMetric::WriteProvisionedThroughputExceeded => MetricsName::WriteProvisionedThroughputExceeded,
        ShardMetric::ReadProvisionedThroughputExceeded => MetricsName::ReadProvisionedThroughputExceeded,
        ShardMetric::IteratorAgeMilliseconds => MetricsName::IteratorAgeMilliseconds,
    };
    set.iter().map(name).collect()
}
