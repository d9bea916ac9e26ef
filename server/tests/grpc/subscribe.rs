//! Subscribe: events as they come, over the engine's five minutes, to the end of the shard.

use millstream_proto::v1::{SplitShardRequest, SubscribeResponse};
use tonic::{Code, Streaming};

use super::*;

async fn next(events: &mut Streaming<SubscribeResponse>) -> SubscribeResponse {
    soon(events.message()).await.unwrap().expect("an event")
}

/// The next event with records.
async fn data(events: &mut Streaming<SubscribeResponse>) -> Vec<Vec<u8>> {
    loop {
        let event = next(events).await;
        if !event.records.is_empty() {
            return event.records.iter().map(|record| record.data.to_vec()).collect();
        }
    }
}

#[tokio::test]
async fn subscribers_are_sent_the_same_and_go_on_behind_it() {
    let mut world = World::new().await;
    let (first, second) = (world.consumer("first").await, world.consumer("second").await);
    world.put(b"one").await;
    let mut one = world.records.subscribe(from_horizon(&first)).await.unwrap().into_inner();
    let mut two = world.records.subscribe(from_horizon(&second)).await.unwrap().into_inner();
    let (event, same) = (next(&mut one).await, next(&mut two).await);
    assert_eq!(event, same);
    assert_eq!((event.records.len(), event.millis_behind_latest), (1, 0));
    world.put(b"two").await;
    assert_eq!((data(&mut one).await, data(&mut two).await), (vec![b"two".to_vec()], vec![b"two".to_vec()]));

    world.clock.advance(Duration::from_secs(6));
    let mut request = from_horizon(&first);
    request.starting_position = Some(StartingPosition {
        r#type: Some(ShardIteratorType::AfterSequenceNumber.into()),
        sequence_number: event.continuation_sequence_number,
        timestamp: None,
    });
    let mut resumed = world.records.subscribe(request).await.unwrap().into_inner();
    assert_eq!(data(&mut resumed).await, [b"two"]);
    // The newer subscription took the older one's place.
    let status = loop {
        match soon(one.message()).await {
            Ok(event) => assert!(event.unwrap().records.is_empty()),
            Err(status) => break status,
        }
    };
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "ResourceInUseException")
    );
}

#[tokio::test]
async fn it_goes_on_for_longer_than_five_minutes() {
    let mut world = World::new().await;
    let consumer = world.consumer("app").await;
    let mut events = world.records.subscribe(from_horizon(&consumer)).await.unwrap().into_inner();
    for record in [&b"a"[..], b"b", b"c"] {
        for _ in 0..5 {
            world.clock.advance(Duration::from_secs(30));
            a_moment().await;
        }
        world.put(record).await;
        assert_eq!(data(&mut events).await, [record]);
    }
}

#[tokio::test]
async fn it_ends_with_its_shard() {
    let mut world = World::new().await;
    let consumer = world.consumer("app").await;
    world.put(b"last").await;
    let split = SplitShardRequest {
        stream_name: Some("orders".to_owned()),
        shard_to_split: Some(SHARD.to_owned()),
        new_starting_hash_key: Some((1_u128 << 127).to_string()),
        stream_arn: None,
    };
    world.streams.split_shard(split).await.unwrap();
    let mut events = world.records.subscribe(from_horizon(&consumer)).await.unwrap().into_inner();
    let mut all = Vec::new();
    while let Some(event) = soon(events.message()).await.unwrap() {
        all.push(event);
    }
    let last = all.last().unwrap();
    assert_eq!(last.continuation_sequence_number(), "");
    let children: Vec<_> = last.child_shards.iter().map(|child| child.shard_id.as_str()).collect();
    assert_eq!(children, ["shardId-000000000001", "shardId-000000000002"]);
    assert_eq!(all.iter().flat_map(|event| &event.records).count(), 1);
}

#[tokio::test]
async fn what_cannot_begin_says_why() {
    let mut world = World::new().await;
    let missing = format!("{STREAM_ARN}/consumer/nobody:1700000000");
    let status = world.records.subscribe(from_horizon(&missing)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "ResourceNotFoundException"));
    let status = world.records.subscribe(SubscribeRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "ValidationException");
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let mut world = World::new().await;
    let consumer = world.consumer("app").await;
    let mut events = world.records.subscribe(from_horizon(&consumer)).await.unwrap().into_inner();
    let World { server, clock, .. } = world;
    let end = async {
        let status = soon(events.message()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    };
    let stop = async {
        let stopping = server.stop();
        let hurry = async {
            loop {
                a_moment().await;
                clock.advance(Duration::from_secs(1));
            }
        };
        tokio::select! { stopped = stopping => stopped.unwrap(), () = hurry => {} }
    };
    futures_util::future::join(end, stop).await;
}
