//! A wall clock that jumps by a second to ten years, either way, while records are put and between restarts:
//! sequence numbers rise and are never used twice, and arrival times never fall within a shard.
//!
//! `MILLSTREAM_CYCLES` is the number of jumps (60; the long run takes 10,000), `MILLSTREAM_SEED` repeats a run.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use millstream_tests::ServerOptions;
use millstream_tests::ledger::Ledger;
use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::pause_for;
use millstream_tests::shim;
use millstream_tests::wire::Wire;
use serde_json::json;
use tempfile::tempdir;

const STREAM: &str = "jumps";
const SHARDS: usize = 2;
const WRITERS: usize = 2;
/// A new store after so many jumps.
const STORE_JUMPS: u64 = 30;
const YEAR: i64 = 365 * 24 * 3600;

/// The clock of a server, as far as it is off.
struct Clock<'a> {
    file: &'a Path,
    offset: i64,
}

impl Clock<'_> {
    /// Jumps, and stays within ten years of the truth.
    fn jump(&mut self, random: &mut Random) {
        let size = *random.pick(&[1, 1, 60, 3600, 24 * 3600, 40 * 24 * 3600, YEAR, 10 * YEAR]);
        let by = if random.once_in(2) { size } else { -size };
        self.offset = (self.offset + by).clamp(-10 * YEAR, 10 * YEAR);
        let next = self.file.with_extension("next");
        fs::write(&next, self.offset.to_string()).unwrap();
        fs::rename(next, self.file).unwrap();
    }
}

#[test]
#[allow(clippy::print_stderr)]
fn numbers_rise_and_arrival_times_never_fall() {
    let mut random = Random::new(seed());
    let mut left = cycles(60);
    let mut acknowledged = 0;
    while left > 0 {
        let jumps = left.min(STORE_JUMPS);
        acknowledged += one_store(jumps, &mut random);
        left -= jumps;
    }
    eprintln!("{acknowledged} records acknowledged");
    assert!(acknowledged > 0);
}

fn one_store(jumps: u64, random: &mut Random) -> u64 {
    let directory = tempdir().unwrap();
    let file = directory.path().join("offset");
    let options = ServerOptions::new(directory.path())
        .without_limits()
        .environment("LD_PRELOAD", shim::compile("clock", directory.path()))
        .environment("CLOCK_SHIM_OFFSET", &file);
    let mut clock = Clock { file: &file, offset: 0 };
    let mut server = options.start();
    let mut wire = Wire::connect(server.address()).unwrap();
    wire.create_stream(STREAM, SHARDS).unwrap();
    // The longest there is, so that what the clock expires is little; what it does expire is not read again.
    let longest = json!({ "StreamName": STREAM, "RetentionPeriodHours": 8760 });
    wire.call("IncreaseStreamRetentionPeriod", &longest).unwrap();
    let mut ledger = Ledger::new(STREAM, wire.shards(STREAM).unwrap());
    let mut writers = Writers::new(STREAM, WRITERS);
    for _ in 0..jumps {
        let load = writers.start(server.address());
        pause_for(Duration::from_millis(random.within(5..30)));
        if random.once_in(2) {
            clock.jump(random);
            pause_for(Duration::from_millis(random.within(5..30)));
        }
        let sent = writers.stop(load);
        assert!(sent.refused.is_empty(), "{}", sent.refused[0]);
        ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
        let mut wire = Wire::connect(server.address()).unwrap();
        let findings = ledger.check_new(&mut wire).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(findings.wrong.is_empty(), "after a jump to {}: {:?}", clock.offset, findings.wrong);
        if random.once_in(2) {
            server.kill();
            clock.jump(random);
            server = options.start();
        }
    }
    ledger.acknowledged()
}
