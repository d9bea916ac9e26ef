//! gRPC, frame by frame: floods of calls that are taken back, messages that do not go on, answers that nobody reads.

use std::time::Duration;

use millstream_tests::raw::Connection;

use super::http2::{Frame, PREFACE, agreed, settings};
use super::{GROWTH_MAX, Host, assert_serves};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// CANCEL, as a client says that gives up a call.
const CANCEL: [u8; 4] = 8_u32.to_be_bytes();
/// As many as a connection may have at once.
const STREAMS_MAX: u32 = 1024;

fn open(host: &Host) -> Connection {
    let mut connection = Connection::open(host.address()).unwrap();
    connection.send(&[PREFACE, &settings()].concat()).unwrap();
    connection
}

/// The first frame that is wanted. Nothing may be broken off meanwhile.
fn await_frame(connection: &mut Connection, is_wanted: impl Fn(&Frame) -> bool) {
    loop {
        let frame = Frame::read(connection).unwrap();
        assert!(!frame.is_end(), "{frame:?}");
        if is_wanted(&frame) {
            return;
        }
    }
}

fn head(method: &str) -> Vec<u8> {
    super::http2::fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", &format!("/millstream.v1.{method}")),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}

fn call(method: &str, stream: u32) -> Vec<u8> {
    Frame::new(HEADERS, END_HEADERS, stream, head(method)).bytes()
}

/// A request of PutStream for one record of so many bytes.
fn put(bytes: usize) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let mut length = content.len();
        let mut field = vec![number << 3 | 2];
        while length >= 0x80 {
            field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        field.push(u8::try_from(length).unwrap());
        [field, content.to_vec()].concat()
    };
    let entry = [field(1, &vec![7; bytes]), field(3, b"k")].concat();
    let message = [field(1, super::STREAM.as_bytes()), field(3, &entry)].concat();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &message].concat()
}

fn assert_small(host: &Host, what: &str) {
    assert_serves(host.address());
    let grown = host.grown_bytes();
    assert!(grown < GROWTH_MAX, "{what}: grown by {} MiB", grown >> 20);
}

/// Calls that stream are begun and taken back at once, with a message and without, until the server has enough.
#[test]
fn calls_that_are_taken_back() {
    let host = Host::start();
    for (method, body) in [("Records/PutStream", put(100)), ("Streams/ListStreams", vec![0; 5])] {
        let mut connection = open(&host);
        let (mut stream, mut is_open) = (1, true);
        while stream < 40_000 && is_open {
            let mut burst = Vec::new();
            for _ in 0..100 {
                burst.extend(call(method, stream));
                burst.extend(Frame::new(DATA, 0, stream, body.as_slice()).bytes());
                burst.extend(Frame::new(RST_STREAM, 0, stream, CANCEL).bytes());
                stream += 2;
            }
            is_open = connection.send(&burst).is_ok();
        }
        assert_small(&host, method);
        let is_ended = !is_open || connection.ends_within(Duration::from_secs(10)).unwrap();
        assert!(is_ended, "{method} after {stream} streams");
    }
    host.finish();
}

/// Messages of 15 MiB that are promised and never come, on as many streams as there may be: room for some of them is
/// taken, nobody else waits for it, and after a while it is given back.
#[test]
fn messages_that_do_not_go_on() {
    let host = Host::start();
    let mut connections: Vec<_> = (0..4).map(|_| open(&host)).collect();
    for connection in &mut connections {
        let mut calls = Vec::new();
        for index in 0..STREAMS_MAX {
            let stream = 2 * index + 1;
            calls.extend(call("Records/PutStream", stream));
            calls.extend(Frame::new(DATA, 0, stream, [0, 0, 0xf0, 0, 0, 7, 7]).bytes());
        }
        let _ = connection.send(&calls);
    }
    let grown = host.grown_bytes();
    assert!(grown < GROWTH_MAX, "grown by {} MiB", grown >> 20);
    drop(connections);
    host.finish();
}

