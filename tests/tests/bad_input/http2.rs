//! HTTP/2 with prior knowledge, frame by frame: floods, and what is no HTTP/2.

use std::time::Duration;

use millstream_tests::raw::{AUTHORIZATION, Connection, JSON};

use super::{GROWTH_MAX, Host, assert_serves};

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

#[derive(Clone, Debug)]
pub(super) struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    pub(super) fn ping() -> Self {
        Self::new(PING, 0, 0, [7; 8])
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend_from_slice(&[self.kind, self.flags]);
        bytes.extend_from_slice(&self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// What a DATA frame has.
    pub(super) fn into_data(self) -> Option<Vec<u8>> {
        (self.kind == DATA).then_some(self.payload)
    }

    pub(super) fn is(&self, kind: u8) -> bool {
        self.kind == kind
    }

    pub(super) fn is_pong(&self) -> bool {
        self.kind == PING && self.flags == ACK
    }

    pub(super) fn is_settings(&self) -> bool {
        self.kind == SETTINGS && self.flags != ACK
    }

    /// Whether the connection or the stream is broken off.
    pub(super) fn is_end(&self) -> bool {
        self.kind == GOAWAY || self.kind == RST_STREAM
    }

    pub(super) fn read(connection: &mut Connection) -> std::io::Result<Self> {
        let head = connection.exactly(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = connection.exactly(usize::try_from(length).unwrap())?;
        Ok(Self { kind: head[3], flags: head[4], stream, payload })
    }
}

/// What answers the settings of the server.
pub(super) fn agreed() -> Vec<u8> {
    Frame::new(SETTINGS, ACK, 0, []).bytes()
}

pub(super) fn settings() -> Vec<u8> {
    Frame::new(SETTINGS, 0, 0, []).bytes()
}

/// A header field that is in no table and not compressed.
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        // Seven bits of length, and the rest in groups of seven.
        match text.len().checked_sub(127) {
            None => bytes.push(u8::try_from(text.len()).unwrap()),
            Some(mut rest) => {
                bytes.push(127);
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128 + 128).unwrap());
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).unwrap());
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

pub(super) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// The head of a signed call of ListStreams.
fn head() -> Vec<u8> {
    fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", "/"),
        ("content-type", JSON),
        ("x-amz-target", "Kinesis_20131202.ListStreams"),
        ("x-amz-date", "20260102T030405Z"),
        ("authorization", AUTHORIZATION),
    ])
}

fn open(host: &Host) -> Connection {
    let mut connection = Connection::open(host.address()).unwrap();
    connection.send(&[PREFACE, &settings()].concat()).unwrap();
    connection
}

