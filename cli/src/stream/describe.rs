//! `stream describe`.

use std::fmt::Write;

use clap::Args;
use millstream_client::{Shard, ShardFilter, StreamApi, StreamRef, StreamSummary};
use serde::Serialize;

use crate::exit::Failure;
use crate::moment::format_time;
use crate::output::{Format, Table, show_one};

/// Show a stream and its shards.
#[derive(Args, Debug)]
pub(crate) struct DescribeArguments {
    /// Its name or ARN.
    #[arg(value_name = "NAME")]
    stream: StreamRef,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    stream_name: String,
    #[serde(rename = "streamARN")]
    stream_arn: String,
    stream_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_mode: Option<String>,
    stream_creation_timestamp: String,
    retention_period_hours: u32,
    open_shard_count: u32,
    consumer_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    max_record_size_in_bytes: usize,
    shards: Vec<ShardRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShardRow {
    shard_id: String,
    /// None, one after a split, two after a merge.
    parent_shard_ids: Vec<String>,
    starting_hash_key: String,
    ending_hash_key: String,
    starting_sequence_number: String,
    /// Only of closed shards.
    #[serde(skip_serializing_if = "Option::is_none")]
    ending_sequence_number: Option<String>,
}

pub(super) async fn run(
    api: &dyn StreamApi,
    format: Format,
    arguments: &DescribeArguments,
) -> Result<(), Failure> {
    let summary = api.describe_stream_summary(&arguments.stream).await?;
    let shards = api.all_shards(&arguments.stream, ShardFilter::FromTrimHorizon).await?;
    let description = description(&summary, &shards);
    show_one(format, &description, || words(&description)).await
}

fn description(summary: &StreamSummary, shards: &[Shard]) -> Description {
    Description {
        stream_name: summary.name.to_string(),
        stream_arn: summary.arn.to_string(),
        stream_status: summary.status.to_string(),
        stream_mode: summary.mode.map(|mode| mode.to_string()),
        stream_creation_timestamp: format_time(summary.created),
        retention_period_hours: summary.retention_hours,
        open_shard_count: summary.open_shards,
        consumer_count: summary.consumers,
        key_id: summary.encryption_key.clone(),
        max_record_size_in_bytes: summary.record_bytes_max,
        shards: shards.iter().map(shard_row).collect(),
    }
}

fn shard_row(shard: &Shard) -> ShardRow {
    ShardRow {
        shard_id: shard.id.to_string(),
        parent_shard_ids: shard.parents().map(|id| id.to_string()).collect(),
        starting_hash_key: shard.hash_key_range.start().to_string(),
        ending_hash_key: shard.hash_key_range.end().to_string(),
        starting_sequence_number: shard.starting_sequence_number.to_string(),
        ending_sequence_number: shard.ending_sequence_number.as_ref().map(ToString::to_string),
    }
}

fn words(description: &Description) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("Name", &description.stream_name);
    line("ARN", &description.stream_arn);
    line("Status", &description.stream_status);
    if let Some(mode) = &description.stream_mode {
        line("Mode", mode);
    }
    line("Created", &description.stream_creation_timestamp);
    line("Retention", &format_args!("{} h", description.retention_period_hours));
    line("Open shards", &description.open_shard_count);
    line("Consumers", &description.consumer_count);
    line("Encryption", &description.key_id.as_deref().unwrap_or("none"));
    line("Record max", &format_args!("{} KiB", description.max_record_size_in_bytes / 1024));
    let _ = write!(text, "\n{}", shard_table(&description.shards));
    text
}

fn shard_table(shards: &[ShardRow]) -> Table {
    let mut table = Table::new(&["SHARD", "STATE", "PARENTS", "STARTING HASH KEY", "ENDING HASH KEY"]);
    for shard in shards {
        let state = if shard.ending_sequence_number.is_none() { "open" } else { "closed" };
        table.row(vec![
            shard.shard_id.clone(),
            state.to_owned(),
            if shard.parent_shard_ids.is_empty() { "-".to_owned() } else { shard.parent_shard_ids.join(",") },
            shard.starting_hash_key.clone(),
            shard.ending_hash_key.clone(),
        ]);
    }
    table
}
