//! What is sent ahead of acknowledgements.

use std::collections::BTreeMap;

use millstream_proto::v1::{CheckpointRefusal, PutRecordsRequest, Retrieval};

use super::*;

const WINDOW: usize = 65_536;

fn small() -> JoinStart {
    JoinStart { window_bytes: Some(65_536), records_max: Some(1), ..start() }
}

/// Puts so many records of 10 KB for each hash key.
async fn fill(world: &mut World, stream: &str, hash_keys: &[u128], count: usize) {
    for number in 0..count {
        let data = format!("{number:05}").repeat(2_000);
        let of = |key: &u128| PutRecordsRequestEntry {
            explicit_hash_key: Some(key.to_string()),
            ..entry("k", data.clone())
        };
        let records = hash_keys.iter().map(of).collect();
        let request = PutRecordsRequest {
            stream_name: Some(stream.to_owned()),
            records,
            ..PutRecordsRequest::default()
        };
        world.records.put_records(request).await.unwrap();
    }
}

async fn records(member: &mut Member, world: &World) -> (i64, String, Vec<String>) {
    member
        .until(world, |heard| match heard {
            Heard::Records { assignment, last, data, .. } => Some((*assignment, last.clone(), data.clone())),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn no_more_is_sent_than_the_window_until_it_is_acknowledged() {
    for retrieval in [Retrieval::FanOut, Retrieval::Polling] {
        let mut world = World::new().await;
        fill(&mut world, "orders", &[0], 30).await;
        let mut member =
            Member::join(&world, JoinStart { retrieval: Some(retrieval.into()), ..small() }).await;
        let mut sent = 0;
        let (mut assignment, mut last) = (0, String::new());
        while sent + 10_065 <= WINDOW {
            let (of, number, data) = records(&mut member, &world).await;
            sent += data.iter().map(|data| data.len() + 65).sum::<usize>();
            (assignment, last) = (of, number);
        }
        assert!(sent <= WINDOW, "{sent} bytes are sent ahead");
        let machine = SystemClock::shared();
        let next = world.while_time_passes(async { member.next().await.unwrap() });
        let heard = machine.timeout(Duration::from_millis(500), next).await;
        assert_eq!(heard, None, "nothing is acknowledged");
        let mut count = sent / 10_065;
        member.checkpoint(assignment, &last);
        while count < 30 {
            let (assignment, last, data) = records(&mut member, &world).await;
            count += data.len();
            member.checkpoint(assignment, &last);
        }
        assert_eq!(count, 30);
    }
}

#[tokio::test]
async fn a_record_that_is_larger_than_the_window_comes_alone() {
    let mut world = World::new().await;
    let large = vec![b'x'; 300_000];
    for _ in 0..2 {
        let records = vec![entry("k", large.clone())];
        let request =
            PutRecordsRequest { stream_name: Some("orders".to_owned()), records, ..Default::default() };
        world.records.put_records(request).await.unwrap();
    }
    let mut member = Member::join(&world, small()).await;
    assert_eq!(member.process(&world, 2).await.len(), 2);
}

#[tokio::test]
async fn a_shard_that_is_not_acknowledged_holds_up_itself_alone() {
    let mut world = World::new().await;
    world.create("clicks", 2).await;
    fill(&mut world, "clicks", &[0, u128::MAX], 40).await;
    let mut member = Member::join(&world, JoinStart { streams: vec!["clicks".to_owned()], ..small() }).await;
    let slow = member.assigned(&world).await.assignment_id;
    let quick = member.assigned(&world).await.assignment_id;
    let (mut of_slow, mut of_quick) = (0, 0);
    // None of the records of one is acknowledged.
    while of_quick < 40 {
        let (assignment, last, data) = records(&mut member, &world).await;
        if assignment == slow {
            of_slow += data.iter().map(|data| data.len() + 65).sum::<usize>();
        } else {
            assert_eq!(assignment, quick);
            of_quick += data.len();
            member.checkpoint(assignment, &last);
        }
    }
    assert!(of_slow <= WINDOW, "{of_slow} bytes of the slow shard were sent");
}

#[tokio::test]
async fn checkpoints_that_cannot_be_are_refused() {
    let mut world = World::new().await;
    let (first, second) = (world.put(b"one").await, world.put(b"two").await);
    let mut member = Member::join(&world, start()).await;
    let assignment = member.assigned(&world).await.assignment_id;
    assert_eq!(member.process(&world, 2).await, ["one", "two"]);
    let stored = member.until(&world, |heard| match heard {
        Heard::Checkpointed(at) => Some(at.sequence_number.clone()),
        _ => None,
    });
    assert_eq!(stored.await, second);
    let refusal = async |member: &mut Member| {
        member
            .until(&world, |heard| match heard {
                Heard::Refused { assignment, reason } => Some((*assignment, *reason)),
                _ => None,
            })
            .await
    };
    let out_of_range: i32 = CheckpointRefusal::OutOfRange.into();
    member.checkpoint(assignment, &first);
    assert_eq!(refusal(&mut member).await, (assignment, out_of_range), "it goes back");
    member.checkpoint(assignment, &format!("{}9", &second));
    assert_eq!(refusal(&mut member).await, (assignment, out_of_range), "it was not sent");
    member.end_shard(assignment);
    assert_eq!(refusal(&mut member).await, (assignment, out_of_range), "the shard is open");
    member.checkpoint(77, &second);
    assert_eq!(refusal(&mut member).await, (77, CheckpointRefusal::LeaseLost.into()));
    member.checkpoint(assignment, &second);
    let stored = member.until(&world, |heard| match heard {
        Heard::Checkpointed(at) => Some(at.sequence_number.clone()),
        _ => None,
    });
    assert_eq!(stored.await, second, "the same once more does no harm");
}

/// Nobody could read on from it, and the shard would stand still for good.
#[tokio::test]
async fn a_checkpoint_that_is_no_number_of_the_shard_is_refused() {
    let mut world = World::new().await;
    world.create("clicks", 2).await;
    fill(&mut world, "clicks", &[0, u128::MAX], 3).await;
    let start = JoinStart { streams: vec!["clicks".to_owned()], ..start() };
    let mut member = Member::join(&world, start).await;
    let mut lasts: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    while lasts.values().map(Vec::len).sum::<usize>() < 2 {
        let (assignment, last, _) = records(&mut member, &world).await;
        lasts.entry(assignment).or_default().push(last);
    }
    let [(one, of_one), (other, of_other)] = lasts.iter().collect::<Vec<_>>()[..] else {
        panic!("{lasts:?}")
    };
    let mut numbers = [(*one, &of_one[0]), (*other, &of_other[0])];
    numbers.sort_by_key(|(_, number)| *number);
    let [(_, least), (assignment, _)] = numbers;
    member.checkpoint(assignment, least);
    let refused = member.until(&world, |heard| match heard {
        Heard::Refused { assignment, reason } => Some((*assignment, *reason)),
        _ => None,
    });
    assert_eq!(refused.await, (assignment, CheckpointRefusal::OutOfRange.into()));
}

/// It costs the server little, and holds up nobody.
#[tokio::test]
async fn a_member_that_reads_nothing_and_one_that_does_live_side_by_side() {
    let mut world = World::new().await;
    fill(&mut world, "orders", &[0], 50).await;
    let of = |name: &str| JoinStart { application_name: Some(name.to_owned()), ..start() };
    let stalled = Member::join(&world, of("stalled")).await;
    let mut other = Member::join(&world, of("other")).await;
    assert_eq!(other.process(&world, 50).await.len(), 50);
    world.wait(Duration::from_secs(30)).await;
    fill(&mut world, "orders", &[0], 5).await;
    assert_eq!(other.process(&world, 5).await.len(), 5);
    drop(stalled);
}
