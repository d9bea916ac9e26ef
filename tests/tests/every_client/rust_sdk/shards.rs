//! Shards, and what is measured of them.

use aws_sdk_kinesis::Client as Sdk;
use aws_sdk_kinesis::types::{MetricsName, ScalingType, ShardFilter, ShardFilterType};
use serde_json::{Value, json};

use super::given::Given;
use super::{reply, shown};
use millstream_tests::told::Reply;

pub(crate) async fn carry_out(sdk: &Sdk, operation: &str, given: Given<'_>) -> Option<Reply> {
    let name = given.text("StreamName");
    Some(match operation {
        "ListShards" => {
            let call = sdk.list_shards().set_stream_name(name);
            reply(
                call.set_shard_filter(given.members("ShardFilter").map(filter)).send().await,
                |answer| json!({ "Shards": shown::each(answer.shards(), shown::shard) }),
            )
        }
        "SplitShard" => {
            let call = sdk.split_shard().set_stream_name(name).set_shard_to_split(given.text("ShardToSplit"));
            let call = call.set_new_starting_hash_key(given.text("NewStartingHashKey"));
            reply(call.send().await, |_| json!({}))
        }
        "MergeShards" => {
            let call =
                sdk.merge_shards().set_stream_name(name).set_shard_to_merge(given.text("ShardToMerge"));
            let call = call.set_adjacent_shard_to_merge(given.text("AdjacentShardToMerge"));
            reply(call.send().await, |_| json!({}))
        }
        "UpdateShardCount" => {
            let call =
                sdk.update_shard_count().set_stream_name(name).scaling_type(ScalingType::UniformScaling);
            reply(call.set_target_shard_count(given.number("TargetShardCount")).send().await, |answer| {
                json!({
                    "StreamName": answer.stream_name,
                    "StreamARN": answer.stream_arn,
                    "CurrentShardCount": answer.current_shard_count,
                    "TargetShardCount": answer.target_shard_count,
                })
            })
        }
        "EnableEnhancedMonitoring" => {
            let call = sdk.enable_enhanced_monitoring().set_stream_name(name);
            reply(call.set_shard_level_metrics(metrics(given)).send().await, |answer| {
                let (current, desired) =
                    (answer.current_shard_level_metrics(), answer.desired_shard_level_metrics());
                change(answer.stream_name(), answer.stream_arn(), current, desired)
            })
        }
        "DisableEnhancedMonitoring" => {
            let call = sdk.disable_enhanced_monitoring().set_stream_name(name);
            reply(call.set_shard_level_metrics(metrics(given)).send().await, |answer| {
                let (current, desired) =
                    (answer.current_shard_level_metrics(), answer.desired_shard_level_metrics());
                change(answer.stream_name(), answer.stream_arn(), current, desired)
            })
        }
        _ => return None,
    })
}

fn filter(given: Given<'_>) -> ShardFilter {
    let kind = given.text("Type").map(|kind| ShardFilterType::from(kind.as_str()));
    ShardFilter::builder().set_type(kind).set_shard_id(given.text("ShardId")).build().unwrap()
}

fn metrics(given: Given<'_>) -> Option<Vec<MetricsName>> {
    let names = given.each::<String>("ShardLevelMetrics")?;
    Some(names.iter().map(|name| MetricsName::from(name.as_str())).collect())
}

fn change(name: Option<&str>, arn: Option<&str>, current: &[MetricsName], desired: &[MetricsName]) -> Value {
    json!({
        "StreamName": name,
        "StreamARN": arn,
        "CurrentShardLevelMetrics": shown::texts(current),
        "DesiredShardLevelMetrics": shown::texts(desired),
    })
}
