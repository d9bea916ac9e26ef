//! Every limit from both sides: the last value that is allowed, and the first that is not.

use millstream_tests::raw::Request;
use serde_json::{Value, json};

use super::{Expected, Host, STREAM, cbor, error, invalid};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn at_least(what: &str, bound: i64) -> String {
    format!("Member must have {what} greater than or equal to {bound}")
}

fn at_most(what: &str, bound: i64) -> String {
    format!("Member must have {what} less than or equal to {bound}")
}

fn quoted(value: &str) -> String {
    format!("'{value}'")
}

/// The call would have been carried out.
fn dry_run() -> Expected {
    error("DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")
}

fn not_found(stream: &str) -> Expected {
    error("ResourceNotFoundException", format!("Stream {stream} under account 000000000000 not found."))
}

/// Sends the same in both formats.
fn check(host: &Host, operation: &str, body: &Value, expected: &Expected) {
    let mut name = format!("{operation} {body}");
    name.truncate(name.floor_char_boundary(300));
    host.expect(&name, &Request::json(operation, body.to_string()), expected);
    host.expect(&name, &Request::cbor(operation, cbor(body)), expected);
}

#[test]
fn names() {
    let host = Host::start();
    let pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
    let longest = "n".repeat(128);
    let too_long = "n".repeat(129);
    let describe = |name: &str| json!({ "StreamName": name });
    check(&host, "DescribeStream", &describe(&longest), &not_found(&longest));
    let expected = invalid("streamName", &quoted(&too_long), &at_most("length", 128));
    check(&host, "DescribeStream", &describe(&too_long), &expected);
    for name in ["a b", "é", "a/b", "a\u{0}", "😀"] {
        check(&host, "DescribeStream", &describe(name), &invalid("streamName", &quoted(name), pattern));
    }
    let both = format!(
        "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: {pattern}; Value '' at \
         'streamName' failed to satisfy constraint: {}",
        at_least("length", 1)
    );
    check(&host, "DescribeStream", &describe(""), &error("ValidationException", both));
    let missing = invalid("streamName", "null", "Member must not be null");
    check(&host, "CreateStream", &json!({ "ShardCount": 1 }), &missing);

    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/nobody";
    check(&host, "DescribeStream", &json!({ "StreamARN": arn }), &not_found("nobody"));
    let not_an_arn = "arn:aws:kinesis:us-east-1:1:stream/orders";
    let pattern = r"Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\d{12}:stream/\S+";
    let expected = invalid("streamARN", &quoted(not_an_arn), pattern);
    check(&host, "DescribeStream", &json!({ "StreamARN": not_an_arn }), &expected);
    let consumer = format!("{arn}/consumer/c:1");
    let expected =
        error("InvalidArgumentException", format!("StreamARN {consumer} is not the ARN of a stream."));
    check(&host, "DescribeStream", &json!({ "StreamARN": consumer }), &expected);
    let neither = error("InvalidArgumentException", "Either StreamName or StreamARN must be provided.");
    check(&host, "DescribeStream", &json!({}), &neither);
    host.finish();
}

#[test]
fn partition_keys() {
    let host = Host::start();
    let put = |key: &str| json!({"StreamName": STREAM, "PartitionKey": key, "DryRun": true});
    let check = |key: &str, expected: &Expected| {
        let mut body = put(key);
        body["Data"] = json!("");
        let name = format!("a key of {} characters", key.chars().count());
        host.expect(&name, &Request::json("PutRecord", body.to_string()), expected);
        // An empty blob, which CBOR has a form of its own for.
        let data = [&cbor(&put(key))[1..], b"\x64Data\x40"].concat();
        host.expect(&name, &Request::cbor("PutRecord", [&[0xa4][..], &data].concat()), expected);
    };
    // Java counts UTF-16 code units: 256 of them may be 256 letters, or half as many emoji.
    for longest in ["k".repeat(256), "é".repeat(256), "€".repeat(256), "😀".repeat(128)] {
        check(&longest, &dry_run());
        let longer = format!("{longest}k");
        check(&longer, &invalid("partitionKey", &quoted(&longer), &at_most("length", 256)));
    }
    check("", &invalid("partitionKey", "''", &at_least("length", 1)));
    host.finish();
}

