//! A disk that fails: after a failed sync or write nothing is acknowledged, the process ends by itself and
//! says why, no failed sync is tried again, and a restart serves all that was acknowledged.
//!
//! The Nth sync or write of a server's life fails, for a spread of N. `MILLSTREAM_CYCLES` is how many N of 1 to
//! 200 are tried for each, besides the first four (20; the long run takes 200), `MILLSTREAM_SEED` repeats a run.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use millstream_tests::ServerOptions;
use millstream_tests::disk::Disk;
use millstream_tests::ledger::Ledger;
use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{Server, pause_for};
use millstream_tests::wire::Wire;
use tempfile::tempdir;

const STREAM: &str = "failing";
const SHARDS: usize = 2;
const WRITERS: usize = 3;
/// These N are always tried: a server has that many behind it before it answers, on whatever machine.
const FIRST: [u64; 4] = [1, 2, 3, 4];
/// The last N that is tried.
const LAST: u64 = 200;
/// How long a server with a failed disk may take to end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What came of one fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// The server had not yet answered when the disk failed.
    WhileStarting,
    UnderLoad,
    /// The write that failed was to nothing that matters, and the server went on.
    WithoutHarm,
    /// So many syncs or writes never came.
    Never,
}

#[test]
fn a_failed_sync_ends_the_server_and_is_not_tried_again() {
    try_all("sync");
}

#[test]
fn a_failed_write_ends_the_server() {
    try_all("write");
}

#[allow(clippy::print_stderr)]
fn try_all(fault: &str) {
    let mut random = Random::new(seed());
    let step = (LAST / cycles(20)).max(1);
    let spread: Vec<_> = (1..=LAST)
        .step_by(usize::try_from(step).unwrap())
        .map(|first| (first + random.below(step)).min(LAST))
        .filter(|at| !FIRST.contains(at))
        .collect();
    let mut came = std::collections::BTreeMap::<Came, u64>::new();
    for at in FIRST.into_iter().chain(spread) {
        *came.entry(try_one(fault, at)).or_default() += 1;
    }
    eprintln!("{fault}: {came:?}");
    assert!(came.contains_key(&Came::WhileStarting) && came.contains_key(&Came::UnderLoad), "{came:?}");
}

fn options(directory: &Path) -> ServerOptions {
    ServerOptions::new(directory).without_limits().config("[memory]\nwrite_buffer_mib = 1\n")
}

fn try_one(fault: &str, at: u64) -> Came {
    let directory = tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let (sound, failing) = (
        disk.under(options(directory.path()), None),
        disk.under(options(directory.path()), Some(&format!("{fault} {at}"))),
    );
    // A store with records in it, so that a start has something to read and to write.
    let mut server = sound.start();
    let mut wire = Wire::connect(server.address()).unwrap();
    wire.create_stream(STREAM, SHARDS).unwrap();
    let mut ledger = Ledger::new(STREAM, wire.shards(STREAM).unwrap());
    let mut writers = Writers::new(STREAM, WRITERS);
    put_for(&server, &mut writers, &mut ledger, 30);
    server.kill();

    let came = match failing.try_start() {
        Err(failure) => {
            assert!(failure.status.is_some_and(|status| !status.success()), "{fault} {at}: {failure}");
            assert!(says_why(&failure.log), "{fault} {at}: {failure}");
            Came::WhileStarting
        }
        Ok(server) => under_load(fault, at, server, &disk, &mut writers, &mut ledger),
    };
    let again: Vec<_> = disk.faults().into_iter().filter(|fault| is_tried_again(fault)).collect();
    assert!(again.is_empty(), "{fault} {at}: tried again after the failure: {again:?}");

    // The disk is replaced; what it held is what was synced, and maybe more.
    disk.cut_power(&mut Random::new(at));
    let server = sound.try_start().unwrap_or_else(|failure| panic!("{fault} {at}: {failure}"));
    let mut wire = Wire::connect(server.address()).unwrap();
    let findings = ledger.check_new(&mut wire).unwrap_or_else(|failure| panic!("{fault} {at}: {failure}"));
    findings.assert_none(&format!("{fault} {at}"));
    let findings = ledger.check_all(&mut wire).unwrap_or_else(|failure| panic!("{fault} {at}: {failure}"));
    findings.assert_none(&format!("{fault} {at}"));
    came
}

fn put_for(server: &Server, writers: &mut Writers, ledger: &mut Ledger, millis: u64) {
    let load = writers.start(server.address());
    pause_for(Duration::from_millis(millis));
    let sent = writers.stop(load);
    ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
    let mut wire = Wire::connect(server.address()).unwrap();
    ledger.check_new(&mut wire).unwrap().assert_none("before the fault");
}

fn under_load(
    fault: &str,
    at: u64,
    mut server: Server,
    disk: &Disk,
    writers: &mut Writers,
    ledger: &mut Ledger,
) -> Came {
    let load = writers.start(server.address());
    // Enough for some hundred syncs.
    let mut status = server.wait(Duration::from_millis(1500));
    let fired = !disk.faults().is_empty();
    if fired && status.is_none() {
        status = server.wait(END_LIMIT);
    }
    let log = server.log();
    server.kill();
    let sent = writers.finish(load);
    ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
    match status {
        Some(status) => {
            assert!(fired && !status.success(), "{fault} {at}: {status} {log}");
            assert!(says_why(&log), "{fault} {at}: {log}");
            Came::UnderLoad
        }
        None if !fired => Came::Never,
        None if harmless(&disk.faults()) => Came::WithoutHarm,
        None => panic!("{fault} {at}: {:?}, and the server went on: {log}", disk.faults()),
    }
}

/// Not so a flush that was on its way when the log's sync of the store's directory failed: it syncs the directory too,
/// for a file of its own, and nothing is acknowledged for it.
fn is_tried_again(fault: &str) -> bool {
    fault.starts_with("again") && !fault.ends_with("/data/store by rocksdb:high")
}

/// RocksDB's own log and its note of the options may fail without consequences.
fn harmless(faults: &[String]) -> bool {
    faults.iter().all(|fault| fault.contains("/LOG") || fault.contains("/OPTIONS-"))
}

fn says_why(log: &str) -> bool {
    ["Input/output error", "os error 5"].iter().any(|why| log.contains(why))
}
