//! Listings in pages: how large a page is, where the next one goes on, and what is made of tokens.

use std::collections::BTreeMap;

use super::*;
use crate::{Error, ListShards, ShardFilter, ShardsFrom};

const LIFETIME: Duration = Duration::from_secs(300);

async fn with_streams(world: &World, count: usize) -> Engine {
    let engine = world.open().await;
    for number in 0..count {
        engine.create_stream(provisioned(&arn(&format!("s{number:03}")), 1)).await.unwrap();
    }
    engine
}

fn streams(engine: &Engine, token: Option<&str>, streams_max: Option<usize>) -> Result<crate::StreamsPage> {
    let StreamArn { account, region, .. } = arn("x");
    engine.list_streams(&account, &region, None, token, streams_max)
}

fn shards<'a>(filter: ShardFilter, arn: &'a StreamArn) -> ShardsFrom<'a> {
    ShardsFrom::Start { arn, filter, after: None, stream_created: None }
}

fn invalid() -> Error {
    Error::InvalidArgument("Invalid NextToken.".into())
}

#[tokio::test]
async fn a_page_of_streams_has_at_most_a_hundred() {
    let world = World::new();
    let engine = with_streams(&world, 101).await;
    for (asked, listed) in
        [(None, 100), (Some(1), 1), (Some(100), 100), (Some(101), 100), (Some(10_000), 100)]
    {
        let page = streams(&engine, None, asked).unwrap();
        assert_eq!((page.streams.len(), page.next_token.is_some()), (listed, true), "{asked:?}");
    }
    // A page that ends with the last stream has no successor.
    let StreamArn { account, region, .. } = arn("x");
    let last = engine.list_streams(&account, &region, Some("s000"), None, None).unwrap();
    assert_eq!((last.streams.len(), last.next_token), (100, None));
}

#[tokio::test]
async fn a_page_of_shards_has_at_most_what_its_call_allows() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1001).await;
    for (asked, listed) in [(None, 1000), (Some(1), 1), (Some(1000), 1000), (Some(10_000), 1000)] {
        let from = shards(ShardFilter::default(), &arn);
        let page = engine.list_shards(ListShards { from, shards_max: asked }).unwrap();
        assert_eq!((page.shards.len(), page.next_token.is_some()), (listed, true), "{asked:?}");
    }
    for (asked, described) in [(None, 100), (Some(1), 1), (Some(100), 100), (Some(10_000), 100)] {
        let (_, shards, has_more) = engine.describe_stream(&arn, None, asked).unwrap();
        assert_eq!((shards.len(), has_more), (described, true), "{asked:?}");
    }
    let (_, shards, has_more) = engine.describe_stream(&arn, Some("shardId-000000000900"), None).unwrap();
    assert_eq!((shards.len(), has_more), (100, false));
    // The id need not be one of a shard.
    for (after, described) in [("a", 100), ("shardId-0000000010", 1), ("z", 0)] {
        assert_eq!(engine.describe_stream(&arn, Some(after), None).unwrap().1.len(), described, "{after}");
    }
}

#[tokio::test]
async fn a_page_of_tags_has_at_most_fifty() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let tags: BTreeMap<_, _> = (0..50).map(|n| (format!("k{n:02}"), String::new())).collect();
    engine.add_tags(&arn, tags).await.unwrap();
    for (asked, listed, has_more) in
        [(None, 50, false), (Some(50), 50, false), (Some(49), 49, true), (Some(1), 1, true)]
    {
        let page = engine.list_tags(&arn, None, asked).unwrap();
        assert_eq!((page.tags.len(), page.has_more), (listed, has_more), "{asked:?}");
    }
    let (mut keys, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = engine.list_tags(&arn, after.as_deref(), Some(7)).unwrap();
        keys.extend(page.tags.into_iter().map(|(key, _)| key));
        after = keys.last().cloned();
        if !page.has_more {
            break;
        }
    }
    assert!(keys.iter().cloned().eq((0..50).map(|n| format!("k{n:02}"))));
    // The key need not be one of a tag, and behind the last there is nothing.
    assert_eq!(engine.list_tags(&arn, Some("k48x"), None).unwrap().tags.len(), 1);
    let end = engine.list_tags(&arn, Some("k49"), None).unwrap();
    assert_eq!((end.tags.len(), end.has_more), (0, false));
}

