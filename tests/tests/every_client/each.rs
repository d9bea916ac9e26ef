//! Each client, and the steps it goes through: those of the test that this is a part of, which says what a session is.

use std::process::Command;

use millstream_tests::told::{Client, Program};
use millstream_tests::{Session, programs};

use super::awscli::AwsCli;
use super::rust_sdk::RustSdk;
use super::session;
use super::steps::Steps;

/// Over plain HTTP; that transports make no difference is the business of `real_clients`.
fn go_through(name: &str, session: &Session, client: impl Client) {
    let mut steps = Steps::new(client);
    steps.go_through();
    steps.finish(name, &session.server.log());
}

fn program(name: &str, session: &Session, command: Option<Command>) {
    if let Some(command) = command {
        go_through(name, session, Program::start(command));
    }
}

#[test]
fn awscli() {
    let session = session();
    if let Some(client) = AwsCli::new(&session) {
        go_through("AWS CLI", &session, client);
    }
}

#[test]
fn javascript() {
    let session = session();
    program("JavaScript v3", &session, programs::node(&session, "every_operation.js"));
}

/// The synchronous client, which sends CBOR to Kinesis; but for subscriptions.
#[test]
fn java() {
    let session = session();
    program("Java v2", &session, programs::java(&session, "EveryOperation"));
}

#[test]
fn go() {
    let session = session();
    program("Go v2", &session, programs::go(&session, "every_operation"));
}

#[test]
fn rust() {
    let session = session();
    go_through("Rust", &session, RustSdk::new(&session));
}