#[test]
fn hash_keys_and_sequence_numbers() {
    let host = Host::start();
    let body = |member: &str, value: &str| {
        let mut body = json!({"StreamName": STREAM, "PartitionKey": "p", "Data": "", "DryRun": true});
        body[member] = json!(value);
        Request::json("PutRecord", body.to_string())
    };
    for key in ["0", "340282366920938463463374607431768211455"] {
        host.expect(key, &body("ExplicitHashKey", key), &dry_run());
    }
    for key in ["340282366920938463463374607431768211456", "999999999999999999999999999999999999999"] {
        let text = format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {key}"
        );
        host.expect(key, &body("ExplicitHashKey", key), &error("InvalidArgumentException", text));
    }
    let pattern =
        |digits: usize| format!(r"Member must satisfy regular expression pattern: 0|([1-9]\d{{0,{digits}}})");
    for key in ["", "00", "01", "-1", "1.0", "0x1", "1000000000000000000000000000000000000000"] {
        host.expect(
            key,
            &body("ExplicitHashKey", key),
            &invalid("explicitHashKey", &quoted(key), &pattern(38)),
        );
    }
    let longest = "1".repeat(129);
    let text = |number: &str| {
        let words = "used in PutRecord on stream orders under account 000000000000 is invalid.";
        error("InvalidArgumentException", format!("ExclusiveMinimumSequenceNumber {number} {words}"))
    };
    host.expect("longest", &body("SequenceNumberForOrdering", &longest), &text(&longest));
    let longer = "1".repeat(130);
    let expected = invalid("sequenceNumberForOrdering", &quoted(&longer), &pattern(128));
    host.expect("longer", &body("SequenceNumberForOrdering", &longer), &expected);
    host.expect("zero", &body("SequenceNumberForOrdering", "0"), &dry_run());
    host.finish();
}

/// A PutRecords body of records of so many bytes, in CBOR, each with a key of one byte.
fn records(sizes: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut body = b"\xbf\x6aStreamName\x66orders\x66DryRun\xf5\x67Records\x9f".to_vec();
    for size in sizes {
        body.extend_from_slice(b"\xa2\x6cPartitionKey\x61p\x64Data\x5a");
        body.extend_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
        body.resize(body.len() + size, 0);
    }
    body.extend_from_slice(b"\xff\xff");
    body
}

fn put_record(size: usize) -> Vec<u8> {
    let mut body = b"\xa4\x6aStreamName\x66orders\x66DryRun\xf5\x6cPartitionKey\x61p\x64Data\x5a".to_vec();
    body.extend_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
    body.resize(body.len() + size, 0);
    body
}

#[test]
fn sizes_of_records() {
    let host = Host::start();
    host.expect("1 MiB", &Request::cbor("PutRecord", put_record(MIB - 1)), &dry_run());
    let text = "Record size of 1048577 bytes, data and partition key together, exceeds the stream's limit of \
                1048576 bytes";
    let expected = error("InvalidArgumentException", text);
    host.expect("1 MiB and 1", &Request::cbor("PutRecord", put_record(MIB)), &expected);
    let base64 = |bytes: usize| {
        let data = "AAAA".repeat(bytes / 3) + ["", "AA==", "AAA="][bytes % 3];
        let body = json!({"StreamName": STREAM, "PartitionKey": "p", "Data": data, "DryRun": true});
        Request::json("PutRecord", body.to_string())
    };
    host.expect("1 MiB in base64", &base64(MIB - 1), &dry_run());
    host.expect("1 MiB and 1 in base64", &base64(MIB), &expected);
    // No stream may hold more than 10 MiB, so the model refuses it.
    let value = "'java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]'";
    let expected = invalid("data", value, &at_most("length", 10_485_760));
    host.expect("10 MiB and 1", &Request::cbor("PutRecord", put_record(10 * MIB + 1)), &expected);

    let whole = records(std::iter::repeat_n(MIB - 1, 10));
    host.expect("10 MiB", &Request::cbor("PutRecords", whole), &dry_run());
    let more = records(std::iter::repeat_n(MIB - 1, 10).chain([0]));
    let expected = error("InvalidArgumentException", "Records size exceeds 10 MB limit");
    host.expect("10 MiB and 1", &Request::cbor("PutRecords", more), &expected);
    host.expect("500 records", &Request::cbor("PutRecords", records([1; 500])), &dry_run());
    let response = Request::cbor("PutRecords", records([1; 501])).send(host.address()).unwrap();
    let text = String::from_utf8_lossy(&response.body).into_owned();
    assert_eq!(response.status, 400);
    assert!(text.contains("1 validation error detected: Value '[com.amazonaws.kinesis"), "{text}");
    assert!(text.contains(&format!("at 'records' failed to satisfy constraint: {}", at_most("length", 500))));
    let none = json!({"StreamName": STREAM, "Records": []});
    check(&host, "PutRecords", &none, &invalid("records", "'[]'", &at_least("length", 1)));
    host.finish();
}

