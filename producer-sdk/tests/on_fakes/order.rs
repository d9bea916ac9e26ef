//! Records that are to be stored in order, when calls fail and shards change.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_client::Error;
use millstream_client::aggregation::MemberPolicy;
use millstream_producer_sdk::{Order, Pending, Producer, Record};
use millstream_runtime::ManualClock;

use crate::fake::{FakeStream, Weather};
use crate::{clock, pass, producer_of, run, settle};

const MS: Duration = Duration::from_millis(1);

async fn put_numbers(producer: &Producer, keys: u32, numbers: std::ops::Range<u32>) -> Vec<Pending> {
    let mut pending = Vec::new();
    for number in numbers {
        let key = format!("key-{}", number % keys);
        pending.push(producer.send(Record::new(key, number.to_string())).await.unwrap());
    }
    pending
}

/// Numbers in the order in which their first copies lie, by key.
fn first_copies(stream: &FakeStream, policy: MemberPolicy) -> BTreeMap<String, Vec<u32>> {
    let mut by_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for found in stream.read(policy) {
        let number = std::str::from_utf8(&found.data).unwrap().parse().unwrap();
        let numbers = by_key.entry(found.partition_key).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    by_key
}

fn assert_in_order(stream: &FakeStream, records: usize) {
    for policy in [MemberPolicy::KclStrict, MemberPolicy::KeepAll] {
        let by_key = first_copies(stream, policy);
        assert_eq!(by_key.values().map(Vec::len).sum::<usize>(), records, "{policy:?}");
        for (key, numbers) in by_key {
            assert!(numbers.is_sorted(), "{key} by {policy:?}: {numbers:?}");
        }
    }
}

async fn all(clock: &ManualClock, pending: Vec<Pending>) {
    for pending in pending {
        run(clock, pending).await.unwrap();
    }
}

fn in_small_containers(settings: &mut millstream_producer_sdk::ProducerSettings) {
    settings.aggregation_max_count = 3;
    settings.record_ttl = Duration::from_secs(50);
}

#[tokio::test]
async fn one_container_of_a_shard_is_in_flight_and_one_of_each_lane_of_keys() {
    for (order, lanes) in [(Order::Shard, 1), (Order::PartitionKey, 4), (Order::None, 24)] {
        let clock = clock();
        let stream = FakeStream::new(&clock, 1, 1);
        let producer = producer_of(&stream, &clock, 1).order(order).settings(in_small_containers);
        let producer = producer.settings(|settings| settings.collection_max_count = 1).start().await.unwrap();
        let _pending = put_numbers(&producer, 100, 0..600).await;
        stream.weather(Weather { hanging: 1_000, ..Weather::default() });
        pass(&clock, MS * 200).await;
        let in_flight = stream.0.state.lock().calls_in_flight;
        assert_eq!(in_flight, lanes, "{order:?}");
    }
}

#[tokio::test]
async fn what_failed_holds_back_what_follows() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).order(Order::Shard).settings(in_small_containers);
    let producer = producer.start().await.unwrap();
    stream.refuse((0..5).map(|_| Error::Throttling("slower".to_owned())));
    let pending = put_numbers(&producer, 1, 0..30).await;
    settle().await;
    all(&clock, pending).await;
    assert_in_order(&stream, 30);
}

#[tokio::test]
async fn keys_stay_in_order_under_throttling_and_faults() {
    for order in [Order::PartitionKey, Order::Shard] {
        for seed in 0..10 {
            let clock = clock();
            let stream = FakeStream::new(&clock, 2, seed);
            stream.weather(Weather {
                latency_max: MS * 20,
                lost_requests: 50,
                lost_replies: 50,
                failing_entries: 100,
                quota: 30,
                ..Weather::default()
            });
            let producer = producer_of(&stream, &clock, seed).order(order).settings(in_small_containers);
            let producer = producer.start().await.unwrap();
            let pending = put_numbers(&producer, 7, 0..400).await;
            all(&clock, pending).await;
            assert_in_order(&stream, 400);
        }
    }
}

#[tokio::test]
async fn keys_stay_in_order_when_shards_are_replaced_under_them() {
    for order in [Order::PartitionKey, Order::Shard] {
        for seed in 0..10 {
            let clock = clock();
            let stream = FakeStream::new(&clock, 1, seed);
            stream.weather(Weather {
                latency_max: MS * 30,
                lost_replies: 100,
                failing_entries: 50,
                ..Weather::default()
            });
            let producer = producer_of(&stream, &clock, seed).order(order).settings(in_small_containers);
            let producer = producer
                .settings(|settings| settings.shard_map_refresh_interval = MS * 150)
                .start()
                .await
                .unwrap();
            let mut pending = Vec::new();
            for round in 0..8 {
                pending.extend(put_numbers(&producer, 7, round * 60..round * 60 + 60).await);
                pass(&clock, MS * 40).await;
                let open = stream.open_shards();
                let shard = open[usize::try_from(stream.random(open.len() as u64)).unwrap()];
                if stream.random(2) == 0 {
                    stream.split(shard);
                } else {
                    stream.merge_up(shard);
                }
                stream.publish();
            }
            all(&clock, pending).await;
            assert_in_order(&stream, 480);
        }
    }
}
