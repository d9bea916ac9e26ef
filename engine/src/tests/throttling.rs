//! Limits at the level of calls: exceptions, partial failures, and what is counted.

use super::*;
use crate::{Error, PutFailure};

fn throttled_world(limits: Limits) -> World {
    let mut world = World::new();
    world.settings.limits = limits;
    world
}

#[tokio::test]
async fn a_batch_over_the_limit_fails_in_part() {
    let world = throttled_world(Limits { write_records_per_second: Some(10), ..Limits::AWS });
    let (engine, arn) = world.with_stream(1).await;
    let entries: Vec<_> = numbered(0..15).map(|data| entry("k", data)).collect();
    let outcomes = engine.put_records(&arn, &entries, false).await.unwrap();
    assert!(outcomes[..10].iter().all(std::result::Result::is_ok));
    let text = "Rate exceeded for shard shardId-000000000000 in stream orders under account 000000000000.";
    assert!(outcomes[10..].iter().all(|outcome| *outcome == Err(PutFailure::Throttled(text.into()))));
    assert_eq!(put(&engine, &arn, "x").await, Err(Error::ProvisionedThroughputExceeded(text.into())));
    // All throttled is still an answer, not a failure.
    let outcomes = engine.put_records(&arn, &entries, false).await.unwrap();
    assert!(outcomes.iter().all(std::result::Result::is_err));
    world.clock.advance(Duration::from_secs(1));
    assert!(put(&engine, &arn, "x").await.is_ok());
    let metrics = engine.metrics()[0].1;
    assert_eq!((metrics.incoming_records, metrics.put_records_throttled_records), (11, 20));
}

#[tokio::test]
async fn readers_share_five_calls_a_second_and_two_mebibytes() {
    let world = throttled_world(Limits {
        write_bytes_per_second: None,
        write_records_per_second: None,
        ..Limits::AWS
    });
    let (engine, arn) = world.with_stream(1).await;
    for _ in 0..4 {
        engine.put_record(&arn, entry("k", vec![0; 1_000_000]), None, false).await.unwrap();
    }
    let latest = iterator(&engine, &arn, StartingPosition::Latest).await;
    for _ in 0..5 {
        engine.get_records(call(&latest, None)).await.unwrap();
    }
    assert!(matches!(
        engine.get_records(call(&latest, None)).await,
        Err(Error::ProvisionedThroughputExceeded(_))
    ));
    world.clock.advance(Duration::from_secs(1));
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    assert_eq!(engine.get_records(call(&start, None)).await.unwrap().records.len(), 4);
    world.clock.advance(Duration::from_millis(1_800));
    assert!(engine.get_records(call(&latest, None)).await.is_err());
    world.clock.advance(Duration::from_millis(200));
    assert!(engine.get_records(call(&latest, None)).await.is_ok());
}

#[tokio::test]
async fn records_and_batches_over_their_size_are_refused() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let mebibyte = 1024 * 1024;
    assert!(engine.put_record(&arn, entry("k", vec![0; mebibyte - 1]), None, false).await.is_ok());
    assert!(matches!(
        engine.put_record(&arn, entry("k", vec![0; mebibyte]), None, false).await,
        Err(Error::InvalidArgument(_))
    ));
    let entries: Vec<_> = (0..11).map(|_| entry("k", vec![0; mebibyte - 1])).collect();
    assert!(engine.put_records(&arn, &entries[..10], false).await.is_ok());
    assert!(matches!(engine.put_records(&arn, &entries, false).await, Err(Error::InvalidArgument(_))));
}

#[tokio::test]
async fn an_ordering_number_must_be_one_that_could_have_been_issued() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let first = put(&engine, &arn, "a").await.unwrap();
    let second = engine
        .put_record(&arn, entry("key", "b"), Some(&first.sequence_number.to_string()), false)
        .await
        .unwrap();
    assert!(second.sequence_number > first.sequence_number);
    let mut future = first.sequence_number;
    future.time_secs += 100;
    for wrong in [future.to_string(), "17".repeat(40)] {
        assert!(matches!(
            engine.put_record(&arn, entry("key", "c"), Some(&wrong), false).await,
            Err(Error::InvalidArgument(_))
        ));
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    assert!(matches!(engine.put_record(&arn, entry("k", "x"), None, true).await, Err(Error::DryRun(_))));
    assert!(matches!(engine.put_records(&arn, &[entry("k", "x")], true).await, Err(Error::DryRun(_))));
    assert_eq!(read_all(&engine, &arn).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn calls_on_streams_have_rates_of_their_own() {
    let world = throttled_world(Limits::AWS);
    let engine = world.open().await;
    let name = |index: u32| arn(&format!("orders-{index}"));
    for index in 0..300 {
        engine.create_stream(provisioned(&name(index), 1)).await.unwrap();
    }
    let refused = engine.create_stream(provisioned(&name(300), 1)).await;
    let text = "Rate exceeded for stream orders-300 under account 000000000000.";
    assert_eq!(refused, Err(Error::LimitExceeded(text.into())));
    world.clock.advance(Duration::from_millis(200));
    engine.create_stream(provisioned(&name(300), 1)).await.unwrap();

    let orders = name(0);
    let (account, region) = (&orders.account, &orders.region);
    let describe = || engine.describe_stream_summary(&orders).map(drop);
    assert_eq!((0..9999).filter(|_| describe().is_ok()).count(), 1200);
    let list = || engine.list_streams(account, region, None, None, None).map(drop);
    assert_eq!((0..9999).filter(|_| list().is_ok()).count(), 300);
    let limits = || engine.describe_limits(account, region).map(drop);
    assert_eq!((0..60).filter(|_| limits().is_ok()).count(), 60);
    let text = "Rate exceeded for account 000000000000.";
    assert_eq!(limits(), Err(Error::LimitExceeded(text.into())));
    // Records have limits of their own.
    assert!(put(&engine, &orders, "x").await.is_ok());
}
