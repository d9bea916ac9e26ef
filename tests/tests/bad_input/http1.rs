//! HTTP/1.1 that is too large, contradicts itself, or comes in odd pieces.

use std::fmt::Write;
use std::time::Duration;

use millstream_tests::raw::{Connection, Request, Response};

use super::{Expected, Host};

const SOON: Duration = Duration::from_secs(10);

fn list() -> Request {
    Request::json("ListStreams", "{}")
}

/// What the server answers to these bytes, if it does before it closes.
fn answer(host: &Host, bytes: &[u8]) -> Option<Response> {
    let mut connection = Connection::open(host.address()).unwrap();
    let _ = connection.send(bytes);
    connection.response().ok()
}

/// The same when nothing will follow.
fn status_at_the_end(host: &Host, bytes: &[u8]) -> Option<u16> {
    let mut connection = Connection::open(host.address()).unwrap();
    let _ = connection.send(bytes);
    let _ = connection.finish();
    connection.response().ok().map(|answer| answer.status)
}

fn status(host: &Host, bytes: &[u8]) -> Option<u16> {
    answer(host, bytes).map(|answer| answer.status)
}

#[test]
fn heads_that_are_too_large() {
    let host = Host::start();
    let padded = |bytes: usize| {
        let spare = bytes - list().header("x-padding", "").head().len();
        list().header("x-padding", vec![b'x'; spare])
    };
    host.expect("32 KiB", &padded(32 * 1024), &Expected::Success);
    assert_eq!(status(&host, &padded(32 * 1024 + 1).bytes()), Some(431));
    assert_eq!(status(&host, &padded(10 * 1024 * 1024).bytes()), Some(431));
    let with_fields = |count: usize| {
        let bare = list();
        let more = count - bare.headers.len() - 1;
        (0..more).fold(bare, |request, index| request.header(&format!("x-{index}"), "y"))
    };
    host.expect("100 fields", &with_fields(100), &Expected::Success);
    assert_eq!(status(&host, &with_fields(101).bytes()), Some(431));
    assert_eq!(status(&host, &with_fields(5000).bytes()), Some(431));
    let long_path = list().target(&format!("/{}", "a".repeat(31 * 1024)));
    host.expect("a long path", &long_path, &Expected::Success);
    // A head without end is read no further than its limit.
    let mut connection = Connection::open(host.address()).unwrap();
    let endless = vec![b'a'; 1024 * 1024];
    let ended = (0..64).any(|_| connection.send(&endless).is_err());
    assert!(ended || connection.ends_within(SOON).unwrap());
    host.finish();
}

#[test]
fn what_is_not_http_is_refused() {
    let host = Host::start();
    let cases: [&[u8]; 16] = [
        b"\r\n\r\n\r\n\r\nx",
        b"\0\0\0\0\r\n\r\n",
        b"\xff\xfe\xfd\xfc\r\n\r\n",
        b"hello\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST /\r\n\r\n",
        b"POST / HTTP/1.1 x\r\n\r\n",
        b"POST / HTTP/3.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\n: no name\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost : a\r\n\r\n",
        b"POST / HTTP/1.1\r\na: b\r\n folded\r\n\r\n",
        b"POST / HTTP/1.1\r\na: \0\r\n\r\n",
        b"POST /\0 HTTP/1.1\r\n\r\n",
        b"P\0ST / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    ];
    for case in cases {
        let status = status_at_the_end(&host, case);
        assert!(status.is_none() || status == Some(400), "{status:?}: {}", case.escape_ascii());
    }
    host.finish();
}

/// A body has one length. Whoever says two things may mean to hide a second request in the first.
#[test]
fn bodies_with_two_lengths() {
    let host = Host::start();
    let hidden = list().bytes();
    let head = |lengths: &[(&str, &str)]| {
        let bare = list().without_length();
        lengths.iter().fold(bare, |request, (name, value)| request.header(name, *value)).head()
    };
    let refused: [&[(&str, &str)]; 12] = [
        &[("content-length", "2"), ("content-length", "3")],
        &[("content-length", "2, 3")],
        &[("content-length", "-1")],
        &[("content-length", "+2")],
        &[("content-length", "2x")],
        &[("content-length", "0x2")],
        &[("content-length", "")],
        &[("content-length", "99999999999999999999999999")],
        &[("transfer-encoding", "gzip")],
        &[("transfer-encoding", "chunked, gzip")],
        &[("transfer-encoding", "xchunked")],
        &[("transfer-encoding", "chunked;q=1")],
    ];
    for lengths in refused {
        let bytes = [head(lengths), b"{}".to_vec(), hidden.clone()].concat();
        assert_eq!(status(&host, &bytes), Some(400), "{lengths:?}");
    }
    // Where both are given, neither order decides where the body ends by its length, and nothing may follow.
    let both: [&[(&str, &str)]; 2] = [
        &[("content-length", "7"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "chunked"), ("content-length", "7")],
    ];
    for lengths in both {
        let mut connection = Connection::open(host.address()).unwrap();
        let bytes = [head(lengths), b"2\r\n{}\r\n0\r\n\r\n".to_vec(), hidden.clone()].concat();
        connection.send(&bytes).unwrap();
        let first = connection.response().unwrap();
        assert!(matches!(first.status, 200 | 400), "{lengths:?} {}", first.status);
        assert!(connection.response().is_err(), "{lengths:?}: a hidden request was answered");
    }
    host.finish();
}

#[test]
fn chunked_bodies() {
    let host = Host::start();
    let chunked = |chunks: &str| {
        let request = list().without_length().header("transfer-encoding", "chunked");
        [request.head(), chunks.as_bytes().to_vec()].concat()
    };
    for right in
        ["2\r\n{}\r\n0\r\n\r\n", "1\r\n{\r\n1;a=b\r\n}\r\n0\r\na: b\r\n\r\n", "0002\r\n{}\r\n00\r\n\r\n"]
    {
        assert_eq!(status(&host, &chunked(right)), Some(200), "{right:?}");
    }
    for wrong in [
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}",
        "2\r\n{}\r\n",
        "7fffffffffffffff\r\n{}",
    ] {
        let status = status_at_the_end(&host, &chunked(wrong));
        assert!(!matches!(status, Some(200 | 500..)), "{wrong:?} {status:?}");
    }
    // Many small chunks are one body.
    let mut body = String::new();
    for byte in format!("{{\"x\":\"{}\"}}", "y".repeat(20_000)).chars() {
        let _ = write!(body, "1\r\n{byte}\r\n");
    }
    assert_eq!(status(&host, &chunked(&format!("{body}0\r\n\r\n"))), Some(200));
    host.finish();
}

