//! The scenarios that are programs in other languages.

use std::path::{Path, PathBuf};
use std::process::Command;

use millstream_tests::clients;

use crate::session::{Session, Shown, Transport};

/// Long enough for a waiter to see CREATING on most machines, short enough for it to wait once. A scenario passes
/// where the machine is too slow for that.
const CREATE_DELAY_MS: u32 = 300;

fn source(name: &str) -> PathBuf {
    clients::sources().join(name)
}

/// Runs a scenario to its end, which it reaches only when every step has passed.
fn run(session: &Session, command: &mut Command, steps: usize) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let shown = Shown(&output);
    let expected = format!("{steps} steps passed\n");
    let passed = output.status.success() && output.stdout == expected.as_bytes();
    assert!(passed, "{shown}\nThe server's log:\n{}", session.server.log());
}

fn boto3(transport: Transport) {
    let Some(python) = clients::require("python") else { return };
    let session = Session::new(transport, CREATE_DELAY_MS);
    let program = python.join("venv/bin/python");
    run(&session, session.command(program).arg(source("python/scenario.py")), 13);
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
    let Some(node) = clients::require("node") else { return };
    let session = Session::new(transport, CREATE_DELAY_MS);
    let mut command = session.command("node".into());
    command.env("NODE_PATH", node.join("node_modules")).arg(source("node/scenario.js"));
    run(&session, &mut command, 13);
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
    let Some(java) = clients::require("java") else { return };
    let session = Session::new(transport, CREATE_DELAY_MS);
    let mut command = session.command("java".into());
    command.args(["-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp"]);
    command.arg(format!("{0}/classes:{0}/lib/*", java.display()));
    if transport == Transport::Https {
        let store = trust_store(&session.directory(), &session.server.certificate_authority());
        command.arg(format!("-Djavax.net.ssl.trustStore={}", store.display()));
        command.arg(format!("-Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}"));
    }
    run(&session, command.arg("Scenario"), 14);
    session.assert_spoke(&["1.1 cbor", "2 cbor"]);
}

/// `keytool` wants one, and the store holds nothing secret.
const TRUST_STORE_PASSWORD: &str = "changeit";

/// As Java wants to be told whom to trust.
fn trust_store(directory: &Path, authority: &Path) -> PathBuf {
    let store = directory.join("trust.p12");
    let made = Command::new("keytool")
        .args(["-importcert", "-noprompt", "-alias", "millstream", "-storepass", TRUST_STORE_PASSWORD])
        .arg("-keystore")
        .arg(&store)
        .arg("-file")
        .arg(authority)
        .output()
        .expect("keytool");
    assert!(made.status.success(), "{}", Shown(&made));
    store
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
    let Some(go) = clients::require("go") else { return };
    let session = Session::new(transport, CREATE_DELAY_MS);
    run(&session, &mut session.command(go.join("scenario")), 13);
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
