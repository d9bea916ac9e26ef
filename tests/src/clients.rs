//! Where the real clients of other languages lie, and what happens when one is missing.
//!
//! `tools/clients` installs them, each into a folder of its own with a file `ready` in it when all went
//! well. A client that is not there is named as skipped; with `CI` set, that is a failure.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

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

/// The folder of one client (`python`, `node`, `java`, `go`), or `None` where it is skipped.
///
/// # Panics
/// With `CI` set, when it is missing.
#[must_use]
pub fn require(name: &str) -> Option<PathBuf> {
    let directory = directory().join(name);
    if directory.join("ready").exists() {
        return Some(directory);
    }
    assert!(std::env::var_os("CI").is_none(), "the client {name} is not installed: tools/clients {name}");
    note_skip(&directory, name);
    None
}

/// `make test` shows these lines at its end.
#[allow(clippy::print_stderr)]
fn note_skip(directory: &Path, name: &str) {
    let line = format!("skipped: the tests of the {name} client, which is not installed");
    eprintln!("{line}");
    let Some(list) = directory.parent().map(|parent| parent.join("skipped")) else { return };
    if let Ok(mut file) = File::options().create(true).append(true).open(list) {
        // The line is on stderr as well.
        let _ = writeln!(file, "{line}");
    }
}
