//! Values of the wrong type, and AWS's words for them.

use millstream_tests::raw::Request;
use serde_json::{Value, json};

use super::{Host, cbor, wrong_type};

const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
const LIST: &str = "Start of list found where not expected";
const MAP: &str = "Start of structure or map found where not expected.";

/// Operation, member, value, and what AWS says.
fn cases() -> Vec<(&'static str, &'static str, Value, String)> {
    let from = |class: &str, target: &str| format!("class {class} can not be converted to {target}");
    let (boolean, text) = ("java.lang.Boolean", "java.lang.String");
    let number = |target: &str| format!("{NUMBER} can not be converted to {target}");
    let mut cases = vec![
        ("PutRecord", "StreamName", json!(1), number("an String")),
        ("PutRecord", "StreamName", json!(true), from(boolean, "an String")),
        ("PutRecord", "Data", json!(1), number("a Blob")),
        ("PutRecord", "Data", json!(false), from(boolean, "a Blob")),
        ("PutRecord", "DryRun", json!(1), number("an Boolean")),
        ("PutRecord", "DryRun", json!("maybe"), "'MAYBE' can not be converted to an Boolean".to_owned()),
        ("GetRecords", "Limit", json!(true), from(boolean, "an Integer")),
        ("GetRecords", "Limit", json!("5"), from(text, "an Integer")),
        ("GetShardIterator", "Timestamp", json!(true), from(boolean, "milliseconds since epoch")),
        ("GetShardIterator", "Timestamp", json!("now"), from(text, "milliseconds since epoch")),
        ("GetShardIterator", "ShardIteratorType", json!(0), number("an String")),
        ("PutRecords", "Records", json!("x"), "Expected list or null".to_owned()),
        ("PutRecords", "Records", json!({"a": 1}), MAP.to_owned()),
        ("PutRecords", "Records", json!(["x"]), "Expected null".to_owned()),
        ("PutRecords", "Records", json!([[]]), LIST.to_owned()),
        ("CreateStream", "Tags", json!(1), "Expected map or null".to_owned()),
        ("CreateStream", "Tags", json!([1]), LIST.to_owned()),
        ("CreateStream", "Tags", json!({"k": 1}), number("an String")),
        ("ListShards", "ShardFilter", json!("x"), "Expected null".to_owned()),
        ("ListShards", "ShardFilter", json!([]), LIST.to_owned()),
        ("RemoveTagsFromStream", "TagKeys", json!([1]), number("an String")),
    ];
    for (operation, member) in
        [("PutRecord", "Data"), ("PutRecord", "DryRun"), ("GetRecords", "Limit"), ("PutRecord", "StreamName")]
    {
        cases.push((operation, member, json!([1]), LIST.to_owned()));
        cases.push((operation, member, json!({"a": [1]}), MAP.to_owned()));
    }
    cases
}

#[test]
fn values_of_the_wrong_type() {
    let host = Host::start();
    for (operation, member, value, text) in cases() {
        let body = json!({ member: value });
        let name = format!("{operation} {body}");
        host.expect(&name, &Request::json(operation, body.to_string()), &wrong_type(&*text));
        host.expect(&name, &Request::cbor(operation, cbor(&body)), &wrong_type(&*text));
    }
    host.finish();
}

#[test]
fn base64() {
    let host = Host::start();
    let length =
        |found: usize| format!("Base64 encoded length is expected a multiple of 4 bytes but found: {found}");
    let character = |found: char| format!("Invalid Base64 character: '{found}'");
    let last = "Invalid last non-pad Base64 character dectected";
    let cases = [
        ("A", length(1)),
        ("AAA", length(3)),
        ("AAAA=", length(5)),
        ("é", length(1)),
        ("AA=A", character('=')),
        ("A===", character('=')),
        ("====", character('=')),
        ("AA-_", character('-')),
        ("AAA ", character(' ')),
        ("AAA\n", character('\n')),
        ("AB==", last.to_owned()),
        ("AAB=", last.to_owned()),
    ];
    for (data, complaint) in cases {
        let body = json!({"StreamName": "orders", "PartitionKey": "p", "Data": data});
        let text = format!("'{data}' can not be converted to a Blob: {complaint}");
        host.expect(data, &Request::json("PutRecord", body.to_string()), &wrong_type(text));
    }
    // CBOR has bytes; text in their place is no base64 to it.
    let body = cbor(&json!({"StreamName": "orders", "PartitionKey": "p", "Data": "AAAA"}));
    let text = "class java.lang.String can not be converted to a Blob";
    host.expect("text in CBOR", &Request::cbor("PutRecord", body), &wrong_type(text));
    host.finish();
}

/// What is shown of a value stays small, however large it was.
#[test]
fn long_values_are_shown_in_part() {
    let host = Host::start();
    for (operation, member) in [("PutRecord", "Data"), ("PutRecord", "DryRun"), ("ListStreams", "NextToken")]
    {
        let value = format!("-{}", "é".repeat(4_000_000));
        let body = json!({ member: value }).to_string();
        let response = Request::json(operation, body).send(host.address()).unwrap();
        assert_eq!(response.status, 400, "{member}");
        assert!(response.body.len() < 100 * 1024, "{member}: {} bytes", response.body.len());
    }
    host.finish();
}
