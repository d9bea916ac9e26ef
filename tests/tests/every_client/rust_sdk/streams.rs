//! Streams and their records.

use aws_sdk_kinesis::Client as Sdk;
use aws_sdk_kinesis::types::{
    EncryptionType, PutRecordsRequestEntry, PutRecordsResultEntry, ShardIteratorType, StreamDescription,
    StreamDescriptionSummary, StreamModeDetails, StreamSummary,
};
use serde_json::{Value, json};

use super::given::Given;
use super::{reply, shown};
use millstream_tests::told::Reply;

pub(crate) async fn carry_out(sdk: &Sdk, operation: &str, given: Given<'_>) -> Option<Reply> {
    let name = given.text("StreamName");
    Some(match operation {
        "CreateStream" => {
            let call = sdk.create_stream().set_stream_name(name).set_tags(given.map("Tags"));
            reply(call.set_shard_count(given.number("ShardCount")).send().await, |_| json!({}))
        }
        "DescribeStream" => reply(
            sdk.describe_stream().set_stream_name(name).send().await,
            |answer| json!({ "StreamDescription": answer.stream_description.map(|shown| description(&shown)) }),
        ),
        "DescribeStreamSummary" => reply(
            sdk.describe_stream_summary().set_stream_name(name).send().await,
            |answer| json!({ "StreamDescriptionSummary": answer.stream_description_summary.map(|shown| summary(&shown)) }),
        ),
        "ListStreams" => {
            let call = sdk.list_streams().set_limit(given.number("Limit"));
            reply(call.set_next_token(given.text("NextToken")).send().await, |answer| {
                json!({
                    "StreamNames": answer.stream_names,
                    "HasMoreStreams": answer.has_more_streams,
                    "NextToken": answer.next_token,
                    "StreamSummaries": shown::each(answer.stream_summaries(), listed),
                })
            })
        }
        "DeleteStream" => {
            let call = sdk.delete_stream().set_stream_name(name);
            let call = call.set_enforce_consumer_deletion(given.truth("EnforceConsumerDeletion"));
            reply(call.send().await, |_| json!({}))
        }
        "IncreaseStreamRetentionPeriod" => {
            let call = sdk.increase_stream_retention_period().set_stream_name(name);
            reply(call.set_retention_period_hours(given.number(HOURS)).send().await, |_| json!({}))
        }
        "DecreaseStreamRetentionPeriod" => {
            let call = sdk.decrease_stream_retention_period().set_stream_name(name);
            reply(call.set_retention_period_hours(given.number(HOURS)).send().await, |_| json!({}))
        }
        "StartStreamEncryption" => {
            let call =
                sdk.start_stream_encryption().set_stream_name(name).encryption_type(EncryptionType::Kms);
            reply(call.set_key_id(given.text("KeyId")).send().await, |_| json!({}))
        }
        "StopStreamEncryption" => {
            let call =
                sdk.stop_stream_encryption().set_stream_name(name).encryption_type(EncryptionType::Kms);
            reply(call.set_key_id(given.text("KeyId")).send().await, |_| json!({}))
        }
        _ => return records(sdk, operation, given).await,
    })
}

const HOURS: &str = "RetentionPeriodHours";

