//! Kinesis streams that get the changes of tables: switched on and off, changed, described.
//!
//! How the changes get there is in [`crate::deliveries`].

use bytestring::ByteString;
use millstream_engine::LiveEngine;
use millstream_model::StreamArn;
use millstream_table::{DestinationStatus as Status, Precision, Tables};

use super::{Answer, names, validation};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    ApproximateCreationDateTimePrecision, DescribeKinesisStreamingDestinationInput,
    DescribeKinesisStreamingDestinationOutput, DestinationStatus, KinesisDataStreamDestination,
    KinesisStreamingDestinationInput, KinesisStreamingDestinationOutput,
    UpdateKinesisStreamingDestinationInput, UpdateKinesisStreamingDestinationOutput,
};

pub(super) async fn enable(
    tables: &Tables,
    engine: &LiveEngine,
    caller: &Caller,
    input: KinesisStreamingDestinationInput,
) -> Answer<KinesisStreamingDestinationOutput> {
    let table = names::table(caller, &input.table_name)?;
    // Whether there is such a table comes before whether there is such a stream.
    tables.describe_destinations(&table)?;
    check_stream(engine, &input.stream_arn).await?;
    let configuration = input.enable_kinesis_streaming_configuration;
    let asked = configuration.as_ref().and_then(|asked| asked.approximate_creation_date_time_precision);
    let described =
        tables.enable_destination(&table, input.stream_arn.to_string(), asked.map(precision)).await?;
    // What is answered is that it is coming, even where that takes no time.
    let status = match described.status {
        Status::Active => DestinationStatus::Enabling,
        other => shown_status(other),
    };
    Ok(KinesisStreamingDestinationOutput {
        table_name: Some(input.table_name),
        stream_arn: Some(input.stream_arn),
        destination_status: Some(status),
        enable_kinesis_streaming_configuration: configuration,
    })
}

/// Fails unless the stream takes records.
async fn check_stream(engine: &LiveEngine, text: &ByteString) -> Answer<()> {
    let unknown = || validation("User does not have a permission to use kinesis stream");
    let arn: StreamArn = text.parse().map_err(|_| unknown())?;
    engine.current().await?.distribution(&arn).map_err(|_| unknown())?;
    Ok(())
}

/// The stream need not be there any more.
pub(super) async fn disable(
    tables: &Tables,
    caller: &Caller,
    input: KinesisStreamingDestinationInput,
) -> Answer<KinesisStreamingDestinationOutput> {
    let table = names::table(caller, &input.table_name)?;
    let described = tables.disable_destination(&table, input.stream_arn.to_string()).await?;
    Ok(KinesisStreamingDestinationOutput {
        table_name: Some(input.table_name),
        stream_arn: Some(input.stream_arn),
        destination_status: Some(shown_status(described.status)),
        enable_kinesis_streaming_configuration: input.enable_kinesis_streaming_configuration,
    })
}

pub(super) async fn update(
    tables: &Tables,
    caller: &Caller,
    input: UpdateKinesisStreamingDestinationInput,
) -> Answer<UpdateKinesisStreamingDestinationOutput> {
    let table = names::table(caller, &input.table_name)?;
    let configuration = input.update_kinesis_streaming_configuration;
    let asked = configuration.as_ref().and_then(|asked| asked.approximate_creation_date_time_precision);
    let described =
        tables.update_destination(&table, input.stream_arn.to_string(), asked.map(precision)).await?;
    Ok(UpdateKinesisStreamingDestinationOutput {
        table_name: Some(input.table_name),
        stream_arn: Some(input.stream_arn),
        destination_status: Some(shown_status(described.status)),
        update_kinesis_streaming_configuration: configuration,
    })
}

pub(super) fn describe(
    tables: &Tables,
    caller: &Caller,
    input: DescribeKinesisStreamingDestinationInput,
) -> Answer<DescribeKinesisStreamingDestinationOutput> {
    let all = tables.describe_destinations(&names::table(caller, &input.table_name)?)?;
    let shown = all.into_iter().map(|described| KinesisDataStreamDestination {
        stream_arn: Some(described.stream_arn.into()),
        destination_status: Some(shown_status(described.status)),
        destination_status_description: None,
        approximate_creation_date_time_precision: Some(shown_precision(described.precision)),
    });
    Ok(DescribeKinesisStreamingDestinationOutput {
        table_name: Some(input.table_name),
        kinesis_data_stream_destinations: Some(shown.collect()),
    })
}

fn precision(wire: ApproximateCreationDateTimePrecision) -> Precision {
    match wire {
        ApproximateCreationDateTimePrecision::Millisecond => Precision::Millisecond,
        ApproximateCreationDateTimePrecision::Microsecond => Precision::Microsecond,
    }
}

fn shown_precision(precision: Precision) -> ApproximateCreationDateTimePrecision {
    match precision {
        Precision::Millisecond => ApproximateCreationDateTimePrecision::Millisecond,
        Precision::Microsecond => ApproximateCreationDateTimePrecision::Microsecond,
    }
}

fn shown_status(status: Status) -> DestinationStatus {
    match status {
        Status::Enabling => DestinationStatus::Enabling,
        Status::Active => DestinationStatus::Active,
        Status::Updating => DestinationStatus::Updating,
        Status::Disabling => DestinationStatus::Disabling,
        Status::Disabled => DestinationStatus::Disabled,
    }
}
