//! Malformed bodies and values of the wrong type, and AWS's texts for them.

use super::super::generated::*;
use super::{decode, decode_json};
use crate::aws::codec::{ApiError, Format, Refusal};
use crate::aws::requests::Node;

/// Both formats refuse the value of that member with that text.
fn refuses(operation: Operation, member: &str, value: Node, text: &str) {
    let body = Node::map([(member, value)]);
    let expected = Err(Refusal::WrongType(text.to_owned().into()));
    assert_eq!(decode_json(operation, &body.to_json()), expected, "{body:?}");
    for indefinite in [false, true] {
        assert_eq!(decode(operation, Format::Cbor, body.to_cbor(indefinite)), expected, "{body:?}");
    }
}

const NO_LIST: &str = "Start of list found where not expected";
const NO_MAP: &str = "Start of structure or map found where not expected.";

fn from_boolean(target: &str) -> String {
    format!("class java.lang.Boolean can not be converted to {target}")
}

fn from_number(target: &str) -> String {
    format!("class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to {target}")
}

fn from_string(target: &str) -> String {
    format!("class java.lang.String can not be converted to {target}")
}

fn list() -> Node {
    Node::List(vec![Node::map([("a", Node::Null)])])
}

fn map() -> Node {
    Node::map([("a", Node::List(vec![Node::Integer(1)]))])
}

#[test]
fn scalars() {
    let cases = [
        (Operation::DeleteStream, "EnforceConsumerDeletion", Node::Integer(1), from_number("an Boolean")),
        (
            Operation::DeleteStream,
            "EnforceConsumerDeletion",
            Node::text("maybe"),
            "'MAYBE' can not be converted to an Boolean".to_owned(),
        ),
        (Operation::GetRecords, "Limit", Node::Boolean(true), from_boolean("an Integer")),
        (Operation::GetRecords, "Limit", Node::text("5"), from_string("an Integer")),
        (Operation::PutRecord, "StreamName", Node::Boolean(false), from_boolean("an String")),
        (Operation::PutRecord, "StreamName", Node::Integer(-1), from_number("an String")),
        (Operation::GetShardIterator, "ShardIteratorType", Node::Integer(0), from_number("an String")),
        (Operation::PutRecord, "Data", Node::Boolean(true), from_boolean("a Blob")),
        (Operation::PutRecord, "Data", Node::Integer(1), from_number("a Blob")),
        (
            Operation::GetShardIterator,
            "Timestamp",
            Node::Boolean(true),
            from_boolean("milliseconds since epoch"),
        ),
        (
            Operation::GetShardIterator,
            "Timestamp",
            Node::text("now"),
            from_string("milliseconds since epoch"),
        ),
    ];
    for (operation, member, value, text) in cases {
        refuses(operation, member, value, &text);
        refuses(operation, member, list(), NO_LIST);
        refuses(operation, member, map(), NO_MAP);
    }
}

#[test]
fn lists_maps_and_structures() {
    for scalar in [Node::Boolean(true), Node::Integer(1), Node::text("x"), Node::text("")] {
        refuses(Operation::PutRecords, "Records", scalar.clone(), "Expected list or null");
        refuses(Operation::CreateStream, "Tags", scalar.clone(), "Expected map or null");
        refuses(Operation::ListShards, "ShardFilter", scalar.clone(), "Expected null");
        refuses(Operation::PutRecords, "Records", Node::List(vec![scalar]), "Expected null");
    }
    refuses(Operation::PutRecords, "Records", map(), NO_MAP);
    refuses(Operation::CreateStream, "Tags", list(), NO_LIST);
    refuses(Operation::ListShards, "ShardFilter", list(), NO_LIST);
    refuses(Operation::RemoveTagsFromStream, "TagKeys", Node::List(vec![list()]), NO_LIST);
    refuses(Operation::CreateStream, "Tags", Node::map([("k", Node::Integer(1))]), &from_number("an String"));
}

