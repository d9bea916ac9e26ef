//! How soon an application begins, and that it follows the stream wherever that goes.

use std::time::Duration;

use millstream_consumer_sdk::ConsumerSettings;
use serde_json::json;

use crate::scene::{Scene, fan_out, polling};

/// What is promised, on an empty lease table.
const FIRST_RECORD: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn the_first_record_comes_within_two_seconds() {
    for (retrieval, application) in [(polling as fn(&mut ConsumerSettings), "polls"), (fan_out, "subscribes")]
    {
        let scene = Scene::new(4);
        let records = scene.put("first", 8);
        let member = scene.start(application, "only", retrieval).await;
        let took = scene.until("a record was processed", |scene| !scene.ledger.lock().is_empty()).await;
        assert!(took < FIRST_RECORD, "{application}: {took:?}");
        scene.until("all are", |scene| scene.has_all(&records)).await;
        member.stop().await;
        scene.assert_once(&records);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_are_split_and_merged_are_followed() {
    for (retrieval, way) in [(polling as fn(&mut ConsumerSettings), "polling"), (fan_out, "fan-out")] {
        let scene = Scene::new(3);
        let member = scene.start("app", "only", retrieval).await;
        let mut records = scene.put("before", 30);
        scene.split_first();
        records.extend(scene.put("between", 30));
        let neighbours =
            json!({ "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002" });
        scene.call("MergeShards", neighbours);
        records.extend(scene.put("behind", 30));
        scene.until("all are processed", |scene| scene.has_all(&records)).await;
        let read_by = |_: &Scene| {
            let shards = member.status.snapshot().shards;
            !shards.is_empty() && shards.iter().all(|shard| shard.retrieval == Some(way))
        };
        scene.until("the children are read as asked for", read_by).await;
        member.stop().await;
        scene.assert_once(&records);
    }
}
