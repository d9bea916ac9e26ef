//! Every operation on tables that is built, with boto3, against botocore's own models.
//!
//! What is called and expected is in `tests/clients/python/every_table_operation`; here are the server and the verdict.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_tests::compatibility::{Outcome, Section};
use millstream_tests::raw::Request;
use millstream_tests::{ServerOptions, clients, results};
use serde_json::json;

/// Indexes that are made anew and hundreds of calls, on however busy a machine.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn boto3() {
    let Some(python) = clients::require("python") else { return };
    let operations = Section::Tables.built();
    assert!(operations.len() > 30, "{operations:?}");
    let directory = tempfile::tempdir().unwrap();
    let options = ServerOptions::new(directory.path()).without_limits().with_passing_states();
    let server = options.argument("--test-api").start();
    let stream = json!({ "StreamName": "changes", "ShardCount": 1 }).to_string();
    let created = Request::json("CreateStream", stream).send(server.address()).unwrap();
    assert_eq!(created.status, 200, "{}", created.text());
    let task = json!({
        "operations": operations,
        "server": { "url": server.http(), "admin": format!("http://{}", server.admin_address()) },
        "stream": "arn:aws:kinesis:us-east-1:000000000000:stream/changes",
    });
    let programs = clients::sources().join("python");
    let output = clients::command_within(LIMIT, python.join("venv/bin/python"), &server.http())
        .arg(programs.join("every_table_operation"))
        .arg(task.to_string())
        .env("PYTHONPATH", programs.join("against_model"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("the program starts");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    let problems: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let shown =
        problems.iter().map(|(operation, problems)| format!("{operation}:\n{}\n", problems.join("\n")));
    assert!(problems.is_empty(), "{}\n{}", shown.collect::<String>(), server.log());
    let passed = operations.into_iter().map(|operation| (operation, Outcome::Passed));
    results::note(Section::Tables, "boto3", &passed.collect());
}
