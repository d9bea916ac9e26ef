//! Connections that are many, or that speak nothing.

use std::time::Duration;

use millstream_tests::raw::{Connection, Request};

use super::{GROWTH_MAX, Host, assert_serves};

/// Tests have 1,024 descriptors where nobody raises the limit, and other tests of this process need some as well.
const IDLE: usize = 600;
const SOON: Duration = Duration::from_secs(10);

/// Half of them have never said anything, the others wait between two requests.
#[test]
fn hundreds_of_idle_connections() {
    let host = Host::start();
    let mut idle = Vec::with_capacity(IDLE);
    for index in 0..IDLE {
        let mut connection = Connection::open(host.address()).unwrap();
        if index % 2 == 0 {
            connection.send(&Request::json("ListStreams", "{}").bytes()).unwrap();
            assert_eq!(connection.response().unwrap().status, 200);
        }
        idle.push(connection);
    }
    for _ in 0..100 {
        assert_serves(host.address());
    }
    assert!(host.grown_bytes() < GROWTH_MAX, "grown by {} MiB", host.grown_bytes() >> 20);
    // They are still good.
    for connection in &mut idle {
        connection.send(&Request::json("ListStreams", "{}").bytes()).unwrap();
    }
    for connection in &mut idle {
        assert_eq!(connection.response().unwrap().status, 200);
    }
    drop(idle);
    host.finish();
}

#[test]
fn garbage_for_tls() {
    let host = Host::start();
    let record = |kind: u8, version: u8, length: u16, body: &[u8]| {
        [&[kind, 3, version], &length.to_be_bytes()[..], body].concat()
    };
    let cases = [
        record(0x16, 1, 4, &[1, 0, 0, 0]),
        record(0x16, 1, 4, &[2, 0, 0, 0]),
        record(0x16, 1, 0, &[]),
        record(0x16, 9, 4, &[1, 0, 0, 0]),
        record(0x16, 1, 0xffff, &[0xff; 1000]),
        record(0x16, 1, 512, &[0xff; 512]),
        record(0x16, 1, 8, &[1, 0xff, 0xff, 0xff, 3, 3, 0, 0]),
        [record(0x16, 1, 1, &[1]), record(0x17, 3, 16, &[0; 16])].concat(),
        vec![0x16; 100_000],
    ];
    for case in cases {
        let mut connection = Connection::open(host.address()).unwrap();
        let _ = connection.send(&case);
        let _ = connection.finish();
        assert!(connection.ends_within(SOON).unwrap(), "{:02x?}", &case[..case.len().min(20)]);
    }
    host.finish();
}

/// Opened and dropped at every moment of a request.
#[test]
fn connections_that_break_off() {
    let host = Host::start();
    let bytes =
        Request::json("PutRecord", r#"{"StreamName":"orders","Data":"AA==","PartitionKey":"p"}"#).bytes();
    for end in 0..bytes.len() {
        let mut connection = Connection::open(host.address()).unwrap();
        connection.send(&bytes[..end]).unwrap();
    }
    assert_serves(host.address());
    host.finish();
}
