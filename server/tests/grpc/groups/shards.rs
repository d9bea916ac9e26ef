//! Shards come, are shared, end, and go.

use std::collections::BTreeSet;

use millstream_proto::v1::attribute_value::Value;
use millstream_proto::v1::join_request::Request;
use millstream_proto::v1::{
    AttributeMap, ListShardsRequest, ScanRequest, ShardRevocation, SplitShardRequest,
    tables_client::TablesClient,
};
use tonic::Code;

use super::*;

#[tokio::test]
async fn a_member_gets_shards_and_who_comes_after_it_goes_on() {
    let mut world = World::new().await;
    world.put(b"one").await;
    let mut first = Member::join(&world, start()).await;
    let assigned = first.assigned(&world).await;
    assert_eq!((assigned.assignment_id, assigned.shard_id.as_str()), (1, SHARD));
    assert_eq!((assigned.stream.as_str(), assigned.checkpoint.as_str()), ("orders", "TRIM_HORIZON"));
    world.put(b"two").await;
    assert_eq!(first.process(&world, 2).await, ["one", "two"]);
    first.leave();
    let (heard, ended) = first.end(&world).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert!(heard.iter().any(|heard| matches!(heard, Heard::Checkpointed(_))), "{heard:?}");
    let given_back = Heard::Revoked { shard: SHARD.to_owned(), reason: ShardRevocation::GivenBack };
    assert!(heard.contains(&given_back), "{heard:?}");

    let number = world.put(b"three").await;
    let mut second = Member::join(&world, start()).await;
    let assigned_again = second.assigned(&world).await;
    assert!(assigned_again.epoch > assigned.epoch);
    assert!(assigned_again.checkpoint < number);
    assert_eq!(second.process(&world, 1).await, ["three"]);
}

/// Its consumer is registered while it polls, and where it began is not where it could subscribe from.
#[tokio::test]
async fn who_begins_at_the_newest_record_is_sent_none_from_before() {
    let mut world = World::new().await;
    world.put(b"old").await;
    let mut member = Member::join(&world, JoinStart { initial_position: None, ..start() }).await;
    member.assigned(&world).await;
    world.wait(Duration::from_secs(20)).await;
    world.put(b"new").await;
    assert_eq!(member.process(&world, 1).await, ["new"]);
    world.wait(Duration::from_secs(20)).await;
    world.put(b"newer").await;
    assert_eq!(member.process(&world, 1).await, ["newer"]);
}

/// The lease is where KCL would look for it.
#[tokio::test]
async fn leases_are_in_a_table_of_kcls() {
    let mut world = World::new().await;
    let mut member =
        Member::join(&world, JoinStart { worker_id: Some("python-7".to_owned()), ..start() }).await;
    member.assigned(&world).await;
    world.put(b"one").await;
    member.process(&world, 1).await;
    let stored = member.until(&world, |heard| match heard {
        Heard::Checkpointed(at) => Some(at.sequence_number.clone()),
        _ => None,
    });
    let stored = stored.await;
    let mut tables = TablesClient::with_origin(transport(), world.url("http").parse().unwrap());
    let scan = ScanRequest { table_name: Some("billing".to_owned()), ..Default::default() };
    let rows = tables.scan(scan).await.unwrap().into_inner().items;
    let text =
        |row: &AttributeMap, name: &str| match row.values.get(name).and_then(|value| value.value.clone()) {
            Some(Value::S(text)) => text,
            other => panic!("{name} is {other:?}"),
        };
    let lease = rows.iter().find(|row| text(row, "leaseKey") == SHARD).expect("a lease");
    assert_eq!(text(lease, "leaseOwner"), "python-7");
    assert_eq!(text(lease, "checkpoint"), stored);
}