#[tokio::test]
async fn tokens_live_for_five_minutes_and_a_new_page_gives_a_new_one() {
    let world = World::new();
    let engine = with_streams(&world, 5).await;
    let sharded = arn("sharded");
    engine.create_stream(provisioned(&sharded, 5)).await.unwrap();
    let first = streams(&engine, None, Some(1)).unwrap().next_token.unwrap();
    let from = shards(ShardFilter::AtLatest, &sharded);
    let of_shards = engine.list_shards(ListShards { from, shards_max: Some(1) }).unwrap().next_token.unwrap();
    world.clock.advance(LIFETIME);
    let second = streams(&engine, Some(&first), Some(1)).unwrap().next_token.unwrap();
    let from = ShardsFrom::Token(&of_shards);
    assert!(engine.list_shards(ListShards { from, shards_max: Some(1) }).is_ok());
    world.clock.advance(Duration::from_millis(1));
    assert!(matches!(streams(&engine, Some(&first), None), Err(Error::ExpiredNextToken(_))));
    let from = ShardsFrom::Token(&of_shards);
    let expired = engine.list_shards(ListShards { from, shards_max: None }).unwrap_err();
    assert_eq!(expired, Error::ExpiredNextToken("The NextToken has expired.".into()));
    let names = streams(&engine, Some(&second), None).unwrap().streams;
    assert_eq!(names[0].arn, arn("s002"));
}

#[tokio::test]
async fn tokens_survive_a_restart() {
    let world = World::new();
    let engine = with_streams(&world, 3).await;
    let token = streams(&engine, None, Some(1)).unwrap().next_token.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(streams(&engine, Some(&token), None).unwrap().streams.len(), 2);
}

#[tokio::test]
async fn tokens_are_good_for_nothing_else() {
    let world = World::new();
    let engine = with_streams(&world, 3).await;
    let sharded = arn("sharded");
    engine.create_stream(provisioned(&sharded, 3)).await.unwrap();
    let of_streams = streams(&engine, None, Some(1)).unwrap().next_token.unwrap();
    let from = shards(ShardFilter::default(), &sharded);
    let of_shards = engine.list_shards(ListShards { from, shards_max: Some(1) }).unwrap().next_token.unwrap();
    let iterator =
        engine.get_shard_iterator(&sharded, SHARD, &StartingPosition::TrimHorizon, false).await.unwrap();
    for wrong in [&of_shards, &iterator, "", "AAAA", "not base64"] {
        assert_eq!(streams(&engine, Some(wrong), None).unwrap_err(), invalid(), "{wrong}");
    }
    for wrong in [&of_streams, &iterator, "", "AAAA"] {
        let call = ListShards { from: ShardsFrom::Token(wrong), shards_max: None };
        assert_eq!(engine.list_shards(call).unwrap_err(), invalid(), "{wrong}");
    }
    // Nor for others: their streams are listed from their own beginning.
    for (account, region) in [("123456789012", "us-east-1"), ("000000000000", "eu-west-1")] {
        let (account, region) = (account.parse().unwrap(), region.parse().unwrap());
        let listed = engine.list_streams(&account, &region, None, Some(&of_streams), None);
        assert_eq!(listed.unwrap_err(), invalid());
    }
    // A stream of the same name is another one.
    engine.delete_stream(&sharded).await.unwrap();
    engine.create_stream(provisioned(&sharded, 3)).await.unwrap();
    let call = ListShards { from: ShardsFrom::Token(&of_shards), shards_max: None };
    assert!(matches!(engine.list_shards(call), Err(Error::ResourceNotFound(_))));
}

#[tokio::test]
async fn a_token_keeps_the_filter() {
    let world = World::new();
    let (engine, arn) = world.with_stream(5).await;
    let after = ShardFilter::AfterShardId("shardId-000000000002".into());
    let call = ListShards { from: shards(after, &arn), shards_max: Some(1) };
    let page = engine.list_shards(call).unwrap();
    assert_eq!(page.shards[0].id.index(), 3);
    let from = ShardsFrom::Token(page.next_token.as_deref().unwrap());
    let rest = engine.list_shards(ListShards { from, shards_max: None }).unwrap();
    assert_eq!(rest.shards.iter().map(|shard| shard.id.index()).collect::<Vec<_>>(), [4]);
    assert_eq!(rest.next_token, None);
}
