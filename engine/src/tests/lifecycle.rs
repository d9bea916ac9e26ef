//! Streams coming, changing and going; listings and tags.

use std::collections::{BTreeMap, BTreeSet};

use millstream_model::Timestamp;
use millstream_storage::{KeyRange, ScanOptions};

use super::*;
use crate::{Error, ListShards, ShardFilter, ShardsFrom, StreamStatus};

#[tokio::test]
async fn no_stream_has_more_shards_than_memory_has_room_for() {
    let world = World::new();
    let engine = world.open().await;
    for count in [20_001, u32::MAX] {
        let refused = engine.create_stream(provisioned(&arn("orders"), count)).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn streams_of_the_operator_are_there_at_once_however_many() {
    let mut world = World::new();
    world.settings.limits = crate::Limits::AWS;
    world.settings.delays = crate::Delays { create: Duration::from_secs(60), ..crate::Delays::default() };
    let engine = world.open().await;
    // More than a caller may create in a minute.
    for number in 0..400 {
        let arn = arn(&format!("s{number}"));
        engine.create_operators_stream(provisioned(&arn, 1)).await.unwrap();
        assert_eq!(engine.describe_stream_summary(&arn).unwrap().status, StreamStatus::Active);
    }
    for number in 0..5 {
        engine.create_stream(provisioned(&arn(&format!("c{number}")), 1)).await.unwrap();
    }
    let refused = engine.create_stream(provisioned(&arn("c5"), 1)).await;
    assert!(matches!(refused, Err(Error::LimitExceeded(_))), "{refused:?}");
    engine.create_operators_stream(provisioned(&arn("last"), 1)).await.unwrap();
}

#[tokio::test]
async fn passing_states_last_as_long_as_configured() {
    let mut world = World::new();
    let second = Duration::from_secs(1);
    world.settings.delays = crate::Delays { create: second, update: second, delete: second };
    let (engine, arn) = world.with_stream(2).await;
    let status = || engine.describe_stream_summary(&arn).map(|stream| stream.status);
    assert_eq!(status(), Ok(StreamStatus::Creating));
    assert!(engine.describe_stream(&arn, None, None).unwrap().1.is_empty());
    assert!(matches!(put(&engine, &arn, "x").await, Err(Error::ResourceNotFound(_))));
    let error = engine.increase_retention(&arn, 48).await.unwrap_err();
    assert_eq!(
        error,
        Error::ResourceInUse(
            "Stream orders under account 000000000000 not ACTIVE, instead in state CREATING".into()
        )
    );
    world.clock.advance(second);
    assert_eq!(status(), Ok(StreamStatus::Active));
    engine.increase_retention(&arn, 48).await.unwrap();
    assert_eq!(status(), Ok(StreamStatus::Updating));
    assert!(put(&engine, &arn, "x").await.is_ok());
    world.clock.advance(second);
    engine.delete_stream(&arn).await.unwrap();
    assert_eq!(status(), Ok(StreamStatus::Deleting));
    world.clock.advance(second);
    assert!(matches!(status(), Err(Error::ResourceNotFound(_))));
    engine.create_stream(provisioned(&arn, 1)).await.unwrap();
    world.clock.advance(second);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_stream_leaves_nothing_behind() {
    let world = World::new();
    let engine = world.open().await;
    let everything = KeyRange::new(vec![1], vec![u8::MAX]);
    let slot = engine.inner.slot.clone();
    let (kept, deleted) = (arn("kept"), arn("deleted"));
    engine.create_stream(provisioned(&kept, 2)).await.unwrap();
    put_all(&engine, &kept, numbered(0..5)).await;
    let before = slot.scan(everything.clone(), ScanOptions::default()).await.unwrap();
    engine.create_stream(provisioned(&deleted, 3)).await.unwrap();
    put_all(&engine, &deleted, numbered(0..5)).await;
    engine.delete_stream(&deleted).await.unwrap();
    engine.tidy_up().await.unwrap();
    // That it was deleted stays known for a while.
    world.clock.advance(Duration::from_secs(60));
    engine.tidy_up().await.unwrap();
    let after = slot.scan(everything, ScanOptions::default()).await.unwrap();
    let keys = |page: &millstream_storage::Entries| {
        page.entries.iter().map(|e| e.key.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(keys(&after), keys(&before));
    assert_eq!(read_all(&engine, &kept).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_deletion_that_was_interrupted_is_finished_after_the_restart() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..5)).await;
    engine.delete_stream(&arn).await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    engine.tidy_up().await.unwrap();
    let blocks = KeyRange::prefix(&[crate::keyspace::RECORD_BLOCK]);
    let left = engine.inner.slot.scan(blocks, ScanOptions::default()).await.unwrap();
    assert!(left.entries.is_empty());
}

/// Storage notes a moment later that marks are gone, and until then a crash brings them back. The engine's clock, which
/// can be moved, does not say when that is.
#[tokio::test]
async fn what_was_removed_is_not_missed_after_a_crash_however_far_the_clock_was_moved() {
    let world = World::new();
    let (engine, deleted) = world.with_stream(2).await;
    let split = arn("split");
    engine.create_stream(provisioned(&split, 1)).await.unwrap();
    put_all(&engine, &deleted, numbered(0..3)).await;
    put_all(&engine, &split, numbered(0..3)).await;
    engine.split_shard(&split, SHARD, millstream_model::HashKey(1 << 127)).await.unwrap();
    let uids = |engine: &Engine| {
        let marks = engine.inner.slot.marks().into_keys();
        marks.filter_map(|name| crate::keyspace::ShardUid::of_mark(&name)).collect::<Vec<_>>()
    };
    let marked = uids(&engine);
    world.storage.inner.hold_anchors(true);
    engine.delete_stream(&deleted).await.unwrap();
    let later = async |engine: &Engine| {
        for _ in 0..4 {
            world.clock.advance(Duration::from_secs(25 * 3600));
            engine.tidy_up().await.unwrap();
        }
    };
    later(&engine).await;

    // Not closed, but as after a crash.
    let engine = world.open().await;
    assert_eq!(uids(&engine), marked);
    assert_eq!(engine.describe_stream_summary(&split).unwrap().open_shards, 2);
    later(&engine).await;
    assert_eq!(engine.inner.control.lock().await.graves.len(), 1);
    world.storage.inner.hold_anchors(false);
    put(&engine, &split, "x").await.unwrap();
    later(&engine).await;
    assert!(engine.inner.control.lock().await.graves.is_empty());
    let open = [1, 2].map(|index| crate::keyspace::ShardUid::new(2, index));
    assert_eq!(uids(&engine), open);
    let engine = world.open().await;
    assert_eq!(engine.inner.find(&split).unwrap().stream.shards().all.len(), 2);
}

#[tokio::test]
async fn names_are_taken_once_per_account_and_region() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    assert_eq!(
        engine.create_stream(provisioned(&arn, 1)).await,
        Err(Error::ResourceInUse("Stream orders under account 000000000000 already exists.".into()))
    );
    for other in [
        "arn:aws:kinesis:eu-west-1:000000000000:stream/orders",
        "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
    ] {
        engine.create_stream(provisioned(&other.parse().unwrap(), 1)).await.unwrap();
    }
    let page = engine.list_streams(&arn.account, &arn.region, None, None, None).unwrap();
    assert_eq!(page.streams.len(), 1);
}

#[tokio::test]
async fn quotas_are_those_of_the_settings() {
    let mut world = World::new();
    world.settings.limits =
        Limits { shards_per_account: Some(10), on_demand_streams_per_account: Some(1), ..Limits::OFF };
    let (engine, first) = world.with_stream(7).await;
    let error = engine.create_stream(provisioned(&arn("more"), 4)).await.unwrap_err();
    assert!(
        matches!(&error, Error::LimitExceeded(text) if text.contains("Current shard count for the account: 7. Limit: 10. Number of additional shards that would have resulted from this request: 4.")),
        "{error}"
    );
    engine.delete_stream(&first).await.unwrap();
    let on_demand =
        |name| CreateStream { mode: Some(Mode::OnDemand), shard_count: None, ..provisioned(&arn(name), 1) };
    engine.create_stream(on_demand("first")).await.unwrap();
    assert_eq!(engine.describe_stream_summary(&arn("first")).unwrap().open_shards, 4);
    assert!(matches!(engine.create_stream(on_demand("second")).await, Err(Error::LimitExceeded(_))));
    let used = engine.describe_limits(&first.account, &first.region).unwrap();
    assert_eq!((used.open_shards, used.on_demand_streams), (4, 1));
}

#[tokio::test]
async fn listings_come_in_pages() {
    let world = World::new();
    let engine = world.open().await;
    let names: Vec<_> = (0..250).map(|n| format!("s{n:03}")).collect();
    for name in &names {
        engine.create_stream(provisioned(&arn(name), 1)).await.unwrap();
    }
    let (mut listed, mut token) = (Vec::new(), None);
    loop {
        let StreamArn { account, region, .. } = arn("x");
        let page = engine.list_streams(&account, &region, None, token.as_deref(), None).unwrap();
        listed.extend(page.streams.iter().map(|stream| stream.arn.name.to_string()));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(listed, names);
    let StreamArn { account, region, .. } = arn("x");
    let page = engine.list_streams(&account, &region, Some("s247"), None, Some(10)).unwrap();
    assert_eq!(page.streams.len(), 2);
}

#[tokio::test]
async fn shards_are_listed_by_filter_and_in_pages() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2500).await;
    fn list(engine: &Engine, from: ShardsFrom<'_>) -> Result<crate::ShardsPage> {
        engine.list_shards(ListShards { from, shards_max: None })
    }
    let start = |filter| ShardsFrom::Start { arn: &arn, filter, after: None, stream_created: None };
    let (mut ids, mut page) = (Vec::new(), list(&engine, start(ShardFilter::AtLatest)).unwrap());
    loop {
        ids.extend(page.shards.iter().map(|shard| shard.id.index()));
        let Some(token) = page.next_token else { break };
        page = list(&engine, ShardsFrom::Token(&token)).unwrap();
    }
    assert!(ids.into_iter().eq(0..2500));
    for filter in [
        ShardFilter::AtTrimHorizon,
        ShardFilter::FromTrimHorizon,
        ShardFilter::AtTimestamp(Timestamp::EPOCH),
        ShardFilter::FromTimestamp(Timestamp::EPOCH),
    ] {
        assert_eq!(list(&engine, start(filter.clone())).unwrap().shards.len(), 1000, "{filter:?}");
    }
    let after = ShardFilter::AfterShardId("shardId-000000002497".into());
    assert_eq!(list(&engine, start(after)).unwrap().shards.len(), 2);
    let other = ShardsFrom::Start {
        arn: &arn,
        filter: ShardFilter::AtLatest,
        after: None,
        stream_created: Some(Timestamp::from_millis(5)),
    };
    assert!(matches!(list(&engine, other), Err(Error::ResourceNotFound(_))));
    let (_, shards, has_more) =
        engine.describe_stream(&arn, Some("shardId-000000000099"), Some(5000)).unwrap();
    assert_eq!((shards.len(), shards[0].id.index(), has_more), (100, 100, true));
}

#[tokio::test]
async fn tags_are_kept_in_order_and_within_limits() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let tags = |range: std::ops::Range<u32>| {
        range.map(|n| (format!("k{n:02}"), n.to_string())).collect::<BTreeMap<_, _>>()
    };
    engine.add_tags(&arn, tags(0..50)).await.unwrap();
    engine.add_tags(&arn, tags(40..50)).await.unwrap();
    assert!(matches!(engine.add_tags(&arn, tags(50..51)).await, Err(Error::InvalidArgument(_))));
    engine.remove_tags(&arn, vec!["k00".into(), "unknown".into()]).await.unwrap();
    let page = engine.list_tags(&arn, Some("k05"), Some(2)).unwrap();
    assert_eq!(page.tags, [("k06".into(), "6".into()), ("k07".into(), "7".into())]);
    assert!(page.has_more);
    for (text, starts) in [("a*", "Some tags contain invalid"), ("a%", "Failed to add tags to stream orders")]
    {
        let error = engine.add_tags(&arn, BTreeMap::from([(text.into(), String::new())])).await.unwrap_err();
        assert!(error.to_string().starts_with(starts), "{error}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_state_going() {
    let mut world = World::new();
    world.settings.delays.create = Duration::from_secs(1);
    let engine = world.open().await;
    let day = Duration::from_secs(24 * 3600);
    world.clock.jump_to(START + day);
    engine.create_stream(provisioned(&arn("orders"), 1)).await.unwrap();
    let status = || engine.describe_stream_summary(&arn("orders")).unwrap().status;
    assert_eq!(status(), StreamStatus::Creating);
    world.clock.jump_to(START);
    assert_eq!(status(), StreamStatus::Active);
    put(&engine, &arn("orders"), "r0").await.unwrap();
}
