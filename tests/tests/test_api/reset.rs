//! A reset leaves a fresh server, while others write and across a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use millstream_runtime::threads;
use millstream_tests::wire::{Failure, Wire};
use serde_json::json;

use super::{STREAM, Storage, code, iterator};

/// Resets in a row, while others write.
const RESETS: usize = 30;
const WRITERS: usize = 3;

#[test]
fn a_reset_leaves_a_fresh_server() {
    for storage in Storage::BOTH {
        let mut host = storage.start();
        let mut wire = host.wire();
        wire.create_stream(STREAM, 3).unwrap();
        wire.create_stream("clicks", 1).unwrap();
        let tags = json!({ "StreamName": STREAM, "Tags": { "team": "shop" } });
        wire.call("AddTagsToStream", &tags).unwrap();
        host.put(STREAM, 0..50);
        let old = iterator(&mut wire, STREAM);
        host.admin().post("/admin/clock", &json!({ "advance_ms": 3_600_000, "frozen": true }));
        host.admin().post("/admin/faults", &json!({ "operation": "ListStreams", "error": "internal" }));

        host.admin().post("/admin/reset", &json!(null));
        assert!(host.streams().is_empty());
        assert_eq!(host.admin().get("/admin/faults"), json!({ "faults": [] }));
        let clock = host.admin().get("/admin/clock");
        assert_eq!((&clock["frozen"], &clock["ahead_ms"]), (&json!(false), &json!(0)));
        assert_eq!(code(wire.put_record(STREAM, "k", b"late")), "ResourceNotFoundException");
        assert_eq!(
            code(wire.call("GetRecords", &json!({ "ShardIterator": old }))),
            "InvalidArgumentException"
        );

        wire.create_stream(STREAM, 1).unwrap();
        host.put(STREAM, 0..3);
        let answer = wire.call("ListTagsForStream", &json!({ "StreamName": STREAM })).unwrap();
        assert_eq!(answer["Tags"], json!([]));
        if matches!(storage, Storage::Disk) {
            host.server.kill();
            host.server.restart();
        }
        assert_eq!(host.records(STREAM), ["r0", "r1", "r2"], "{storage:?}");
    }
}

#[test]
fn writers_are_told_that_their_stream_is_gone_and_nothing_else() {
    for storage in Storage::BOTH {
        let host = storage.start();
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let address = host.server.address();
        let writers = (0..WRITERS).map(|_| {
            let (stop, written) = (stop.clone(), written.clone());
            let write = move || {
                let mut wire = Wire::connect(address).unwrap();
                while !stop.load(Ordering::SeqCst) {
                    match wire.put_record(STREAM, "k", b"data") {
                        Ok(_) => drop(written.fetch_add(1, Ordering::SeqCst)),
                        Err(Failure::Refused { status: 400, text })
                            if text.contains("ResourceNotFoundException") => {}
                        Err(failure) => panic!("{failure}"),
                    }
                }
            };
            threads::spawn("writer", write).unwrap()
        });
        let writers: Vec<_> = writers.collect();
        let mut slowest_ms = 0;
        for _ in 0..RESETS {
            host.wire().create_stream(STREAM, 2).unwrap();
            let before = written.load(Ordering::SeqCst);
            while written.load(Ordering::SeqCst) < before + 5 {
                millstream_tests::server::pause();
            }
            let answer = host.admin().post("/admin/reset", &json!(null));
            slowest_ms = slowest_ms.max(answer["took_ms"].as_u64().unwrap());
            assert!(host.streams().is_empty());
        }
        stop.store(true, Ordering::SeqCst);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        // A few milliseconds; the rest is for a machine that is busy with other tests.
        assert!(slowest_ms < 2_000, "{storage:?}: {slowest_ms} ms");
    }
}
