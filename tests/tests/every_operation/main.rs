//! Every operation of the model that is built, with boto3 over JSON and over CBOR, against botocore's own model.
//!
//! What is called and expected is in `tests/clients/python/every_operation`; here are the servers and the verdict.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use millstream_tests::compatibility::{Outcome, Section};
use millstream_tests::operations::Service;
use millstream_tests::raw::Request;
use millstream_tests::{Server, ServerOptions, clients, operations, results};
use serde_json::{Value, json};

/// Sixty calls of each operation until one is too many, on however busy a machine.
const LIMIT: Duration = Duration::from_secs(600);
/// A year: what a test does with a stream that is CREATING, it does in time.
const CREATE_DELAY_MS: &str = "31536000000";
/// Its answer is an event stream, which there is in JSON alone.
const JSON_ALONE: &str = "SubscribeToShard";

/// The calls that the server counts, as they are called in its configuration.
fn counted() -> Vec<String> {
    let settings = operations::source("server/src/settings/limits.rs");
    let fields = settings.split_once("pub struct CustomCalls {").unwrap().1.split_once('}').unwrap().0;
    let fields = fields.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    fields.map(|(name, _)| name.to_owned()).collect()
}

/// A server that lets one call of each kind through in a second, one record and one read of each shard, and one
/// change in a day.
fn busy(directory: &Path) -> ServerOptions {
    let calls: Vec<_> = counted().iter().map(|call| format!("{call} = 1\n")).collect();
    ServerOptions::new(directory).config(&format!(
        "[limits]\nwrite_records_per_second = 1\nread_calls_per_second = 1\niterator_calls_per_second = 1\n\
         encryption_changes_per_day = 1\ncount_updates_per_day = 1\n[limits.calls_per_second]\n{}",
        calls.concat()
    ))
}

fn place(server: &Server) -> Value {
    json!({ "url": server.http(), "admin": format!("http://{}", server.admin_address()) })
}

/// What is wrong with each operation, by what the program says.
fn problems(format: &str, operations: &BTreeSet<String>) -> Option<BTreeMap<String, Vec<String>>> {
    let python = clients::require("python")?;
    let directory = tempfile::tempdir().unwrap();
    let plain =
        ServerOptions::new(&directory.path().join("plain")).without_limits().argument("--test-api").start();
    let busy = busy(&directory.path().join("busy")).argument("--test-api").start();
    let slow = ServerOptions::new(&directory.path().join("slow"))
        .without_limits()
        .argument("--create-delay-ms")
        .argument(CREATE_DELAY_MS)
        .start();
    let servers = json!({ "plain": place(&plain), "busy": place(&busy), "slow": place(&slow) });
    let task = json!({ "format": format, "operations": operations, "servers": servers });
    let programs = clients::sources().join("python");
    let output = clients::command_within(LIMIT, python.join("venv/bin/python"), &plain.http())
        .arg(programs.join("every_operation"))
        .arg(task.to_string())
        .env("PYTHONPATH", programs.join("against_model"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Notes each operation of the server that is not `missing` where the format is.
fn every_operation(format: &str, client: &str, missing: Option<&str>) {
    let mut operations = Service::Kinesis.built();
    assert!(operations.len() > 20, "{operations:?}");
    if let Some(missing) = missing {
        assert!(operations.remove(missing), "{missing}");
    }
    let Some(problems) = problems(format, &operations) else { return };
    let shown =
        problems.iter().map(|(operation, problems)| format!("{operation}:\n{}\n", problems.join("\n")));
    assert!(problems.is_empty(), "over {format}:\n{}", shown.collect::<String>());
    let passed = operations.into_iter().map(|operation| (operation, Outcome::Passed));
    let missing = missing.map(|operation| (operation.to_owned(), Outcome::Missing));
    results::note(Section::Streams, client, &passed.chain(missing).collect());
}

#[test]
fn boto3_over_json() {
    every_operation("json", "boto3, JSON", None);
}

#[test]
fn boto3_over_cbor() {
    let directory = tempfile::tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).start();
    let call = json!({
        "ConsumerARN": "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/app:1",
        "ShardId": "shardId-000000000000", "StartingPosition": { "Type": "LATEST" },
    });
    let mut body = Vec::new();
    ciborium::into_writer(&call, &mut body).unwrap();
    let refused = Request::cbor(JSON_ALONE, body).send(server.address()).unwrap();
    assert_eq!(refused.status, 500);
    every_operation("cbor", "boto3, CBOR", Some(JSON_ALONE));
}
