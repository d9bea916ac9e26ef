//! Compiles the C libraries in `shim/` that are preloaded into a server to stand between it and the system.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/shim");

/// The library made of `shim/NAME.c`, in `directory`.
///
/// # Panics
/// Without a C compiler, or when the source has a fault.
#[must_use]
pub fn compile(name: &str, directory: &Path) -> PathBuf {
    let library = directory.join(format!("{name}.so"));
    let compiled = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(Path::new(SOURCES).join(format!("{name}.c")))
        .arg("-lpthread")
        .output()
        .expect("cc");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}
