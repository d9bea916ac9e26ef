//! What tests of other people's code ask of a server: a reset, a clock that moves, faults, streams and scripts at
//! the start, snapshots. Against the real binary, on both kinds of storage where that matters.

#![allow(clippy::unwrap_used, clippy::panic)] // the whole crate is a test

mod clock;
mod faults;
mod init;
mod reset;
mod snapshot;

use std::path::Path;

use millstream_tests::admin::Admin;
use millstream_tests::wire::{Failure, Wire};
use millstream_tests::{Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const STREAM: &str = "orders";

/// Where a server keeps what it holds.
#[derive(Clone, Copy, Debug)]
enum Storage {
    Memory,
    Disk,
}

impl Storage {
    const BOTH: [Self; 2] = [Self::Memory, Self::Disk];

    /// Without throttles, and with the test API.
    fn options(self, directory: &Path) -> ServerOptions {
        let options = ServerOptions::new(directory).without_limits();
        match self {
            Self::Memory => options.argument("--storage").argument("memory"),
            Self::Disk => options.argument("--test-api"),
        }
    }

    fn start(self) -> Host {
        let directory = tempdir().unwrap();
        let server = self.options(directory.path()).start();
        Host { server, directory }
    }
}

struct Host {
    server: Server,
    directory: TempDir,
}

impl Host {
    fn admin(&self) -> Admin {
        Admin(self.server.admin_address())
    }

    fn wire(&self) -> Wire {
        Wire::connect(self.server.address()).unwrap()
    }

    /// The names of all streams.
    fn streams(&self) -> Vec<String> {
        let answer = self.wire().call("ListStreams", &json!({})).unwrap();
        answer["StreamNames"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    }

    /// Every record of a stream, by shard and in order.
    fn records(&self, stream: &str) -> Vec<String> {
        let (mut wire, mut records) = (self.wire(), Vec::new());
        for shard in wire.shards(stream).unwrap() {
            let take = |record: millstream_tests::wire::StoredRecord| {
                records.push(String::from_utf8_lossy(&record.data).into_owned());
            };
            wire.read_after(stream, &shard, None, take).unwrap();
        }
        records
    }

    fn put(&self, stream: &str, range: std::ops::Range<u32>) {
        let mut wire = self.wire();
        for number in range {
            wire.put_record(stream, &format!("k{number}"), format!("r{number}").as_bytes()).unwrap();
        }
    }
}

/// The code of a refusal.
fn code(outcome: Result<impl std::fmt::Debug, Failure>) -> String {
    match outcome.unwrap_err() {
        Failure::Refused { text, .. } => {
            let error: Value = serde_json::from_str(&text).unwrap();
            error["__type"].as_str().unwrap().to_owned()
        }
        Failure::Broken(error) => panic!("{error}"),
    }
}

fn iterator(wire: &mut Wire, stream: &str) -> Value {
    let start = json!({
        "StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON",
    });
    wire.call("GetShardIterator", &start).unwrap()["ShardIterator"].clone()
}

#[test]
fn the_test_api_is_off_on_disk_and_never_there_for_web_pages() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).start();
    let host = Host { server, directory };
    for (method, path) in [
        ("GET", "/admin/clock"),
        ("POST", "/admin/clock"),
        ("POST", "/admin/reset"),
        ("GET", "/admin/faults"),
        ("POST", "/admin/snapshot"),
        ("POST", "/admin/snapshot/load"),
    ] {
        let (status, error) = host.admin().refusal(method, path, "{}");
        assert_eq!(status, 403, "{path}");
        assert!(error.contains("--test-api"), "{error}");
    }
    assert!(!host.server.log().contains("the test API is on"));
    assert_eq!(host.admin().get("/admin/init"), json!({ "finished": true, "scripts": [] }));
    assert_eq!(host.admin().send("GET", "/health/ready", "").status, 200);

    let host = Storage::Memory.start();
    host.wire().create_stream(STREAM, 1).unwrap();
    let from_a_page =
        millstream_tests::raw::Request::bare("POST", "").target("/admin/reset").header("origin", "null");
    assert_eq!(from_a_page.send(host.server.admin_address()).unwrap().status, 403);
    assert_eq!(host.streams(), [STREAM]);
    let (status, error) = host.admin().refusal("POST", "/admin/nothing", "");
    assert_eq!(status, 404);
    assert!(error.contains("/admin/reset"), "{error}");
    for (path, body, word) in [
        ("/admin/clock", "", "EOF"),
        ("/admin/clock", "{\"advance\": 1}", "unknown field `advance`"),
        ("/admin/faults", "[{}]", "nothing is to happen"),
        ("/admin/faults", "7", "invalid type"),
        ("/admin/snapshot/load", "PK\u{3}\u{4}", "no snapshot"),
    ] {
        let (status, error) = host.admin().refusal("POST", path, body);
        assert_eq!(status, 400, "{path} {body}");
        assert!(error.contains(word), "{path} {body}: {error}");
    }
    let (status, _) = host.admin().refusal("POST", "/admin/clock", &" ".repeat(1024 * 1024));
    assert_eq!(status, 413);
}

#[test]
fn a_test_api_that_others_reach_is_warned_of() {
    let directory = tempdir().unwrap();
    let (loopback, everywhere) = (([127, 0, 0, 1], 0).into(), ([0, 0, 0, 0], 0).into());
    for (storage, warned) in [("memory", true), ("rocksdb", false)] {
        let options = ServerOptions::new(directory.path()).argument("--storage").argument(storage);
        let server = options.listening_at(loopback, everywhere).start();
        let log = server.log();
        assert_eq!(log.contains("the test API is on, and 0.0.0.0:"), warned, "{log}");
    }
}
