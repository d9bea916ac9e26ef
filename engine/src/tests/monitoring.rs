//! Enhanced monitoring: which metrics are on, and what shards count by them.

use super::*;
use crate::ShardMetric::{self, *};
use crate::{Error, MonitoringChange, ShardMetricSet};

fn set<const N: usize>(metrics: [ShardMetric; N]) -> ShardMetricSet {
    metrics.into_iter().collect()
}

/// What each shard of the only stream that is monitored has counted.
fn counts(engine: &Engine, metric: ShardMetric) -> Vec<u64> {
    let streams = engine.shard_metrics();
    assert_eq!(streams.len(), 1);
    streams[0].shards.iter().map(|(_, counts)| counts.get(metric)).collect()
}

/// A record for the shard with this index of two.
fn entry_for(shard: usize, data: &'static [u8]) -> PutEntry {
    let hash_key = ["0", "340282366920938463463374607431768211455"][shard].parse().unwrap();
    PutEntry { explicit_hash_key: Some(hash_key), ..entry("k", data) }
}

#[tokio::test]
async fn metrics_are_turned_on_and_off_one_by_one() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let monitored = || engine.describe_stream_summary(&arn).unwrap().monitored;
    assert_eq!(monitored(), ShardMetricSet::EMPTY);
    let some = set([IncomingBytes, OutgoingBytes]);
    let change = engine.enable_monitoring(&arn, some).await.unwrap();
    assert_eq!(change, MonitoringChange { before: ShardMetricSet::EMPTY, after: some });
    let more = set([IncomingBytes, OutgoingBytes, IncomingRecords]);
    let change = engine.enable_monitoring(&arn, set([IncomingBytes, IncomingRecords])).await.unwrap();
    assert_eq!(change, MonitoringChange { before: some, after: more });
    let change = engine.disable_monitoring(&arn, set([OutgoingBytes, OutgoingRecords])).await.unwrap();
    let left = set([IncomingBytes, IncomingRecords]);
    assert_eq!(change, MonitoringChange { before: more, after: left });
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(engine.describe_stream(&arn, None, None).unwrap().0.monitored, left);
    let change = engine.disable_monitoring(&arn, ShardMetricSet::ALL).await.unwrap();
    assert_eq!(change, MonitoringChange { before: left, after: ShardMetricSet::EMPTY });
    // Once more changes nothing.
    let change = engine.disable_monitoring(&arn, ShardMetricSet::ALL).await.unwrap();
    assert_eq!(change, MonitoringChange { before: ShardMetricSet::EMPTY, after: ShardMetricSet::EMPTY });
}

#[tokio::test]
async fn each_shard_counts_for_itself() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    engine.put_record(&arn, entry_for(0, b"before"), None, false).await.unwrap();
    assert!(engine.shard_metrics().is_empty());
    engine.enable_monitoring(&arn, ShardMetricSet::ALL).await.unwrap();
    engine.put_record(&arn, entry_for(1, b"12345"), None, false).await.unwrap();
    let entries = [entry_for(0, b"1"), entry_for(1, b"12"), entry_for(1, b"123")];
    engine.put_records(&arn, &entries, false).await.unwrap();
    assert_eq!(counts(&engine, IncomingRecords), [1, 3]);
    assert_eq!(counts(&engine, IncomingBytes), [2, 6 + 3 + 4]);
    world.clock.advance(Duration::from_millis(1500));
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    engine.get_records(call(&start, Some(2))).await.unwrap();
    assert_eq!(counts(&engine, OutgoingRecords), [2, 0]);
    assert_eq!(counts(&engine, OutgoingBytes), [7 + 2, 0]);
    assert_eq!(counts(&engine, IteratorAgeMilliseconds), [1500, 0]);
    // The age is that of the newest reply.
    let end = iterator(&engine, &arn, StartingPosition::Latest).await;
    engine.get_records(call(&end, None)).await.unwrap();
    assert_eq!(counts(&engine, IteratorAgeMilliseconds), [0, 0]);
    assert_eq!(counts(&engine, OutgoingRecords), [2, 0]);
}

#[tokio::test]
async fn throttles_are_counted_where_they_happen() {
    let mut world = World::new();
    world.settings.limits =
        Limits { write_records_per_second: Some(2), read_calls_per_second: Some(1), ..Limits::OFF };
    let (engine, arn) = world.with_stream(2).await;
    engine.enable_monitoring(&arn, ShardMetricSet::ALL).await.unwrap();
    let entries: Vec<_> = (0..5).map(|_| entry_for(1, b"x")).chain([entry_for(0, b"x")]).collect();
    engine.put_records(&arn, &entries, false).await.unwrap();
    assert_eq!(counts(&engine, WriteProvisionedThroughputExceeded), [0, 3]);
    assert_eq!(counts(&engine, IncomingRecords), [1, 2]);
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    engine.get_records(call(&start, None)).await.unwrap();
    assert!(engine.get_records(call(&start, None)).await.is_err());
    assert_eq!(counts(&engine, ReadProvisionedThroughputExceeded), [1, 0]);
}

#[tokio::test]
async fn what_is_turned_off_is_forgotten_and_what_stays_on_goes_on() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    engine.enable_monitoring(&arn, set([IncomingRecords, IncomingBytes])).await.unwrap();
    engine.put_record(&arn, entry_for(0, b"x"), None, false).await.unwrap();
    engine.disable_monitoring(&arn, set([IncomingBytes])).await.unwrap();
    engine.put_record(&arn, entry_for(0, b"x"), None, false).await.unwrap();
    assert_eq!(counts(&engine, IncomingRecords), [2, 0]);
    engine.enable_monitoring(&arn, set([IncomingBytes])).await.unwrap();
    assert_eq!(counts(&engine, IncomingBytes), [0, 0]);
    engine.disable_monitoring(&arn, ShardMetricSet::ALL).await.unwrap();
    assert!(engine.shard_metrics().is_empty());
}

#[tokio::test]
async fn the_shards_of_a_split_are_monitored_like_their_parent() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.enable_monitoring(&arn, set([IncomingRecords])).await.unwrap();
    engine.put_record(&arn, entry_for(0, b"x"), None, false).await.unwrap();
    let half: millstream_model::HashKey = "170141183460469231731687303715884105728".parse().unwrap();
    engine.split_shard(&arn, SHARD, half).await.unwrap();
    engine.put_record(&arn, entry_for(1, b"x"), None, false).await.unwrap();
    assert_eq!(counts(&engine, IncomingRecords), [1, 0, 1]);
}

#[tokio::test]
async fn a_stream_must_be_active_to_be_monitored() {
    let mut world = World::new();
    world.settings.delays.create = Duration::from_secs(1);
    let (engine, arn) = world.with_stream(1).await;
    for refused in [
        engine.enable_monitoring(&arn, ShardMetricSet::ALL).await,
        engine.disable_monitoring(&arn, ShardMetricSet::ALL).await,
    ] {
        let text = "Stream orders under account 000000000000 not ACTIVE, instead in state CREATING";
        assert_eq!(refused, Err(Error::ResourceInUse(text.into())));
    }
    let missing = engine.enable_monitoring(&super::arn("missing"), ShardMetricSet::ALL).await;
    assert!(matches!(missing, Err(Error::ResourceNotFound(_))));
}