async fn records(sdk: &Sdk, operation: &str, given: Given<'_>) -> Option<Reply> {
    let name = given.text("StreamName");
    Some(match operation {
        "PutRecord" => {
            let call = sdk.put_record().set_stream_name(name).set_data(given.data("Data"));
            let call = call.set_explicit_hash_key(given.text("ExplicitHashKey"));
            reply(call.set_partition_key(given.text("PartitionKey")).send().await, |answer| {
                json!({
                    "ShardId": answer.shard_id,
                    "SequenceNumber": answer.sequence_number,
                    "EncryptionType": shown::text(answer.encryption_type.as_ref()),
                })
            })
        }
        "PutRecords" => {
            let entries = given.list("Records").map(|entries| entries.into_iter().map(entry).collect());
            let call = sdk.put_records().set_stream_name(name).set_records(entries);
            reply(call.send().await, |answer| {
                let records = shown::each(answer.records(), result);
                json!({ "FailedRecordCount": answer.failed_record_count, "Records": records })
            })
        }
        "GetShardIterator" => {
            let kind = given.text("ShardIteratorType").map(|kind| ShardIteratorType::from(kind.as_str()));
            let call = sdk.get_shard_iterator().set_stream_name(name).set_shard_iterator_type(kind);
            reply(
                call.set_shard_id(given.text("ShardId")).send().await,
                |answer| json!({ "ShardIterator": answer.shard_iterator }),
            )
        }
        "GetRecords" => {
            let call = sdk.get_records().set_shard_iterator(given.text("ShardIterator"));
            reply(call.set_limit(given.number("Limit")).send().await, |answer| {
                json!({
                    "Records": shown::each(answer.records(), shown::record),
                    "NextShardIterator": answer.next_shard_iterator,
                    "MillisBehindLatest": answer.millis_behind_latest,
                    "ChildShards": shown::each(answer.child_shards(), shown::child),
                })
            })
        }
        _ => return None,
    })
}

fn entry(given: Given<'_>) -> PutRecordsRequestEntry {
    let entry = PutRecordsRequestEntry::builder().set_data(given.data("Data"));
    entry.set_partition_key(given.text("PartitionKey")).build().unwrap()
}

fn result(result: &PutRecordsResultEntry) -> Value {
    json!({ "ShardId": result.shard_id, "SequenceNumber": result.sequence_number })
}

fn mode(details: Option<&StreamModeDetails>) -> Value {
    json!({ "StreamMode": details.map(|details| details.stream_mode.to_string()) })
}

fn description(stream: &StreamDescription) -> Value {
    json!({
        "StreamName": stream.stream_name,
        "StreamARN": stream.stream_arn,
        "StreamStatus": stream.stream_status.to_string(),
        "StreamModeDetails": mode(stream.stream_mode_details.as_ref()),
        "StreamCreationTimestamp": shown::time(Some(&stream.stream_creation_timestamp)),
        "RetentionPeriodHours": stream.retention_period_hours,
        "EncryptionType": shown::text(stream.encryption_type.as_ref()),
        "EnhancedMonitoring": shown::each(&stream.enhanced_monitoring, shown::metrics),
        "HasMoreShards": stream.has_more_shards,
        "Shards": shown::each(&stream.shards, shown::shard),
    })
}

fn summary(stream: &StreamDescriptionSummary) -> Value {
    json!({
        "StreamName": stream.stream_name,
        "StreamARN": stream.stream_arn,
        "StreamStatus": stream.stream_status.to_string(),
        "StreamModeDetails": mode(stream.stream_mode_details.as_ref()),
        "StreamCreationTimestamp": shown::time(Some(&stream.stream_creation_timestamp)),
        "RetentionPeriodHours": stream.retention_period_hours,
        "EncryptionType": shown::text(stream.encryption_type.as_ref()),
        "EnhancedMonitoring": shown::each(&stream.enhanced_monitoring, shown::metrics),
        "OpenShardCount": stream.open_shard_count,
        "ConsumerCount": stream.consumer_count,
        "MaxRecordSizeInKiB": stream.max_record_size_in_kib,
        "WarmThroughput": stream.warm_throughput.as_ref().map(shown::warm),
        "RecordDistributionStrategy": shown::text(stream.record_distribution_strategy.as_ref()),
    })
}

fn listed(stream: &StreamSummary) -> Value {
    json!({
        "StreamName": stream.stream_name,
        "StreamARN": stream.stream_arn,
        "StreamStatus": stream.stream_status.to_string(),
        "StreamModeDetails": mode(stream.stream_mode_details.as_ref()),
        "StreamCreationTimestamp": shown::time(stream.stream_creation_timestamp.as_ref()),
    })
}
