//! Streams whose records find their shard by themselves.

use std::collections::BTreeMap;

use millstream_model::HashKey;

use super::*;
use crate::{Distribution, Error};

fn keyless(data: &str) -> PutEntry {
    entry("", data.to_owned())
}

async fn with_auto(world: &World) -> (Engine, StreamArn) {
    let (engine, arn) = (world.open().await, arn("even"));
    let call = CreateStream {
        mode: Some(Mode::OnDemand),
        shard_count: None,
        distribution: Distribution::Auto,
        ..provisioned(&arn, 1)
    };
    engine.create_stream(call).await.unwrap();
    (engine, arn)
}

const KEY_MISSING: &str = "1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: \
                           Member must not be null";

#[tokio::test]
async fn records_are_spread_evenly_whatever_their_keys() {
    let world = World::new();
    let (engine, arn) = with_auto(&world).await;
    let mut by_shard: BTreeMap<u32, u32> = BTreeMap::new();
    for number in 0..10 {
        let mut entries = vec![keyless("a"), entry("the same", "b"), keyless("c")];
        entries[1].explicit_hash_key = Some(HashKey(0));
        entries.truncate(1 + number % 3);
        for outcome in engine.put_records(&arn, &entries, false).await.unwrap() {
            *by_shard.entry(outcome.unwrap().shard_id.index()).or_default() += 1;
        }
        let single = engine.put_record(&arn, keyless("d"), None, false).await.unwrap();
        *by_shard.entry(single.shard_id.index()).or_default() += 1;
    }
    let (least, most) = (by_shard.values().min().unwrap(), by_shard.values().max().unwrap());
    assert_eq!(by_shard.len(), 4);
    assert!(most - least <= 1, "{by_shard:?}");
    // The key that was sent is there, and none where none was.
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let records = read_from(&engine, start, 1000).await.unwrap();
    assert!(records.iter().all(|record| match &record.data[..] {
        b"b" => record.partition_key == b"the same"[..],
        _ => record.partition_key.is_empty(),
    }));
    assert!(records.iter().any(|record| !record.partition_key.is_empty()));
}

#[tokio::test]
async fn other_streams_need_a_key() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let refused = engine.put_record(&arn, keyless("x"), None, false).await;
    assert_eq!(refused, Err(Error::Validation(KEY_MISSING.into())));
    let entries: Vec<_> =
        (0..12).map(|number| if number == 2 { entry("k", "x") } else { keyless("x") }).collect();
    let refused = engine.put_records(&arn, &entries, false).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("10 validation errors detected: Value null at 'records.1.member.partitionKey' "),
        "{refused}"
    );
    assert!(!refused.contains("records.3."), "{refused}");
    assert!(refused.ends_with(
        "Value null at 'records.11.member.partitionKey' failed to satisfy constraint: Member must not be null"
    ));
    // A stream that is not there is told first.
    let gone = super::arn("gone");
    assert!(matches!(
        engine.put_record(&gone, keyless("x"), None, false).await,
        Err(Error::ResourceNotFound(_))
    ));
}

#[tokio::test]
async fn the_strategy_changes_at_once_and_is_remembered() {
    let world = World::new();
    let (engine, arn) = with_auto(&world).await;
    let first = engine.put_record(&arn, keyless("x"), None, false).await.unwrap();
    let ordered =
        engine.put_record(&arn, keyless("x"), Some(&first.sequence_number.to_string()), false).await;
    let text = "SequenceNumberForOrdering is not supported for stream even under account 000000000000, whose \
                RecordDistributionStrategy is AUTO.";
    assert_eq!(ordered, Err(Error::InvalidArgument(text.into())));

    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().distribution, Distribution::Auto);
    assert_eq!(engine.distribution(&arn), Ok(Distribution::Auto));
    engine.put_record(&arn, keyless("y"), None, false).await.unwrap();
    engine.update_distribution(&arn, Distribution::UserPartitionKey).await.unwrap();
    let refused = engine.put_record(&arn, keyless("z"), None, false).await;
    assert_eq!(refused, Err(Error::Validation(KEY_MISSING.into())));
    let mut shards: Vec<_> = Vec::new();
    for _ in 0..8 {
        shards.push(put(&engine, &arn, "z").await.unwrap().shard_id);
    }
    shards.dedup();
    assert_eq!(shards.len(), 1);
}

#[tokio::test]
async fn a_provisioned_stream_has_no_choice() {
    let world = World::new();
    let (engine, orders) = world.with_stream(1).await;
    let text = "RecordDistributionStrategy AUTO is not supported for stream orders under account 000000000000 in \
                Provisioned mode.";
    let refused = engine.update_distribution(&orders, Distribution::Auto).await;
    assert_eq!(refused, Err(Error::InvalidArgument(text.into())));
    engine.update_distribution(&orders, Distribution::UserPartitionKey).await.unwrap();
    let call = CreateStream { distribution: Distribution::Auto, ..provisioned(&arn("other"), 1) };
    assert!(matches!(engine.create_stream(call).await, Err(Error::InvalidArgument(_))));
    // Nor does a stream become provisioned that still spreads its records.
    let (engine, even) = with_auto(&World::new()).await;
    let refused = engine.update_stream_mode(&even, Mode::Provisioned, 0).await;
    assert!(matches!(refused, Err(Error::InvalidArgument(_))));
    engine.update_distribution(&even, Distribution::UserPartitionKey).await.unwrap();
    engine.update_stream_mode(&even, Mode::Provisioned, 0).await.unwrap();
}

#[tokio::test]
async fn turns_go_on_across_a_reshard() {
    let world = World::new();
    let (engine, arn) = with_auto(&world).await;
    engine.update_account_settings(&arn.account, &arn.region, true).await.unwrap();
    engine.put_record(&arn, keyless("x"), None, false).await.unwrap();
    engine.update_warm_throughput(&arn, 6).await.unwrap();
    let entries: Vec<_> = (0..12).map(|_| keyless("x")).collect();
    let outcomes = engine.put_records(&arn, &entries, false).await.unwrap();
    let mut by_shard: BTreeMap<_, u32> = BTreeMap::new();
    outcomes
        .into_iter()
        .for_each(|outcome| *by_shard.entry(outcome.unwrap().shard_id.index()).or_default() += 1);
    assert!(by_shard.len() == 6 && by_shard.values().all(|count| *count == 2), "{by_shard:?}");
}
