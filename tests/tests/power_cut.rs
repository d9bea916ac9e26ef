//! Power cuts under load: what was acknowledged had reached the disk.
//!
//! The server runs on the disk of `src/disk.rs`, which forgets at each cut what was not synced, or keeps torn
//! pieces of it. Two controls run on a disk whose syncs do nothing; if nothing were found missing there,
//! the test would prove nothing.
//!
//! `MILLSTREAM_CYCLES` is the number of cuts (200; the long run takes 10,000), `MILLSTREAM_SEED` repeats a
//! run.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use millstream_tests::disk::Disk;
use millstream_tests::ledger::Ledger;
use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{Starts, pause_for};
use millstream_tests::wire::Wire;
use millstream_tests::{ServerOptions, anchor};
use tempfile::tempdir;

const STREAM: &str = "cuts";
const SHARDS: usize = 3;
const WRITERS: usize = 4;
/// A new store after so many cuts: the first moments of a store are the riskiest.
const STORE_CUTS: u64 = 25;
const CONTROL_CYCLES: u64 = 6;

fn options(directory: &Path) -> ServerOptions {
    // A small write buffer, so that cuts meet flushes and compactions as well.
    ServerOptions::new(directory).without_limits().config("[memory]\nwrite_buffer_mib = 1\n")
}

#[derive(Debug, Default)]
struct Report {
    cuts: u64,
    cuts_while_starting: u64,
    names_lost: usize,
    files_torn: usize,
    bytes_lost: u64,
    acknowledged: u64,
    starts: Starts,
}

#[test]
#[allow(clippy::print_stderr)]
fn nothing_acknowledged_is_lost_to_a_power_cut() {
    let mut random = Random::new(seed());
    let cuts = cycles(200);
    let mut report = Report::default();
    while report.cuts < cuts {
        let cuts = cuts.min(report.cuts + STORE_CUTS);
        let directory = tempdir().unwrap();
        Campaign::begin(directory.path(), &mut random, &mut report).run(cuts, &mut random, &mut report);
    }
    eprintln!("{report:?}");
    assert!(report.acknowledged > report.cuts, "there was no load to speak of");
    assert!(report.files_torn > 0, "no cut lost anything, so none tested anything");
}

/// One store under cut after cut.
struct Campaign {
    options: ServerOptions,
    disk: Disk,
    ledger: Ledger,
    writers: Writers,
}

impl Campaign {
    fn begin(directory: &Path, random: &mut Random, report: &mut Report) -> Self {
        let disk = Disk::new(directory);
        let options = disk.under(options(directory), None);
        for _ in 0..3 {
            cut_while_starting(&options, &disk, random, report);
        }
        let server = options.start();
        let mut wire = Wire::connect(server.address()).unwrap();
        wire.create_stream(STREAM, SHARDS).unwrap();
        let ledger = Ledger::new(STREAM, wire.shards(STREAM).unwrap());
        Self { options, disk, ledger, writers: Writers::new(STREAM, WRITERS) }
    }

    /// Until the report has so many cuts, and once at least.
    fn run(mut self, cuts: u64, random: &mut Random, report: &mut Report) {
        let mut server = self.options.start_timed(&mut report.starts);
        loop {
            let load = self.writers.start(server.address());
            pause_for(Duration::from_millis(random.within(5..81)));
            server.kill();
            let sent = self.writers.finish(load);
            self.ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
            // Now and then the process alone dies; the next cut must not take back what was shown since.
            if !random.once_in(4) {
                cut(&self.disk, random, report);
            }
            if random.once_in(5) {
                cut_while_starting(&self.options, &self.disk, random, report);
            }
            server = self.options.start_timed(&mut report.starts);
            let mut wire = Wire::connect(server.address()).unwrap();
            let findings = self.ledger.check_new(&mut wire).unwrap_or_else(|failure| panic!("{failure}"));
            findings.assert_none("after a cut");
            if report.cuts >= cuts {
                let findings = self.ledger.check_all(&mut wire).unwrap_or_else(|failure| panic!("{failure}"));
                findings.assert_none("from the start");
                break;
            }
        }
        report.acknowledged += self.ledger.acknowledged();
    }
}

fn cut(disk: &Disk, random: &mut Random, report: &mut Report) {
    let cut = disk.cut_power(random);
    report.cuts += 1;
    report.names_lost += cut.names_lost;
    report.files_torn += cut.files_torn.len();
    report.bytes_lost += cut.bytes_lost;
}

fn cut_while_starting(options: &ServerOptions, disk: &Disk, random: &mut Random, report: &mut Report) {
    let mut server = options.spawn();
    pause_for(Duration::from_millis(random.below(80)));
    server.kill();
    cut(disk, random, report);
    report.cuts_while_starting += 1;
}

/// What became of a store whose disk ignored syncs.
#[derive(Debug, Default)]
struct Control {
    /// The server refused to start, or to read, and said what is missing.
    named: u64,
    /// It served as if nothing had happened, without records it had acknowledged.
    silent: u64,
    whole: u64,
}

#[test]
#[allow(clippy::print_stderr)]
fn control_without_syncs_acknowledged_records_are_lost() {
    let mut random = Random::new(seed());
    for fault in ["no-sync", "no-sync-log"] {
        let mut control = Control::default();
        for _ in 0..CONTROL_CYCLES {
            control_cycle(fault, &mut random, &mut control);
        }
        eprintln!("{fault}: {control:?}");
        assert!(control.named + control.silent > 0, "{fault}: nothing was lost without syncs");
        // With syncs of the log alone ignored, the anchor knows what is missing.
        assert!(fault == "no-sync" || control.silent == 0, "{fault}: the anchor did not notice");
    }
}

fn control_cycle(fault: &str, random: &mut Random, control: &mut Control) {
    let directory = tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let options = disk.under(options(directory.path()), Some(fault));
    let mut server = options.start();
    let mut wire = Wire::connect(server.address()).unwrap();
    wire.create_stream(STREAM, SHARDS).unwrap();
    let mut ledger = Ledger::new(STREAM, wire.shards(STREAM).unwrap());
    let mut writers = Writers::new(STREAM, WRITERS);
    let load = writers.start(server.address());
    pause_for(Duration::from_millis(100));
    let sent = writers.stop(load);
    anchor::settle(&server);
    server.kill();
    ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
    disk.cut_power(random);
    let Ok(server) = options.try_start() else {
        control.named += 1;
        return;
    };
    let mut wire = Wire::connect(server.address()).unwrap();
    match ledger.check_new(&mut wire) {
        Err(_) if server.log().contains("lost") => control.named += 1,
        Err(_) => control.silent += 1,
        Ok(findings) if findings.lost.is_empty() => control.whole += 1,
        Ok(_) => control.silent += 1,
    }
}
