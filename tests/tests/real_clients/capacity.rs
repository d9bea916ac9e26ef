//! Capacity modes with boto3, and a stream that grows while the server's clock is moved.

use std::time::Duration;

use millstream_tests::{ServerOptions, clients};

use millstream_tests::session::Shown;

/// A minute of what is too much for a shard is then little to send.
const SETTINGS: &str = "test_api = true\n[limits]\nwrite_records_per_second = 50\n";
/// On a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn boto3_and_capacity_modes() {
    let Some(python) = clients::require("python") else { return };
    let directory = tempfile::tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).config(SETTINGS).start();
    let mut command = clients::command_within(LIMIT, python.join("venv/bin/python"), &server.http());
    command
        .arg(clients::sources().join("python/capacity.py"))
        .arg(format!("http://{}", server.admin_address()));
    let output = command.output().unwrap();
    let passed = output.status.success() && output.stdout == b"7 steps passed\n";
    assert!(passed, "{}\nThe server's log:\n{}", Shown(&output), server.log());
}
