//! The long form: a fleet whose workers come and go, on a stream that is resharded all the time.

use millstream_tests::{Session, Transport};

use crate::fleet::Fleet;
use crate::resharding::reshard;
use crate::worker::{Retrieval, Version};
use crate::{RECORDS, SHARDS, alone};

const SHARDS_MAX: usize = 6;

/// How often a worker comes, shards change, and the oldest worker goes.
pub(crate) fn rounds() -> usize {
    std::env::var("MILLSTREAM_KCL_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap())
}

fn live_long(version: Version, retrieval: Retrieval, transport: Transport) {
    let _alone = alone();
    let session = Session::with(transport, |options| options);
    let mut fleet = Fleet::new(&session, "orders", SHARDS);
    fleet.put(RECORDS);
    if !fleet.join(version, retrieval, &name(0)) {
        return;
    }
    fleet.wait_until_all_is_processed();
    for round in 1..=rounds() {
        let (oldest, newest) = (name(round - 1), name(round));
        assert!(fleet.join(version, retrieval, &newest));
        fleet.wait_until_it_has_shards(&newest);
        reshard(&mut fleet, SHARDS_MAX);
        fleet.put(RECORDS);
        fleet.wait_until_all_is_processed();
        // KCL 2.x does not end gracefully while it has leases of shards that have ended.
        fleet.lose(&oldest, round % 2 == 0 && version != Version::Kcl2);
    }
    fleet.assert_it_lived_well();
}

fn name(round: usize) -> String {
    format!("worker-{round}")
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_1_polls_for_long() {
    live_long(Version::Kcl1, Retrieval::Polling, Transport::Https);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_2_polls_for_long() {
    live_long(Version::Kcl2, Retrieval::Polling, Transport::Https);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_2_subscribes_for_long() {
    live_long(Version::Kcl2, Retrieval::FanOut, Transport::Http);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_3_polls_for_long() {
    live_long(Version::Kcl3, Retrieval::Polling, Transport::Http);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn millstream_polls_for_long() {
    live_long(Version::Millstream, Retrieval::Polling, Transport::Https);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn millstream_subscribes_for_long() {
    live_long(Version::Millstream, Retrieval::FanOut, Transport::Http);
}

#[test]
#[ignore = "the long form: make test-kcl"]
fn kcl_3_subscribes_for_long() {
    live_long(Version::Kcl3, Retrieval::FanOut, Transport::Https);
}
