//! The list of what was not tested on this machine, so that nobody takes it for tested.
//!
//! It lies beside the clients, of which it mostly speaks. `tools/clients` writes to it as well.

use std::fs::{self, File};
use std::io::Write;

use crate::clients;

/// Notes that `what` is skipped, and what to do about it. `make test` shows these lines at its end, each once.
#[allow(clippy::print_stderr)]
pub fn note(what: &str, remedy: &str) {
    let line = format!("skipped: {what}: {remedy}");
    eprintln!("{line}");
    let list = clients::directory().join("skipped");
    let is_there = |text: String| text.contains(&format!("skipped: {what}:"));
    if fs::read_to_string(&list).is_ok_and(is_there) {
        return;
    }
    if let Ok(mut file) = File::options().create(true).append(true).open(list) {
        // The line is on stderr as well.
        let _ = writeln!(file, "{line}");
    }
}
