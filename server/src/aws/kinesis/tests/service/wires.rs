//! Both wires give the same results and the same errors: two servers that are asked the same, one in JSON and one in
//! protobuf, say the same all along.

use proptest::prelude::*;

use super::super::super::requests::Tape;
use super::super::super::requests::protobuf::written;
use super::*;
use crate::aws::codec::protobuf::Shapes;

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
        _ => super::super::super::requests::protobuf::shown(&bytes, shapes.output()),
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
        let node = Tape::new(&choices, turn % 4 == 0).request(operation);
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
