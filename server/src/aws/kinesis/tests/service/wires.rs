//! Both wires give the same results and the same errors: two servers that are asked the same, one in JSON and one in
//! protobuf, say the same all along.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::aws::codec::protobuf::Shapes;
use crate::aws::requests::protobuf::written;
use crate::aws::requests::{Model, Tape};

/// The path's service does not matter: no call is in two.
fn shapes(operation: Operation) -> Option<Shapes> {
    let path = |service| format!("millstream.v1.{service}/{operation}");
    Shapes::of(&path("Streams")).or_else(|| Shapes::of(&path("Records")))
}

/// What a request made from choices becomes when it is about the few things that there are.
fn aimed(node: Node, turn: u16, iterator: Option<&str>) -> Node {
    let Node::Map(members) = node else { return node };
    let pick = |texts: &[&str]| Node::text(texts[usize::from(turn) % texts.len()]);
    let aim = |(name, value): (String, Node)| {
        let value = match name.as_str() {
            "StreamName" => pick(&["orders", "orders", "orders", "other", "missing"]),
            "StreamARN" | "ResourceARN" => {
                pick(&[STREAM, STREAM, "arn:aws:kinesis:us-east-1:000000000000:stream/other"])
            }
            "ShardId" | "ShardToSplit" | "ShardToMerge" => {
                pick(&[SHARD, "shardId-000000000002", "shardId-000000000009"])
            }
            "AdjacentShardToMerge" => pick(&["shardId-000000000001", SHARD]),
            "ConsumerName" => pick(&["app", "other"]),
            "NewStartingHashKey" => pick(&["85070591730234615865843651857942052864", "1"]),
            "ShardIterator" => iterator.map_or_else(|| Node::text("none"), Node::text),
            "DryRun" => Node::Boolean(turn.is_multiple_of(8)),
            _ => value,
        };
        (name, value)
    };
    // An id of a stream is not published.
    Node::Map(members.into_iter().filter(|(name, _)| name != "StreamId").map(aim).collect())
}

/// Without what protobuf leaves out: empty lists and maps, nothing, and counts of channels and queues, of which there
/// are none.
fn without_nothing(value: Json) -> Json {
    let is_left_out = |name: &str, value: &Json| {
        matches!(name, "ChannelCount" | "ChannelCountLimit" | "QueueCount")
            || [Json::Null, json!([]), json!({})].contains(value)
    };
    match value {
        Json::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, without_nothing(value)));
            Json::Object(members.filter(|(name, value)| !is_left_out(name, value)).collect())
        }
        Json::Array(items) => items.into_iter().map(without_nothing).collect(),
        other => other,
    }
}

async fn ask(world: &World, operation: Operation, body: Vec<u8>) -> Result<Json, Refused> {
    let shapes = shapes(operation).unwrap();
    let outcome = world.carry_out_bytes("000000000000", operation, body).await;
    let bytes = outcome.map_err(|error| (error.code(), error.message().unwrap_or_default().to_owned()))?;
    Ok(without_nothing(match world.format {
        Format::Json if bytes.is_empty() => json!({}),
        Format::Json => serde_json::from_slice(&bytes).unwrap(),
        _ => crate::aws::requests::protobuf::shown(&bytes, shapes.output()),
    }))
}

type Step = (usize, u16, Vec<u16>);

