//! SIGTERM: under load, and with connections that do nothing, the server ends within 5 s and with code 0, and
//! keeps all that it acknowledged.

#![allow(clippy::unwrap_used)] // the whole crate is a test

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::raw::{Connection, Request, Response};
use millstream_tests::server::pause;
use millstream_tests::{Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::tempdir;

const STOP_MAX: Duration = Duration::from_secs(5);
const WRITERS: usize = 4;
/// Acknowledgements before the end, so that there is something to lose.
const ACKNOWLEDGED_MIN: usize = 200;

fn call(connection: &mut Connection, operation: &str, body: &Value) -> io::Result<Response> {
    connection.send(&Request::json(operation, body.to_string()).bytes())?;
    connection.response()
}

fn answer(address: SocketAddr, operation: &str, body: &Value) -> Value {
    let response = Request::json(operation, body.to_string()).send(address).unwrap();
    assert_eq!(response.status, 200, "{operation}: {}", response.text());
    if response.body.is_empty() { Value::Null } else { serde_json::from_slice(&response.body).unwrap() }
}

fn create_stream(address: SocketAddr) {
    answer(address, "CreateStream", &json!({"StreamName": "orders", "ShardCount": 1}));
}

/// What those who make load tell each other.
#[derive(Default)]
struct Load {
    acknowledged: AtomicUsize,
    ended: AtomicBool,
}

/// Ends the load when the test is over, or has failed.
struct Running<'a>(&'a Load);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

/// Puts records, one after the other on one connection, until the server goes away. The partition keys of
/// those that were acknowledged.
fn write(address: SocketAddr, writer: usize, load: &Load) -> Vec<String> {
    let mut keys = Vec::new();
    let Ok(mut connection) = Connection::open(address) else { return keys };
    for turn in 0.. {
        if load.ended.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{writer}-{turn}");
        let body = json!({"StreamName": "orders", "Data": "AAAA", "PartitionKey": key});
        match call(&mut connection, "PutRecord", &body) {
            Ok(response) if response.status == 200 => {
                load.acknowledged.fetch_add(1, Ordering::Relaxed);
                keys.push(key);
            }
            Ok(_) | Err(_) => break,
        }
    }
    keys
}

/// Every partition key of the stream.
fn read_all(address: SocketAddr) -> BTreeSet<String> {
    let start = json!({
        "StreamName": "orders", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON",
    });
    let mut iterator = answer(address, "GetShardIterator", &start)["ShardIterator"].clone();
    let mut keys = BTreeSet::new();
    loop {
        let page = answer(address, "GetRecords", &json!({ "ShardIterator": iterator }));
        let records = page["Records"].as_array().unwrap();
        if records.is_empty() && page["MillisBehindLatest"] == 0 {
            return keys;
        }
        keys.extend(records.iter().map(|record| record["PartitionKey"].as_str().unwrap().to_owned()));
        iterator = page["NextShardIterator"].clone();
    }
}

/// Connections at every stage at which one can stop.
fn stalled(address: SocketAddr) -> Vec<Connection> {
    let request = Request::json("ListStreams", "{}");
    let large = Request::json("ListStreams", "").without_length().header("content-length", "1000000");
    let started: [&[u8]; 7] = [
        b"",
        b"PRI",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        &[0x16, 3, 1, 2, 0, 1],
        &request.head()[..20],
        &request.head(),
        &[large.head(), b"{".to_vec()].concat(),
    ];
    started
        .iter()
        .map(|bytes| {
            let mut connection = Connection::open(address).unwrap();
            connection.send(bytes).unwrap();
            connection
        })
        .collect()
}

/// Ends the server; how long that took.
fn stop(server: &mut Server) -> Duration {
    let clock = SystemClock::shared();
    let start = clock.monotonic();
    let status = server.terminate();
    let took = clock.monotonic() - start;
    assert!(status.success(), "{status}\n{}", server.log());
    assert!(took < STOP_MAX, "{took:?}\n{}", server.log());
    took
}

#[test]
fn an_idle_server_ends_at_once() {
    let directory = tempdir().unwrap();
    let mut server = ServerOptions::new(directory.path()).start();
    create_stream(server.address());
    let mut kept_alive = Connection::open(server.address()).unwrap();
    assert_eq!(call(&mut kept_alive, "ListStreams", &json!({})).unwrap().status, 200);
    // One that never said anything, and one that began with TLS.
    let silent = Connection::open(server.address()).unwrap();
    let mut greeting = Connection::open(server.address()).unwrap();
    greeting.send(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    let took = stop(&mut server);
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop((silent, greeting));
}

#[test]
fn under_load_it_ends_in_time_and_keeps_what_it_acknowledged() {
    let directory = tempdir().unwrap();
    let mut server = ServerOptions::new(directory.path()).without_limits().start();
    let address = server.address();
    create_stream(address);
    let stalled = stalled(address);
    let load = Load::default();
    let keys: BTreeSet<String> = thread::scope(|scope| {
        let (load, _running) = (&load, Running(&load));
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(address, writer, load))).collect();
        while load.acknowledged.load(Ordering::Relaxed) < ACKNOWLEDGED_MIN {
            pause();
        }
        stop(&mut server);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    drop(stalled);
    assert!(keys.len() >= ACKNOWLEDGED_MIN);
    server.restart();
    let stored = read_all(server.address());
    let lost: Vec<_> = keys.difference(&stored).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    // What was not acknowledged may be there or not, but it is at most what each writer had under way.
    assert!(stored.len() <= keys.len() + WRITERS, "{} of {}", keys.len(), stored.len());
}

/// New connections come all the time, and the end comes nevertheless.
#[test]
fn connections_that_keep_coming_do_not_hold_it_up() {
    let directory = tempdir().unwrap();
    let mut server = ServerOptions::new(directory.path()).without_limits().start();
    let address = server.address();
    create_stream(address);
    let load = Load::default();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                while !load.ended.load(Ordering::Relaxed) {
                    let _ = Request::json("ListStreams", "{}").send(address);
                }
            });
        }
        let _running = Running(&load);
        stop(&mut server);
    });
}
