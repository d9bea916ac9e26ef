//! Which client has shown which operation to work, for the table in docs/compatibility.md.
//!
//! Where `MILLSTREAM_RESULTS` names a file, tests append to it: one JSON object a line.

use std::fs::File;
use std::io::Write;

use serde_json::json;

/// Notes how an operation fared with a client.
///
/// # Panics
/// When the file cannot be written.
pub fn note(operation: &str, client: &str, passed: bool) {
    let Some(path) = std::env::var_os("MILLSTREAM_RESULTS").filter(|path| !path.is_empty()) else { return };
    let line = format!("{}\n", json!({ "operation": operation, "client": client, "passed": passed }));
    // One write, so that tests that run beside each other do not tear each other's lines.
    let mut file = File::options().create(true).append(true).open(path).expect("a file for results");
    file.write_all(line.as_bytes()).expect("a file for results");
}
