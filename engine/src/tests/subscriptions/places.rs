//! One subscription for each consumer and shard: who gets the place, and for how long.

use super::*;
use crate::{ConsumerKey, Delays};

fn is_taken() -> Error {
    let text =
        format!("Another active subscription exists for this consumer: 000000000000:orders:{SHARD}:app");
    Error::ResourceInUse(text)
}

#[tokio::test]
async fn the_newer_one_takes_over_after_five_seconds() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    let mut older = subscribe(&engine, &app, Start::Latest).await.unwrap();
    for _ in 0..5 {
        let refused = subscribe(&engine, &app, Start::Latest).await;
        assert_eq!(refused.unwrap_err(), is_taken());
        world.clock.advance(Duration::from_millis(999));
    }
    put(&engine, &arn, "x").await.unwrap();
    assert_eq!(drain(&mut older).await, ["x"]);
    world.clock.advance(Duration::from_millis(5));
    let mut newer = subscribe(&engine, &app, Start::Latest).await.unwrap();
    assert_eq!(ending(&mut older).await, Some(is_taken()));
    drop(older);
    put(&engine, &arn, "y").await.unwrap();
    assert_eq!(drain(&mut newer).await, ["y"]);
    // The place is that of the newer one, whenever the older one went.
    assert_eq!(subscribe(&engine, &app, Start::Latest).await.unwrap_err(), is_taken());
}

#[tokio::test]
async fn one_that_sleeps_is_woken_to_give_way() {
    let world = World::new();
    let (engine, _, app) = with_consumer(&world).await;
    let mut older = subscribe(&engine, &app, Start::Latest).await.unwrap();
    assert!(is_quiet(&mut older).await);
    let take_over = async {
        world.clock.advance(SECOND * 4);
        tokio::task::yield_now().await;
        world.clock.jump_to(START);
        // Time passes for deadlines alone, so no heartbeat comes in between.
        assert!(subscribe(&engine, &app, Start::Latest).await.is_err());
    };
    take_over.await;
    world.clock.advance(SECOND);
    assert!(event(&mut older).await.parts.is_empty());
    let (end, newer) = tokio::join!(older.next(), subscribe(&engine, &app, Start::Latest));
    assert_eq!(end.unwrap().unwrap_err(), is_taken());
    newer.unwrap();
}

#[tokio::test]
async fn who_goes_leaves_the_place_at_once() {
    let (engine, arn, app) = with_consumer(&World::new()).await;
    for _ in 0..3 {
        drop(subscribe(&engine, &app, Start::Latest).await.unwrap());
    }
    let shard = engine.inner.find(&arn).unwrap().stream.shards().all[&0].clone();
    assert!(!shard.has_many_subscriptions());
}

#[tokio::test]
async fn places_are_those_of_a_consumer_and_a_shard() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    let mut held = Vec::new();
    for name in ["a", "b"] {
        let app = consumer(&engine, &arn, name).await;
        for shard in ["0", "1"] {
            held.push(subscribe_to(&engine, &app, shard, Start::Latest).await.unwrap());
            assert!(subscribe_to(&engine, &app, shard, Start::Latest).await.is_err());
        }
    }
    let entries: Vec<_> = (0..20).map(|n| entry(&format!("k{n}"), format!("r{n}"))).collect();
    engine.put_records(&arn, &entries, false).await.unwrap();
    for pair in held.chunks_mut(2) {
        let (first, second) = pair.split_at_mut(1);
        let (mut brought, other) = (drain(&mut first[0]).await, drain(&mut second[0]).await);
        assert!(!brought.is_empty() && !other.is_empty());
        brought.extend(other);
        brought.sort_unstable();
        let mut all: Vec<_> = numbered(0..20).collect();
        all.sort_unstable();
        assert_eq!(brought, all);
    }
}

#[tokio::test]
async fn one_call_a_second_for_each_pair() {
    let mut world = World::new();
    world.settings.limits.subscription_calls_per_second = Some(1);
    let (engine, arn, app) = with_consumer(&world).await;
    let other = consumer(&engine, &arn, "other").await;
    let rate = format!("Rate exceeded for shard {SHARD} in stream orders under account 000000000000.");
    for _ in 0..3 {
        drop(subscribe(&engine, &app, Start::Latest).await.unwrap());
        let refused = subscribe(&engine, &app, Start::Latest).await.unwrap_err();
        assert_eq!(refused, Error::LimitExceeded(rate.clone()));
        drop(subscribe(&engine, &other, Start::Latest).await.unwrap());
        world.clock.advance(SECOND);
    }
    let metrics = engine.consumer_metrics();
    let of_app = metrics.iter().find(|(named, _)| *named == app).unwrap().1;
    assert_eq!((of_app.subscribe_to_shard_success, of_app.subscribe_to_shard_rate_exceeded), (3, 3));
}

/// What is remembered of calls does not grow without bound.
#[tokio::test]
async fn shards_that_were_subscribed_to_long_ago_are_forgotten() {
    let mut world = World::new();
    world.settings.limits.subscription_calls_per_second = Some(1);
    world.settings.limits.subscription_bytes_per_second = Some(1);
    let (engine, arn) = world.with_stream(500).await;
    let app = consumer(&engine, &arn, "app").await;
    for shard in 0..500 {
        drop(subscribe_to(&engine, &app, &shard.to_string(), Start::Latest).await.unwrap());
        world.clock.advance(SECOND);
    }
    let found = engine.inner.find_consumer(ConsumerKey::Arn(&app)).unwrap();
    assert!(found.consumer.places.len() <= 64, "{}", found.consumer.places.len());
}

#[tokio::test]
async fn a_dry_run_takes_no_place() {
    let (engine, _, app) = with_consumer(&World::new()).await;
    let call = Subscribe { consumer: &app, shard_id: SHARD, start: Start::Latest, dry_run: true };
    assert!(matches!(engine.subscribe(call.clone()).await, Err(Error::DryRun(_))));
    let _holder = subscribe(&engine, &app, Start::Latest).await.unwrap();
    assert_eq!(engine.subscribe(call).await.unwrap_err(), is_taken());
    assert_eq!(engine.consumer_metrics()[0].1.subscribe_to_shard_success, 1);
}

#[tokio::test]
async fn a_consumer_that_is_not_active_is_brought_nothing() {
    let mut world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.close().await.unwrap();
    world.settings.delays = Delays { create: SECOND, ..Delays::default() };
    let engine = world.open().await;
    let app = consumer(&engine, &arn, "app").await;
    assert_eq!(
        subscribe(&engine, &app, Start::Latest).await.unwrap_err(),
        Error::ResourceInUse(
            "Consumer app with creation timestamp 1700000000 under stream orders and account 000000000000 is not in \
             ACTIVE status."
                .into()
        )
    );
    world.clock.advance(SECOND);
    assert!(subscribe(&engine, &app, Start::Latest).await.is_ok());
}