#[test]
fn pages() {
    let host = Host::start();
    for (operation, member, max) in [
        ("GetRecords", "Limit", 10_000),
        ("DescribeStream", "Limit", 10_000),
        ("ListStreams", "Limit", 10_000),
        ("ListShards", "MaxResults", 10_000),
        ("ListTagsForStream", "Limit", 50),
    ] {
        let body = |value: i64| {
            let mut body = match operation {
                "GetRecords" => json!({"ShardIterator": "AAAA"}),
                "ListStreams" => json!({}),
                _ => json!({"StreamName": STREAM}),
            };
            body[member] = json!(value);
            body
        };
        let allowed = match operation {
            "GetRecords" => error("InvalidArgumentException", "Invalid ShardIterator."),
            _ => Expected::Success,
        };
        let path = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
        for value in [1, max] {
            check(&host, operation, &body(value), &allowed);
        }
        for value in [0, -1] {
            let expected = invalid(&path, &format!("'{value}'"), &at_least("value", 1));
            check(&host, operation, &body(value), &expected);
        }
        let expected = invalid(&path, &format!("'{}'", max + 1), &at_most("value", max));
        check(&host, operation, &body(max + 1), &expected);
        // Beyond the type, the type's own end counts.
        let expected = invalid(&path, "'2147483647'", &at_most("value", max));
        check(&host, operation, &body(i64::MAX), &expected);
    }
    host.finish();
}

#[test]
fn tokens() {
    let host = Host::start();
    let iterator = |text: String| json!({ "ShardIterator": text });
    let refused = error("InvalidArgumentException", "Invalid ShardIterator.");
    check(&host, "GetRecords", &iterator("A".repeat(512)), &refused);
    let longer = "A".repeat(513);
    let expected = invalid("shardIterator", &quoted(&longer), &at_most("length", 512));
    check(&host, "GetRecords", &iterator(longer), &expected);
    check(
        &host,
        "GetRecords",
        &iterator(String::new()),
        &invalid("shardIterator", "''", &at_least("length", 1)),
    );

    let token = |text: String| json!({ "NextToken": text });
    let refused = error("InvalidArgumentException", "Invalid NextToken.");
    for operation in ["ListStreams", "ListShards"] {
        check(&host, operation, &token("A".repeat(1_048_576)), &refused);
        let longer = "A".repeat(1_048_577);
        let shown = format!("'{}...'", &longer[..64 * KIB]);
        let expected = invalid("nextToken", &shown, &at_most("length", 1_048_576));
        check(&host, operation, &token(longer), &expected);
        check(&host, operation, &token(String::new()), &invalid("nextToken", "''", &at_least("length", 1)));
    }
    host.finish();
}

#[test]
fn retention_and_shard_counts() {
    let host = Host::start();
    let retention = |hours: i64| json!({"StreamName": STREAM, "RetentionPeriodHours": hours});
    let too = |words: &str| error("InvalidArgumentException", words);
    for operation in ["IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod"] {
        let short = "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.";
        check(&host, operation, &retention(23), &too(short));
        let long = "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.";
        check(&host, operation, &retention(8761), &too(long));
    }
    check(&host, "IncreaseStreamRetentionPeriod", &retention(8760), &Expected::Success);
    check(&host, "DecreaseStreamRetentionPeriod", &retention(24), &Expected::Success);
    let longer = "Requested retention period (25 hours) for stream orders can not be longer than existing retention \
                  period (24 hours). Use IncreaseRetentionPeriod API.";
    check(&host, "DecreaseStreamRetentionPeriod", &retention(25), &too(longer));

    let create = |count: i64| json!({"StreamName": "many", "ShardCount": count});
    for count in [0, -1] {
        let expected = invalid("shardCount", &format!("'{count}'"), &at_least("value", 1));
        check(&host, "CreateStream", &create(count), &expected);
    }
    // Even without quotas: such a stream would take all memory there is.
    for count in [20_001, i64::from(i32::MAX)] {
        let text = format!("ShardCount {count} is more than a stream may have, which is 20000.");
        check(&host, "CreateStream", &create(count), &error("InvalidArgumentException", text));
    }
    host.finish();
}

