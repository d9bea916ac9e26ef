//! Every operation on tables with each unmodified client against the real binary: all go through the same steps, and
//! docs/compatibility.md has a column of what each showed.
//!
//! What is sent and what is to come back is in `steps`, once for all clients. Every member and every error is the
//! business of `every_table_operation`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

#[path = "../every_client/awscli.rs"]
mod awscli;
mod rust_sdk;
mod steps;

use std::process::Command;

use millstream_tests::raw::Request;
use millstream_tests::told::{Client, Program};
use millstream_tests::{Session, Transport, programs};
use serde_json::json;

use awscli::AwsCli;
use rust_sdk::RustSdk;
use steps::Steps;

/// The stream that is the destination of a table. It is not a table's client that creates it.
const CHANGES: &str = "changes";

fn session() -> Session {
    let session = Session::with(Transport::Http, |options| options.without_limits().with_passing_states());
    let stream = json!({ "StreamName": CHANGES, "ShardCount": 1 });
    let created = Request::json("CreateStream", stream.to_string()).send(session.server.address()).unwrap();
    assert_eq!(created.status, 200, "{}", created.text());
    session
}

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
