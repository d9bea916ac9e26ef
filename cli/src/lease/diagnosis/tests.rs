use std::cell::Cell;
use std::collections::BTreeSet;

use millstream_lease::leader::Lock;
use millstream_lease::row::Row;
use millstream_lease::store::Listing;
use millstream_lease::worker::WorkerReport;
use millstream_lease::{Checkpoint, WorkerId};

use super::*;
use crate::fake::JumpingClock;

const FAILOVER: Duration = Duration::from_secs(10);
const NOW: Duration = Duration::from_secs(1_700_000_000);

fn worker(name: &str) -> WorkerId {
    name.parse().unwrap()
}

fn lease(shard: &str, owner: Option<&str>, counter: u64) -> Lease {
    let mut lease = Lease::new(shard.parse().unwrap(), Checkpoint::at("5".parse().unwrap(), 0));
    lease.owner = owner.map(worker);
    lease.counter = counter;
    lease
}

/// Watched for a second more than the failover time, with these leases in turn and then the last ones.
async fn watched(looks: &[Vec<Lease>]) -> Sighting {
    let next = Cell::new(0);
    let list = async || {
        let leases = looks[next.get().min(looks.len() - 1)].clone();
        next.set(next.get() + 1);
        Ok(Listing { leases, bad: Vec::new() })
    };
    let watch_for = FAILOVER + Duration::from_secs(1);
    Sighting::by(list, &JumpingClock::default(), watch_for, FAILOVER).await.unwrap()
}

fn report(name: &str, secs_ago: u64) -> WorkerReport {
    let updated_secs = NOW.as_secs() - secs_ago;
    WorkerReport { worker: worker(name), updated_secs, metrics: BTreeMap::new(), unknown: Row::new() }
}

fn lock(owner: &str) -> Lock {
    let lease_duration = Duration::from_secs(120);
    Lock {
        owner: worker(owner),
        lease_duration,
        version: "v".to_owned(),
        is_released: false,
        unknown: Row::new(),
    }
}

/// Reports not older than a minute are taken as signs of life.
fn fleet(seen: &Sighting, reports: Vec<WorkerReport>, leader: Option<&str>) -> Fleet {
    let recent = reports.iter().filter(|report| NOW.as_secs() - report.updated_secs <= 60);
    let recent: BTreeSet<_> = recent.map(|report| report.worker.clone()).collect();
    Fleet::new(seen, reports, &recent, leader.map(lock), NOW)
}

