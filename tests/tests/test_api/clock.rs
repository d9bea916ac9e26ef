//! The clock moves: iterators expire, records too, and connections stay.

use serde_json::json;

use super::{STREAM, Storage, code, iterator};

const HOUR_MS: u64 = 3_600_000;

#[test]
fn five_minutes_pass_at_once_and_the_connection_stays() {
    let host = Storage::Memory.start();
    let mut wire = host.wire();
    wire.create_stream(STREAM, 1).unwrap();
    wire.put_record(STREAM, "k", b"data").unwrap();
    let old = json!({ "ShardIterator": iterator(&mut wire, STREAM) });
    assert_eq!(wire.call("GetRecords", &old).unwrap()["Records"].as_array().unwrap().len(), 1);
    let moved = host.admin().post("/admin/clock", &json!({ "advance_ms": 300_001 }));
    assert_eq!(moved["ahead_ms"], 300_001);
    assert_eq!(code(wire.call("GetRecords", &old)), "ExpiredIteratorException");
    // An idle connection would have been ended long ago.
    host.admin().post("/admin/clock", &json!({ "advance_ms": 24 * HOUR_MS }));
    assert!(wire.call("ListStreams", &json!({})).is_ok());
}

#[test]
fn records_expire_with_their_retention() {
    for storage in Storage::BOTH {
        let host = storage.start();
        let mut wire = host.wire();
        wire.create_stream(STREAM, 1).unwrap();
        host.put(STREAM, 0..3);
        host.admin().post("/admin/clock", &json!({ "advance_ms": 23 * HOUR_MS }));
        host.put(STREAM, 3..5);
        assert_eq!(host.records(STREAM).len(), 5);
        host.admin().post("/admin/clock", &json!({ "advance_ms": 2 * HOUR_MS }));
        assert_eq!(host.records(STREAM), ["r3", "r4"]);
    }
}

#[test]
fn a_frozen_clock_gives_the_timestamps_that_it_was_set_to() {
    let host = Storage::Memory.start();
    let mut wire = host.wire();
    let set = host.admin().post("/admin/clock", &json!({ "set": "2030-01-02T03:04:05Z", "frozen": true }));
    assert_eq!((&set["now"], &set["frozen"]), (&json!("2030-01-02T03:04:05.000Z"), &json!(true)));
    wire.create_stream(STREAM, 1).unwrap();
    host.put(STREAM, 0..2);
    let mut arrivals = Vec::new();
    wire.read_after(STREAM, "shardId-000000000000", None, |record| arrivals.push(record.arrival)).unwrap();
    assert_eq!(arrivals, [1_893_553_445.0; 2]);
    // A stop does not wait for a clock that stands.
    let mut host = host;
    assert!(host.server.terminate().success());
}

#[test]
fn states_of_streams_go_by_the_clock() {
    let directory = tempfile::tempdir().unwrap();
    let options = Storage::Memory.options(directory.path()).argument("--create-delay-ms").argument("60000");
    let host = super::Host { server: options.start(), directory };
    let mut wire = host.wire();
    wire.create_stream(STREAM, 1).unwrap();
    let mut status = || {
        let answer = wire.call("DescribeStreamSummary", &json!({ "StreamName": STREAM })).unwrap();
        answer["StreamDescriptionSummary"]["StreamStatus"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(), "CREATING");
    host.admin().post("/admin/clock", &json!({ "advance_ms": 60_000 }));
    assert_eq!(status(), "ACTIVE");
}
