//! Every operation of the model, with the least that its model asks for, and constraints.

use serde_json::{Value as Json, json};

use super::decode;
use crate::aws::codec::Refusal;
use crate::aws::dynamodb::generated::{Input, Operation};

const MODEL: &str = include_str!("../../../../../codegen/models/dynamodb-2012-08-10.json");

/// A value that keeps the constraints of a shape.
fn least(model: &Json, shape: &str) -> Json {
    let shape = &model["shapes"][shape];
    let part = |role: &str| least(model, shape[role]["shape"].as_str().unwrap());
    let count = shape["min"].as_u64().unwrap_or(0);
    match shape["type"].as_str().unwrap() {
        "structure" => {
            let required = shape["required"].as_array().cloned().unwrap_or_default();
            let members = required.iter().map(|name| {
                let name = name.as_str().unwrap();
                (name.to_owned(), least(model, shape["members"][name]["shape"].as_str().unwrap()))
            });
            Json::Object(members.collect())
        }
        "list" => (0..count).map(|_| part("member")).collect(),
        "map" => Json::Object((0..count).map(|index| (format!("name{index}"), part("value"))).collect()),
        "string" if shape.get("enum").is_some() => shape["enum"][0].clone(),
        "string" => json!("a".repeat(usize::try_from(count).unwrap())),
        "integer" | "long" => json!(count),
        "boolean" => json!(true),
        "timestamp" | "double" => json!(1.5),
        other => panic!("{other}"),
    }
}

#[test]
fn the_least_that_the_model_asks_for_is_taken() {
    let model: Json = serde_json::from_str(MODEL).unwrap();
    let operations = model["operations"].as_object().unwrap();
    assert_eq!(operations.len(), Operation::ALL.len());
    for (name, entry) in operations {
        let operation = Operation::from_name(name).unwrap();
        let mut body = least(&model, entry["input"]["shape"].as_str().unwrap());
        let input = decode(operation, &body.to_string());
        assert_eq!(input.as_ref().map(Input::operation), Ok(operation), "{body}");
        // What the model does not know is not looked at.
        body["Unknown"] = json!([{"deep": [1, null]}]);
        assert_eq!(decode(operation, &body.to_string()), input);
    }
}

#[test]
fn constraints_are_told_as_a_list() {
    let refused = |operation, body: Json| match decode(operation, &body.to_string()) {
        Err(Refusal::Invalid(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(Operation::Scan, json!({"TableName": "abc", "Segment": -1, "ReturnConsumedCapacity": "hi"})),
        "2 validation errors detected: Value 'hi' at 'returnConsumedCapacity' failed to satisfy constraint: Member \
         must satisfy enum value set: [INDEXES, TOTAL, NONE]; Value '-1' at 'segment' failed to satisfy constraint: \
         Member must have value greater than or equal to 0"
    );
    let keys: Json = (0..101).map(|_| json!({})).collect();
    let text = refused(Operation::BatchGetItem, json!({"RequestItems": {"abc": {"Keys": keys}}}));
    let start = "1 validation error detected: Value '[{}, {}, ";
    let end = "]' at 'requestItems.abc.member.keys' failed to satisfy constraint: Member must have length less than \
               or equal to 100";
    assert!(text.starts_with(start) && text.ends_with(end), "{text}");
    for count in [0, 26] {
        let writes: Json = (0..count).map(|_| json!({"PutRequest": {"Item": {}}})).collect();
        let text = refused(Operation::BatchWriteItem, json!({"RequestItems": {"abc": writes, "def": [{}]}}));
        let start = "1 validation error detected: Value '{abc=[";
        let end = "]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member \
                   must have length less than or equal to 25, Member must have length greater than or equal to 1]";
        assert!(text.starts_with(start) && text.ends_with(end), "{text}");
    }
    let writes = json!([{"PutRequest": {"Item": {"a": {"SS": [null]}}}}]);
    let text = refused(Operation::BatchWriteItem, json!({"RequestItems": {"abc": writes}}));
    assert!(
        text.contains("at 'requestItems.abc.member.1.member.putRequest.item.a.member.sS.1.member'"),
        "{text}"
    );
    let name = "x".repeat(65_536);
    let text =
        refused(Operation::GetItem, json!({"TableName": "abc", "Key": {"k": {"M": {name: {"S": "a"}}}}}));
    assert!(
        text.contains("at 'key.k.member.m' failed to satisfy constraint: Map keys must satisfy"),
        "{text}"
    );
    let text = refused(Operation::GetItem, json!({"TableName": "abc", "Key": {"k": {"SS": ["a", null]}}}));
    assert!(text.contains("Value null at 'key.k.member.sS.2.member' failed"), "{text}");
}
