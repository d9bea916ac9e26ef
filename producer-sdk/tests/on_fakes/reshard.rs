//! Shards that are split and merged while records are on their way: nothing is lost, for no kind of reader.

use std::time::Duration;

use millstream_client::aggregation::MemberPolicy;
use millstream_model::{HashKey, ShardId};
use millstream_producer_sdk::{AttemptOutcome, Pending, Producer, PutError, Receipt, Record};

use crate::fake::{FakeStream, Weather};
use crate::{clock, pass, producer_of, run};

const MS: Duration = Duration::from_millis(1);

/// A record at a thousandth of the hash key space.
fn record(thousandth: u128) -> Record {
    let place = u128::MAX / 1_000 * thousandth;
    Record::new("key", thousandth.to_string()).at(HashKey(place))
}

async fn send(producer: &Producer, thousandths: impl IntoIterator<Item = u128>) -> Vec<Pending> {
    let mut pending = Vec::new();
    for thousandth in thousandths {
        pending.push(producer.send(record(thousandth)).await.unwrap());
    }
    pending
}

async fn receipts(clock: &millstream_runtime::ManualClock, pending: Vec<Pending>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for pending in pending {
        receipts.push(run(clock, pending).await.unwrap());
    }
    receipts
}

fn found(stream: &FakeStream, policy: MemberPolicy) -> Vec<u128> {
    let mut found: Vec<u128> = stream
        .read(policy)
        .iter()
        .map(|found| std::str::from_utf8(&found.data).unwrap().parse().unwrap())
        .collect();
    found.sort_unstable();
    found
}

fn shard(index: u32) -> ShardId {
    ShardId::new(index).unwrap()
}

#[tokio::test]
async fn a_container_that_landed_in_a_child_is_put_again_whole() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let pending = send(&producer, [100, 900, 200]).await;
    stream.split(shard(0));
    stream.publish();
    let receipts = receipts(&clock, pending).await;
    // A reader like KCL leaves out what landed first, and has everything all the same.
    assert_eq!(found(&stream, MemberPolicy::KclStrict), [100, 200, 900]);
    assert_eq!(found(&stream, MemberPolicy::KeepAll), [100, 100, 200, 200, 900, 900]);
    for receipt in &receipts {
        assert_eq!(receipt.copies(), 2..=2);
        assert!(matches!(receipt.attempts()[0].outcome, AttemptOutcome::StoredElsewhere(_)));
    }
    let places: Vec<_> =
        receipts.iter().map(|receipt| (receipt.shard(), receipt.sub_sequence_number())).collect();
    assert_eq!(places, [(shard(1), 0), (shard(2), 0), (shard(1), 1)]);
    // From now on the shards are known.
    let pending = send(&producer, [150, 950]).await;
    let receipts = self::receipts(&clock, pending).await;
    assert!(receipts.iter().all(|receipt| receipt.copies() == (1..=1)), "{receipts:?}");
}

#[tokio::test]
async fn a_container_whose_members_all_belong_where_it_landed_is_stored() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let pending = send(&producer, [100, 200, 700]).await;
    stream.merge_up(shard(0));
    stream.split(shard(2));
    stream.publish();
    let receipts = receipts(&clock, pending).await;
    assert!(receipts.iter().all(|receipt| receipt.copies() == (1..=1)), "{receipts:?}");
    assert_eq!(found(&stream, MemberPolicy::KclStrict), [100, 200, 700]);
}

#[tokio::test]
async fn a_container_in_a_shard_that_listings_do_not_show_yet_waits_for_them() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let pending = send(&producer, [100, 900]).await;
    stream.split(shard(0));
    pass(&clock, Duration::from_secs(3)).await;
    let listings = stream.0.state.lock().listings;
    assert!((3..=12).contains(&listings), "{listings}: it asks again, and not all the time");
    assert_eq!(producer.outstanding().records, 2);
    stream.publish();
    let receipts = receipts(&clock, pending).await;
    assert_eq!(found(&stream, MemberPolicy::KclStrict), [100, 900]);
    assert!(receipts.iter().all(|receipt| receipt.copies() == (2..=2)));
}

