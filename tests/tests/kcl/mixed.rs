//! Workers of KCL 3.x and of the consumer SDK in one fleet, on one lease table: each reads the rows of the others.
//!
//! Two of each share sixteen shards, which are split and merged; then, round by round, the oldest worker goes and one of
//! its kind comes. Who is stopped gracefully repeats nothing.

use millstream_tests::{Session, Transport};

use crate::fleet::Fleet;
use crate::long::rounds;
use crate::resharding::reshard;
use crate::worker::{Retrieval, Version};
use crate::{RECORDS, alone};

const SHARDS: usize = 16;
const SHARDS_MAX: usize = 20;
/// Two rounds for each worker: in the second half they go the other way.
const SHORT_ROUNDS: usize = 4;

fn version(place: usize) -> Version {
    if place.is_multiple_of(2) { Version::Kcl3 } else { Version::Millstream }
}

fn name(place: usize) -> String {
    let kind = if version(place) == Version::Kcl3 { "java" } else { "rust" };
    format!("{kind}-{place}")
}

fn live_together(retrieval: Retrieval, rounds: usize) {
    const WORKERS: usize = 4;
    let _alone = alone();
    let session = Session::with(Transport::Http, |options| options);
    let mut fleet = Fleet::new(&session, "orders", SHARDS);
    fleet.put(RECORDS);
    for place in 0..WORKERS {
        if !fleet.join(version(place), retrieval, &name(place)) {
            return;
        }
        // Workers of KCL 3.x that make the table's index at the same moment log a stack trace, on AWS as well.
        fleet.wait_until_all_is_processed();
    }
    fleet.wait_under_load("everybody has shards", |fleet| {
        (0..WORKERS).all(|place| !fleet.facts.shards_of(&name(place)).is_empty())
    });
    fleet.wait_until_all_is_processed();
    for round in 0..rounds {
        reshard(&mut fleet, SHARDS_MAX);
        fleet.put(RECORDS);
        fleet.wait_until_all_is_processed();
        // One of either kind is stopped, then one of either kind is killed.
        fleet.lose(&name(round), round % 4 < 2);
        let newest = round + WORKERS;
        assert!(fleet.join(version(newest), retrieval, &name(newest)));
        fleet.wait_until_it_has_shards(&name(newest));
    }
    fleet.wait_until_all_is_processed();
    fleet.assert_it_lived_well();
}

#[test]
fn kcl_3_and_millstream_poll_together() {
    live_together(Retrieval::Polling, SHORT_ROUNDS);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_3_and_millstream_poll_together_for_long() {
    live_together(Retrieval::Polling, rounds());
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_3_and_millstream_subscribe_together_for_long() {
    live_together(Retrieval::FanOut, rounds());
}
