//! How much a stream takes, and of what size: its mode, warm throughput, record size and distribution.

use bytestring::ByteString;
use millstream_engine::{Distribution, Engine, Mode, WarmThroughput};

use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    RecordDistributionStrategy, StreamMode, StreamModeDetails, UpdateMaxRecordSizeInput,
    UpdateStreamModeInput, UpdateStreamRecordDistributionStrategyInput, UpdateStreamWarmThroughputInput,
    UpdateStreamWarmThroughputOutput, WarmThroughputObject,
};

pub(super) async fn update_mode(engine: &Engine, input: UpdateStreamModeInput) -> Answer<()> {
    let stream = names::parse(&input.stream_arn)?;
    let mode = mode(&input.stream_mode_details);
    Ok(engine.update_stream_mode(&stream, mode, mib(input.warm_throughput_mibps)).await?)
}

pub(super) async fn update_warm_throughput(
    engine: &Engine,
    caller: &Caller,
    input: UpdateStreamWarmThroughputInput,
) -> Answer<UpdateStreamWarmThroughputOutput> {
    let stream = names::stream_of!(caller, input)?;
    let warm = engine.update_warm_throughput(&stream, mib(Some(input.warm_throughput_mibps))).await?;
    Ok(UpdateStreamWarmThroughputOutput {
        stream_arn: Some(stream.to_string().into()),
        stream_name: Some(ByteString::from(stream.name.as_str())),
        warm_throughput: Some(warm_throughput(warm)),
    })
}

pub(super) async fn update_max_record_size(
    engine: &Engine,
    caller: &Caller,
    input: UpdateMaxRecordSizeInput,
) -> Answer<()> {
    // The one operation on a stream that has an ARN, which may be missing, and no name.
    let stream = names::stream(caller, None, input.stream_arn.as_ref(), input.stream_id.as_ref())?;
    let kib = u32::try_from(input.max_record_size_in_kib).unwrap_or_default();
    Ok(engine.update_max_record_size(&stream, kib).await?)
}

pub(super) async fn update_distribution(
    engine: &Engine,
    input: UpdateStreamRecordDistributionStrategyInput,
) -> Answer<()> {
    let stream = names::parse(&input.stream_arn)?;
    Ok(engine.update_distribution(&stream, distribution(input.record_distribution_strategy)).await?)
}

pub(super) fn mode(details: &StreamModeDetails) -> Mode {
    match details.stream_mode {
        StreamMode::Provisioned => Mode::Provisioned,
        StreamMode::OnDemand => Mode::OnDemand,
    }
}

pub(super) fn mode_details(mode: Mode) -> StreamModeDetails {
    let stream_mode = match mode {
        Mode::Provisioned => StreamMode::Provisioned,
        Mode::OnDemand => StreamMode::OnDemand,
    };
    StreamModeDetails { stream_mode }
}

pub(super) fn distribution(strategy: RecordDistributionStrategy) -> Distribution {
    match strategy {
        RecordDistributionStrategy::Auto => Distribution::Auto,
        RecordDistributionStrategy::UserPartitionKey => Distribution::UserPartitionKey,
    }
}

pub(super) fn strategy(distribution: Distribution) -> RecordDistributionStrategy {
    match distribution {
        Distribution::Auto => RecordDistributionStrategy::Auto,
        Distribution::UserPartitionKey => RecordDistributionStrategy::UserPartitionKey,
    }
}

pub(super) fn warm_throughput(warm: WarmThroughput) -> WarmThroughputObject {
    let mib = |mib: u32| Some(i32::try_from(mib).unwrap_or(i32::MAX));
    WarmThroughputObject { target_mibps: mib(warm.target_mib), current_mibps: mib(warm.current_mib) }
}

/// A throughput that the constraints have let through; none is 0.
pub(super) fn mib(throughput: Option<i32>) -> u32 {
    throughput.and_then(|mib| u32::try_from(mib).ok()).unwrap_or_default()
}
