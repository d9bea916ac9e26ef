//! DryRun: every check is made, in the order in which the call makes them, and nothing else happens.

use super::*;
use crate::Error;

fn passed<T: std::fmt::Debug>(outcome: Result<T>) {
    let text = "Request would have succeeded, but DryRun flag is set.";
    assert_eq!(outcome.unwrap_err(), Error::DryRun(text.into()));
}

#[tokio::test]
async fn a_dry_put_stores_nothing_and_takes_nothing() {
    let mut world = World::new();
    world.settings.limits = Limits { write_records_per_second: Some(1), ..Limits::OFF };
    let (engine, arn) = world.with_stream(1).await;
    for _ in 0..5 {
        passed(engine.put_record(&arn, entry("key", "dry"), None, true).await);
        passed(engine.put_records(&arn, &[entry("key", "dry"), entry("key", "dry")], true).await);
    }
    let receipt = put(&engine, &arn, "wet").await.unwrap();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["wet"]);
    let metrics = engine.metrics();
    assert_eq!((metrics[0].1.incoming_records, metrics[0].1.put_records_total_records), (1, 0));
    // Now the shard takes no more, and a dry run says so; entries of PutRecords would fare each for itself.
    let throttled = engine.put_record(&arn, entry("key", "dry"), None, true).await.unwrap_err();
    assert_eq!(Err(throttled), put(&engine, &arn, "wet").await.map(|_| receipt));
    passed(engine.put_records(&arn, &[entry("key", "dry")], true).await);
}

#[tokio::test]
async fn a_dry_put_is_refused_for_whatever_a_put_is() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let large = || entry("key", vec![0; 1024 * 1024]);
    let later = "49646437577186529025111733586820095513720331702487744562";
    let missing = super::arn("missing");
    for (arn, entry, ordering) in
        [(&arn, large(), None), (&arn, entry("key", ""), Some(later)), (&missing, entry("key", ""), None)]
    {
        let outcome = |dry_run| engine.put_record(arn, entry.clone(), ordering, dry_run);
        let (dry, wet) = (outcome(true).await.unwrap_err(), outcome(false).await.unwrap_err());
        assert_eq!(dry, wet);
    }
    for entries in [vec![large()], vec![entry("key", vec![0; 1024 * 1023]); 11]] {
        let dry = engine.put_records(&arn, &entries, true).await.unwrap_err();
        assert_eq!(Err(dry), engine.put_records(&arn, &entries, false).await);
    }
    world.faults().disk_full(true);
    let wet = put(&engine, &arn, "x").await.unwrap_err();
    assert!(matches!(wet, Error::Unavailable(_)), "{wet:?}");
    assert!(matches!(
        engine.put_record(&arn, entry("key", ""), None, true).await,
        Err(Error::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_dry_read_is_refused_for_whatever_a_read_is() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put(&engine, &arn, "x").await.unwrap();
    for start in [
        StartingPosition::TrimHorizon,
        StartingPosition::Latest,
        StartingPosition::AtTimestamp(engine.inner.now()),
    ] {
        passed(engine.get_shard_iterator(&arn, SHARD, &start, true).await);
    }
    let other = super::arn("other");
    let later = StartingPosition::AtTimestamp(engine.inner.now().plus(Duration::from_secs(1)));
    for (arn, shard, start) in [
        (&arn, "shardId-000000000001", StartingPosition::Latest),
        (&arn, "shard", StartingPosition::Latest),
        (&arn, SHARD, later),
        (&arn, SHARD, StartingPosition::AfterSequenceNumber("1".into())),
        (&other, SHARD, StartingPosition::Latest),
    ] {
        let dry = engine.get_shard_iterator(arn, shard, &start, true).await.unwrap_err();
        assert_eq!(Err(dry), engine.get_shard_iterator(arn, shard, &start, false).await);
    }
    let iterator = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let dry =
        |iterator, stream| GetRecords { iterator, records_max: None, bytes_max: None, stream, dry_run: true };
    passed(engine.get_records(dry(&iterator, None)).await);
    passed(engine.get_records(dry(&iterator, Some(&arn))).await);
    assert_eq!(engine.metrics()[0].1.get_records_success, 0);
    let wrong = engine.get_records(dry(&iterator, Some(&other))).await;
    assert!(matches!(wrong, Err(Error::InvalidArgument(_))));
    assert!(matches!(engine.get_records(dry("x", None)).await, Err(Error::InvalidArgument(_))));
    world.clock.advance(Duration::from_secs(301));
    assert!(matches!(engine.get_records(dry(&iterator, None)).await, Err(Error::ExpiredIterator(_))));
}
