//! Aggregated records: each member is a record of its own.

use bytes::Bytes;
use millstream_client::NewRecord;
use millstream_client::aggregation::Container;
use millstream_consumer_sdk::{ConsumerSettings, MemberPolicy};
use millstream_model::HashKey;

use crate::scene::{Scene, polling};

const MEMBERS: u64 = 5;

/// Members alternate between the two shards of a stream.
fn container() -> NewRecord {
    let mut container = Container::default();
    for number in 0..MEMBERS {
        let explicit_hash_key = Some(if number % 2 == 0 { HashKey::MIN } else { HashKey::MAX });
        let data = Bytes::from(format!("member-{number}"));
        container.push(NewRecord { partition_key: "key".to_owned(), explicit_hash_key, data }.into());
    }
    container.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_taken_apart() {
    let scene = Scene::new(2);
    scene.put_raw(container()).await;
    let member = scene.start("app", "only", polling).await;
    scene.until("all members are processed", |scene| scene.texts().len() == 5).await;
    let processed: Vec<_> = scene.ledger.lock().iter().map(|processed| processed.record.clone()).collect();
    let places: Vec<_> = processed.iter().map(|record| record.sub_sequence).collect();
    assert_eq!(places, (0..MEMBERS).collect::<Vec<_>>());
    assert!(processed.iter().all(|record| record.is_member && record.partition_key == "key"));
    let foreign: u64 = member.status.snapshot().shards.iter().map(|shard| shard.members_foreign).sum();
    assert_eq!(foreign, 2, "those of the other shard are kept, and counted");
    member.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_other_shards_are_left_out_where_that_is_asked_for() {
    let scene = Scene::new(2);
    scene.put_raw(container()).await;
    let last = scene.put("alone", 1);
    let filtering = |settings: &mut ConsumerSettings| {
        polling(settings);
        settings.members = MemberPolicy::FilterMember;
    };
    let member = scene.start("app", "only", filtering).await;
    let dropped = |_: &Scene| member.status.snapshot().shards.iter().any(|shard| shard.members_dropped == 2);
    scene.until("two are left out", dropped).await;
    scene.until("the rest is processed", |scene| scene.has_all(&last)).await;
    let of_container: Vec<_> = scene.texts().into_iter().filter(|text| text.starts_with("member")).collect();
    assert_eq!(of_container, ["member-0", "member-2", "member-4"]);
    member.stop().await;
}
