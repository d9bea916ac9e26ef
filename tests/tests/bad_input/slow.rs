//! Senders that take their time. They are ended after a while, and until then nobody else notices them.

use std::thread;
use std::time::Duration;

use millstream_runtime::{Clock, SystemClock};
use millstream_tests::raw::{Connection, Request};
use millstream_tests::server::pause;

use super::http2::{Frame, PREFACE, settings};
use super::{Host, assert_serves};

/// From its first byte a head may take 5 s; the server looks at every connection every 2.5 s.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
const BODY_LIMIT: Duration = Duration::from_secs(10);
/// How much later it may be on a machine that is busy with something else.
const LATE: Duration = Duration::from_secs(20);

fn wait(clock: &dyn Clock, duration: Duration) {
    let end = clock.monotonic() + duration;
    while clock.monotonic() < end {
        pause();
    }
}

/// Sends a byte a second, and then nothing; the time until the server has enough of it.
fn drip(connection: &mut Connection, bytes: &[u8]) -> Duration {
    let clock = SystemClock::shared();
    let start = clock.monotonic();
    for byte in bytes {
        if connection.send(&[*byte]).is_err() || connection.ends_within(Duration::from_secs(1)).unwrap() {
            return clock.monotonic() - start;
        }
    }
    if connection.ends_within(LATE).unwrap() {
        return clock.monotonic() - start;
    }
    panic!("{} bytes in {:?} and still open", bytes.len(), clock.monotonic() - start);
}

fn slow_head(host: &Host) {
    let mut connection = Connection::open(host.address()).unwrap();
    let took = drip(&mut connection, &Request::json("ListStreams", "{}").bytes()[..20]);
    assert!(took >= HEAD_LIMIT && took < HEAD_LIMIT + LATE, "{took:?}");
}

fn slow_second_head(host: &Host) {
    let mut connection = Connection::open(host.address()).unwrap();
    connection.send(&Request::json("ListStreams", "{}").bytes()).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    let took = drip(&mut connection, &Request::json("ListStreams", "{}").bytes()[..20]);
    assert!(took >= HEAD_LIMIT && took < HEAD_LIMIT + LATE, "{took:?}");
}

fn slow_handshake(host: &Host) {
    let mut connection = Connection::open(host.address()).unwrap();
    // A record of TLS that promises a ClientHello.
    let took = drip(&mut connection, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(took >= HEAD_LIMIT && took < HEAD_LIMIT + LATE, "{took:?}");
}

/// Many that promise the largest body and send next to nothing. Their promises take no room from others.
fn stalled_bodies(host: &Host) {
    let request = Request::json("ListStreams", "").without_length();
    let head = request.header("content-length", (16 * 1024 * 1024).to_string()).head();
    let mut stalled: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = Connection::open(host.address()).unwrap();
            connection.send(&head).unwrap();
            connection.send(b"{").unwrap();
            connection
        })
        .collect();
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(8 * 1024 * 1024));
    let answer = Request::json("ListStreams", large).send(host.address()).unwrap();
    assert_eq!(answer.status, 200);
    // They get an answer, and the connection is closed.
    let clock = SystemClock::shared();
    let start = clock.monotonic();
    for connection in &mut stalled {
        assert_eq!(connection.response().unwrap().status, 408);
    }
    let took = clock.monotonic() - start;
    assert!(took < BODY_LIMIT + LATE, "{took:?}");
    for connection in &mut stalled {
        assert!(connection.ends_within(LATE).unwrap());
    }
}

/// A slow sender that goes on is no stalled one.
fn slow_body(host: &Host) {
    let clock = SystemClock::shared();
    let request = Request::json("ListStreams", format!("{{\"x\":\"{}\"}}", "y".repeat(4)));
    let mut connection = Connection::open(host.address()).unwrap();
    connection.send(&request.head()).unwrap();
    for byte in &request.body {
        connection.send(&[*byte]).unwrap();
        wait(&*clock, Duration::from_millis(700));
    }
    assert_eq!(connection.response().unwrap().status, 200);
}

/// HTTP/2 clients keep their connections alive with pings; those are no request that is late.
fn idle_http2(host: &Host) {
    let clock = SystemClock::shared();
    let mut connection = Connection::open(host.address()).unwrap();
    connection.send(&[PREFACE, &settings()].concat()).unwrap();
    for _ in 0..10 {
        connection.send(&Frame::ping().bytes()).unwrap();
        wait(&*clock, Duration::from_secs(1));
    }
    super::http2::assert_answers(&mut connection, 1);
}

#[test]
fn slow_senders() {
    let host = Host::start();
    let cases: [fn(&Host); 6] =
        [slow_head, slow_second_head, slow_handshake, stalled_bodies, slow_body, idle_http2];
    thread::scope(|scope| {
        let cases: Vec<_> = cases.iter().map(|case| scope.spawn(|| case(&host))).collect();
        let clock = SystemClock::shared();
        while !cases.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert_serves(host.address());
            wait(&*clock, Duration::from_millis(100));
        }
    });
    host.finish();
}
