//! What ends a subscription before its time: its consumer or stream going, its shard ending, the server stopping.

use millstream_model::HashKey;

use super::*;
use crate::{ConsumerKey, Delays};

const MIDDLE: HashKey = HashKey(1 << 127);

fn children(event: &Event) -> Vec<(u32, Vec<u32>)> {
    let parents = |child: &crate::ChildShard| child.parents.iter().map(|parent| parent.index()).collect();
    event.children.iter().map(|child| (child.id.index(), parents(child))).collect()
}

#[tokio::test]
async fn a_consumer_that_is_deregistered_is_told() {
    for delay in [Duration::ZERO, SECOND] {
        let mut world = World::new();
        world.settings.delays = Delays { delete: delay, ..Delays::default() };
        let (engine, arn, app) = with_consumer(&world).await;
        let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
        let (end, gone) =
            tokio::join!(subscription.next(), engine.deregister_consumer(ConsumerKey::Arn(&app)));
        gone.unwrap();
        let text = "Consumer app, account 000000000000 not found.";
        assert_eq!(end.unwrap().unwrap_err(), Error::ResourceNotFound(text.into()));
        assert!(subscription.next().await.is_none());
        // A namesake is somebody else.
        world.clock.advance(SECOND);
        let app = consumer(&engine, &arn, "app").await;
        assert!(subscribe(&engine, &app, Start::Latest).await.is_ok());
    }
}

#[tokio::test]
async fn consumers_of_a_stream_that_is_deleted_are_told() {
    for delay in [Duration::ZERO, SECOND] {
        let mut world = World::new();
        world.settings.delays = Delays { delete: delay, ..Delays::default() };
        let (engine, arn, app) = with_consumer(&world).await;
        let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
        let (end, gone) = tokio::join!(subscription.next(), engine.delete_stream_and_consumers(&arn));
        gone.unwrap();
        let text = "Stream orders under account 000000000000 not found.";
        assert_eq!(end.unwrap().unwrap_err(), Error::ResourceNotFound(text.into()));
        assert!(subscription.next().await.is_none());
        assert!(subscribe(&engine, &app, Start::Latest).await.is_err());
    }
}

#[tokio::test]
async fn a_stop_ends_all_subscriptions_without_an_error() {
    let (engine, _, app) = with_consumer(&World::new()).await;
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    assert!(is_quiet(&mut subscription).await);
    engine.end_subscriptions();
    assert_eq!(ending(&mut subscription).await, None);
    drop(subscription);
    let refused = subscribe(&engine, &app, Start::Latest).await.unwrap_err();
    assert_eq!(refused, Error::Unavailable("the server is shutting down".into()));
}

#[tokio::test]
async fn the_end_of_a_shard_comes_with_those_that_took_over() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn, app) = with_consumer(&world).await;
        let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
        put(&engine, &arn, "a").await.unwrap();
        assert_eq!(records(&event(&mut subscription).await), ["a"]);
        assert!(is_quiet(&mut subscription).await);
        engine.split_shard(&arn, SHARD, MIDDLE).await.unwrap();
        let last = event(&mut subscription).await;
        assert_eq!((last.continuation, last.parts.len()), (None, 0));
        assert_eq!(children(&last), [(1, vec![0]), (2, vec![0])]);
        assert_eq!(ending(&mut subscription).await, None);

        // Whoever comes later hears the same, with what there still is to read.
        drop(subscription);
        for (start, brought) in [(Start::TrimHorizon, vec!["a"]), (Start::Latest, vec![])] {
            let mut later = subscribe(&engine, &app, start).await.unwrap();
            let only = event(&mut later).await;
            assert_eq!(
                (records(&only), only.continuation, only.millis_behind_latest),
                (brought.into_iter().map(str::to_owned).collect(), None, 0)
            );
            assert_eq!(children(&only).len(), 2);
            assert_eq!(ending(&mut later).await, None);
        }
    }
}

#[tokio::test]
async fn a_sleeping_subscriber_is_woken_by_the_end_of_its_shard() {
    let (engine, arn, app) = with_consumer(&World::new()).await;
    let mut subscription = subscribe(&engine, &app, Start::Latest).await.unwrap();
    let (last, split) = tokio::join!(subscription.next(), engine.split_shard(&arn, SHARD, MIDDLE));
    split.unwrap();
    assert_eq!(children(&last.unwrap().unwrap()).len(), 2);
}

#[tokio::test]
async fn both_parents_of_a_merge_name_their_child() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    let app = consumer(&engine, &arn, "app").await;
    engine.merge_shards(&arn, "0", "1").await.unwrap();
    for shard in ["0", "1"] {
        let mut subscription = subscribe_to(&engine, &app, shard, Start::Latest).await.unwrap();
        assert_eq!(children(&event(&mut subscription).await), [(2, vec![0, 1])]);
        assert_eq!(ending(&mut subscription).await, None);
    }
}

#[tokio::test]
async fn an_expired_shard_is_not_there() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    put(&engine, &arn, "a").await.unwrap();
    engine.split_shard(&arn, SHARD, MIDDLE).await.unwrap();
    world.clock.advance(SECOND * 3600 * 25);
    let refused = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap_err();
    assert!(matches!(&refused, Error::ResourceNotFound(text) if text.contains(SHARD)), "{refused}");
}

#[tokio::test]
async fn damage_ends_a_subscription_and_is_not_passed_over() {
    let world = World::without_tail();
    let (engine, arn, app) = with_consumer(&world).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    world.faults().drop_scanned_entry(Some(1));
    let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    let error = ending(&mut subscription).await.unwrap();
    assert!(matches!(&error, Error::Internal(text) if text.contains("has lost its records")), "{error}");
}
