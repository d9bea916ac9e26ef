//! Many bytes: how large events are, how fast they come, and what subscribers share.

use std::cell::Cell;

use super::*;
use crate::Form;

const MIB: usize = 1024 * 1024;

async fn put_large(engine: &Engine, arn: &StreamArn, bytes: usize) {
    engine.put_record(arn, entry("key", vec![b'x'; bytes]), None, false).await.unwrap();
}

fn bytes(event: &Event) -> usize {
    usize::try_from(event.parts.iter().map(Part::bytes).sum::<u64>()).unwrap()
}

fn count(event: &Event) -> usize {
    event.parts.iter().map(Part::record_count).sum()
}

#[tokio::test]
async fn events_hold_a_mebibyte_or_one_record() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn) = (world.open().await, arn("orders"));
        let large = CreateStream { record_kib_max: Some(10_240), ..provisioned(&arn, 1) };
        engine.create_stream(large).await.unwrap();
        let app = consumer(&engine, &arn, "app").await;
        for size in [300_000, 400_000, 500_000, 5 * MIB, 100, 200, MIB, 900_000] {
            put_large(&engine, &arn, size).await;
        }
        let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
        let mut sizes = Vec::new();
        while let Some(Some(event)) = now(&mut subscription).await {
            let event = event.unwrap();
            sizes.push((count(&event), bytes(&event) - 3 * count(&event)));
        }
        assert_eq!(sizes, [(2, 700_000), (1, 500_000), (1, 5 * MIB), (2, 300), (1, MIB), (1, 900_000)]);
    }
}

#[tokio::test]
async fn small_records_come_ten_thousand_at_a_time() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn, app) = with_consumer(&world).await;
        let entries: Vec<_> = (0..500).map(|n| entry("k", format!("{n:03}"))).collect();
        let all = (0..50).map(|_| engine.put_records(&arn, &entries, false));
        for puts in futures_join(all.collect()).await {
            puts.unwrap();
        }
        let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
        let mut counts = Vec::new();
        while let Some(Some(event)) = now(&mut subscription).await {
            counts.push(count(&event.unwrap()));
        }
        assert!(counts.iter().all(|count| *count <= 10_000), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), 25_000);
    }
}

/// All at once, so that their records share blocks.
async fn futures_join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                outputs.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    outputs
}

#[tokio::test]
async fn two_mebibytes_a_second_for_each_consumer() {
    let mut world = World::new();
    world.settings.limits.subscription_bytes_per_second = Some(2 * MIB as u64);
    let (engine, arn, app) = with_consumer(&world).await;
    let other = consumer(&engine, &arn, "other").await;
    for _ in 0..12 {
        put_large(&engine, &arn, MIB - 3).await;
    }
    let mut subscriptions = Vec::new();
    for app in [&app, &other] {
        subscriptions.push(subscribe(&engine, app, Start::TrimHorizon).await.unwrap());
    }
    let mut by_second = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (subscription, by_second) in subscriptions.iter_mut().zip(&mut by_second) {
            let mut taken = 0;
            while let Some(Some(event)) = now(subscription).await {
                taken += bytes(&event.unwrap());
            }
            by_second.push(taken / MIB);
        }
        world.clock.advance(SECOND);
    }
    // A second's worth was saved up, and one record may go ahead of its time.
    assert_eq!(by_second[0], [3, 2, 2, 2, 2]);
    assert_eq!(by_second[0], by_second[1]);
}

/// The pace is that of the consumer and the shard, not that of whoever holds the place.
#[tokio::test]
async fn who_subscribes_anew_is_brought_no_more_than_who_stays() {
    let mut world = World::new();
    world.settings.limits.subscription_bytes_per_second = Some(2 * MIB as u64);
    let (engine, arn, app) = with_consumer(&world).await;
    for _ in 0..20 {
        put_large(&engine, &arn, MIB - 3).await;
    }
    let mut by_second = Vec::new();
    for _ in 0..5 {
        let mut taken = 0;
        for _ in 0..4 {
            let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
            while let Some(Some(event)) = now(&mut subscription).await {
                taken += bytes(&event.unwrap());
            }
        }
        by_second.push(taken / MIB);
        world.clock.advance(SECOND);
    }
    assert_eq!(by_second, [3, 2, 2, 2, 2]);
}

#[tokio::test]
async fn while_it_waits_for_its_turn_a_subscriber_still_hears_something() {
    let mut world = World::new();
    world.settings.limits.subscription_bytes_per_second = Some(MIB as u64 / 10);
    let (engine, arn, app) = with_consumer(&world).await;
    for _ in 0..2 {
        put_large(&engine, &arn, MIB - 3).await;
    }
    let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    let first = event(&mut subscription).await;
    world.clock.advance(SECOND * 5);
    let beat = event(&mut subscription).await;
    assert_eq!((count(&first), count(&beat)), (1, 0));
    assert_eq!((first.millis_behind_latest, beat.millis_behind_latest), (0, 5_000));
    assert!(beat.continuation > first.continuation);
    world.clock.advance(SECOND * 5);
    assert_eq!(count(&event(&mut subscription).await), 1);
}

#[tokio::test]
async fn what_is_made_of_a_block_is_made_once_for_all_subscribers() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let mut subscriptions = Vec::new();
    for number in 0..4 {
        let app = consumer(&engine, &arn, &format!("app{number}")).await;
        subscriptions.push(subscribe(&engine, &app, Start::Latest).await.unwrap());
    }
    let made = Cell::new(0);
    let render = |part: &Part| {
        made.set(made.get() + 1);
        let texts: Vec<_> = part.records().map(|record| record.data).collect();
        Bytes::from(texts.concat())
    };
    for round in 1..=3 {
        put_all(&engine, &arn, numbered(0..2)).await;
        for subscription in &mut subscriptions {
            let event = event(subscription).await;
            let rendered: Vec<_> =
                event.parts.iter().map(|part| part.rendered(Form::FIRST, render)).collect();
            assert_eq!(rendered, ["r0", "r1"]);
        }
        assert_eq!(made.get(), 2 * round);
    }
    // One alone shares with nobody, and nothing is kept for others.
    subscriptions.truncate(1);
    put(&engine, &arn, "x").await.unwrap();
    let event = event(&mut subscriptions[0]).await;
    assert_eq!(
        (event.parts[0].rendered(Form::FIRST, render), event.parts[0].rendered(Form::FIRST, render)),
        ("x".into(), "x".into())
    );
    assert_eq!(made.get(), 8);
}

/// Who began in the middle of a block takes the rest of it for itself.
#[tokio::test]
async fn the_rest_of_a_block_is_not_shared() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    let other = consumer(&engine, &arn, "other").await;
    let entries: Vec<_> = numbered(0..4).map(|data| entry("k", data)).collect();
    let outcomes = engine.put_records(&arn, &entries, false).await.unwrap();
    let second = outcomes[1].as_ref().unwrap().sequence_number.to_string();
    let mut whole = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    let mut rest = subscribe(&engine, &other, Start::AfterSequenceNumber(second)).await.unwrap();
    let render =
        |part: &Part| Bytes::from(part.records().map(|record| record.data).collect::<Vec<_>>().concat());
    assert_eq!(event(&mut whole).await.parts[0].rendered(Form::FIRST, render), "r0r1r2r3");
    assert_eq!(event(&mut rest).await.parts[0].rendered(Form::FIRST, render), "r2r3");
}
