//! Creating, deleting, describing and listing streams.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_engine::{
    CreateStream, Engine, Mode, StreamDescription as Description, StreamStatus as Status,
};

use super::errors::invalid_argument;
use super::{Answer, capacity, count, encryption, monitoring, names, shards};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    CreateStreamInput, DeleteStreamInput, DescribeStreamInput, DescribeStreamOutput,
    DescribeStreamSummaryInput, DescribeStreamSummaryOutput, ListStreamsInput, ListStreamsOutput,
    StreamDescription, StreamDescriptionSummary, StreamStatus, StreamSummary,
};

pub(super) async fn create(engine: &Engine, caller: &Caller, input: CreateStreamInput) -> Answer<()> {
    let arn = names::named(caller, &input.stream_name)?;
    let tags = input.tags.unwrap_or_default();
    let call = CreateStream {
        arn,
        shard_count: input.shard_count.and_then(|count| u32::try_from(count).ok()),
        mode: input.stream_mode_details.as_ref().map(capacity::mode),
        tags: tags
            .into_iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect::<BTreeMap<_, _>>(),
        record_kib_max: input.max_record_size_in_kib.and_then(|kib| u32::try_from(kib).ok()),
        warm_mib: capacity::mib(input.warm_throughput_mibps),
        distribution: input.record_distribution_strategy.map(capacity::distribution).unwrap_or_default(),
    };
    Ok(engine.create_stream(call).await?)
}

pub(super) async fn delete(engine: &Engine, caller: &Caller, input: DeleteStreamInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    match input.enforce_consumer_deletion {
        Some(true) => Ok(engine.delete_stream_and_consumers(&stream).await?),
        _ => Ok(engine.delete_stream(&stream).await?),
    }
}

pub(super) fn describe(
    engine: &Engine,
    caller: &Caller,
    input: &DescribeStreamInput,
) -> Answer<DescribeStreamOutput> {
    let stream = names::stream_of!(caller, input)?;
    let after = input.exclusive_start_shard_id.as_deref();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok());
    let (stream, shards, has_more_shards) = engine.describe_stream(&stream, after, limit)?;
    let (encryption_type, key_id) = encryption::of_stream(stream.kms_key_id.as_ref());
    let stream_description = StreamDescription {
        stream_name: stream.arn.name.as_str().into(),
        stream_arn: stream.arn.to_string().into(),
        stream_status: status(stream.status),
        stream_mode_details: Some(capacity::mode_details(stream.mode)),
        shards: shards.iter().map(shards::shard).collect(),
        has_more_shards,
        retention_period_hours: count(stream.retention_hours),
        stream_creation_timestamp: stream.created,
        enhanced_monitoring: vec![monitoring::metrics(stream.monitored)],
        encryption_type,
        key_id,
    };
    Ok(DescribeStreamOutput { stream_description })
}

pub(super) fn describe_summary(
    engine: &Engine,
    caller: &Caller,
    input: &DescribeStreamSummaryInput,
) -> Answer<DescribeStreamSummaryOutput> {
    let stream = names::stream_of!(caller, input)?;
    Ok(DescribeStreamSummaryOutput {
        stream_description_summary: summary(&engine.describe_stream_summary(&stream)?),
    })
}

fn summary(stream: &Description) -> StreamDescriptionSummary {
    let is_on_demand = stream.mode == Mode::OnDemand;
    let (encryption_type, key_id) = encryption::of_stream(stream.kms_key_id.as_ref());
    StreamDescriptionSummary {
        stream_name: stream.arn.name.as_str().into(),
        stream_arn: stream.arn.to_string().into(),
        stream_status: status(stream.status),
        stream_mode_details: Some(capacity::mode_details(stream.mode)),
        retention_period_hours: count(stream.retention_hours),
        stream_creation_timestamp: stream.created,
        enhanced_monitoring: vec![monitoring::metrics(stream.monitored)],
        encryption_type,
        key_id,
        open_shard_count: count(stream.open_shards),
        consumer_count: Some(count(stream.consumers)),
        warm_throughput: stream.warm_throughput.map(capacity::warm_throughput),
        max_record_size_in_kib: Some(count(stream.record_kib_max)),
        channel_count: Some(0),
        record_distribution_strategy: is_on_demand.then(|| capacity::strategy(stream.distribution)),
        queue_count: Some(0),
    }
}

pub(super) fn list(engine: &Engine, caller: &Caller, input: &ListStreamsInput) -> Answer<ListStreamsOutput> {
    if input.next_token.is_some() && input.exclusive_start_stream_name.is_some() {
        return Err(invalid_argument("NextToken and ExclusiveStartStreamName cannot be provided together."));
    }
    let page = engine.list_streams(
        &caller.account,
        &caller.region,
        input.exclusive_start_stream_name.as_deref(),
        input.next_token.as_deref(),
        input.limit.and_then(|limit| usize::try_from(limit).ok()),
    )?;
    let summaries = page.streams.iter().map(|stream| StreamSummary {
        stream_name: stream.arn.name.as_str().into(),
        stream_arn: stream.arn.to_string().into(),
        stream_status: status(stream.status),
        stream_mode_details: Some(capacity::mode_details(stream.mode)),
        stream_creation_timestamp: Some(stream.created),
    });
    Ok(ListStreamsOutput {
        stream_names: page.streams.iter().map(|stream| stream.arn.name.as_str().into()).collect(),
        has_more_streams: page.next_token.is_some(),
        next_token: page.next_token.map(ByteString::from),
        stream_summaries: Some(summaries.collect()),
    })
}

fn status(status: Status) -> StreamStatus {
    match status {
        Status::Creating => StreamStatus::Creating,
        Status::Active => StreamStatus::Active,
        Status::Updating => StreamStatus::Updating,
        Status::Deleting => StreamStatus::Deleting,
    }
}