fn found(seen: &Sighting, fleet: &Fleet, lags: &BTreeMap<LeaseKey, Lag>, key: &str) -> Vec<Finding> {
    let lease = seen.listing.leases.iter().find(|lease| lease.key.as_str() == key).unwrap();
    Scene::new(seen, fleet, lags).of_lease(lease)
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_held() {
    let seen = watched(&[vec![lease("s", Some("a"), 1)], vec![lease("s", Some("a"), 2)]]).await;
    let fleet = fleet(&seen, vec![report("a", 5)], Some("a"));
    let found = found(&seen, &fleet, &BTreeMap::new(), "s");
    assert_eq!(found[0], Finding::Held { by: "a".to_owned() });
    assert!(!found.iter().any(Finding::is_trouble), "{found:?}");
    assert_eq!(Scene::new(&seen, &fleet, &BTreeMap::new()).leader(), None);
}

#[tokio::test]
async fn a_dead_workers_lease_goes_to_a_live_one() {
    let leases = vec![lease("s", Some("dead"), 7), lease("t", Some("a"), 1)];
    let later = vec![lease("s", Some("dead"), 7), lease("t", Some("a"), 2)];
    let seen = watched(&[leases, later]).await;
    let fleet = fleet(&seen, vec![report("a", 5), report("dead", 90)], Some("a"));
    let found = found(&seen, &fleet, &BTreeMap::new(), "s");
    assert!(
        matches!(&found[0], Finding::Expired { by, unchanged_secs } if by == "dead" && *unchanged_secs > 10.0)
    );
    assert!(found.contains(&Finding::HolderGone { by: "dead".to_owned(), reported_secs_ago: Some(90) }));
    assert!(matches!(found.last(), Some(Finding::WillGoTo { worker, .. }) if worker == "a"), "{found:?}");
}

#[tokio::test]
async fn without_anybody_alive_that_is_the_reason() {
    let seen = watched(&[vec![lease("s", None, 7)]]).await;
    let silent = fleet(&seen, vec![report("a", 3600)], Some("a"));
    let all = found(&seen, &silent, &BTreeMap::new(), "s");
    assert_eq!(all, [Finding::Unowned, Finding::NoWorkers]);
    let nobody = fleet(&seen, Vec::new(), None);
    assert_eq!(found(&seen, &nobody, &BTreeMap::new(), "s"), [Finding::Unowned, Finding::NoWorkers]);
}

#[tokio::test]
async fn a_leader_that_is_gone_holds_everything_up() {
    let seen = watched(&[vec![lease("s", None, 7)]]).await;
    let gone = fleet(&seen, vec![report("a", 1), report("boss", 100)], Some("boss"));
    let all = found(&seen, &gone, &BTreeMap::new(), "s");
    let leader_gone =
        Finding::LeaderGone { leader: "boss".to_owned(), reported_secs_ago: Some(100), lock_secs: 120 };
    assert!(all.contains(&leader_gone), "{all:?}");
    let none = fleet(&seen, vec![report("a", 1)], None);
    assert!(found(&seen, &none, &BTreeMap::new(), "s").contains(&Finding::NoLeader));
}

#[tokio::test]
async fn workers_of_older_versions_take_for_themselves() {
    let before = vec![lease("s", None, 7), lease("t", Some("old"), 1)];
    let seen = watched(&[before, vec![lease("s", None, 7), lease("t", Some("old"), 2)]]).await;
    let fleet = fleet(&seen, Vec::new(), None);
    assert_eq!(
        found(&seen, &fleet, &BTreeMap::new(), "s"),
        [Finding::Unowned, Finding::WillBeTaken { workers: 1 }]
    );
}

#[tokio::test]
async fn a_child_waits_for_its_parent() {
    let mut child = lease("child", Some("a"), 1);
    child.checkpoint = Checkpoint::TRIM_HORIZON;
    child.parents = [ShardName::of_key(&"parent".parse().unwrap())].into();
    let mut renewed = child.clone();
    renewed.counter = 2;
    let parent = lease("parent", None, 4);
    let seen = watched(&[vec![child, parent.clone()], vec![renewed, parent]]).await;
    let fleet = fleet(&seen, vec![report("a", 1)], Some("a"));
    let found = found(&seen, &fleet, &BTreeMap::new(), "child");
    let waits =
        Finding::WaitsForParent { parent: "parent".to_owned(), checkpoint: "5".to_owned(), owner: None };
    assert!(found.contains(&waits) && waits.is_trouble(), "{found:?}");
    assert!(found.contains(&Finding::NothingProcessed { begins_at: "TRIM_HORIZON".to_owned() }));
}

#[tokio::test]
async fn a_worker_that_renews_and_does_not_process_is_found_out() {
    let seen = watched(&[vec![lease("s", Some("a"), 1)], vec![lease("s", Some("a"), 2)]]).await;
    let fleet = fleet(&seen, vec![report("a", 1)], Some("a"));
    let behind =
        |millis| BTreeMap::from([("s".parse().unwrap(), Lag::Behind(Duration::from_millis(millis)))]);
    let stuck = found(&seen, &fleet, &behind(60_000), "s");
    assert!(stuck.iter().any(Finding::is_trouble), "{stuck:?}");
    assert!(stuck.contains(&Finding::Behind { millis: 60_000 }));
    let idle = found(&seen, &fleet, &behind(0), "s");
    assert!(!idle.iter().any(Finding::is_trouble) && idle.contains(&Finding::CaughtUp), "{idle:?}");
}

#[tokio::test]
async fn a_handoff_names_both_and_an_end_needs_nobody() {
    let mut moving = lease("s", Some("b"), 1);
    moving.checkpoint_owner = Some(worker("a"));
    let mut later = moving.clone();
    later.counter = 2;
    let mut done = lease("t", None, 3);
    done.checkpoint = Checkpoint::SHARD_END;
    let seen = watched(&[vec![moving, done.clone()], vec![later, done]]).await;
    let fleet = fleet(&seen, vec![report("a", 1), report("b", 1)], Some("a"));
    let handoff = found(&seen, &fleet, &BTreeMap::new(), "s");
    assert!(matches!(&handoff[0], Finding::InHandoff { from, to: Some(to), .. } if from == "a" && to == "b"));
    assert_eq!(found(&seen, &fleet, &BTreeMap::new(), "t"), [Finding::Finished]);
}

#[test]
fn shards_without_leases_are_told_from_shards_that_need_none() {
    let shard = |name: &str, parents: &[&str], is_open| Shard {
        name: name.parse().unwrap(),
        parents: parents.iter().map(|parent| parent.parse().unwrap()).collect(),
        hash_range: None,
        is_open,
    };
    let shards = [shard("p", &[], false), shard("child", &["p"], true), shard("other", &[], true)];
    let found = of_missing(&shards, &[lease("p", Some("a"), 1)], None);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].1, Finding::NotYetNeeded { parents: vec!["p".to_owned()] });
    assert!(matches!(found[1].1, Finding::NeverSynced { .. }) && found[1].1.is_trouble());
}
