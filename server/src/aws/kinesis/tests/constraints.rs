//! Broken constraints, and AWS's texts for them.

use super::super::generated::*;
use super::{decode, decode_json};
use crate::aws::codec::{Format, Refusal};
use crate::aws::requests::Node;

/// Both formats refuse the body with those faults, given as `value at path: rule`.
fn refuses(operation: Operation, body: &Node, faults: &[(&str, &str, &str)]) {
    let count = match faults.len() {
        1 => "1 validation error detected: ".to_owned(),
        count => format!("{count} validation errors detected: "),
    };
    let fault = |(value, path, rule): &(&str, &str, &str)| {
        format!("Value {value} at '{path}' failed to satisfy constraint: {rule}")
    };
    let text = count + &faults.iter().map(fault).collect::<Vec<_>>().join("; ");
    let expected = Err(Refusal::Invalid(text));
    assert_eq!(decode_json(operation, &body.to_json()), expected);
    assert_eq!(decode(operation, Format::Cbor, body.to_cbor(true)), expected);
}

const NULL: &str = "Member must not be null";
const NAME: &str = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
const HASH_KEY: &str = r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})";
const SEQUENCE_NUMBER: &str = r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,128})";

fn at_least(what: &str, bound: u64) -> String {
    format!("Member must have {what} greater than or equal to {bound}")
}

fn at_most(what: &str, bound: u64) -> String {
    format!("Member must have {what} less than or equal to {bound}")
}

#[test]
fn what_is_missing() {
    refuses(Operation::GetRecords, &Node::map([]), &[("null", "shardIterator", NULL)]);
    refuses(
        Operation::GetRecords,
        &Node::map([("ShardIterator", Node::Null)]),
        &[("null", "shardIterator", NULL)],
    );
    refuses(
        Operation::SubscribeToShard,
        &Node::map([("StartingPosition", Node::map([]))]),
        &[("null", "consumerARN", NULL), ("null", "shardId", NULL), ("null", "startingPosition.type", NULL)],
    );
    refuses(
        Operation::PutRecords,
        &Node::map([("Records", Node::List(vec![Node::map([("Data", Node::Blob(vec![]))]), Node::map([])]))]),
        &[("null", "records.2.member.data", NULL)],
    );
}

#[test]
fn numbers() {
    let body = |shards: i64, size: i64| {
        Node::map([
            ("MaxRecordSizeInKiB", Node::Integer(size)),
            ("ShardCount", Node::Integer(shards)),
            ("StreamName", Node::text("s")),
        ])
    };
    // In the model's order, whatever the body's.
    refuses(
        Operation::CreateStream,
        &body(0, 10_241),
        &[
            ("'0'", "shardCount", &at_least("value", 1)),
            ("'10241'", "maxRecordSizeInKiB", &at_most("value", 10_240)),
        ],
    );
}

#[test]
fn strings() {
    let name = |text: &str| Node::map([("StreamName", Node::text(text))]);
    refuses(
        Operation::CreateStream,
        &name(""),
        &[("''", "streamName", NAME), ("''", "streamName", &at_least("length", 1))],
    );
    let long = "x".repeat(129);
    let shown = format!("'{long}'");
    refuses(Operation::CreateStream, &name(&long), &[(&shown, "streamName", &at_most("length", 128))]);
    refuses(Operation::CreateStream, &name("a b\n"), &[("'a b\n'", "streamName", NAME)]);
    // 256 UTF-16 code units of partition key are 128 characters outside the BMP.
    let put = |key: &str| Node::map([("Data", Node::Blob(vec![])), ("PartitionKey", Node::text(key))]);
    assert!(decode_json(Operation::PutRecord, &put(&"😀".repeat(128)).to_json()).is_ok());
    let long = "😀".repeat(129);
    let shown = format!("'{long}'");
    refuses(Operation::PutRecord, &put(&long), &[(&shown, "partitionKey", &at_most("length", 256))]);
}

#[test]
fn numbers_in_strings() {
    let body = Node::map([
        ("Data", Node::Blob(vec![])),
        ("ExplicitHashKey", Node::text("00")),
        ("SequenceNumberForOrdering", Node::text("-1")),
    ]);
    refuses(
        Operation::PutRecord,
        &body,
        &[("'00'", "explicitHashKey", HASH_KEY), ("'-1'", "sequenceNumberForOrdering", SEQUENCE_NUMBER)],
    );
}

#[test]
fn enums() {
    let kind = "Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]";
    let body = Node::map([("ShardId", Node::text("s")), ("ShardIteratorType", Node::text("latest"))]);
    refuses(Operation::GetShardIterator, &body, &[("'latest'", "shardIteratorType", kind)]);
    let mode = "Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]";
    let details = Node::map([("StreamMode", Node::text(""))]);
    let body = Node::map([("StreamName", Node::text("s")), ("StreamModeDetails", details)]);
    refuses(Operation::CreateStream, &body, &[("''", "streamModeDetails.streamMode", mode)]);
}

#[test]
fn blobs() {
    let body = Node::map([("Data", Node::Blob(vec![0; 10_485_761]))]);
    refuses(
        Operation::PutRecord,
        &body,
        &[(
            "'java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]'",
            "data",
            &at_most("length", 10_485_760),
        )],
    );
}

