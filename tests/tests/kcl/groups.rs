//! Members of groups over gRPC, whose worker is the server, in one fleet with workers of KCL 3.x and of the consumer SDK.
//!
//! One of each kind shares a stream's shards; each is killed and started again while records come in. Nothing is lost, and
//! whoever comes back gets a part of the shards.

use millstream_tests::{Session, Transport};

use crate::fleet::Fleet;
use crate::resharding::reshard;
use crate::worker::{Retrieval, Version};
use crate::{RECORDS, alone, live};

const SHARDS: usize = 9;
const SHARDS_MAX: usize = 12;
const KINDS: [(Version, &str); 3] =
    [(Version::Group, "python"), (Version::Millstream, "rust"), (Version::Kcl3, "java")];

fn each_is_killed_and_comes_again(retrieval: Retrieval) {
    let _alone = alone();
    let session = Session::with(Transport::Http, |options| options);
    let mut fleet = Fleet::new(&session, "orders", SHARDS);
    fleet.put(RECORDS);
    for (version, name) in KINDS {
        if !fleet.join(version, retrieval, name) {
            return;
        }
        fleet.wait_until_all_is_processed();
    }
    fleet.wait_under_load("everybody has shards", |fleet| {
        KINDS.iter().all(|(_, name)| !fleet.facts.shards_of(name).is_empty())
    });
    fleet.wait_until_all_is_processed();
    for (version, name) in KINDS {
        fleet.put(RECORDS);
        fleet.kill(name);
        fleet.put(RECORDS);
        fleet.wait_until_all_is_processed();
        let again = format!("{name}-again");
        assert!(fleet.join(version, retrieval, &again));
        fleet.wait_until_it_has_shards(&again);
        reshard(&mut fleet, SHARDS_MAX);
        fleet.put(RECORDS);
        fleet.wait_until_all_is_processed();
    }
    // A graceful end repeats nothing, whoever goes on.
    for name in ["python-again", "rust-again"] {
        fleet.lose(name, true);
    }
    fleet.assert_it_lived_well();
}

#[test]
fn a_group_over_grpc_polls() {
    live(Version::Group, Retrieval::Polling, Transport::Http);
}

#[test]
fn a_group_over_grpc_subscribes() {
    live(Version::Group, Retrieval::FanOut, Transport::Http);
}

#[test]
fn python_rust_and_java_poll_together() {
    each_is_killed_and_comes_again(Retrieval::Polling);
}

#[test]
fn python_rust_and_java_subscribe_together() {
    each_is_killed_and_comes_again(Retrieval::FanOut);
}