#[test]
fn a_sender_who_asks_is_told_to_go_on() {
    let host = Host::start();
    let mut connection = Connection::open(host.address()).unwrap();
    let request = list().header("expect", "100-continue");
    connection.send(&request.head()).unwrap();
    assert_eq!(connection.exactly(25).unwrap(), b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.send(&request.body).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    // Who would send too much is told before it does.
    let mut connection = Connection::open(host.address()).unwrap();
    let request = list().header("expect", "100-continue").without_length();
    connection.send(&request.header("content-length", "16777217").head()).unwrap();
    assert_eq!(connection.response().unwrap().status, 413);
    host.finish();
}

#[test]
fn bodies_that_are_too_large() {
    const MOST: usize = 16 * 1024 * 1024;
    let host = Host::start();
    let body = |bytes: usize| format!("{{\"x\":\"{}\"}}", "y".repeat(bytes - 8));
    host.expect("16 MiB", &Request::json("ListStreams", body(MOST)), &Expected::Success);
    let empty = Expected::Other(413, None, "");
    let declared = list().without_length().header("content-length", (MOST + 1).to_string());
    let answer = answer(&host, &declared.head()).unwrap();
    empty.check("declared", &declared, &answer);
    let undeclared = list().without_length().header("transfer-encoding", "chunked");
    let mut connection = Connection::open(host.address()).unwrap();
    connection.send(&undeclared.head()).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b'y'; 65536], b"\r\n".to_vec()].concat();
    for _ in 0..=MOST / 65536 {
        if connection.send(&chunk).is_err() {
            break;
        }
    }
    empty.check("undeclared", &undeclared, &connection.response().unwrap());
    assert!(connection.ends_within(SOON).unwrap());
    host.finish();
}

/// More large bodies at once than there is room for: they wait for each other, not forever.
#[test]
fn large_bodies_wait_for_room() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "[memory]\nbodies_mib = 32\n").unwrap();
    let host =
        Host::start_with(|options| options.without_limits().argument("--config").argument(config.path()));
    let body = format!("{{\"x\":\"{}\"}}", "y".repeat(6 * 1024 * 1024));
    let request = Request::json("ListStreams", body);
    std::thread::scope(|scope| {
        let answers: Vec<_> = (0..24).map(|_| scope.spawn(|| request.send(host.address()))).collect();
        for answer in answers {
            assert_eq!(answer.join().unwrap().unwrap().status, 200);
        }
    });
    host.finish();
}

#[test]
fn requests_in_a_row() {
    let host = Host::start();
    let mut connection = Connection::open(host.address()).unwrap();
    let kinds = [
        (list(), 200),
        (Request::json("ListStreams", "{"), 400),
        (list().method("GET"), 403),
        (Request::json("Nothing", "{}"), 400),
        (list().with("content-type", "text/plain"), 404),
    ];
    let all: Vec<u8> = (0..40).flat_map(|_| kinds.iter().flat_map(|(request, _)| request.bytes())).collect();
    connection.send(&all).unwrap();
    for turn in 0..40 {
        for (request, expected) in &kinds {
            let answer = connection.response().unwrap_or_else(|error| panic!("{turn} {request:?}: {error}"));
            assert_eq!(answer.status, *expected, "{turn} {request:?}");
        }
    }
    host.finish();
}
