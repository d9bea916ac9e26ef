//! Every operation with each unmodified client against the real binary: all go through the same
//! steps, and docs/compatibility.md has a column of what each showed.
//!
//! What is sent and what is to come back is in `steps`, once for all clients. Every member and every error is the
//! business of `every_operation`, all that subscriptions do that of `fan_out`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod awscli;
#[path = "../real_clients/rust_sdk/client.rs"]
mod rust_client;
mod rust_sdk;
mod steps;

use millstream_tests::told::{Client, Program};
use millstream_tests::{ServerOptions, Session, Transport, programs};

use awscli::AwsCli;
use rust_sdk::RustSdk;
use steps::Steps;

/// The calls of all steps are more than AWS's rates would let through at once.
fn session() -> Session {
    Session::with(Transport::Http, ServerOptions::without_limits)
}

/// Over plain HTTP; that transports make no difference is the business of `real_clients`.
fn go_through(name: &str, session: &Session, client: impl Client) {
    let mut steps = Steps::new(client);
    steps.go_through();
    steps.finish(name, &session.server.log());
}

fn program(name: &str, session: &Session, command: Option<std::process::Command>) {
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

/// The synchronous client, which sends CBOR; but for subscriptions.
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
