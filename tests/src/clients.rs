//! Where the real clients of other languages lie, and what happens when one is missing.
//!
//! `tools/clients` installs them, each into a folder of its own, and knows whether one is there and made from
//! what now lies in `tests/clients`. A client that is not is named as skipped; with `CI=true`, that is a failure.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::skips;

/// The folder of all clients: `MILLSTREAM_CLIENTS`, else in the user's cache.
///
/// # Panics
/// Without a home directory.
#[must_use]
pub fn directory() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MILLSTREAM_CLIENTS").unwrap_or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        cache.expect("HOME is set").join("millstream").join("clients")
    })
}

/// Where the programs that clients run are, and the lists of what they need.
#[must_use]
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// The folder of one client (`python`, `node`, `java`, `go`), or `None` where it is skipped.
///
/// # Panics
/// With `CI=true`, when it is missing.
#[must_use]
pub fn require(name: &str) -> Option<PathBuf> {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/clients");
    let check = Command::new(tool).args(["--check", name]).status().expect("tools/clients runs");
    if check.success() {
        return Some(directory().join(name));
    }
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == OsStr::new("true"));
    assert!(
        !is_ci,
        "the {name} client is not installed, or not from what is in tests/clients: tools/clients"
    );
    skips::note(&format!("the {name} client"), &format!("run tools/clients {name}"));
    None
}

/// A program that knows one endpoint and nothing else of AWS: what its user has set up must not matter. One that
/// hangs is ended, with code 124, so that its test fails and shows what it printed.
#[must_use]
pub fn command(program: impl AsRef<OsStr>, endpoint_url: &str) -> Command {
    command_within(LIMIT, program, endpoint_url)
}

/// Like [`command`], for one that has more to do.
#[must_use]
pub fn command_within(limit: Duration, program: impl AsRef<OsStr>, endpoint_url: &str) -> Command {
    let mut command = Command::new("timeout");
    // SIGTERM, and SIGKILL for one that does not heed it.
    command.args(["-k", "10", &limit.as_secs().to_string()]).arg(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_set_up(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
        .env("AWS_ENDPOINT_URL", endpoint_url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", NO_FILE)
        .env("AWS_SHARED_CREDENTIALS_FILE", NO_FILE)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// A variable by which users and machines tell clients what to do.
fn is_set_up(name: &str) -> bool {
    name.starts_with("AWS_")
        || name.to_ascii_uppercase().ends_with("_PROXY")
        || ["NODE_OPTIONS", "JAVA_TOOL_OPTIONS"].contains(&name)
}

/// No client takes this long for a scenario, on however busy a machine.
const LIMIT: Duration = Duration::from_secs(300);
/// A path that names no file.
const NO_FILE: &str = "/nonexistent";
