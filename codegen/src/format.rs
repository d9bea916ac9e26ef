//! Generated code through `rustfmt`, so that it reads and diffs like the rest.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// Formats a module by the workspace's rules.
pub(crate) fn rustfmt(root: &Path, module: &str, code: &str) -> Result<String, Error> {
    let refuse = |text: String| Error::Format { module: module.to_owned(), text };
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| refuse(error.to_string()))?;
    let mut stdin = rustfmt.stdin.take();
    // rustfmt reads all of its input before it writes, so neither side waits for the other.
    if let Some(mut stdin) = stdin.take() {
        stdin.write_all(code.as_bytes()).map_err(|error| refuse(error.to_string()))?;
    }
    let output = rustfmt.wait_with_output().map_err(|error| refuse(error.to_string()))?;
    if !output.status.success() {
        return Err(refuse(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(|error| refuse(error.to_string()))
}