#[tokio::test]
async fn members_share_the_shards_and_one_that_joins_gets_its_part_at_a_checkpoint() {
    let mut world = World::new().await;
    world.create("clicks", 4).await;
    let of_clicks = || JoinStart { streams: vec!["clicks".to_owned()], ..start() };
    let mut first = Member::join(&world, of_clicks()).await;
    for _ in 0..4 {
        first.assigned(&world).await;
    }
    let mut second = Member::join(&world, of_clicks()).await;
    let (mut given, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let both = async {
        while given.len() < 2 || taken.len() < 2 {
            tokio::select! {
                heard = first.next() => {
                    if let Some(Heard::Revoked { shard, reason }) = heard.unwrap() {
                        assert_eq!(reason, ShardRevocation::GivenBack);
                        given.insert(shard);
                    }
                }
                heard = second.next() => {
                    if let Some(Heard::Assigned(assigned)) = heard.unwrap() {
                        taken.insert(assigned.shard_id);
                    }
                }
            }
        }
    };
    world.while_time_passes(both).await;
    assert_eq!(given, taken);
}

/// What the first was sent and did not acknowledge, it may finish; and only then it goes.
#[tokio::test]
async fn a_shard_goes_once_what_was_sent_is_acknowledged_or_it_is_released() {
    let mut world = World::new().await;
    for released in [false, true] {
        world.put(b"one").await;
        let mut first = Member::join(&world, start()).await;
        let assignment = first.assigned(&world).await.assignment_id;
        let last = first
            .until(&world, |heard| match heard {
                Heard::Records { last, .. } => Some(last.clone()),
                _ => None,
            })
            .await;
        first.leave();
        let requested = first.until(&world, |heard| match heard {
            Heard::Requested { assignment, .. } => Some(*assignment),
            _ => None,
        });
        assert_eq!(requested.await, assignment);
        if released {
            first.release(assignment);
        } else {
            first.checkpoint(assignment, &last);
        }
        let (heard, ended) = first.end(&world).await;
        assert!(ended.is_ok(), "{ended:?}");
        assert!(heard.iter().any(|heard| matches!(heard, Heard::Revoked { .. })), "{heard:?}");

        let mut second = Member::join(&world, start()).await;
        let assigned = second.assigned(&world).await;
        assert_eq!(assigned.checkpoint == last, !released);
        if released {
            assert_eq!(second.process(&world, 1).await, ["one"], "it was not acknowledged");
        }
        second.leave();
        assert!(second.end(&world).await.1.is_ok());
    }
}

#[tokio::test]
async fn children_begin_once_the_end_of_their_parent_is_acknowledged() {
    let mut world = World::new().await;
    world.put(b"parent").await;
    let mut member = Member::join(&world, start()).await;
    let parent = member.assigned(&world).await.assignment_id;
    let split = SplitShardRequest {
        stream_name: Some("orders".to_owned()),
        shard_to_split: Some(SHARD.to_owned()),
        new_starting_hash_key: Some((1_u128 << 127).to_string()),
        ..Default::default()
    };
    world.streams.split_shard(split).await.unwrap();
    let listed = ListShardsRequest { stream_name: Some("orders".to_owned()), ..Default::default() };
    assert_eq!(world.streams.list_shards(listed).await.unwrap().into_inner().shards.len(), 3);
    assert_eq!(member.process(&world, 1).await, ["parent"]);
    let ended = member.until(&world, |heard| match heard {
        Heard::Ended { assignment, .. } => Some(*assignment),
        Heard::Assigned(assigned) => panic!("{assigned:?} before the end of its parent"),
        _ => None,
    });
    assert_eq!(ended.await, parent);
    world.put(b"child").await;
    world.wait(Duration::from_secs(5)).await;
    member.end_shard(parent);
    let mut children = BTreeSet::new();
    let mut revoked = false;
    while children.len() < 2 {
        let child = member.until(&world, |heard| match heard {
            Heard::Revoked { shard, reason } => {
                revoked |= shard == SHARD && *reason == ShardRevocation::Ended;
                None
            }
            Heard::Assigned(assigned) => Some(assigned.shard_id.clone()),
            Heard::Records { data, last, assignment, .. } => {
                assert_eq!(
                    (data, last.is_empty(), *assignment > parent),
                    (&vec!["child".to_owned()], false, true)
                );
                None
            }
            _ => None,
        });
        children.insert(child.await);
    }
    assert!(revoked, "the parent was told to be over");
    assert_eq!(
        children,
        BTreeSet::from(["shardId-000000000001".to_owned(), "shardId-000000000002".to_owned()])
    );
}

#[tokio::test]
async fn a_group_reads_several_streams() {
    let mut world = World::new().await;
    world.create("clicks", 2).await;
    world.put(b"one").await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks".to_owned();
    let both = JoinStart { streams: vec!["orders".to_owned(), arn.clone()], ..start() };
    let mut member = Member::join(&world, both).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(member.assigned(&world).await.stream);
    }
    streams.sort();
    assert_eq!(streams, [arn.clone(), arn, "orders".to_owned()]);
}

/// Leases of one stream are named otherwise than those of many: whoever took over the others' would lose records.
#[tokio::test]
async fn a_group_that_reads_one_stream_cannot_come_to_read_several() {
    let mut world = World::new().await;
    world.create("clicks", 1).await;
    let mut first = Member::join(&world, start()).await;
    first.assigned(&world).await;
    first.leave();
    assert!(first.end(&world).await.1.is_ok());
    let both = JoinStart { streams: vec!["orders".to_owned(), "clicks".to_owned()], ..start() };
    let (heard, ended) = Member::call(&world, Some(Request::Start(both.clone()))).await.end(&world).await;
    let status = ended.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "ResourceInUseException")
    );
    assert_eq!(heard, [], "it did not join");

    let of_many = |start: JoinStart| JoinStart { application_name: Some("both".to_owned()), ..start };
    let mut second = Member::join(&world, of_many(both)).await;
    second.assigned(&world).await;
    let (_, ended) = Member::call(&world, Some(Request::Start(of_many(start())))).await.end(&world).await;
    assert_eq!(ended.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_stream_is_not_two_by_having_two_names() {
    let world = World::new().await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders".to_owned();
    let twice = JoinStart { streams: vec!["orders".to_owned(), arn], ..start() };
    let (_, ended) = Member::call(&world, Some(Request::Start(twice))).await.end(&world).await;
    let status = ended.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("twice"), "{status:?}");
}