async fn say_the_same(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let published: Vec<_> =
        Operation::ALL.iter().copied().filter(|operation| shapes(*operation).is_some()).collect();
    let (mut in_json, mut in_protobuf) =
        (World::with_stream(Format::Json).await, World::with_stream(Format::Json).await);
    let mut iterator = None;
    for (index, turn, choices) in steps {
        // Half of all steps put and get, without which there is little to see.
        let often = ["PutRecord", "PutRecords", "GetShardIterator", "GetRecords"];
        let operation = match index % (2 * published.len()) {
            place if place < published.len() => published[place],
            place => Operation::from_name(often[place % often.len()]).unwrap(),
        };
        let shapes = shapes(operation).unwrap();
        let node = Tape::new(&choices, turn % 4 == 0).request(Model::Kinesis.input_of(operation.name()));
        let node = aimed(node, turn, iterator.as_deref());
        let Some(protobuf) = written(&node, shapes.input()) else { continue };
        (in_json.format, in_protobuf.format) = (Format::Json, Format::Protobuf(shapes));
        let expected = ask(&in_json, operation, node.to_json().into_bytes()).await;
        let answer = ask(&in_protobuf, operation, protobuf).await;
        prop_assert_eq!(&answer, &expected, "{} {:?}", operation, node);
        if let Ok(answer) = &answer {
            let given = answer.get("ShardIterator").or_else(|| answer.get("NextShardIterator"));
            iterator = given.and_then(Json::as_str).map(str::to_owned).or(iterator);
        }
        let passed = Duration::from_millis(u64::from(turn % 500));
        in_json.clock.advance(passed);
        in_protobuf.clock.advance(passed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn both_wires_say_the_same(
        steps in prop::collection::vec((any::<usize>(), any::<u16>(), prop::collection::vec(any::<u16>(), 0..60)), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(say_the_same(steps))?;
    }
}

/// Every published operation once, in an order in which each does what it is there for. What is given as `None` is
/// what the call before answered.
fn script() -> Vec<(&'static str, Json)> {
    [of_streams_and_records(), of_shards_and_resources()].concat()
}

/// A body with these members, and one that says what it is about.
fn about(mut body: Json, more: &Json) -> Json {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn of(more: Json) -> Json {
    about(more, &json!({"StreamName": "orders"}))
}

fn of_streams_and_records() -> Vec<(&'static str, Json)> {
    let elastic = "arn:aws:kinesis:us-east-1:000000000000:stream/elastic";
    let entries = json!([{"Data": "a", "PartitionKey": "k"}, {"Data": "b", "PartitionKey": "l"}]);
    vec![
        ("CreateStream", json!({"StreamName": "elastic", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}})),
        ("DescribeStream", of(json!({}))),
        ("DescribeStreamSummary", of(json!({}))),
        ("ListStreams", json!({"Limit": 1})),
        ("DescribeLimits", json!({})),
        ("UpdateAccountSettings", json!({"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}})),
        ("DescribeAccountSettings", json!({})),
        ("UpdateStreamWarmThroughput", json!({"StreamName": "elastic", "WarmThroughputMiBps": 7})),
        (
            "UpdateStreamRecordDistributionStrategy",
            json!({"StreamARN": elastic, "RecordDistributionStrategy": "AUTO"}),
        ),
        ("UpdateMaxRecordSize", json!({"StreamARN": STREAM, "MaxRecordSizeInKiB": 2048})),
        ("PutRecord", of(json!({"Data": "x", "PartitionKey": "k"}))),
        ("PutRecords", of(json!({"Records": entries}))),
        ("GetShardIterator", of(json!({"ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}))),
        ("GetRecords", json!({"ShardIterator": null, "Limit": 10})),
        ("IncreaseStreamRetentionPeriod", of(json!({"RetentionPeriodHours": 48}))),
        ("DecreaseStreamRetentionPeriod", of(json!({"RetentionPeriodHours": 24}))),
        ("StartStreamEncryption", of(json!({"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}))),
        ("StopStreamEncryption", of(json!({"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}))),
    ]
}

fn of_shards_and_resources() -> Vec<(&'static str, Json)> {
    let of_arn = |more: Json| about(more, &json!({"ResourceARN": STREAM}));
    let consumer = json!({"StreamARN": STREAM, "ConsumerName": "app"});
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "kinesis:GetRecords", "Resource": STREAM,
    }]});
    vec![
        ("ListShards", of(json!({}))),
        (
            "SplitShard",
            of(json!({
                "ShardToSplit": SHARD, "NewStartingHashKey": "85070591730234615865843651857942052864",
            })),
        ),
        (
            "MergeShards",
            of(json!({
                "ShardToMerge": "shardId-000000000002", "AdjacentShardToMerge": "shardId-000000000003",
            })),
        ),
        ("UpdateShardCount", of(json!({"TargetShardCount": 3, "ScalingType": "UNIFORM_SCALING"}))),
        ("RegisterStreamConsumer", consumer.clone()),
        ("DescribeStreamConsumer", consumer.clone()),
        ("ListStreamConsumers", json!({"StreamARN": STREAM})),
        ("DeregisterStreamConsumer", consumer),
        ("AddTagsToStream", of(json!({"Tags": {"a": "1"}}))),
        ("ListTagsForStream", of(json!({}))),
        ("RemoveTagsFromStream", of(json!({"TagKeys": ["a"]}))),
        ("TagResource", of_arn(json!({"Tags": {"b": "2"}}))),
        ("ListTagsForResource", of_arn(json!({}))),
        ("UntagResource", of_arn(json!({"TagKeys": ["b"]}))),
        ("PutResourcePolicy", of_arn(json!({"Policy": policy.to_string()}))),
        ("GetResourcePolicy", of_arn(json!({}))),
        ("DeleteResourcePolicy", of_arn(json!({}))),
        ("EnableEnhancedMonitoring", of(json!({"ShardLevelMetrics": ["IncomingBytes"]}))),
        ("DisableEnhancedMonitoring", of(json!({"ShardLevelMetrics": ["ALL"]}))),
        ("UpdateStreamMode", json!({"StreamARN": STREAM, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}})),
        ("DeleteStream", json!({"StreamName": "elastic"})),
    ]
}

/// An operation that is new is missed here until it is asked for, and over both wires.
#[tokio::test]
async fn every_operation_is_carried_out_over_both_wires() {
    let (mut in_json, mut in_protobuf) =
        (World::with_stream(Format::Json).await, World::with_stream(Format::Json).await);
    let (mut asked, mut iterator) = (BTreeSet::new(), Json::Null);
    for (name, mut body) in script() {
        let operation = Operation::from_name(name).unwrap();
        if body["ShardIterator"].is_null() && name == "GetRecords" {
            body["ShardIterator"] = iterator.clone();
        }
        let shapes = shapes(operation).unwrap_or_else(|| panic!("{name} is not published"));
        let node = node(&body);
        let protobuf = written(&node, shapes.input()).unwrap_or_else(|| panic!("{name} {body}"));
        (in_json.format, in_protobuf.format) = (Format::Json, Format::Protobuf(shapes));
        let expected = ask(&in_json, operation, node.to_json().into_bytes()).await;
        let answer = ask(&in_protobuf, operation, protobuf).await;
        assert_eq!(answer, expected, "{name}");
        let answer = answer.unwrap_or_else(|error| panic!("{name} {body}: {error:?}"));
        if name == "GetShardIterator" {
            iterator = answer["ShardIterator"].clone();
        }
        asked.insert(operation.name());
        for world in [&in_json, &in_protobuf] {
            world.clock.advance(Duration::from_secs(30));
        }
    }
    let published = Operation::ALL.iter().filter(|operation| shapes(**operation).is_some());
    assert_eq!(asked, published.map(|operation| operation.name()).collect::<BTreeSet<_>>());
}
