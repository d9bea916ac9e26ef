//! How the programs in `tests/clients` are started, each with the SDK of its language.
//!
//! Every function gives a command that needs no further argument, or `None` where the client is skipped. What a
//! program does is its own matter and that of the test that runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients;
use crate::session::{Session, Shown, Transport};

/// A script in `tests/clients/python`.
#[must_use]
pub fn python(session: &Session, script: &str) -> Option<Command> {
    let python = clients::require("python")?;
    let mut command = session.command(python.join("venv/bin/python"));
    command.arg(clients::sources().join("python").join(script));
    Some(command)
}

/// A script in `tests/clients/grpcpy`, with the code that is generated of `proto/`.
#[must_use]
pub fn grpc_python(session: &Session, script: &str) -> Option<Command> {
    let grpc = clients::require("grpcpy")?;
    let mut command = session.command(grpc.join("venv/bin/python"));
    command.env("PYTHONPATH", grpc.join("generated")).arg(clients::sources().join("grpcpy").join(script));
    Some(command)
}

/// A script in `tests/clients/node`.
#[must_use]
pub fn node(session: &Session, script: &str) -> Option<Command> {
    let node = clients::require("node")?;
    let mut command = session.command("node".into());
    command.env("NODE_PATH", node.join("node_modules")).arg(clients::sources().join("node").join(script));
    Some(command)
}

/// A class in `tests/clients/java`.
#[must_use]
pub fn java(session: &Session, class: &str) -> Option<Command> {
    jvm(session, "java", class)
}

/// A class of one of the clients that are written in Java.
#[must_use]
pub fn jvm(session: &Session, client: &str, class: &str) -> Option<Command> {
    let java = clients::require(client)?;
    let mut command = session.command("java".into());
    command.args(["-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp"]);
    command.arg(format!("{0}/classes:{0}/lib/*", java.display()));
    if session.transport == Transport::Https {
        let store = trust_store(&session.directory(), &session.server.certificate_authority());
        command.arg(format!("-Djavax.net.ssl.trustStore={}", store.display()));
        command.arg(format!("-Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}"));
    }
    command.arg(class);
    Some(command)
}

/// A program that was made of `tests/clients/go`.
#[must_use]
pub fn go(session: &Session, program: &str) -> Option<Command> {
    go_of(session, "go", program)
}

/// A program of one of the clients that are written in Go.
#[must_use]
pub fn go_of(session: &Session, client: &str, program: &str) -> Option<Command> {
    Some(session.command(clients::require(client)?.join(program)))
}

/// `keytool` wants one, and the store holds nothing secret.
const TRUST_STORE_PASSWORD: &str = "changeit";

/// As Java wants to be told whom to trust.
fn trust_store(directory: &Path, authority: &Path) -> PathBuf {
    let store = directory.join("trust.p12");
    if store.exists() {
        return store;
    }
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
