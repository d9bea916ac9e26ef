//! Faults happen where and when they were asked for.

use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::wire::Failure;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{Host, STREAM, Storage, code, iterator};

fn host() -> Host {
    let host = Storage::Memory.start();
    host.wire().create_stream(STREAM, 2).unwrap();
    host
}

fn put_codes(host: &Host, count: usize) -> Vec<String> {
    let mut wire = host.wire();
    let put = |_| match wire.put_record(STREAM, "k", b"data") {
        Ok(_) => String::new(),
        failure => code(failure),
    };
    (0..count).map(put).collect()
}

#[test]
fn the_nth_call_fails_and_the_others_do_not() {
    let host = host();
    host.admin()
        .post("/admin/faults", &json!({ "operation": "PutRecord", "every": 3, "error": "throttling" }));
    let throttled = "ProvisionedThroughputExceededException";
    assert_eq!(put_codes(&host, 7), ["", "", throttled, "", "", throttled, ""]);
    let listed = host.admin().get("/admin/faults");
    let rule = &listed["faults"][0];
    assert_eq!((&rule["seen"], &rule["applied"]), (&json!(7), &json!(2)));
    let id = rule["id"].as_u64().unwrap();
    assert_eq!(host.admin().delete(&format!("/admin/faults/{id}")), json!({ "faults": [] }));
    assert_eq!(host.admin().refusal("DELETE", &format!("/admin/faults/{id}"), "").0, 404);
    assert_eq!(put_codes(&host, 3), [""; 3]);
    assert_eq!(host.records(STREAM).len(), 8, "a call that is refused puts nothing");
}

#[test]
fn errors_are_answered_as_the_operations_own() {
    let host = host();
    host.admin().post(
        "/admin/faults",
        &json!([
            { "operation": "PutRecord", "call": 1, "error": "internal" },
            { "operation": "PutRecord", "call": 2, "error": "KMSThrottlingException", "message": "slowly" },
            { "operation": "DescribeStream", "times": 1, "error": "throttling" },
        ]),
    );
    let mut wire = host.wire();
    match wire.put_record(STREAM, "k", b"data") {
        Err(Failure::Refused { status: 500, text }) => assert!(text.contains("InternalFailure"), "{text}"),
        other => panic!("{other:?}"),
    }
    match wire.put_record(STREAM, "k", b"data") {
        Err(Failure::Refused { status: 400, text }) => {
            let error: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(error, json!({ "__type": "KMSThrottlingException", "message": "slowly" }));
        }
        other => panic!("{other:?}"),
    }
    assert!(wire.put_record(STREAM, "k", b"data").is_ok());
    let describe = json!({ "StreamName": STREAM });
    assert_eq!(code(wire.call("DescribeStream", &describe)), "LimitExceededException");
    assert!(wire.call("DescribeStream", &describe).is_ok());
}

#[test]
fn entries_of_one_shard_fail_and_the_others_are_put() {
    let host = host();
    let rule = json!({ "shard": "shardId-000000000001", "error": "throttling" });
    host.admin().post("/admin/faults", &rule);
    let mut wire = host.wire();
    // The first half of the hash keys is the first shard's.
    let keys = [0_u128, 1 << 127, 1, u128::MAX, 2];
    let entries: Vec<_> = keys
        .iter()
        .zip(0..)
        .map(|(key, number)| {
            let data = base64_of(format!("r{number}").as_bytes());
            json!({ "PartitionKey": "k", "ExplicitHashKey": key.to_string(), "Data": data })
        })
        .collect();
    let answer = wire.call("PutRecords", &json!({ "StreamName": STREAM, "Records": entries })).unwrap();
    assert_eq!(answer["FailedRecordCount"], 2);
    let results = answer["Records"].as_array().unwrap();
    let failed: Vec<_> =
        results.iter().map(|result| result["ErrorCode"].as_str().unwrap_or_default()).collect();
    let throttled = "ProvisionedThroughputExceededException";
    assert_eq!(failed, ["", throttled, "", throttled, ""]);
    let text = results[1]["ErrorMessage"].as_str().unwrap();
    assert_eq!(
        text,
        "Rate exceeded for shard shardId-000000000001 in stream orders under account 000000000000."
    );
    host.admin().delete("/admin/faults");
    assert_eq!(host.records(STREAM), ["r0", "r2", "r4"]);
    // What is wrong with the call is told first, and a shard's iterator says which shard it reads.
    host.admin().post("/admin/faults", &json!({ "shard": "shardId-000000000000", "error": "internal" }));
    let nowhere = json!({ "StreamName": "nowhere", "Records": entries });
    assert_eq!(code(wire.call("PutRecords", &nowhere)), "ResourceNotFoundException");
    host.admin().delete("/admin/faults");
    let first = json!({ "ShardIterator": iterator(&mut wire, STREAM) });
    host.admin().post("/admin/faults", &json!({ "shard": "shardId-000000000000", "error": "throttling" }));
    assert_eq!(code(wire.call("GetRecords", &first)), throttled);
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn answers_are_held_back() {
    let host = host();
    let rule = json!({ "operation": "DescribeLimits", "latency_ms": 300 });
    host.admin().post("/admin/faults", &rule);
    let clock = SystemClock::shared();
    let began = clock.monotonic();
    host.wire().call("DescribeLimits", &json!({})).unwrap();
    assert!(clock.monotonic() - began >= Duration::from_millis(300));
}

#[test]
fn the_variables_of_localstack_are_rules_from_the_start() {
    let directory = tempdir().unwrap();
    let options = Storage::Memory.options(directory.path());
    let options = options.environment("KINESIS_ERROR_PROBABILITY", "1.0").environment("KINESIS_LATENCY", "1");
    let host = Host { server: options.start(), directory };
    let mut wire = host.wire();
    wire.create_stream(STREAM, 1).unwrap();
    let throttled = "ProvisionedThroughputExceededException";
    assert_eq!(put_codes(&host, 2), [throttled; 2]);
    let entries = [("k".to_owned(), b"data".to_vec()), ("l".to_owned(), b"data".to_vec())];
    assert_eq!(wire.put_records(STREAM, &entries).unwrap(), [None, None]);
    assert_eq!(host.admin().get("/admin/faults")["faults"].as_array().unwrap().len(), 2);

    // Compose files pass variables on that nobody has set.
    let directory = tempdir().unwrap();
    let options = Storage::Memory.options(directory.path());
    let options = options.environment("KINESIS_ERROR_PROBABILITY", " ").environment("KINESIS_LATENCY", "");
    let host = Host { server: options.start(), directory };
    assert_eq!(host.admin().get("/admin/faults"), json!({ "faults": [] }));
    let directory = tempdir().unwrap();
    let options = Storage::Memory.options(directory.path()).environment("KINESIS_ERROR_PROBABILITY", "1.5");
    let failure = options.try_start().unwrap_err();
    assert!(failure.log.contains("error_probability: 1.5 is not from 0 to 1"), "{}", failure.log);
}
