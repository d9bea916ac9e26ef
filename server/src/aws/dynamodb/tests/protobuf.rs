//! Protobuf says of tables what JSON says: the same members, the same inputs, the same refusals.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use crate::aws::codec::protobuf::schema::{Message, paths};
use crate::aws::codec::protobuf::{Shapes, details};
use crate::aws::codec::{Format, Refusal};
use crate::aws::dynamodb::attribute_value::AttributeValue;
use crate::aws::dynamodb::generated::{
    CancellationReason, ConditionalCheckFailedException, Exception, Input, Operation, ThrottlingException,
    ThrottlingReason, TransactionCanceledException,
};
use crate::aws::dynamodb::streams::generated as streams;
use crate::aws::requests::likeness::Likeness;
use crate::aws::requests::protobuf::{shown, written};
use crate::aws::requests::{Model, Node, Tape};

/// Members that no request may have: there are no vector indexes.
const UNPUBLISHED: [&str; 2] = ["VectorIndexUpdates", "VectorIndexes"];

fn shapes(operation: Operation) -> Shapes {
    Shapes::of(&format!("millstream.v1.Tables/{operation}")).unwrap()
}

fn shapes_of_streams(operation: streams::Operation) -> Shapes {
    Shapes::of(&format!("millstream.v1.TableStreams/{operation}")).unwrap()
}

#[test]
fn every_operation_is_published() {
    let published = |service: &'static str| -> BTreeSet<&str> {
        paths().filter_map(|path| path.strip_prefix(service)).collect()
    };
    let tables: BTreeSet<_> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(published("millstream.v1.Tables/"), tables);
    let of_streams: BTreeSet<_> = streams::Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(published("millstream.v1.TableStreams/"), of_streams);
}

#[test]
fn messages_have_the_members_of_the_model() {
    let mut likeness = Likeness::but(&UNPUBLISHED);
    for operation in Operation::ALL {
        likeness.check_call(Model::Tables, operation.name(), shapes(operation));
    }
    for operation in streams::Operation::ALL {
        likeness.check_call(Model::TableStreams, operation.name(), shapes_of_streams(operation));
    }
    for exception in [
        "ConditionalCheckFailedException",
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "TransactionCanceledException",
    ] {
        likeness.check_exception(Model::Tables, exception);
    }
    assert!(likeness.shapes() > 100);
}

fn request(flawed: bool) -> impl Strategy<Value = (Operation, Node)> {
    let choices = proptest::collection::vec(any::<u16>(), 0..300);
    (0..Operation::ALL.len(), choices).prop_map(move |(index, choices)| {
        let operation = Operation::ALL[index];
        let input = Model::Tables.input_of(operation.name());
        (operation, Tape::new(&choices, flawed).request(input))
    })
}

fn decode(operation: Operation, format: Format, body: Vec<u8>) -> Result<Input, Refusal> {
    Input::decode(operation, format, &Bytes::from(body))
}

fn agrees(operation: Operation, body: &Node) -> Result<bool, TestCaseError> {
    let shapes = shapes(operation);
    let Some(bytes) = written(body, shapes.input()) else { return Ok(false) };
    let expected = decode(operation, Format::Json, body.to_json().into_bytes());
    prop_assert_eq!(decode(operation, Format::Protobuf(shapes), bytes), expected);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn flawed_requests_are_refused_alike((operation, body) in request(true)) {
        agrees(operation, &body)?;
    }

    #[test]
    fn valid_requests_are_read_alike((operation, body) in request(false)) {
        agrees(operation, &body)?;
    }

    #[test]
    fn changed_requests_are_answered(
        (operation, body) in request(true),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let shapes = shapes(operation);
        let Some(mut bytes) = written(&body, shapes.input()) else { return Ok(()) };
        for (at, byte) in changes {
            let at = at % (bytes.len() + 1);
            if at < bytes.len() { bytes[at] = byte } else { bytes.push(byte) }
        }
        let _ = decode(operation, Format::Protobuf(shapes), bytes);
    }
}

/// What an exception says beside its text is a message of its own, and says what JSON says.
#[test]
fn exceptions_say_more_than_a_text() {
    let item = || Some([("k".into(), AttributeValue::S("a".into()))].into());
    let reason = CancellationReason { item: item(), code: Some("None".into()), message: None };
    let limit = ThrottlingReason { reason: Some("TableRead".into()), resource: Some("arn".into()) };
    for error in [
        ConditionalCheckFailedException { item: item() }.error("no"),
        TransactionCanceledException { cancellation_reasons: Some(vec![reason]) }.error("no"),
        ThrottlingException { throttling_reasons: Some(vec![limit]) }.error("no"),
    ] {
        let message = Message::named(error.code()).unwrap();
        let said = shown(&details(&error).unwrap(), message);
        let mut json = Vec::new();
        error.encode_to(Format::Json, &mut json);
        let mut expected: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let members = expected.as_object_mut().unwrap();
        members.retain(|name, _| !["__type", "message", "Message"].contains(&name.as_str()));
        assert_eq!(said, expected);
    }
    assert_eq!(details(&crate::aws::codec::ApiError::bare(Exception::ConditionalCheckFailed)), None);
}
