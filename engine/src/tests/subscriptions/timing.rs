//! When something comes: with the record, every five seconds, and for five minutes.

use super::*;
use crate::tests::retention::{with_expired_megabytes, without_time_index};

#[tokio::test]
async fn a_record_comes_when_it_is_durable() {
    let (engine, arn, app) = with_consumer(&World::new()).await;
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    assert!(is_quiet(&mut subscription).await);
    for data in ["a", "b"] {
        put(&engine, &arn, data).await.unwrap();
        let event = event(&mut subscription).await;
        assert_eq!(records(&event), [data]);
        assert_eq!((event.millis_behind_latest, event.children.len()), (0, 0));
        assert!(is_quiet(&mut subscription).await);
    }
    let metrics = engine.consumer_metrics();
    let [(named, metrics)] = metrics.as_slice() else { panic!("{metrics:?}") };
    assert_eq!(*named, app);
    assert_eq!((metrics.subscribe_to_shard_success, metrics.subscribe_to_shard_event_success), (1, 2));
    assert_eq!((metrics.subscribe_to_shard_event_records, metrics.subscribe_to_shard_event_bytes), (2, 8));
}

#[tokio::test]
async fn a_waiting_subscriber_is_woken_by_a_put() {
    let (engine, arn, app) = with_consumer(&World::new()).await;
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    let (event, receipt) = tokio::join!(subscription.next(), put(&engine, &arn, "x"));
    assert_eq!(records(&event.unwrap().unwrap()), ["x"]);
    receipt.unwrap();
}

#[tokio::test]
async fn nothing_comes_before_it_is_durable() {
    let (world, slot) = (World::new(), MemoryBackend::manual().open_slot(SlotId(0), None).unwrap());
    let setup = async {
        let (engine, arn) = (world.open_on(slot.clone()).await, arn("orders"));
        engine.create_stream(provisioned(&arn, 1)).await.unwrap();
        let app = consumer(&engine, &arn, "app").await;
        (engine, arn, app)
    };
    let syncing = async {
        loop {
            slot.sync();
            tokio::task::yield_now().await;
        }
    };
    let (engine, arn, app) = tokio::select! {
        set = setup => set,
        () = syncing => unreachable!("it never ends"),
    };
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    let watching = async {
        // The record is ordered by then, and its subscriber has looked often.
        for _ in 0..5 {
            assert!(is_quiet(&mut subscription).await);
        }
        assert!(!engine.inner.find(&arn).unwrap().stream.shards().all[&0].is_settled());
        slot.sync();
        event(&mut subscription).await
    };
    let (receipt, event) = tokio::join!(put(&engine, &arn, "x"), watching);
    let record = event.parts[0].records().next().unwrap();
    assert_eq!(record.sequence_number, receipt.unwrap().sequence_number);
}

/// What has expired may be much, and where the time index does not lead past it, it is looked at in vain.
#[tokio::test]
async fn a_heartbeat_comes_while_much_is_looked_at_in_vain() {
    let mut world = World::without_tail();
    let (engine, arn) = with_expired_megabytes(&mut world, 60).await;
    without_time_index(&engine).await;
    let app = consumer(&engine, &arn, "app").await;
    let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    tokio::select! {
        biased;
        event = subscription.next() => panic!("all was looked at at once: {event:?}"),
        () = tokio::task::yield_now() => {}
    }
    world.clock.advance(SECOND * 5);
    let event = event(&mut subscription).await;
    assert!(event.parts.is_empty() && event.millis_behind_latest >= 25 * 3_600_000);
    assert_eq!(drain(&mut subscription).await, ["kept"]);
}

#[tokio::test]
async fn something_comes_every_five_seconds_and_the_end_after_five_minutes() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    put(&engine, &arn, "x").await.unwrap();
    let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    let mut last = event(&mut subscription).await.continuation.unwrap();
    let mut beats = 0;
    for _ in 0..299 {
        assert!(is_quiet(&mut subscription).await);
        world.clock.advance(SECOND);
        let Some(event) = now(&mut subscription).await else { continue };
        let event = event.unwrap().unwrap();
        assert!(event.parts.is_empty() && event.millis_behind_latest == 0);
        assert!(event.continuation.unwrap() > last, "a number that goes on with time");
        last = event.continuation.unwrap();
        beats += 1;
    }
    assert_eq!(beats, 59);
    world.clock.advance(SECOND);
    assert_eq!(ending(&mut subscription).await, None);
}

#[tokio::test]
async fn a_heartbeat_is_due_five_seconds_after_the_last_event() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    world.clock.advance(SECOND * 3);
    put(&engine, &arn, "x").await.unwrap();
    assert_eq!(records(&event(&mut subscription).await), ["x"]);
    world.clock.advance(SECOND * 4);
    assert!(is_quiet(&mut subscription).await);
    world.clock.advance(SECOND);
    assert!(event(&mut subscription).await.parts.is_empty());
}

#[tokio::test]
async fn a_subscriber_who_lags_is_told_by_how_much() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn, app) = with_consumer(&world).await;
        for _ in 0..3 {
            engine.put_record(&arn, entry("k", vec![b'x'; 700_000]), None, false).await.unwrap();
            world.clock.advance(SECOND);
        }
        let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
        let mut behind = Vec::new();
        for _ in 0..3 {
            behind.push(event(&mut subscription).await.millis_behind_latest);
        }
        assert_eq!(behind, [3_000, 2_000, 0]);
    }
}

/// An hour may pass at once, and what is kept may end meanwhile.
#[tokio::test]
async fn a_subscriber_who_slept_for_days_is_brought_what_is_kept() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    put(&engine, &arn, "old").await.unwrap();
    let hour = SECOND * 3600;
    world.clock.advance(hour * 25);
    put(&engine, &arn, "new").await.unwrap();
    let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    assert_eq!(drain(&mut subscription).await, ["new"]);
}

#[tokio::test]
async fn what_becomes_durable_after_a_full_disk_comes_too() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    put(&engine, &arn, "before").await.unwrap();
    world.faults().disk_full(true);
    assert!(put(&engine, &arn, "lost").await.is_err());
    assert_eq!(drain(&mut subscription).await, ["before"]);
    world.faults().disk_full(false);
    for _ in 0..100 {
        world.clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    world.clock.advance(SECOND);
    while engine.check_writable().is_err() {
        tokio::task::yield_now().await;
    }
    put(&engine, &arn, "after").await.unwrap();
    assert_eq!(drain(&mut subscription).await, ["after"]);
}
