//! `kill -9` under load: whatever was acknowledged is there afterwards, once, unaltered and in order, and no
//! sequence number is used twice.
//!
//! `MILLSTREAM_CYCLES` is the number of kills (200; the long run takes 10,000), `MILLSTREAM_SEED` repeats a
//! run. This does not show that anything reaches the disk, since the kernel keeps what a killed process
//! wrote; `power_cut.rs` does.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use millstream_tests::ServerOptions;
use millstream_tests::ledger::Ledger;
use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{Starts, pause_for};
use millstream_tests::wire::Wire;
use tempfile::tempdir;

const STREAM: &str = "kills";
const SHARDS: usize = 3;
const WRITERS: usize = 4;
/// All that was ever written is read again after so many kills …
const FULL_CHECK_EVERY: u64 = 50;
/// … and a new store is begun after so many, so that a long run stays as quick as a short one.
const STORE_CYCLES: u64 = 200;

#[test]
#[allow(clippy::print_stderr)]
fn nothing_acknowledged_is_lost_to_kill_nine() {
    let mut random = Random::new(seed());
    let mut left = cycles(200);
    let mut report = Report::default();
    while left > 0 {
        let cycles = left.min(STORE_CYCLES);
        let directory = tempdir().unwrap();
        Campaign::begin(directory.path(), &mut random).run(cycles, &mut random, &mut report);
        left -= cycles;
    }
    eprintln!("{report:?}");
    assert!(report.acknowledged > report.kills, "there was no load to speak of");
}

#[derive(Debug, Default)]
struct Report {
    kills: u64,
    kills_while_starting: u64,
    acknowledged: u64,
    starts: Starts,
}

/// One store that is killed again and again.
struct Campaign {
    options: ServerOptions,
    ledger: Ledger,
    writers: Writers,
}

impl Campaign {
    fn begin(directory: &Path, random: &mut Random) -> Self {
        // A small write buffer, so that kills meet flushes and compactions as well.
        let options =
            ServerOptions::new(directory).without_limits().config("[memory]\nwrite_buffer_mib = 1\n");
        // Even the very first start may be killed at any moment.
        for _ in 0..4 {
            kill_while_starting(&options, random);
        }
        let server = options.start();
        let mut wire = Wire::connect(server.address()).unwrap();
        wire.create_stream(STREAM, SHARDS).unwrap();
        let ledger = Ledger::new(STREAM, wire.shards(STREAM).unwrap());
        Self { options, ledger, writers: Writers::new(STREAM, WRITERS) }
    }

    fn run(mut self, cycles: u64, random: &mut Random, report: &mut Report) {
        let mut server = self.options.start_timed(&mut report.starts);
        for cycle in 1..=cycles {
            let load = self.writers.start(server.address());
            pause_for(Duration::from_millis(random.within(5..61)));
            server.kill();
            let sent = self.writers.finish(load);
            assert!(sent.refused.is_empty(), "refused without a reason: {}", sent.refused[0]);
            self.ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
            report.kills += 1;
            if random.once_in(5) {
                kill_while_starting(&self.options, random);
                report.kills_while_starting += 1;
            }
            server = self.options.start_timed(&mut report.starts);
            let mut wire = Wire::connect(server.address()).unwrap();
            let findings = self.ledger.check_new(&mut wire).unwrap_or_else(|failure| panic!("{failure}"));
            findings.assert_none("after a kill");
            if cycle.is_multiple_of(FULL_CHECK_EVERY) || cycle == cycles {
                let findings = self.ledger.check_all(&mut wire).unwrap_or_else(|failure| panic!("{failure}"));
                findings.assert_none("from the start");
            }
        }
        report.acknowledged += self.ledger.acknowledged();
    }
}

fn kill_while_starting(options: &ServerOptions, random: &mut Random) {
    let mut server = options.spawn();
    pause_for(Duration::from_millis(random.below(80)));
    server.kill();
}