/// More calls at once than a connection may have, none of which ends.
#[test]
fn calls_without_end() {
    let host = Host::start();
    let mut connections: Vec<_> = (0..8).map(|_| open(&host)).collect();
    for connection in &mut connections {
        let calls = (0..1000).flat_map(|index| call("Records/PutStream", 2 * index + 1));
        let _ = connection.send(&calls.collect::<Vec<_>>());
    }
    assert_small(&host, "without end");
    drop(connections);
    host.finish();
}

/// As many small requests as a stream's window takes, without waiting for an answer to any: they are held up, and every
/// one of them is answered.
#[test]
fn small_requests_that_come_faster_than_they_are_put() {
    const WINDOW_BYTES: usize = 512 * 1024;
    let requests = WINDOW_BYTES / put(1).len();
    let host = Host::start();
    let mut connection = open(&host);
    // The server's windows are in force once they were told, and that of streams once it is agreed to.
    await_frame(&mut connection, Frame::is_settings);
    await_frame(&mut connection, |frame| frame.is(WINDOW_UPDATE));
    connection.send(&agreed()).unwrap();
    let windows =
        [0, 1].map(|stream| Frame::new(WINDOW_UPDATE, 0, stream, (1_u32 << 30).to_be_bytes()).bytes());
    connection.send(&[call("Records/PutStream", 1), windows.concat()].concat()).unwrap();
    connection.send(&Frame::new(DATA, 0, 1, put(1)).bytes().repeat(requests)).unwrap();
    let (mut answered, mut unread) = (0, Vec::new());
    while answered < requests {
        let frame = Frame::read(&mut connection).unwrap();
        assert!(!frame.is_end(), "after {answered} answers: {frame:?}");
        unread.extend(frame.into_data().into_iter().flatten());
        while let Some(length) = unread.get(1..5) {
            let length = u32::from_be_bytes(length.try_into().unwrap());
            let end = 5 + usize::try_from(length).unwrap();
            if unread.len() < end {
                break;
            }
            unread.drain(..end);
            answered += 1;
        }
    }
    drop(connection);
    host.finish();
}

/// Calls that are given up all at once, as often as that happens to a client, are no reason to end the others.
#[test]
fn calls_that_are_given_up_beside_one_that_is_not() {
    let host = Host::start();
    let mut connection = open(&host);
    connection.send(&call("Records/PutStream", 1)).unwrap();
    for round in 0..8 {
        let streams = (0..100).map(|index| 2 * (100 * round + index) + 3);
        let begun = streams.clone().flat_map(|stream| call("Streams/ListStreams", stream));
        let given_up = streams.flat_map(|stream| Frame::new(RST_STREAM, 0, stream, CANCEL).bytes());
        let ping = Frame::ping().bytes();
        connection.send(&begun.chain(given_up).chain(ping).collect::<Vec<_>>()).unwrap();
        await_frame(&mut connection, Frame::is_pong);
    }
    connection.send(&Frame::new(DATA, 0, 1, put(10)).bytes()).unwrap();
    await_frame(&mut connection, |frame| frame.clone().into_data().is_some());
    drop(connection);
    host.finish();
}

/// Puts whose answers nobody reads: what is taken stays within bounds, and the sender is held up.
#[test]
fn answers_that_nobody_reads() {
    let host = Host::start();
    let mut connection = open(&host);
    connection.write_limit(Duration::from_secs(5)).unwrap();
    connection.send(&call("Records/PutStream", 1)).unwrap();
    let frame = Frame::new(DATA, 0, 1, put(1000)).bytes();
    let many = frame.repeat(100);
    let mut sent = 0;
    // Without a word of the server's windows: it ends the connection for that, or takes no more.
    while sent < 64 << 20 && connection.send(&many).is_ok() {
        sent += many.len();
    }
    assert_small(&host, "unread");
    drop(connection);
    let mut connection = open(&host);
    let end = [call("Records/PutStream", 1), Frame::new(DATA, END_STREAM, 1, put(10)).bytes()];
    connection.send(&end.concat()).unwrap();
    host.finish();
}