#[test]
fn bad_base64() {
    let refused = |base64: &str, complaint: &str| {
        let body = format!(r#"{{"Data": "{base64}", "PartitionKey": "a"}}"#);
        let text = format!("'{base64}' can not be converted to a Blob: {complaint}");
        assert_eq!(decode_json(Operation::PutRecord, &body), Err(Refusal::WrongType(text.into())));
    };
    refused("12345", "Base64 encoded length is expected a multiple of 4 bytes but found: 5");
    refused("=", "Base64 encoded length is expected a multiple of 4 bytes but found: 1");
    refused("abc:", "Invalid Base64 character: ':'");
    refused("ab_-", "Invalid Base64 character: '_'");
    refused("1234567", "Base64 encoded length is expected a multiple of 4 bytes but found: 7");
    refused("+/+=", "Invalid last non-pad Base64 character dectected");
    // Escapes count as what they stand for.
    let body = r#"{"Data": "ab\u003ad"}"#;
    let text = "'ab:d' can not be converted to a Blob: Invalid Base64 character: ':'";
    assert_eq!(decode_json(Operation::PutRecord, body), Err(Refusal::WrongType(text.into())));
}

/// Only CBOR tells bytes from text.
#[test]
fn bytes_and_text_are_not_exchanged() {
    let text = "class java.nio.HeapByteBuffer can not be converted to an String";
    let body = Node::map([("StreamName", Node::Blob(b"abc".to_vec()))]).to_cbor(false);
    assert_eq!(decode(Operation::PutRecord, Format::Cbor, body), Err(Refusal::WrongType(text.into())));
    let body = Node::map([("Data", Node::text("YWJj"))]).to_cbor(false);
    let text = from_string("a Blob");
    assert_eq!(decode(Operation::PutRecord, Format::Cbor, body), Err(Refusal::WrongType(text.into())));
}

#[test]
fn booleans_may_be_strings() {
    let deletion = |value: &str| {
        let body = Node::map([("EnforceConsumerDeletion", Node::text(value))]);
        match decode_json(Operation::DeleteStream, &body.to_json()) {
            Ok(Input::DeleteStream(input)) => input.enforce_consumer_deletion,
            other => panic!("{other:?}"),
        }
    };
    assert!(["true", "TRUE", "1", "yes"].iter().all(|text| deletion(text) == Some(true)));
    assert!(["false", "False", "0", "no"].iter().all(|text| deletion(text) == Some(false)));
}

#[test]
fn syntax_outweighs_types_and_types_outweigh_constraints() {
    let refused = |body: &str| decode_json(Operation::PutRecord, body).unwrap_err();
    let wrong_type = r#"{"StreamName": 1, "Data": 2, "PartitionKey": """#;
    assert_eq!(refused(&format!("{wrong_type}}}")), Refusal::WrongType(from_number("an String").into()));
    for rest in ["", ",}", ", \"x\": nul}", ", \"x\": [}", "} {}", "}}"] {
        assert_eq!(refused(&format!("{wrong_type}{rest}")), Refusal::Malformed, "{rest}");
    }
}

#[test]
fn a_body_is_a_structure() {
    for body in ["", "null", "[]", "\"x\"", "1", "true", "{}x", "\u{feff}{}"] {
        assert_eq!(decode_json(Operation::ListStreams, body), Err(Refusal::Malformed), "{body}");
    }
    for body in [&b""[..], b"\xf6", b"\x80", b"\x61x", b"\x01", b"\xf5", b"\xa0\x00"] {
        assert_eq!(
            decode(Operation::ListStreams, Format::Cbor, body),
            Err(Refusal::Malformed),
            "{body:02x?}"
        );
    }
    // The tag that says "this is CBOR" is as good as none.
    assert!(decode(Operation::ListStreams, Format::Cbor, b"\xd9\xd9\xf7\xa0").is_ok());
}

#[test]
fn null_is_absent_unknown_is_ignored_and_the_last_one_counts() {
    let input = decode_json(
        Operation::ListStreams,
        r#"{"Limit": 7, "X": {"Y": [1, {"Z": null}, "\u00e9"]}, "ExclusiveStartStreamName": null, "Limit": 9, "limit": "no"}"#,
    );
    let expected = ListStreamsInput { limit: Some(9), ..Default::default() };
    assert_eq!(input, Ok(Input::ListStreams(expected)));
    let input = decode_json(Operation::ListStreams, r#"{"Limit": 9, "L\u0069mit": null}"#);
    assert_eq!(input, Ok(Input::ListStreams(ListStreamsInput::default())));
    // What a later value replaces is not at fault either.
    let input = decode_json(
        Operation::CreateStream,
        r#"{"StreamName": "s", "StreamModeDetails": {}, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}"#,
    );
    assert!(matches!(input, Ok(Input::CreateStream(_))), "{input:?}");
}

#[test]
fn unknown_members_are_checked_for_syntax() {
    for value in ["01", "\"\\x\"", "\"\n\"", "[1,]", "{\"a\"}", "tru", "\"\\ud800\""] {
        let body = format!(r#"{{"Unknown": {value}}}"#);
        assert_eq!(decode_json(Operation::ListStreams, &body), Err(Refusal::Malformed), "{value}");
    }
    let body = b"{\"Unknown\": \"\xff\"}";
    assert_eq!(decode(Operation::ListStreams, Format::Json, body), Err(Refusal::Malformed));
    let body = b"{\"\xff\": 1}";
    assert_eq!(decode(Operation::ListStreams, Format::Json, body), Err(Refusal::Malformed));
}

#[test]
fn far_beyond_a_limit_only_syntax_counts() {
    let items = "\"a\",".repeat(150_000);
    let refused = |last: &str| {
        decode_json(Operation::RemoveTagsFromStream, &format!(r#"{{"TagKeys": [{items}{last}]}}"#))
            .unwrap_err()
    };
    assert!(matches!(refused("1"), Refusal::Invalid(_)));
    assert_eq!(refused("01"), Refusal::Malformed);
}

#[test]
fn numbers_are_floored_and_clamped() {
    let limit = |number: &str| {
        decode_json(Operation::GetRecords, &format!(r#"{{"ShardIterator": "a", "Limit": {number}}}"#))
    };
    let accepted = |number: &str| match limit(number) {
        Ok(Input::GetRecords(input)) => input.limit.unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(accepted("12.9"), 12);
    assert_eq!(accepted("1e3"), 1000);
    let clamped = "1 validation error detected: Value '2147483647' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000";
    assert_eq!(limit("99999999999999999999"), Err(Refusal::Invalid(clamped.to_owned())));
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| {
        let json = format!("{}{}", r#"{"x":"#.repeat(levels), "}".repeat(levels)).replace(":}", ":1}");
        decode_json(Operation::ListStreams, &json)
    };
    assert!(nested(16).is_ok());
    assert_eq!(nested(17), Err(Refusal::Malformed));
    assert_eq!(nested(1_000_000), Err(Refusal::Malformed));
    let cbor = [b"\xbf\x61x".as_slice(), &vec![0x9f; 1_000_000]].concat();
    assert_eq!(decode(Operation::ListStreams, Format::Cbor, cbor), Err(Refusal::Malformed));
}

#[test]
fn refusals_are_answered_in_awss_form() {
    let encoded = |refusal: Refusal, format| {
        let mut out = Vec::new();
        ApiError::from(refusal).encode_to(format, &mut out);
        out
    };
    let json = |refusal| String::from_utf8(encoded(refusal, Format::Json)).unwrap();
    assert_eq!(json(Refusal::Malformed), r#"{"__type":"SerializationException"}"#);
    assert_eq!(
        json(Refusal::WrongType("Expected null".into())),
        r#"{"__type":"SerializationException","Message":"Expected null"}"#
    );
    assert_eq!(
        json(Refusal::Invalid("1 validation".to_owned())),
        r#"{"__type":"ValidationException","message":"1 validation"}"#
    );
    assert_eq!(encoded(Refusal::Malformed, Format::Cbor), b"\xbf\x66__type\x76SerializationException\xff");
}
