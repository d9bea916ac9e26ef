//! How much memory a process has, so that a test can say how much it may take.

use std::fs;

const KIB: u64 = 1024;

/// Resident bytes of a process, by its id.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn resident_bytes(process_id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process_id}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process that runs");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kib * KIB
}
