//! The scenarios that are programs in other languages.

use std::process::Command;

use millstream_tests::programs;
use millstream_tests::session::{Session, Shown, Transport};

/// Long enough for a waiter to see CREATING on most machines, short enough for it to wait once. A scenario passes
/// where the machine is too slow for that.
const CREATE_DELAY_MS: u32 = 300;

/// Runs a scenario to its end, which it reaches only when every step has passed.
fn run(session: &Session, mut command: Command, steps: usize) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let shown = Shown(&output);
    let expected = format!("{steps} steps passed\n");
    let passed = output.status.success() && output.stdout == expected.as_bytes();
    assert!(passed, "{shown}\nThe server's log:\n{}", session.server.log());
}

fn boto3(transport: Transport) {
    let session = Session::new(transport, CREATE_DELAY_MS);
    let Some(command) = programs::python(&session, "scenario.py") else { return };
    run(&session, command, 13);
    session.assert_spoke(&["1.1 json"]);
}

#[test]
fn boto3_over_http() {
    boto3(Transport::Http);
}

#[test]
fn boto3_over_tls() {
    boto3(Transport::Https);
}

/// The SDK for JavaScript speaks HTTP/2 to both kinds of URLs, without asking the server first.
fn javascript(transport: Transport) {
    let session = Session::new(transport, CREATE_DELAY_MS);
    let Some(command) = programs::node(&session, "scenario.js") else { return };
    run(&session, command, 13);
    session.assert_spoke(&["2 json"]);
}

#[test]
fn javascript_over_http() {
    javascript(Transport::Http);
}

#[test]
fn javascript_over_tls() {
    javascript(Transport::Https);
}

/// The SDK for Java sends CBOR; its synchronous client speaks HTTP/1.1, its asynchronous one HTTP/2.
fn java(transport: Transport) {
    let session = Session::new(transport, CREATE_DELAY_MS);
    let Some(command) = programs::java(&session, "Scenario") else { return };
    run(&session, command, 14);
    session.assert_spoke(&["1.1 cbor", "2 cbor"]);
}

#[test]
fn java_over_http() {
    java(Transport::Http);
}

#[test]
fn java_over_tls() {
    java(Transport::Https);
}

/// Go's own HTTP client agrees on HTTP/2 inside TLS.
fn go(transport: Transport, protocol: &str) {
    let session = Session::new(transport, CREATE_DELAY_MS);
    let Some(command) = programs::go(&session, "scenario") else { return };
    run(&session, command, 13);
    session.assert_spoke(&[protocol]);
}

#[test]
fn go_over_http() {
    go(Transport::Http, "1.1 json");
}

#[test]
fn go_over_tls() {
    go(Transport::Https, "2 json");
}
