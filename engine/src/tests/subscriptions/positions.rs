//! Where a subscription starts, and where the next one goes on.

use millstream_model::{SequenceNumber, Timestamp};

use super::*;

#[tokio::test]
async fn every_starting_position() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn, app) = with_consumer(&world).await;
        let mut receipts = Vec::new();
        for data in numbered(0..4) {
            receipts.push(put(&engine, &arn, &data).await.unwrap());
            world.clock.advance(SECOND);
        }
        let number = |at: usize| receipts[at].sequence_number.to_string();
        let time = Timestamp::from_unix(START + SECOND + Duration::from_millis(1));
        for (start, first) in [
            (Start::TrimHorizon, 0),
            (Start::Latest, 4),
            (Start::AtSequenceNumber(number(1)), 1),
            (Start::AfterSequenceNumber(number(1)), 2),
            (Start::AtTimestamp(time), 2),
        ] {
            let mut subscription = subscribe(&engine, &app, start.clone()).await.unwrap();
            assert!(drain(&mut subscription).await.into_iter().eq(numbered(first..4)), "{start:?}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_in_the_words_of_aws() {
    let (engine, _, app) = with_consumer(&World::new()).await;
    let call = async |consumer: &ConsumerArn, shard_id: &str, start: Start| {
        subscribe_to(&engine, consumer, shard_id, start).await.unwrap_err()
    };
    let other = ConsumerArn { created_secs: 7, ..app.clone() };
    let not_found = |text: &str| Error::ResourceNotFound(text.to_owned());
    let invalid = |text: &str| Error::InvalidArgument(text.to_owned());
    let gone = call(&other, SHARD, Start::Latest).await;
    assert_eq!(gone, not_found(&format!("Consumer {other}, account 000000000000 not found.")));
    assert_eq!(
        call(&app, "shardId-7", Start::Latest).await,
        not_found("Shard shardId-000000000007 in stream orders under account 000000000000 does not exist")
    );
    assert_eq!(
        call(&app, "nothing", Start::Latest).await,
        not_found("Could not find shard nothing in stream orders under account 000000000000.")
    );
    let nines = "9".repeat(60);
    assert_eq!(
        call(&app, SHARD, Start::AtSequenceNumber(nines.clone())).await,
        invalid(&format!(
            "StartingSequenceNumber {nines} used in SubscribeToShard on shard {SHARD} in stream orders under \
             account 000000000000 is invalid."
        ))
    );
    assert_eq!(
        call(&app, SHARD, Start::AtTimestamp(Timestamp::from_unix(START + SECOND))).await,
        invalid(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
             timestampInMillis: 1700000001000, currentTimestampInMillis: 1700000000000"
        )
    );
    engine.check_subscribe(&app, SHARD).unwrap();
    assert!(engine.check_subscribe(&other, SHARD).is_err());
    assert!(engine.check_subscribe(&app, "shardId-7").is_err());
}

/// At or after the number: neither is anything lost nor does anything come twice.
#[tokio::test]
async fn a_continuation_is_good_for_both_ways_to_go_on() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn, app) = with_consumer(&world).await;
        let mut numbers = vec![];
        let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
        world.clock.advance(SECOND * 5);
        numbers.push((0, number(&event(&mut subscription).await)));
        for (data, seen) in numbered(0..3).zip(1..) {
            // Two in the same second, and one in a later one.
            put(&engine, &arn, &data).await.unwrap();
            numbers.push((seen, number(&event(&mut subscription).await)));
            if seen == 2 {
                world.clock.advance(SECOND * 5);
                numbers.push((seen, number(&event(&mut subscription).await)));
            }
        }
        drop(subscription);
        put(&engine, &arn, "r3").await.unwrap();
        for (seen, number) in numbers {
            for start in [Start::AtSequenceNumber(number.clone()), Start::AfterSequenceNumber(number)] {
                let mut subscription = subscribe(&engine, &app, start.clone()).await.unwrap();
                let brought = drain(&mut subscription).await;
                assert!(brought.into_iter().eq(numbered(seen..4)), "{seen} {start:?}");
                let polled =
                    texts(&read_from(&engine, iterator(&engine, &arn, start).await, 10).await.unwrap());
                assert!(polled.into_iter().eq(numbered(seen..4)), "{seen}");
            }
        }
    }
}

#[tokio::test]
async fn a_continuation_is_good_after_a_restart() {
    let world = World::new();
    let (engine, arn, app) = with_consumer(&world).await;
    put(&engine, &arn, "r0").await.unwrap();
    let mut subscription = subscribe(&engine, &app, Start::TrimHorizon).await.unwrap();
    let number = number(&event(&mut subscription).await);
    drop(subscription);
    put(&engine, &arn, "r1").await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    put(&engine, &arn, "r2").await.unwrap();
    for start in [Start::AtSequenceNumber(number.clone()), Start::AfterSequenceNumber(number)] {
        let mut subscription = subscribe(&engine, &app, start).await.unwrap();
        assert_eq!(drain(&mut subscription).await, ["r1", "r2"]);
    }
}

/// A number that no record has yet.
#[tokio::test]
async fn a_subscriber_may_wait_for_a_record_of_the_future() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let first = put(&engine, &arn, "r0").await.unwrap().sequence_number;
    let future = |index, secs| {
        SequenceNumber { index: first.index + index, time_secs: first.time_secs + secs, ..first }.to_string()
    };
    let mut starts = vec![Start::AtSequenceNumber(future(2, 0)), Start::AfterSequenceNumber(future(1, 99))];
    for start in starts.clone() {
        let app = consumer(&engine, &arn, &format!("first{}", starts.len())).await;
        let mut subscription = subscribe(&engine, &app, start).await.unwrap();
        world.clock.advance(SECOND * 5);
        let number = number(&event(&mut subscription).await);
        starts.extend([Start::AtSequenceNumber(number.clone()), Start::AfterSequenceNumber(number)]);
    }
    let mut subscriptions = Vec::new();
    for (start, place) in starts.into_iter().zip(0..) {
        let app = consumer(&engine, &arn, &format!("second{place}")).await;
        subscriptions.push(subscribe(&engine, &app, start).await.unwrap());
    }
    for data in numbered(1..3) {
        put(&engine, &arn, &data).await.unwrap();
    }
    for (subscription, place) in subscriptions.iter_mut().zip(0..) {
        assert_eq!(drain(subscription).await, ["r2"], "{place}");
    }
}
