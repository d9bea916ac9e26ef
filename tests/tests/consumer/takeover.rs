//! Who goes on when a worker ends, and what that repeats.

use std::time::Duration;

use millstream_consumer_sdk::{BalanceBy, ConsumerSettings};

use crate::scene::{Member, Scene, polling};

const SHARDS: usize = 4;
const FAILOVER: Duration = Duration::from_secs(3);
/// What is promised beyond the failover time.
const BEYOND: Duration = Duration::from_secs(2);

fn quickly(settings: &mut ConsumerSettings) {
    polling(settings);
    settings.failover_time = FAILOVER;
    settings.assignment.balance_by = BalanceBy::LeaseCount;
    settings.idle_time_between_reads = Duration::from_millis(100);
}

/// Two workers with half of the shards each; the first one leads.
async fn a_pair(scene: &Scene) -> (Member, Member) {
    let first = scene.start("app", "first", quickly).await;
    scene.until("the first has every shard", |_| first.shards() == SHARDS).await;
    let second = scene.start("app", "second", quickly).await;
    scene.until("each has half", |_| (first.shards(), second.shards()) == (SHARDS / 2, SHARDS / 2)).await;
    (first, second)
}

/// Crashes one of two, and lets the other process what comes.
async fn survive(scene: &Scene, crashes: Member, survives: Member) {
    let before = scene.put("before", 40);
    scene.until("all are processed", |scene| scene.has_all(&before)).await;
    crashes.crash();
    let behind = scene.put("behind", 40);
    let took = scene.until("the survivor processes all", |scene| scene.has_all(&behind)).await;
    assert!(took <= FAILOVER + BEYOND, "{took:?}");
    scene.until("it has every shard", |_| survives.shards() == SHARDS).await;
    survives.stop().await;
    scene.assert_once(&behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_go_on_soon_after_a_crash() {
    let scene = Scene::new(SHARDS);
    let (first, second) = a_pair(&scene).await;
    survive(&scene, second, first).await;
}

/// Who follows looks at no leases. It must see soon that nobody leads, because it counts from its own first look.
#[tokio::test(flavor = "multi_thread")]
async fn others_go_on_as_soon_after_a_crash_of_the_leader() {
    let scene = Scene::new(SHARDS);
    let (first, second) = a_pair(&scene).await;
    survive(&scene, first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_deployment_repeats_nothing() {
    let scene = Scene::new(SHARDS);
    let has_worked =
        |scene: &Scene, name: &str| scene.ledger.lock().iter().any(|processed| processed.worker == name);
    let mut records = Vec::new();
    let (first, second) = a_pair(&scene).await;
    records.extend(scene.put("old", 40));
    scene.until("the old one is at work", |scene| has_worked(scene, "first")).await;
    first.stop().await;
    records.extend(scene.put("halfway", 40));
    let third = scene.start("app", "third", quickly).await;
    scene.until("the new one has its half", |_| third.shards() == SHARDS / 2).await;
    records.extend(scene.put("both", 40));
    scene.until("both are at work", |scene| has_worked(scene, "second") && has_worked(scene, "third")).await;
    second.stop().await;
    records.extend(scene.put("new", 40));
    scene.until("all are processed", |scene| scene.has_all(&records)).await;
    third.stop().await;
    scene.assert_once(&records);
}
