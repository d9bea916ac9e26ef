//! Listings, workers' reports, the lock, coordinator state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{applied, changed, gone, held, made, must, worker};
use crate::leader::Lock;
use crate::names::LeaseKey;
use crate::row::{Row, Value};
use crate::store::LeaseStore;
use crate::worker::{Metric, WorkerReport};

/// More than one page of any implementation's small pages.
const MANY: usize = 12;

pub(super) async fn listing_and_index_agree(store: &dyn LeaseStore) {
    let (a, b) = (worker("lister-a"), worker("lister-b"));
    let mut wanted = BTreeSet::new();
    for number in 0..MANY {
        let key = format!("list-{number:02}");
        let owner = if number % 2 == 0 { &a } else { &b };
        wanted.insert(held(store, &key, owner).await.key);
    }
    let free = made(store, "list-free").await.key;
    must(store.report(None, &report("lister-a", 5)).await.map(|_| ()));
    let listed = must(store.list().await);
    let keys: BTreeSet<_> = listed.leases.iter().map(|lease| lease.key.clone()).collect();
    assert!(wanted.is_subset(&keys) && keys.contains(&free), "{keys:?}");
    assert_eq!(keys.len(), listed.leases.len(), "each once");
    assert!(listed.leases.is_sorted_by(|x, y| x.key < y.key));
    assert!(!keys.iter().any(|key| key.as_str() == a.as_str()), "a worker's report is no lease");
    assert_eq!(listed.bad, []);

    let of = |parity: usize| -> BTreeSet<LeaseKey> {
        wanted
            .iter()
            .enumerate()
            .filter(|(number, _)| number % 2 == parity)
            .map(|(_, key)| key.clone())
            .collect()
    };
    // The index may lag: what it says in the end counts.
    for (owner, expected) in [(&a, of(0)), (&b, of(1)), (&worker("lister-c"), BTreeSet::new())] {
        let mut found = BTreeSet::new();
        for _ in 0..1_000 {
            found = must(store.keys_of(owner).await).into_iter().collect();
            if found == expected {
                break;
            }
        }
        assert_eq!(found, expected, "the keys of {owner}");
    }
}

fn report(name: &str, updated_secs: u64) -> WorkerReport {
    let metric = Metric { samples: vec![1.5, -1.0, 80.0], operating_max: Some(90.0) };
    let metrics = BTreeMap::from([("C".to_owned(), metric)]);
    WorkerReport { worker: worker(name), updated_secs, metrics, unknown: Row::new() }
}

pub(super) async fn reports_replace_each_other(store: &dyn LeaseStore) {
    let first = report("reporter-1", 1_700_000_000);
    assert_eq!(applied(store.report(None, &first).await), first);
    assert_eq!(changed(store.report(None, &report("reporter-1", 7)).await), first, "a second of that name");
    let second = report("reporter-1", 1_700_000_030);
    applied(store.report(Some(&first), &second).await);
    assert!(must(store.reports().await).contains(&second) && must(store.has_report(&second.worker).await));
    changed(store.delete_report(&first).await);
    applied(store.delete_report(&second).await);
    gone(store.delete_report(&second).await);
    assert!(!must(store.reports().await).iter().any(|report| report.worker == first.worker));
    assert!(!must(store.has_report(&first.worker).await));
}

pub(super) async fn one_holds_the_lock(store: &dyn LeaseStore) {
    let lock = |owner: &str, version: &str| Lock {
        owner: worker(owner),
        lease_duration: Duration::from_millis(10_500),
        version: version.to_owned(),
        is_released: false,
        unknown: Row::new(),
    };
    // From an earlier run, perhaps.
    if let Some(old) = must(store.lock().await) {
        applied(store.release_lock(&old).await);
    }
    let first = lock("a", "1");
    assert_eq!(applied(store.acquire_lock(None, &first).await), first);
    assert_eq!(changed(store.acquire_lock(None, &lock("b", "2")).await), first);
    assert_eq!(must(store.lock().await), Some(first.clone()));
    let beaten = lock("a", "3");
    assert_eq!(applied(store.heartbeat_lock(&first, &beaten).await), beaten);
    changed(store.heartbeat_lock(&first, &lock("a", "4")).await);
    changed(store.acquire_lock(Some(&first), &lock("b", "5")).await);
    let stolen = lock("b", "6");
    assert_eq!(applied(store.acquire_lock(Some(&beaten), &stolen).await), stolen);
    changed(store.release_lock(&beaten).await);
    applied(store.release_lock(&stolen).await);
    gone(store.release_lock(&stolen).await);
    assert_eq!(must(store.lock().await), None);
}

pub(super) async fn state_is_compared_as_a_whole(store: &dyn LeaseStore) {
    let key = "Migration3.0";
    let version = |name: &str| Row::from([("cv".to_owned(), Value::text(name))]);
    let before = must(store.state(key).await);
    let first = applied(store.put_state(key, before.as_ref(), version("CLIENT_VERSION_2X")).await);
    assert_eq!(must(store.state(key).await), Some(first.clone()));
    assert_eq!(changed(store.put_state(key, None, version("CLIENT_VERSION_INIT")).await), first);
    let mut more = version("CLIENT_VERSION_3X");
    more.insert("mb".to_owned(), Value::text("worker-1"));
    let second = applied(store.put_state(key, Some(&first), more).await);
    changed(store.put_state(key, Some(&first), version("CLIENT_VERSION_INIT")).await);
    let third = applied(store.put_state(key, Some(&second), version("CLIENT_VERSION_3X")).await);
    assert!(!third.contains_key("mb"), "{third:?}");
}
