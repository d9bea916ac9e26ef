//! The SDKs under test, and in what they differ from each other.

use millstream_tests::{Session, Transport, programs};

use crate::driver::Driver;
use crate::rust_sdk;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sdk {
    Boto3,
    JavaScript,
    /// The asynchronous client; the synchronous one has no SubscribeToShard.
    Java,
    Go,
    Rust,
}

impl Sdk {
    /// `None` where it is skipped.
    pub(crate) fn start(self, session: &Session) -> Option<Driver> {
        let command = match self {
            Self::Boto3 => programs::python(session, "fan_out.py"),
            Self::JavaScript => programs::node(session, "fan_out.js"),
            Self::Java => programs::java(session, "FanOut"),
            Self::Go => programs::go(session, "fan_out"),
            Self::Rust => return Some(rust_sdk::start(session)),
        };
        Some(Driver::of_program(command?, &session.directory()))
    }

    /// As docs/compatibility.md calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Boto3 => "Python",
            Self::JavaScript => "JavaScript v3",
            Self::Java => "Java v2, asynchronous",
            Self::Go => "Go v2",
            Self::Rust => "Rust",
        }
    }

    /// What it speaks: a version of HTTP and a format. Java sends everything else in CBOR.
    pub(crate) fn spoken(self, transport: Transport) -> &'static [&'static str] {
        match (self, transport) {
            (Self::Boto3, _) | (Self::Go | Self::Rust, Transport::Http) => &["1.1 json"],
            (Self::JavaScript, _) | (Self::Go | Self::Rust, Transport::Https) => &["2 json"],
            (Self::Java, _) => &["2 cbor", "2 json"],
        }
    }

    /// The class by which it tells this error from others.
    pub(crate) fn class(self, code: &str, is_in_stream: bool) -> String {
        match self {
            Self::Boto3 if is_in_stream => "EventStreamError".to_owned(),
            Self::Go => format!("*types.{code}"),
            Self::Boto3 | Self::JavaScript | Self::Java | Self::Rust => code.to_owned(),
        }
    }

    /// Node.js ends a stream of HTTP/2 without an error when its connection ends without one, as that of a process that
    /// was killed does unless it had something left to read. The SDK for Go takes an unexpected end of a body for an
    /// expected one.
    pub(crate) fn takes_a_break_for_an_end(self) -> bool {
        matches!(self, Self::JavaScript | Self::Go)
    }

    pub(crate) fn knows_dry_run(self) -> bool {
        self != Self::Java
    }
}
