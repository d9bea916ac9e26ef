//! Consumers, the server and its lease table under crashes, freezes, partitions, lost replies, power cuts, wrong clocks
//! and resharding at once, on one thread and by one seed.
//!
//! Real consumers on the real engine and the real table service; only the wire between them is played, and the disk.
//! Time passes when nobody has anything to do. A seed that fails is printed and can be run alone with
//! `MILLSTREAM_SEED`; `MILLSTREAM_SEEDS` says how many are run. What must hold is in [`ledger`] and at the end of
//! [`storm`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod dice;
mod leases;
mod ledger;
mod server;
mod storm;
mod way;
mod wire;
mod worker;

use ledger::Report;
use millstream_runtime::{ManualClock, threads};

const SEEDS: u64 = 1_000;
/// A storm of fewer seeds need not have seen everything.
const EVENTFUL: u64 = 30;

/// Runs one seed to its end.
fn run(seed: u64, drops_last_record: bool) -> (Report, Vec<String>) {
    let clock = ManualClock::starting_at(storm::START);
    let driver = clock.clone();
    let pass_time = move || {
        driver.advance_to_next();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(pass_time).build().unwrap();
    runtime.block_on(storm::live(seed, clock, drops_last_record))
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Stops at the first one that fails.
fn run_all(seeds: impl Iterator<Item = u64>) -> Report {
    let mut total = Report::default();
    for seed in seeds {
        match std::panic::catch_unwind(|| run(seed, false)) {
            Ok((report, found)) if found.is_empty() => total.add(report),
            Ok((_, found)) => panic!("MILLSTREAM_SEED={seed} fails: {found:#?}"),
            Err(_) => panic!("MILLSTREAM_SEED={seed} fails"),
        }
    }
    total
}

#[test]
fn every_record_is_processed_whatever_happens() {
    let seeds = match variable("MILLSTREAM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("MILLSTREAM_SEEDS").unwrap_or(SEEDS),
    };
    let halves = [0, 1].map(|first| {
        let half = seeds.clone().skip(first).step_by(2);
        threads::spawn("simulation", move || run_all(half)).unwrap()
    });
    let mut total = Report::default();
    for half in halves {
        total.add(half.join().expect("every seed passes"));
    }
    println!("{total:?}");
    if seeds.end - seeds.start >= EVENTFUL {
        total.assert_eventful();
    }
}

#[test]
fn a_seed_always_makes_the_same_history() {
    for seed in [1, 7, 77] {
        let (first, second) = (run(seed, false), run(seed, false));
        assert_eq!(first, second, "seed {seed}");
    }
}

/// The control: where a record of each page gets lost, the ledger says so.
#[test]
fn control_a_record_that_is_dropped_is_missed() {
    let (_, found) = run(3, true);
    assert!(found.iter().any(|what| what.contains("never delivered")), "{found:?}");
}