/// Calls ListStreams on that stream and waits for the names.
pub(super) fn assert_answers(connection: &mut Connection, stream: u32) {
    let request = Frame::new(HEADERS, END_HEADERS, stream, head()).bytes();
    let body = Frame::new(DATA, END_STREAM, stream, *b"{}").bytes();
    connection.send(&[request, body].concat()).unwrap();
    let mut answer = Vec::new();
    loop {
        let frame = Frame::read(connection).unwrap();
        if frame.kind == SETTINGS && frame.flags & ACK == 0 {
            connection.send(&Frame::new(SETTINGS, ACK, 0, []).bytes()).unwrap();
        }
        if frame.kind == DATA && frame.stream == stream {
            answer.extend_from_slice(&frame.payload);
            if frame.flags & END_STREAM != 0 {
                break;
            }
        }
    }
    assert!(String::from_utf8_lossy(&answer).contains(r#""StreamNames":["orders"]"#), "{answer:?}");
}

#[test]
fn a_request_is_answered() {
    let host = Host::start();
    let mut connection = open(&host);
    for stream in [1, 3, 5] {
        assert_answers(&mut connection, stream);
    }
    host.finish();
}

/// Opens streams and resets them at once, as often as the server lets it.
#[test]
fn rapid_resets() {
    let host = Host::start();
    for _ in 0..4 {
        let mut connection = open(&host);
        let (mut stream, mut is_open) = (1, true);
        while stream < 40_000 && is_open {
            let mut burst = Vec::new();
            for _ in 0..100 {
                burst.extend(Frame::new(HEADERS, END_HEADERS, stream, head()).bytes());
                burst.extend(Frame::new(RST_STREAM, 0, stream, 8_u32.to_be_bytes()).bytes());
                stream += 2;
            }
            is_open = connection.send(&burst).is_ok();
        }
        assert_serves(host.address());
        assert!(host.grown_bytes() < GROWTH_MAX);
        assert!(
            !is_open || connection.ends_within(Duration::from_secs(10)).unwrap(),
            "after {stream} streams"
        );
    }
    host.finish();
}

/// A head that goes on and on.
#[test]
fn endless_heads() {
    let host = Host::start();
    for filler in [field("x", &"y".repeat(8000)), field("x", ""), Vec::new()] {
        let mut connection = open(&host);
        let mut is_open = connection.send(&Frame::new(HEADERS, 0, 1, head()).bytes()).is_ok();
        let more = Frame::new(CONTINUATION, 0, 1, filler.as_slice()).bytes().repeat(100);
        let mut sent = 0;
        while is_open && sent < 64 << 20 {
            is_open = connection.send(&more).is_ok();
            sent += more.len();
        }
        assert_serves(host.address());
        assert!(host.grown_bytes() < GROWTH_MAX, "{} of filler", filler.len());
        assert!(!is_open, "{sent} bytes of head were taken");
    }
    host.finish();
}

/// Frames that the server must answer, from somebody who never reads.
#[test]
fn floods_of_pings_and_settings() {
    let host = Host::start();
    for frame in [Frame::ping(), Frame::new(SETTINGS, 0, 0, [])] {
        let mut connection = open(&host);
        connection.write_limit(Duration::from_secs(2)).unwrap();
        let many = frame.bytes().repeat(10_000);
        let mut sent = 0;
        while sent < 32 << 20 && connection.send(&many).is_ok() {
            sent += many.len();
        }
        assert_serves(host.address());
        assert!(host.grown_bytes() < GROWTH_MAX, "grown by {} MiB", host.grown_bytes() >> 20);
    }
    host.finish();
}

/// More streams at once than allowed, none of which ever ends.
#[test]
fn streams_without_end() {
    let host = Host::start();
    let mut connections: Vec<_> = (0..8).map(|_| open(&host)).collect();
    for connection in &mut connections {
        let heads =
            (0..1000).flat_map(|index| Frame::new(HEADERS, END_HEADERS, 2 * index + 1, head()).bytes());
        let _ = connection.send(&heads.collect::<Vec<_>>());
    }
    assert_serves(host.address());
    assert!(host.grown_bytes() < GROWTH_MAX, "grown by {} MiB", host.grown_bytes() >> 20);
    drop(connections);
    host.finish();
}

#[test]
fn what_is_no_http2_ends_the_connection() {
    let host = Host::start();
    let frames: [Vec<u8>; 8] = [
        Frame::new(DATA, 0, 0, []).bytes(),
        Frame::new(DATA, 0, 1, [1]).bytes(),
        Frame::new(HEADERS, END_HEADERS, 2, head()).bytes(),
        Frame::new(HEADERS, END_HEADERS, 1, [0xff; 100]).bytes(),
        Frame::new(CONTINUATION, END_HEADERS, 1, []).bytes(),
        Frame::new(SETTINGS, 0, 0, [1]).bytes(),
        Frame::new(PING, 0, 0, [1]).bytes(),
        vec![0xff; 1000],
    ];
    for frame in frames {
        let mut connection = open(&host);
        connection.send(&frame).unwrap();
        assert!(connection.ends_within(Duration::from_secs(10)).unwrap(), "{frame:02x?}");
    }
    host.finish();
}