#[test]
fn tags() {
    let host = Host::start();
    let with = |operation: &str, tags: Value, expected: &Expected| {
        let member = if operation == "RemoveTagsFromStream" { "TagKeys" } else { "Tags" };
        let mut body = json!({"StreamName": STREAM});
        body[member] = tags;
        check(&host, operation, &body, expected);
    };
    let many = |count: usize| {
        let tags = (0..count).map(|index| (format!("k{index:03}"), json!("v")));
        Value::Object(tags.collect())
    };
    let keys = "Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must \
                have length greater than or equal to 1]";
    let values = "Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must \
                  have length greater than or equal to 0]";
    let (key, value) = ("k".repeat(128), "v".repeat(256));
    with("AddTagsToStream", json!({ &key: &value }), &Expected::Success);
    with("RemoveTagsFromStream", json!([&key]), &Expected::Success);
    let (long_key, long_value) = (format!("{key}k"), format!("{value}v"));
    let shown = format!("'{{{long_key}=v}}'");
    with("AddTagsToStream", json!({ &long_key: "v" }), &invalid("tags", &shown, keys));
    with("AddTagsToStream", json!({ "": "v" }), &invalid("tags", "'{=v}'", keys));
    let shown = format!("'{{k={long_value}}}'");
    with("AddTagsToStream", json!({ "k": long_value }), &invalid("tags", &shown, values));
    with("AddTagsToStream", many(50), &Expected::Success);
    let text = "Failed to add tags to stream orders under account 000000000000 because a given stream cannot have \
                more than 50 tags associated with it.";
    with("AddTagsToStream", many(51), &error("InvalidArgumentException", text));
    with("AddTagsToStream", json!({ "one more": "" }), &error("InvalidArgumentException", text));
    with("AddTagsToStream", json!({}), &invalid("tags", "'{}'", &at_least("length", 1)));
    let text = "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / \
                = + - % @.";
    with("AddTagsToStream", json!({ "a:b": "" }), &error("InvalidArgumentException", text));
    let list = |count: usize| Value::Array((0..count).map(|_| json!("k")).collect());
    with("RemoveTagsFromStream", list(50), &Expected::Success);
    let shown = format!("'[{}]'", ["k"; 51].join(", "));
    with("RemoveTagsFromStream", list(51), &invalid("tagKeys", &shown, &at_most("length", 50)));
    host.finish();
}

#[test]
fn several_faults_at_once() {
    let host = Host::start();
    let body = json!({"StreamName": "", "Limit": 0, "ExclusiveStartShardId": " "});
    let pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
    let fault = |value: &str, path: &str, rule: &str| {
        format!("Value '{value}' at '{path}' failed to satisfy constraint: {rule}")
    };
    let faults = [
        fault("", "streamName", pattern),
        fault("", "streamName", &at_least("length", 1)),
        fault("0", "limit", &at_least("value", 1)),
        fault(" ", "exclusiveStartShardId", pattern),
    ];
    let text = format!("4 validation errors detected: {}", faults.join("; "));
    check(&host, "DescribeStream", &body, &error("ValidationException", text));

    // No more than ten are told.
    let keyless: Vec<_> = (0..12).map(|_| json!({"Data": ""})).collect();
    let faults: Vec<_> = (1..=10)
        .map(|place| {
            format!(
                "Value null at 'records.{place}.member.partitionKey' failed to satisfy constraint: Member must not \
                 be null"
            )
        })
        .collect();
    let text = format!("10 validation errors detected: {}", faults.join("; "));
    let body = json!({"StreamName": STREAM, "Records": keyless}).to_string();
    host.expect("keyless", &Request::json("PutRecords", body), &error("ValidationException", text));
    let dataless: Vec<_> = (0..12).map(|_| json!({"PartitionKey": "p"})).collect();
    let faults: Vec<_> = (1..=10)
        .map(|place| {
            format!("Value null at 'records.{place}.member.data' failed to satisfy constraint: Member must not be null")
        })
        .collect();
    let text = format!("10 validation errors detected: {}", faults.join("; "));
    let body = json!({"StreamName": STREAM, "Records": dataless});
    check(&host, "PutRecords", &body, &error("ValidationException", text));
    host.finish();
}
