//! Bad input, as bytes on a socket, against the real binary: the exact error that AWS gives, no panic, and
//! memory that stays within bounds.
//!
//! Every group has a server of its own, which at the end must still answer, must not have panicked, and must
//! not have grown by more than [`GROWTH_MAX`]. What the decoders do with every operation is tested beside
//! them; here it is the way through the whole server.

#![allow(clippy::unwrap_used, clippy::panic)] // the whole crate is a test

mod connections;
mod credentials;
mod grpc;
mod http1;
mod http2;
mod limits;
mod operations;
mod slow;
mod syntax;
mod types;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ciborium::Value as Cbor;
use millstream_tests::memory::resident_bytes;
use millstream_tests::raw::{CBOR, JSON, Request, Response};
use millstream_tests::{Server, ServerOptions};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// Extra memory that bad input may cost.
const GROWTH_MAX: u64 = 64 * 1024 * 1024;
/// Where a stream is wanted, this one is there.
const STREAM: &str = "orders";

/// A server under bad input.
struct Host {
    server: Server,
    resident_bytes: u64,
    _directory: TempDir,
}

impl Host {
    /// Without throttles, and with one stream of one shard.
    fn start() -> Self {
        Self::start_with(ServerOptions::without_limits)
    }

    fn start_with(change: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        let directory = tempdir().unwrap();
        // An arena keeps what it once had, and by default there are eight for every core: what a server grows by
        // would say more of the machine than of the server.
        let options = ServerOptions::new(directory.path()).environment("MALLOC_ARENA_MAX", "2");
        let server = change(options).start();
        let create = format!(r#"{{"StreamName": "{STREAM}", "ShardCount": 1}}"#);
        let created = Request::json("CreateStream", create).send(server.address()).unwrap();
        assert_eq!((created.status, created.text().as_str()), (200, ""));
        assert_serves(server.address());
        let resident_bytes = resident_bytes(server.process_id());
        Self { server, resident_bytes, _directory: directory }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sends the request and compares the answer.
    fn expect(&self, name: &str, request: &Request, expected: &Expected) {
        let response = request.send(self.address()).unwrap_or_else(|error| panic!("{name}: {error}"));
        expected.check(name, request, &response);
    }

    fn grown_bytes(&self) -> u64 {
        resident_bytes(self.server.process_id()).saturating_sub(self.resident_bytes)
    }

    /// The server is as it was before.
    fn finish(mut self) {
        assert_serves(self.address());
        let grown = self.grown_bytes();
        assert!(grown < GROWTH_MAX, "grown by {} MiB", grown >> 20);
        assert!(self.server.terminate().success());
        let log = self.server.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// A legitimate request is answered, whatever else goes on.
fn assert_serves(address: SocketAddr) {
    let body = format!(r#"{{"StreamName": "{STREAM}"}}"#);
    let response = Request::json("DescribeStreamSummary", body).send(address).unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
}

/// The answer to a request.
#[derive(Clone, Debug)]
enum Expected {
    /// 200, whatever it says.
    Success,
    /// 400 in the request's own format.
    Error(&'static str, Option<String>),
    /// Another status and a body, text for text, of that content type.
    Other(u16, Option<&'static str>, &'static str),
}

/// The error that has no text.
const MALFORMED: Expected = Expected::Error("SerializationException", None);
const UNKNOWN_OPERATION: Expected = Expected::Error("UnknownOperationException", None);

fn error(code: &'static str, message: impl Into<String>) -> Expected {
    Expected::Error(code, Some(message.into()))
}

fn wrong_type(message: impl Into<String>) -> Expected {
    error("SerializationException", message)
}

fn invalid(path: &str, value: &str, rule: &str) -> Expected {
    let fault = format!("Value {value} at '{path}' failed to satisfy constraint: {rule}");
    error("ValidationException", format!("1 validation error detected: {fault}"))
}

impl Expected {
    fn check(&self, name: &str, request: &Request, response: &Response) {
        let seen = format!("{name}: {} {:?} {}", response.status, response.headers, response.text());
        match self {
            Self::Success => assert_eq!(response.status, 200, "{seen}"),
            Self::Error(code, message) => {
                assert_eq!(response.status, 400, "{seen}");
                let expected = std::iter::once(("__type".to_owned(), (*code).to_owned()));
                let key = if *code == "SerializationException" { "Message" } else { "message" };
                let message = message.iter().map(|message| (key.to_owned(), message.clone()));
                let expected: BTreeMap<_, _> = expected.chain(message).collect();
                assert_eq!(members(response), expected, "{seen}");
                assert_eq!(response.header("content-type"), Some(error_format(request)), "{seen}");
            }
            Self::Other(status, content_type, body) => {
                assert_eq!((response.status, response.text().as_str()), (*status, *body), "{seen}");
                assert_eq!(response.header("content-type"), *content_type, "{seen}");
            }
        }
        // Whatever the answer is, SDKs show these two ids.
        let id = response.header("x-amzn-requestid").unwrap_or_default();
        assert!(id.len() == 36 && id.split('-').count() == 5, "{seen}");
        assert!(response.header("date").is_some(), "{seen}");
    }
}

/// AWS answers in the format of the request; a body that is not there is answered in CBOR, unless the request
/// speaks of JSON.
fn error_format(request: &Request) -> &'static str {
    let content_type = request.headers.iter().find(|(name, _)| name == "content-type");
    let content_type = content_type.map_or(&b""[..], |(_, value)| value);
    if content_type.starts_with(JSON.as_bytes()) { JSON } else { CBOR }
}

/// The members of an error.
fn members(response: &Response) -> BTreeMap<String, String> {
    if response.header("content-type") == Some(JSON) {
        let Ok(Value::Object(members)) = serde_json::from_slice(&response.body) else {
            return BTreeMap::new();
        };
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        return members.into_iter().map(|(name, value)| (name, text(value))).collect();
    }
    let Ok(Cbor::Map(members)) = ciborium::from_reader(response.body.as_slice()) else {
        return BTreeMap::new();
    };
    let text = |value: Cbor| value.into_text().unwrap_or_default();
    members.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The same value in CBOR: what has no other form there than in JSON.
fn cbor(value: &Value) -> Vec<u8> {
    let value = Cbor::serialized(value).unwrap();
    let mut bytes = Vec::new();
    ciborium::into_writer(&value, &mut bytes).unwrap();
    bytes
}
