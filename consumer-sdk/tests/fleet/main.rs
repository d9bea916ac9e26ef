//! Fleets of consumers in one process, on one clock: they share shards, follow reshards, stop, crash, and fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod failures;
mod fake;
mod figures;
mod fleet;

use std::time::Duration;

use fleet::{FAILOVER, Fleet, STEP};
use millstream_client::Error as ReadError;
use millstream_consumer_sdk::{ConsumerSettings, Retrieval, ShardState};

const SECOND: Duration = Duration::from_secs(1);

fn polling(settings: &mut ConsumerSettings) {
    settings.retrieval = Retrieval::Polling;
}

fn fan_out(settings: &mut ConsumerSettings) {
    settings.retrieval = Retrieval::FanOut { consumer_name: None };
}

#[tokio::test]
async fn the_first_record_comes_within_two_seconds() {
    for retrieval in [polling, fan_out] {
        let mut fleet = Fleet::new(4);
        let records = fleet.stream.put_everywhere();
        fleet.start(retrieval);
        let took = fleet.until(SECOND * 10, |fleet| fleet.all_processed(&records)).await;
        assert!(took <= SECOND * 2, "{took:?}");
    }
}

#[tokio::test]
async fn a_fleet_shares_the_shards_and_moves_leave_no_duplicate() {
    for (retrieval, way) in [(polling as fn(&mut ConsumerSettings), "polling"), (fan_out, "fan-out")] {
        let mut fleet = Fleet::new(6);
        let mut records = Vec::new();
        for worker in 0..3 {
            fleet.start(retrieval);
            for _ in 0..40 {
                records.extend(fleet.stream.put_everywhere());
                fleet.run(SECOND / 4).await;
            }
            assert_eq!(fleet.shards_of(0) * (worker + 1), 6, "with {} workers", worker + 1);
        }
        fleet.until(SECOND * 10, |fleet| fleet.all_processed(&records)).await;
        fleet.each_once(&records);
        fleet.in_order();
        let read_by = fleet.status(2).shards.first().and_then(|shard| shard.retrieval);
        assert_eq!(read_by, Some(way));
    }
}

#[tokio::test]
async fn children_come_after_their_parents() {
    for retrieval in [polling, fan_out] {
        let mut fleet = Fleet::new(2);
        fleet.start(retrieval);
        fleet.start(retrieval);
        let mut records = fleet.stream.put_everywhere();
        fleet.run(SECOND * 5).await;
        records.extend(fleet.stream.put_everywhere());
        fleet.stream.split(0);
        records.extend(fleet.stream.put_everywhere());
        fleet.stream.merge(3, 1);
        records.extend(fleet.stream.put_everywhere());
        fleet.until(SECOND * 30, |fleet| fleet.all_processed(&records)).await;
        fleet.each_once(&records);
        let by_shard = fleet.ledger.by_shard.lock().clone();
        assert_eq!(by_shard.len(), 5, "{by_shard:?}");
        let calls = fleet.ledger.calls.lock().clone();
        for shard in [0, 1, 3] {
            let ended = format!("shardId-{shard:012} ended");
            assert_eq!(calls.iter().filter(|call| **call == ended).count(), 1, "{calls:?}");
        }
    }
}

#[tokio::test]
async fn a_rolling_deployment_leaves_no_duplicate() {
    let mut fleet = Fleet::new(6);
    for _ in 0..3 {
        fleet.start(polling);
    }
    let mut records = Vec::new();
    for old in 0..3 {
        for _ in 0..20 {
            records.extend(fleet.stream.put_everywhere());
            fleet.run(SECOND / 2).await;
        }
        let ended = fleet.stop(old).await.unwrap();
        assert!(ended.unfinished.is_empty(), "{ended:?}");
        fleet.start(polling);
    }
    fleet.until(SECOND * 20, |fleet| fleet.all_processed(&records)).await;
    fleet.each_once(&records);
    fleet.in_order();
}

#[tokio::test]
async fn others_go_on_soon_after_a_crash() {
    let mut fleet = Fleet::new(4);
    // The first one leads.
    fleet.start(polling);
    fleet.run(SECOND * 3).await;
    fleet.start(polling);
    fleet.until(SECOND * 60, |fleet| fleet.shards_of(1) == 2).await;
    let before = fleet.stream.put_everywhere();
    fleet.run(SECOND * 6).await;
    fleet.crash(1).await;
    let records = fleet.stream.put_everywhere();
    let took = fleet.until(FAILOVER * 3, |fleet| fleet.all_processed(&records)).await;
    assert!(took <= FAILOVER + SECOND * 2 + STEP, "{took:?}");
    fleet.each_once(&before);
    fleet.each_once(&records);
}

#[tokio::test]
async fn a_slow_shard_does_not_hold_up_others() {
    let mut fleet = Fleet::new(2);
    fleet.ledger.delays.lock().insert("shardId-000000000000".to_owned(), SECOND * 3_600);
    fleet.start(|settings| {
        polling(settings);
        (settings.prefetch_bytes, settings.prefetch_bytes_per_shard) = (10, 10);
    });
    for _ in 0..30 {
        let (_, quick) = (fleet.stream.put(0), fleet.stream.put(1));
        let took = fleet.until(SECOND * 5, |fleet| fleet.all_processed(&[quick])).await;
        assert!(took <= SECOND * 2, "{took:?}");
    }
}

#[tokio::test]
async fn shards_are_polled_where_no_consumer_can_be_registered() {
    let mut fleet = Fleet::new(1);
    fleet.stream.allow_consumers(0);
    fleet.start(fan_out);
    fleet.run(SECOND * 15).await;
    let records = fleet.stream.put_everywhere();
    fleet.until(SECOND * 2, |fleet| fleet.all_processed(&records)).await;
    assert_eq!(fleet.stream.subscriptions(), 0);
    // Once there is room, it subscribes.
    fleet.stream.allow_consumers(1);
    fleet.run(SECOND * 310).await;
    assert_eq!(fleet.stream.subscriptions(), 1);
}

#[tokio::test]
async fn subscriptions_go_on_where_they_ended() {
    let mut fleet = Fleet::new(2);
    fleet.start(fan_out);
    let mut records = Vec::new();
    for round in 0..20 {
        records.extend(fleet.stream.put_everywhere());
        fleet.stream.end_subscriptions();
        records.extend(fleet.stream.put_everywhere());
        if round % 5 == 0 {
            fleet.stream.fail_reads(vec![ReadError::ConnectionLost("cut".to_owned()); 3]);
        }
        fleet.run(SECOND).await;
    }
    fleet.until(SECOND * 20, |fleet| fleet.all_processed(&records)).await;
    fleet.each_once(&records);
    assert!(fleet.stream.subscriptions() > 20, "{} {:?}", fleet.stream.subscriptions(), fleet.status(0));
    assert!(matches!(fleet.status(0).shards[0].state, ShardState::Processing));
}
