//! Values of the wrong type, and AWS's texts for them, which are not those of Kinesis.

use serde_json::{Value as Json, json};

use super::decode;
use crate::aws::codec::Refusal;
use crate::aws::dynamodb::generated::Operation;

fn refused(operation: Operation, body: &Json) -> String {
    match decode(operation, &body.to_string()) {
        Err(Refusal::WrongType(text)) => text.into_owned(),
        other => panic!("{body}: {other:?}"),
    }
}

const MAP_FOUND: &str = "Start of structure or map found where not expected";

#[test]
fn scalars() {
    let key = |value: Json| json!({"TableName": "abc", "Key": {"k": value}});
    for (value, text) in [
        (json!({"S": 1}), "NUMBER_VALUE cannot be converted to String"),
        (json!({"S": 1.5}), "DECIMAL_VALUE cannot be converted to String"),
        (json!({"N": true}), "TRUE_VALUE cannot be converted to String"),
        (json!({"N": false}), "FALSE_VALUE cannot be converted to String"),
        (json!({"S": []}), "Unrecognized collection type class java.lang.String"),
        (json!({"S": {}}), MAP_FOUND),
        (json!({"B": 1}), "only base-64-encoded strings are convertible to bytes"),
        (json!({"B": true}), "only base-64-encoded strings are convertible to bytes"),
        (json!({"B": "a"}), "Base64 encoded length is expected a multiple of 4 bytes but found: 1"),
        (json!({"B": "AB=="}), "Invalid last non-pad Base64 character dectected"),
        (json!({"BOOL": "maybe"}), "Unexpected token received from parser"),
        (json!({"BOOL": {}}), MAP_FOUND),
        (json!({"SS": "a"}), "Unexpected field type"),
        (json!({"SS": [1]}), "NUMBER_VALUE cannot be converted to String"),
        (json!({"L": 1}), "Unexpected field type"),
        (json!({"L": [1]}), "Unexpected value type in payload"),
        (json!({"M": "a"}), "Unexpected field type"),
        (json!({"M": {"a": "b"}}), "Unexpected value type in payload"),
        (
            json!({"M": []}),
            "Unrecognized collection type java.util.Map<java.lang.String, \
             com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
        (
            json!({"L": [[]]}),
            "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
        ),
    ] {
        assert_eq!(refused(Operation::GetItem, &key(value.clone())), text, "{value}");
    }
}

#[test]
fn members_of_requests() {
    let text = "STRING_VALUE cannot be converted to Integer";
    assert_eq!(refused(Operation::Scan, &json!({"TableName": "abc", "Limit": "1"})), text);
    let throughput = json!({"ProvisionedThroughput": {"ReadCapacityUnits": "a"}});
    assert_eq!(refused(Operation::CreateTable, &throughput), "STRING_VALUE cannot be converted to Long");
    assert_eq!(
        refused(Operation::CreateTable, &json!({"ProvisionedThroughput": 1})),
        "Unexpected field type"
    );
    assert_eq!(
        refused(Operation::CreateTable, &json!({"ProvisionedThroughput": []})),
        "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.ProvisionedThroughput"
    );
    assert_eq!(refused(Operation::CreateTable, &json!({"KeySchema": {}})), MAP_FOUND);
    assert_eq!(refused(Operation::GetItem, &json!({"Key": 1})), "Unexpected field type");
    assert_eq!(refused(Operation::GetItem, &json!({"Key": {"a": 1}})), "Unexpected value type in payload");
}
