//! What streams and consumers have, and consumers themselves.

use aws_sdk_kinesis::Client as Sdk;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types::{
    Consumer, ConsumerDescription, ShardIteratorType, StartingPosition, SubscribeToShardEventStream,
};
use serde_json::{Value, json};

use super::given::Given;
use super::{reply, shown};
use millstream_tests::told::Reply;

pub(crate) async fn carry_out(sdk: &Sdk, operation: &str, given: Given<'_>) -> Option<Reply> {
    let (name, resource) = (given.text("StreamName"), given.text("ResourceARN"));
    Some(match operation {
        "AddTagsToStream" => {
            let call = sdk.add_tags_to_stream().set_stream_name(name);
            reply(call.set_tags(given.map("Tags")).send().await, |_| json!({}))
        }
        "RemoveTagsFromStream" => {
            let call = sdk.remove_tags_from_stream().set_stream_name(name);
            reply(call.set_tag_keys(given.each("TagKeys")).send().await, |_| json!({}))
        }
        "ListTagsForStream" => reply(
            sdk.list_tags_for_stream().set_stream_name(name).send().await,
            |answer| json!({ "Tags": shown::each(answer.tags(), shown::tag), "HasMoreTags": answer.has_more_tags }),
        ),
        "TagResource" => {
            let call = sdk.tag_resource().set_resource_arn(resource);
            reply(call.set_tags(given.map("Tags")).send().await, |_| json!({}))
        }
        "UntagResource" => {
            let call = sdk.untag_resource().set_resource_arn(resource);
            reply(call.set_tag_keys(given.each("TagKeys")).send().await, |_| json!({}))
        }
        "ListTagsForResource" => reply(
            sdk.list_tags_for_resource().set_resource_arn(resource).send().await,
            |answer| json!({ "Tags": shown::each(answer.tags(), shown::tag) }),
        ),
        "PutResourcePolicy" => {
            let call = sdk.put_resource_policy().set_resource_arn(resource);
            reply(call.set_policy(given.text("Policy")).send().await, |_| json!({}))
        }
        "GetResourcePolicy" => reply(
            sdk.get_resource_policy().set_resource_arn(resource).send().await,
            |answer| json!({ "Policy": answer.policy }),
        ),
        "DeleteResourcePolicy" => {
            reply(sdk.delete_resource_policy().set_resource_arn(resource).send().await, |_| json!({}))
        }
        _ => return consumers(sdk, operation, given).await,
    })
}

async fn consumers(sdk: &Sdk, operation: &str, given: Given<'_>) -> Option<Reply> {
    let (stream, name) = (given.text("StreamARN"), given.text("ConsumerName"));
    Some(match operation {
        "RegisterStreamConsumer" => {
            let call = sdk.register_stream_consumer().set_stream_arn(stream).set_consumer_name(name);
            reply(call.send().await, |answer| json!({ "Consumer": answer.consumer.as_ref().map(consumer) }))
        }
        "DescribeStreamConsumer" => {
            let call = sdk.describe_stream_consumer().set_stream_arn(stream).set_consumer_name(name);
            reply(
                call.send().await,
                |answer| json!({ "ConsumerDescription": answer.consumer_description.as_ref().map(description) }),
            )
        }
        "ListStreamConsumers" => reply(
            sdk.list_stream_consumers().set_stream_arn(stream).send().await,
            |answer| json!({ "Consumers": shown::each(answer.consumers(), consumer) }),
        ),
        "DeregisterStreamConsumer" => {
            let call = sdk.deregister_stream_consumer().set_stream_arn(stream).set_consumer_name(name);
            reply(call.send().await, |_| json!({}))
        }
        "SubscribeToShard" => {
            let call = sdk.subscribe_to_shard().set_consumer_arn(given.text("ConsumerARN"));
            let call = call.set_starting_position(given.members("StartingPosition").map(position));
            match call.set_shard_id(given.text("ShardId")).send().await {
                Ok(mut answer) => Reply::Output(json!({ "EventStream": first_records(&mut answer).await })),
                refused => reply(refused, |_| json!({})),
            }
        }
        _ => return None,
    })
}

fn position(given: Given<'_>) -> StartingPosition {
    let kind = given.text("Type").map(|kind| ShardIteratorType::from(kind.as_str()));
    StartingPosition::builder().set_type(kind).build().unwrap()
}

async fn first_records(answer: &mut SubscribeToShardOutput) -> Vec<Value> {
    while let Some(told) = answer.event_stream.recv().await.unwrap() {
        if let SubscribeToShardEventStream::SubscribeToShardEvent(event) = told
            && !event.records.is_empty()
        {
            return vec![json!({ "SubscribeToShardEvent": shown::event(&event) })];
        }
    }
    Vec::new()
}

fn consumer(consumer: &Consumer) -> Value {
    json!({
        "ConsumerName": consumer.consumer_name,
        "ConsumerARN": consumer.consumer_arn,
        "ConsumerStatus": consumer.consumer_status.to_string(),
        "ConsumerCreationTimestamp": shown::time(Some(&consumer.consumer_creation_timestamp)),
    })
}

fn description(consumer: &ConsumerDescription) -> Value {
    json!({
        "ConsumerName": consumer.consumer_name,
        "ConsumerARN": consumer.consumer_arn,
        "ConsumerStatus": consumer.consumer_status.to_string(),
        "ConsumerCreationTimestamp": shown::time(Some(&consumer.consumer_creation_timestamp)),
        "StreamARN": consumer.stream_arn,
    })
}