#[tokio::test]
async fn a_container_in_a_shard_that_is_closed_before_any_listing_is_put_again() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let pending = send(&producer, [100, 900]).await;
    stream.split(shard(0));
    pass(&clock, MS * 150).await;
    // What it landed in is gone when listings show anything new.
    stream.merge_up(shard(1));
    stream.publish();
    let receipts = receipts(&clock, pending).await;
    assert_eq!(found(&stream, MemberPolicy::KclStrict), [100, 900]);
    assert!(receipts.iter().all(|receipt| receipt.copies() == (2..=2) && receipt.shard() == shard(3)));
}

#[tokio::test]
async fn a_container_about_which_nothing_becomes_known_expires_and_is_said_to_be_stored() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.record_ttl = MS * 3_000);
    let producer = producer.start().await.unwrap();
    let pending = send(&producer, [100, 900]).await;
    stream.split(shard(0));
    for pending in pending {
        let error = run(&clock, pending).await.unwrap_err();
        assert!(matches!(error, PutError::Expired(_)));
        assert_eq!(error.copies_max(), 1);
        assert!(error.attempts()[0].has_stored());
    }
}

#[tokio::test]
async fn what_waits_for_a_shard_goes_to_its_children_when_they_become_known() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| {
        settings.shard_map_refresh_interval = MS * 500;
        settings.record_max_buffered_time = MS * 2_000;
    });
    let producer = producer.start().await.unwrap();
    let pending = send(&producer, [100, 900, 200]).await;
    stream.split(shard(0));
    stream.publish();
    let receipts = receipts(&clock, pending).await;
    assert!(receipts.iter().all(|receipt| receipt.copies() == (1..=1)), "{receipts:?}");
    assert_eq!(found(&stream, MemberPolicy::KeepAll), [100, 200, 900]);
    assert_eq!(receipts[1].shard(), shard(2));
}

#[tokio::test]
async fn what_failed_on_its_way_to_a_shard_goes_to_its_children() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    stream.weather(Weather { latency_max: MS, lost_requests: 1_000, ..Weather::default() });
    let producer = producer_of(&stream, &clock, 1)
        .settings(|settings| settings.shard_map_refresh_interval = MS * 200)
        .start()
        .await
        .unwrap();
    let pending = send(&producer, [100, 900, 200]).await;
    pass(&clock, MS * 150).await;
    stream.split(shard(0));
    stream.publish();
    pass(&clock, MS * 150).await;
    stream.weather(Weather::default());
    let receipts = receipts(&clock, pending).await;
    assert_eq!(found(&stream, MemberPolicy::KeepAll), [100, 200, 900]);
    assert!(receipts.iter().all(|receipt| *receipt.copies().start() == 1 && receipt.attempts().len() > 1));
}

#[tokio::test]
async fn a_stream_that_spreads_records_itself_gets_each_once() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 2, 1);
    stream.0.state.lock().spreads = true;
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    let receipts = receipts(&clock, send(&producer, [700, 800, 900]).await).await;
    assert!(receipts.iter().all(|receipt| receipt.copies() == (1..=1) && receipt.shard() == shard(0)));
    assert_eq!(found(&stream, MemberPolicy::KeepAll), [700, 800, 900]);
}

#[tokio::test]
async fn many_records_that_miss_their_shards_make_one_listing() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).settings(|settings| settings.aggregation_max_count = 2);
    let producer = producer.start().await.unwrap();
    let before = stream.0.state.lock().listings;
    let pending = send(&producer, (0..200).map(|index| index * 5)).await;
    stream.split(shard(0));
    stream.publish();
    let receipts = receipts(&clock, pending).await;
    assert_eq!(receipts.len(), 200);
    assert_eq!(stream.0.state.lock().listings, before + 1);
    assert_eq!(found(&stream, MemberPolicy::KclStrict).len(), 200);
}
