//! SIGTERM: under load, and with connections that do nothing, the server ends within 5 s and with code 0, and
//! keeps all that it acknowledged.

#![allow(clippy::unwrap_used)] // the whole crate is a test

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::raw::{Connection, Request};
use millstream_tests::server::pause;
use millstream_tests::wire::Wire;
use millstream_tests::{Server, ServerOptions};
use serde_json::json;
use tempfile::tempdir;

const STOP_MAX: Duration = Duration::from_secs(5);
const WRITERS: usize = 4;
/// Acknowledgements before the end, so that there is something to lose.
const ACKNOWLEDGED_MIN: usize = 200;

const LOAD_LIMIT: Duration = Duration::from_secs(30);
const STREAM: &str = "orders";

fn create_stream(address: SocketAddr) {
    Wire::connect(address).unwrap().create_stream(STREAM, 1).unwrap();
}

/// What those who make load tell each other.
#[derive(Debug, Default)]
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
    let Ok(mut wire) = Wire::connect(address) else { return keys };
    for turn in 0.. {
        if load.ended.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{writer}-{turn}");
        if wire.put_record(STREAM, &key, b"abc").is_err() {
            break;
        }
        load.acknowledged.fetch_add(1, Ordering::Relaxed);
        keys.push(key);
    }
    keys
}

/// Every partition key of the stream.
fn read_all(address: SocketAddr) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut wire = Wire::connect(address).unwrap();
    wire.read_after(STREAM, "shardId-000000000000", None, |record| {
        keys.insert(record.partition_key);
    })
    .unwrap();
    keys
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

/// Ends the server, in time.
fn stop(server: &mut Server) {
    let clock = SystemClock::shared();
    let start = clock.monotonic();
    let status = server.terminate();
    let took = clock.monotonic() - start;
    assert!(status.success(), "{status}\n{}", server.log());
    assert!(took < STOP_MAX, "{took:?}\n{}", server.log());
}

#[test]
fn an_idle_server_ends_at_once() {
    let directory = tempdir().unwrap();
    let mut server = ServerOptions::new(directory.path()).start();
    create_stream(server.address());
    let mut kept_alive = Wire::connect(server.address()).unwrap();
    kept_alive.call("ListStreams", &json!({})).unwrap();
    // One that never said anything, and one that began with TLS.
    let silent = Connection::open(server.address()).unwrap();
    let mut greeting = Connection::open(server.address()).unwrap();
    greeting.send(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    stop(&mut server);
    // It did not wait for them until its patience was over.
    assert!(!server.log().contains("connections were still open at the end"), "{}", server.log());
    drop((kept_alive, silent, greeting));
}

/// Whether programs that are started from here do not hear of a terminal that is closed, as under `nohup`.
fn are_hangups_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

#[test]
fn a_closed_terminal_ends_it_unless_it_is_to_survive_that() {
    let directory = tempdir().unwrap();
    let mut server = ServerOptions::new(directory.path()).start();
    server.signal("HUP");
    if are_hangups_ignored() {
        create_stream(server.address());
        stop(&mut server);
    } else {
        let status = server.wait(STOP_MAX).expect("the server ends after SIGHUP");
        assert!(status.success(), "{status}\n{}", server.log());
    }
    assert!(server.log().contains("stopped"), "{}", server.log());
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
        let clock = SystemClock::shared();
        let end = clock.monotonic() + LOAD_LIMIT;
        while load.acknowledged.load(Ordering::Relaxed) < ACKNOWLEDGED_MIN {
            assert!(clock.monotonic() < end, "{load:?} within {LOAD_LIMIT:?}\n{}", server.log());
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
