//! The Kinesis Client Library itself, unmodified and from its registry, on one endpoint: streams and lease table; and the
//! consumer SDK in the same life, alone and beside it.
//!
//! Each test is the life of a fleet: workers share the shards, one is stopped gracefully, another comes, they follow a
//! split and a merge, and one is killed. Every record must be processed, and a graceful end repeats none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod fleet;
mod groups;
mod long;
mod mixed;
mod resharding;
mod worker;

use std::sync::{Mutex, MutexGuard, PoisonError};

use millstream_tests::{Session, Transport};
use serde_json::json;

use fleet::Fleet;
use worker::{Retrieval, Version};

const SHARDS: usize = 4;
const RECORDS: usize = 100;

/// A fleet is three JVMs; two fleets at once would measure nothing but the machine.
fn alone() -> MutexGuard<'static, ()> {
    static FLEETS: Mutex<()> = Mutex::new(());
    FLEETS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live(version: Version, retrieval: Retrieval, transport: Transport) {
    // vmware-go-kcl waits for one parent alone of a merged shard, and begins with a checkpoint that it read before it had
    // the lease.
    let is_exact = version != Version::KclGo;
    let _alone = alone();
    let session = Session::with(transport, |options| options);
    let mut fleet = Fleet::new(&session, "orders", SHARDS);
    fleet.put(RECORDS);
    if !fleet.join(version, retrieval, "first") {
        return;
    }
    // Two workers of KCL 3.x that make the table's index at the same moment log a stack trace, on AWS as well.
    fleet.wait_until_all_is_processed();
    assert!(fleet.join(version, retrieval, "second"));
    fleet.wait_under_load("both have shards", |fleet| !fleet.facts.shards_of("second").is_empty());
    fleet.wait_until_all_is_processed();

    // Before shards end: KCL 2.x does not end gracefully while it has leases of shards that have, which it keeps for
    // 5 minutes and gives to whoever asks for a share.
    fleet.put(RECORDS);
    fleet.wait_until_all_is_processed();
    let repeated = fleet.facts.repeated();
    fleet.stop("second");
    fleet.put(RECORDS);
    fleet.wait_until_all_is_processed();
    if is_exact {
        assert_eq!(fleet.facts.repeated(), repeated, "a graceful end repeats nothing");
    }

    assert!(fleet.join(version, retrieval, "third"));
    fleet.wait_under_load("the third has shards", |fleet| !fleet.facts.shards_of("third").is_empty());
    fleet.wait_until_all_is_processed();
    reshard(&mut fleet);
    if is_exact {
        assert_eq!(fleet.facts.disordered, Vec::<String>::new(), "order by key across parents and children");
    }

    fleet.kill("third");
    fleet.put(RECORDS);
    fleet.wait_until_all_is_processed();
    if version != Version::Kcl2 {
        fleet.stop("first");
    }
    if is_exact {
        assert_eq!(fleet.facts.disordered, Vec::<String>::new(), "order by key");
    }
    fleet.assert_logs_are_clean();
}

/// Splits the first shard, merges the last two, with records before, between and behind.
fn reshard(fleet: &mut Fleet<'_>) {
    let middle_of_first = (1_u128 << 125).to_string();
    fleet.put(RECORDS);
    fleet.call(
        "SplitShard",
        json!({ "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": middle_of_first }),
    );
    fleet.put(RECORDS);
    fleet.call(
        "MergeShards",
        json!({ "ShardToMerge": "shardId-000000000002", "AdjacentShardToMerge": "shardId-000000000003" }),
    );
    fleet.put(RECORDS);
    fleet.wait_until_all_is_processed();
    fleet.wait("parents have ended", |fleet| {
        ["shardId-000000000000", "shardId-000000000002", "shardId-000000000003"]
            .iter()
            .all(|parent| fleet.facts.ended.contains(*parent))
    });
}

#[test]
fn kcl_1_polls() {
    live(Version::Kcl1, Retrieval::Polling, Transport::Http);
}

#[test]
fn kcl_2_polls() {
    live(Version::Kcl2, Retrieval::Polling, Transport::Http);
}

#[test]
fn kcl_2_subscribes_over_tls() {
    live(Version::Kcl2, Retrieval::FanOut, Transport::Https);
}

#[test]
fn kcl_3_polls_over_tls() {
    live(Version::Kcl3, Retrieval::Polling, Transport::Https);
}

#[test]
fn kcl_3_subscribes() {
    live(Version::Kcl3, Retrieval::FanOut, Transport::Http);
}

/// Workers of 2.x are replaced by workers of 3.x one after the other, on the same table.
#[test]
fn a_fleet_of_kcl_2_becomes_one_of_kcl_3() {
    let _alone = alone();
    let session = Session::with(Transport::Http, |options| options);
    let mut fleet = Fleet::new(&session, "orders", SHARDS);
    fleet.put(RECORDS);
    if !fleet.join(Version::Kcl2, Retrieval::Polling, "old-1") {
        return;
    }
    assert!(fleet.join(Version::Kcl2, Retrieval::Polling, "old-2"));
    fleet.wait_until_all_is_processed();
    for place in 1..=2 {
        let (old, new) = (format!("old-{place}"), format!("new-{place}"));
        if !fleet.join(Version::Kcl3BesideKcl2, Retrieval::Polling, &new) {
            return;
        }
        fleet.put(RECORDS);
        fleet.stop(&old);
        fleet.put(RECORDS);
        fleet.wait_until_all_is_processed();
    }
    fleet.wait_under_load("both new workers have shards", |fleet| {
        (1..=2).all(|place| !fleet.facts.shards_of(&format!("new-{place}")).is_empty())
    });
    // Before shards end: until all of a fleet can do without 2.x, workers of 3.x end as those do.
    fleet.stop("new-1");
    reshard(&mut fleet);
    assert_eq!(fleet.facts.disordered, Vec::<String>::new(), "order by key");
    fleet.assert_logs_are_clean();
}

#[test]
fn kcl_rs_polls() {
    live(Version::KclRs, Retrieval::Polling, Transport::Http);
}

#[test]
fn kcl_rs_subscribes() {
    live(Version::KclRs, Retrieval::FanOut, Transport::Http);
}

#[test]
fn millstream_polls_over_tls() {
    live(Version::Millstream, Retrieval::Polling, Transport::Https);
}

#[test]
fn millstream_subscribes() {
    live(Version::Millstream, Retrieval::FanOut, Transport::Http);
}

#[test]
fn kcl_go_polls() {
    live(Version::KclGo, Retrieval::Polling, Transport::Http);
}

#[test]
fn kcl_go_subscribes() {
    live(Version::KclGo, Retrieval::FanOut, Transport::Http);
}