#[test]
fn lists() {
    let tag_keys = |keys: &[&str]| {
        Node::map([("TagKeys", Node::List(keys.iter().map(|key| Node::text(key)).collect()))])
    };
    refuses(Operation::RemoveTagsFromStream, &tag_keys(&[]), &[("'[]'", "tagKeys", &at_least("length", 1))]);
    let item = "Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]";
    refuses(Operation::RemoveTagsFromStream, &tag_keys(&["a", "", "b"]), &[("'[a, , b]'", "tagKeys", item)]);
    refuses(Operation::RemoveTagsFromStream, &tag_keys(&["", "a"]), &[("'[, a]'", "tagKeys", item)]);
    let many: Vec<String> = (0..51).map(|index| index.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let shown = format!("'[{}]'", many.join(", "));
    refuses(
        Operation::RemoveTagsFromStream,
        &tag_keys(&many),
        &[(&shown, "tagKeys", &at_most("length", 50))],
    );
    let mut both = many.clone();
    both[50] = "";
    let shown = format!("'[{}]'", both.join(", "));
    refuses(
        Operation::RemoveTagsFromStream,
        &tag_keys(&both),
        &[(&shown, "tagKeys", &at_most("length", 50)), (&shown, "tagKeys", item)],
    );
    refuses(
        Operation::RemoveTagsFromStream,
        &Node::map([("TagKeys", Node::List(vec![Node::text("a"), Node::Null]))]),
        &[("null", "tagKeys.2.member", NULL)],
    );
}

#[test]
fn lists_of_enums_show_what_was_sent() {
    let metrics = Node::List(vec![Node::text("ALL"), Node::text("Nothing"), Node::text("IncomingBytes")]);
    let rule = "Member must satisfy constraint: [Member must satisfy enum value set: [IncomingBytes, IncomingRecords, OutgoingBytes, OutgoingRecords, WriteProvisionedThroughputExceeded, ReadProvisionedThroughputExceeded, IteratorAgeMilliseconds, ALL]]";
    refuses(
        Operation::EnableEnhancedMonitoring,
        &Node::map([("ShardLevelMetrics", metrics)]),
        &[("'[ALL, Nothing, IncomingBytes]'", "shardLevelMetrics", rule)],
    );
}

#[test]
fn lists_of_structures() {
    let entry = || Node::map([("Data", Node::Blob(vec![]))]);
    let class = "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@0";
    let shown = format!("'[{}]'", vec![class; 501].join(", "));
    refuses(
        Operation::PutRecords,
        &Node::map([("Records", Node::List(vec![entry(); 501]))]),
        &[(&shown, "records", &at_most("length", 500))],
    );
    let bad = Node::map([("PartitionKey", Node::text("")), ("ExplicitHashKey", Node::text("x"))]);
    refuses(
        Operation::PutRecords,
        &Node::map([("StreamName", Node::text("?")), ("Records", Node::List(vec![entry(), bad]))]),
        &[
            ("null", "records.2.member.data", NULL),
            ("'x'", "records.2.member.explicitHashKey", HASH_KEY),
            ("''", "records.2.member.partitionKey", &at_least("length", 1)),
            ("'?'", "streamName", NAME),
        ],
    );
}

#[test]
fn maps() {
    let tags = |tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), Node::text(value))).collect();
        Node::map([("Tags", Node::Map(tags))])
    };
    refuses(Operation::AddTagsToStream, &tags(&[]), &[("'{}'", "tags", &at_least("length", 1))]);
    let long = "v".repeat(257);
    let shown = format!("'{{=ok, k={long}}}'");
    refuses(
        Operation::AddTagsToStream,
        &tags(&[("k", &long), ("", "ok")]),
        &[
            (
                &shown,
                "tags",
                "Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
            ),
            (
                &shown,
                "tags",
                "Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 0]",
            ),
        ],
    );
    // A key that comes again is one entry, the last one; null is none.
    let body = r#"{"Tags": {"a": "1", "b": "2", "a": "3", "b": null}}"#;
    let Ok(Input::AddTagsToStream(input)) = decode_json(Operation::AddTagsToStream, body) else { panic!() };
    assert_eq!(input.tags.iter().collect::<Vec<_>>(), [(&"a".into(), &"3".into())]);
}

#[test]
fn ten_faults_are_reported_at_most() {
    let records = Node::List(vec![Node::map([]); 20]);
    let faults: Vec<_> = (1..=10).map(|index| format!("records.{index}.member.data")).collect();
    let faults: Vec<_> = faults.iter().map(|path| ("null", path.as_str(), NULL)).collect();
    refuses(
        Operation::PutRecords,
        &Node::map([("StreamName", Node::text("?")), ("Records", records)]),
        &faults,
    );
}

/// What a request makes the server remember and answer is in proportion to the request, and small.
#[test]
fn answers_to_large_requests_are_small() {
    let refused = |operation, body: String| match decode_json(operation, &body) {
        Err(Refusal::Invalid(text)) => text,
        other => panic!("{other:?}"),
    };
    let name = "é".repeat(1_000_000);
    let text = refused(Operation::CreateStream, format!(r#"{{"StreamName": "{name}"}}"#));
    assert!(text.len() < 200_000, "{}", text.len());
    let records = "{},".repeat(1_000_000);
    let text = refused(Operation::PutRecords, format!(r#"{{"Records": [{records}{{}}]}}"#));
    assert!(text.len() < 200_000, "{}", text.len());
    let keys = "\"\",".repeat(1_000_000);
    let text = refused(Operation::RemoveTagsFromStream, format!(r#"{{"TagKeys": [{keys}""]}}"#));
    assert!(text.len() < 200_000, "{}", text.len());
    let tags: String = (0..1_000_000).map(|index| format!("\"{index}\":\"\",")).collect();
    let text = refused(Operation::AddTagsToStream, format!(r#"{{"Tags": {{{tags}"":""}}}}"#));
    assert!(text.len() < 200_000, "{}", text.len());
}
