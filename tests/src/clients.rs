//! Where the real clients of other languages lie, and what happens when one is missing.
//!
//! `tools/clients` installs them, each into a folder of its own, and knows whether one is there and made from
//! what now lies in `tests/clients`. A client that is not is named as skipped; with `CI=true`, that is a failure.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    note_skip(name);
    None
}

/// A program that knows one endpoint and nothing else of AWS: what its user has set up must not matter.
#[must_use]
pub fn command(program: impl AsRef<OsStr>, endpoint_url: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
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

/// A path that names no file.
const NO_FILE: &str = "/nonexistent";

/// `make test` shows these lines at its end, each client once.
#[allow(clippy::print_stderr)]
fn note_skip(name: &str) {
    let line = format!("skipped: the {name} client: run tools/clients {name}");
    eprintln!("{line}");
    let list = directory().join("skipped");
    let is_there = |text: String| text.contains(&format!("skipped: the {name} client:"));
    if fs::read_to_string(&list).is_ok_and(is_there) {
        return;
    }
    if let Ok(mut file) = File::options().create(true).append(true).open(list) {
        // The line is on stderr as well.
        let _ = writeln!(file, "{line}");
    }
}
