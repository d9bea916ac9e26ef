//! What the SDK's types hold, as JSON with the members' names.

use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{
    ChildShard, EnhancedMetrics, HashKeyRange, Record, SequenceNumberRange, Shard, SubscribeToShardEvent,
    Tag, WarmThroughputObject,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

pub(crate) fn time(time: Option<&DateTime>) -> Option<f64> {
    time.map(DateTime::as_secs_f64)
}

pub(crate) fn each<T>(items: &[T], shown: impl Fn(&T) -> Value) -> Value {
    items.iter().map(shown).collect()
}

/// Values of enums, or of anything that is text.
pub(crate) fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

pub(crate) fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

pub(crate) fn tag(tag: &Tag) -> Value {
    json!({ "Key": tag.key, "Value": tag.value })
}

pub(crate) fn metrics(metrics: &EnhancedMetrics) -> Value {
    json!({ "ShardLevelMetrics": texts(metrics.shard_level_metrics()) })
}

pub(crate) fn warm(warm: &WarmThroughputObject) -> Value {
    json!({ "TargetMiBps": warm.target_mibps, "CurrentMiBps": warm.current_mibps })
}

pub(crate) fn shard(shard: &Shard) -> Value {
    let numbers = |range: &SequenceNumberRange| {
        json!({
            "StartingSequenceNumber": range.starting_sequence_number,
            "EndingSequenceNumber": range.ending_sequence_number,
        })
    };
    json!({
        "ShardId": shard.shard_id,
        "ParentShardId": shard.parent_shard_id,
        "AdjacentParentShardId": shard.adjacent_parent_shard_id,
        "HashKeyRange": shard.hash_key_range.as_ref().map(range),
        "SequenceNumberRange": shard.sequence_number_range.as_ref().map(numbers),
    })
}

pub(crate) fn child(child: &ChildShard) -> Value {
    json!({
        "ShardId": child.shard_id,
        "ParentShards": child.parent_shards,
        "HashKeyRange": child.hash_key_range.as_ref().map(range),
    })
}

fn range(range: &HashKeyRange) -> Value {
    json!({ "StartingHashKey": range.starting_hash_key, "EndingHashKey": range.ending_hash_key })
}

pub(crate) fn record(record: &Record) -> Value {
    json!({
        "Data": BASE64.encode(&record.data),
        "PartitionKey": record.partition_key,
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": time(record.approximate_arrival_timestamp.as_ref()),
        "EncryptionType": text(record.encryption_type.as_ref()),
    })
}

pub(crate) fn event(event: &SubscribeToShardEvent) -> Value {
    json!({
        "Records": each(&event.records, record),
        "ContinuationSequenceNumber": event.continuation_sequence_number,
        "MillisBehindLatest": event.millis_behind_latest,
        "ChildShards": each(event.child_shards(), child),
    })
}
