//! Protobuf says what JSON says: the same members, the same inputs, the same refusals, the same answers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::generated::Operation;
use super::{decode, decode_json};
use crate::aws::codec::Format;
use crate::aws::codec::protobuf::Shapes;
use crate::aws::codec::protobuf::schema::paths;
use crate::aws::requests::likeness::Likeness;
use crate::aws::requests::protobuf::{shown, written};
use crate::aws::requests::{Model, Node, Tape};

/// Members of the model that are not published: a stream has no id that anybody needs, and there are no channels and
/// queues.
const UNPUBLISHED: [&str; 4] = ["ChannelCount", "ChannelCountLimit", "QueueCount", "StreamId"];

/// The published calls that are an operation of the model by the same name.
fn published() -> Vec<(Operation, Shapes)> {
    let of_path = |path: &str| {
        let (service, name) = path.split_once('/')?;
        let operation = Operation::from_name(name).filter(|_| !service.contains(".Table"))?;
        Some((operation, Shapes::of(path)?))
    };
    let mut found: Vec<_> = paths().filter_map(of_path).collect();
    found.sort_by_key(|(operation, _)| operation.name());
    found
}

#[test]
fn every_operation_that_is_built_is_published() {
    let published: BTreeSet<_> = published().iter().map(|(operation, _)| operation.name()).collect();
    let service = include_str!("../service/mod.rs");
    let built: BTreeSet<_> = Operation::ALL
        .iter()
        .map(|operation| operation.name())
        .filter(|name| {
            let method: String = name
                .chars()
                .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()]))
                .collect();
            service.contains(&format!("async fn {}(", method.trim_start_matches('_')))
        })
        .collect();
    // It goes on for longer than AWS's, and has a name of its own.
    let own = BTreeSet::from(["SubscribeToShard"]);
    assert!(built.len() > 30);
    assert_eq!(&published | &own, built);
}

#[test]
fn messages_have_the_members_of_the_model() {
    let mut likeness = Likeness::but(&UNPUBLISHED);
    for (operation, shapes) in published() {
        likeness.check_call(Model::Kinesis, operation.name(), shapes);
    }
    assert!(likeness.shapes() > 20);
}

fn request(flawed: bool) -> impl Strategy<Value = (Operation, Shapes, Node)> {
    let choices = proptest::collection::vec(any::<u16>(), 0..300);
    let published = published();
    (0..published.len(), choices).prop_map(move |(index, choices)| {
        let (operation, shapes) = published[index];
        (
            operation,
            shapes,
            without_id(Tape::new(&choices, flawed).request(Model::Kinesis.input_of(operation.name()))),
        )
    })
}

/// The stream's id, which is not published, is in half of all requests.
fn without_id(body: Node) -> Node {
    match body {
        Node::Map(members) => Node::Map(members.into_iter().filter(|(name, _)| name != "StreamId").collect()),
        other => other,
    }
}

/// Fields in the order of the tree, which is any order: so both ways to read a message are taken.
fn agrees(operation: Operation, shapes: Shapes, body: &Node) -> Result<bool, TestCaseError> {
    let Some(bytes) = written(body, shapes.input()) else { return Ok(false) };
    let expected = decode_json(operation, &body.to_json());
    prop_assert_eq!(decode(operation, Format::Protobuf(shapes), bytes), expected);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn flawed_requests_are_refused_alike((operation, shapes, body) in request(true)) {
        agrees(operation, shapes, &body)?;
    }

    #[test]
    fn valid_requests_are_read_alike((operation, shapes, body) in request(false)) {
        agrees(operation, shapes, &body)?;
    }

    #[test]
    fn any_bytes_are_answered(
        index in 0..published().len(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let (operation, shapes) = published()[index];
        let _ = decode(operation, Format::Protobuf(shapes), body);
    }

    #[test]
    fn changed_requests_are_answered(
        (operation, shapes, body) in request(true),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let Some(mut bytes) = written(&body, shapes.input()) else { return Ok(()) };
        for (at, byte) in changes {
            let at = at % (bytes.len() + 1);
            if at < bytes.len() { bytes[at] = byte } else { bytes.push(byte) }
        }
        let _ = decode(operation, Format::Protobuf(shapes), bytes);
    }
}

#[test]
fn most_requests_can_be_written() {
    let mut count = 0;
    for (seed, (operation, shapes)) in published().into_iter().enumerate() {
        let choices: Vec<u16> = (0..200).map(|index| (index * 7919 + seed * 31) as u16).collect();
        count += usize::from(
            agrees(
                operation,
                shapes,
                &without_id(Tape::new(&choices, false).request(Model::Kinesis.input_of(operation.name()))),
            )
            .unwrap(),
        );
    }
    assert!(count > 25, "{count}");
}

/// Fields in another order than that of their numbers, with items of a list apart from each other.
#[test]
fn fields_may_stand_in_any_order() {
    let shapes = Shapes::of("millstream.v1.Records/PutRecords").unwrap();
    let name = [&[0x12, 6][..], b"orders"].concat();
    // Data (1) and partition key (3), the other way round.
    let record = |key: u8| [&[0x0a, 6, 0x1a, 1][..], &[key], &[0x0a, 1, b'x']].concat();
    let in_order = [record(b'a'), record(b'b'), name.clone()].concat();
    let in_disorder = [record(b'a'), name, record(b'b')].concat();
    let json = r#"{"StreamName":"orders","Records":[{"Data":"eA==","PartitionKey":"a"},{"Data":"eA==","PartitionKey":"b"}]}"#;
    let expected = decode_json(Operation::PutRecords, json).unwrap();
    for body in [in_order, in_disorder] {
        assert_eq!(decode(Operation::PutRecords, Format::Protobuf(shapes), body).unwrap(), expected);
    }
}

/// Data is a slice of what arrived.
#[test]
fn data_is_not_copied() {
    use super::super::generated::Input;
    let shapes = Shapes::of("millstream.v1.Records/PutRecord").unwrap();
    let body = bytes::Bytes::from([&[0x0a, 6][..], b"orders", &[0x12, 3], b"abc", &[0x1a, 1], b"k"].concat());
    let Ok(Input::PutRecord(input)) = Input::decode(Operation::PutRecord, Format::Protobuf(shapes), &body)
    else {
        panic!("it is not read");
    };
    assert_eq!(input.data, "abc");
    assert!(body.as_ptr_range().contains(&input.data.as_ptr()));
}

#[test]
fn answers_say_what_they_say_in_json() {
    use super::super::generated::{GetRecordsOutput, Record};
    use crate::aws::codec::encode;
    let shapes = Shapes::of("millstream.v1.Records/GetRecords").unwrap();
    let record = Record {
        sequence_number: "17".into(),
        approximate_arrival_timestamp: Some(millstream_model::Timestamp::from_millis(1_700_000_000_123)),
        data: vec![0, 255].into(),
        partition_key: Some("k".into()),
        encryption_type: Some(super::super::generated::EncryptionType::Kms),
    };
    let output = GetRecordsOutput {
        records: vec![record.clone(), record],
        next_shard_iterator: Some("next".into()),
        millis_behind_latest: Some(-1),
        child_shards: None,
    };
    let (mut json, mut protobuf) = (Vec::new(), Vec::new());
    encode(Format::Json, &output, &mut json);
    encode(Format::Protobuf(shapes), &output, &mut protobuf);
    assert_eq!(
        shown(&protobuf, shapes.output()),
        serde_json::from_slice::<serde_json::Value>(&json).unwrap()
    );
}
