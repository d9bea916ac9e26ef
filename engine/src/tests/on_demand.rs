//! On-demand streams that grow with what they are offered, and shrink when it is long past.

use std::sync::atomic::{AtomicU64, Ordering};

use millstream_model::{HashKey, limits as aws};
use millstream_runtime::{OnFailure, SystemClock, TaskSet};

use super::*;
use crate::capacity::scaler::LOOK_INTERVAL;
use crate::{CallLimits, ListShards, PutFailure, ShardFilter, ShardsFrom};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// One MB here stands for one of AWS's 1 MiB, so that 40 of them a second are little to store.
const MB: u64 = 1024;
const RECORD_BYTES: u64 = 256;

/// AWS's limits, with a shard that takes 1 KiB a second instead of 1 MiB.
fn small_shards() -> World {
    let mut world = World::new();
    let calls_per_second = CallLimits::OFF;
    world.settings.limits = Limits { write_bytes_per_second: Some(MB), calls_per_second, ..Limits::AWS };
    world
}

fn on_demand(arn: &StreamArn) -> CreateStream {
    CreateStream { mode: Some(Mode::OnDemand), shard_count: None, ..provisioned(arn, 1) }
}

async fn with_on_demand(world: &World) -> (Engine, StreamArn) {
    let (engine, arn) = (world.open().await, arn("elastic"));
    engine.create_stream(on_demand(&arn)).await.unwrap();
    (engine, arn)
}

fn open_shards(engine: &Engine, arn: &StreamArn) -> u64 {
    engine.describe_stream_summary(arn).unwrap().open_shards as u64
}

/// One second's records, spread evenly over the hash keys.
fn second_of(bytes: u64) -> Vec<PutEntry> {
    let count = u128::from(bytes / RECORD_BYTES);
    let data = Bytes::from(vec![b'x'; usize::try_from(RECORD_BYTES).unwrap() - 1]);
    let places = (0..count).map(|place| u128::MAX / count * place + u128::MAX / count / 2);
    let entry = |place| PutEntry {
        partition_key: Bytes::from_static(b"k"),
        explicit_hash_key: Some(HashKey(place)),
        data: data.clone(),
    };
    places.map(entry).collect()
}

/// Offers so much for a time, with a look whenever one is due. Gives the bytes that were throttled; whatever else
/// could befall a record fails the test.
async fn offer(world: &World, engine: &Engine, arn: &StreamArn, rate: u64, time: Duration) -> u64 {
    let entries = second_of(rate);
    let mut throttled = 0;
    for second in 1..=time.as_secs() {
        for batch in entries.chunks(aws::PUT_RECORDS_ENTRIES_MAX) {
            for outcome in engine.put_records(arn, batch, false).await.unwrap() {
                match outcome {
                    Ok(_) => {}
                    Err(PutFailure::Throttled(_)) => throttled += RECORD_BYTES,
                    Err(PutFailure::Internal) => panic!("a record failed"),
                }
            }
        }
        world.clock.advance(SECOND);
        if second % LOOK_INTERVAL.as_secs() == 0 {
            engine.scale_on_demand().await;
        }
    }
    throttled
}

/// Lets time pass without a record, with a look a day.
async fn rest(world: &World, engine: &Engine, days: u32) {
    for _ in 0..days {
        world.clock.advance(DAY);
        engine.scale_on_demand().await;
    }
}

#[tokio::test]
async fn traffic_that_doubles_is_never_throttled() {
    let world = small_shards();
    let (engine, arn) = with_on_demand(&world).await;
    assert_eq!(open_shards(&engine, &arn), 4);
    for megabytes in [2, 4, 8, 16, 32, 40] {
        let throttled = offer(&world, &engine, &arn, megabytes * MB, LOOK_INTERVAL * 4).await;
        assert_eq!(throttled, 0, "of {megabytes} MB/s");
        let open = open_shards(&engine, &arn);
        assert!((2 * megabytes..=5 * megabytes).contains(&open), "{open} shards for {megabytes} MB/s");
    }
    assert!(open_shards(&engine, &arn) >= 80);
}

#[tokio::test]
async fn traffic_that_more_than_doubles_is_throttled_for_a_quarter_of_an_hour_at_most() {
    let world = small_shards();
    let (engine, arn) = with_on_demand(&world).await;
    let minutes = LOOK_INTERVAL;
    assert_eq!(offer(&world, &engine, &arn, 4 * MB, minutes * 3).await, 0);
    let throttled = offer(&world, &engine, &arn, 40 * MB, minutes).await;
    assert!(throttled > 30 * MB * 60, "{throttled} bytes");
    offer(&world, &engine, &arn, 40 * MB, aws::ON_DEMAND_GROWS_WITHIN - minutes).await;
    assert_eq!(offer(&world, &engine, &arn, 40 * MB, minutes).await, 0);
    assert!(open_shards(&engine, &arn) >= 80);
}

/// By AWS's own figures: 500 records a second are half of what a shard takes.
#[tokio::test]
async fn what_is_refused_is_asked_for_as_well() {
    let mut world = World::new();
    world.settings.limits = Limits { calls_per_second: CallLimits::OFF, ..Limits::AWS };
    let (engine, arn) = with_on_demand(&world).await;
    let offer = async |records: u64| {
        let entries: Vec<_> = (0..500_u32).map(|number| entry(&number.to_string(), "x")).collect();
        for _ in 0..records / 500 {
            engine.put_records(&arn, &entries, false).await.unwrap();
        }
        world.clock.advance(LOOK_INTERVAL);
        engine.scale_on_demand().await;
        open_shards(&engine, &arn)
    };
    // A shard takes 1,000 records at once; the clock stands still, so all others are refused.
    assert_eq!(offer(60 * 1_600).await, 4);
    assert_eq!(offer(60 * 2_600).await, 8);
}

#[tokio::test]
async fn one_key_does_not_make_a_stream_run_away() {
    let world = small_shards();
    let (engine, arn) = with_on_demand(&world).await;
    let entries: Vec<_> = (0..64).map(|_| entry("the only key", vec![0; 250])).collect();
    for _ in 0..40 {
        for _ in 0..60 {
            engine.put_records(&arn, &entries, false).await.unwrap();
            world.clock.advance(SECOND);
        }
        engine.scale_on_demand().await;
    }
    assert!(open_shards(&engine, &arn) <= 12, "{} shards", open_shards(&engine, &arn));
}

#[tokio::test]
async fn a_stream_stays_within_what_its_operator_allows() {
    for limits in [
        Limits { on_demand_mib_per_second_max: Some(6), ..Limits::AWS },
        Limits { shards_per_account: Some(6), ..Limits::AWS },
    ] {
        let mut world = small_shards();
        let write_bytes_per_second = Some(1024 * 1024);
        world.settings.limits = Limits {
            write_bytes_per_second,
            write_records_per_second: Some(10),
            calls_per_second: CallLimits::OFF,
            ..limits
        };
        let (engine, arn) = with_on_demand(&world).await;
        offer(&world, &engine, &arn, 80 * RECORD_BYTES, LOOK_INTERVAL * 5).await;
        assert_eq!(open_shards(&engine, &arn), 6);
    }
}

#[tokio::test]
async fn without_limits_there_is_nothing_to_follow() {
    let world = World::new();
    let (engine, arn) = with_on_demand(&world).await;
    offer(&world, &engine, &arn, 400 * MB, LOOK_INTERVAL * 2).await;
    assert_eq!(open_shards(&engine, &arn), 4);
}

#[tokio::test]
async fn what_was_needed_stays_for_thirty_days_and_goes_by_halves() {
    let world = small_shards();
    let (engine, arn) = with_on_demand(&world).await;
    for megabytes in [4, 8, 16] {
        offer(&world, &engine, &arn, megabytes * MB, LOOK_INTERVAL * 3).await;
    }
    let grown = open_shards(&engine, &arn);
    assert!(grown >= 32);
    rest(&world, &engine, 20).await;
    // The history of demand survives a restart.
    engine.close().await.unwrap();
    let engine = world.open().await;
    rest(&world, &engine, 10).await;
    assert_eq!(open_shards(&engine, &arn), grown);
    rest(&world, &engine, 1).await;
    assert_eq!(open_shards(&engine, &arn), grown / 2);
    rest(&world, &engine, 1).await;
    assert_eq!(open_shards(&engine, &arn), grown / 4);
    rest(&world, &engine, 9).await;
    assert_eq!(open_shards(&engine, &arn), 4);
}

#[tokio::test]
async fn an_idle_stream_writes_nothing() {
    let world = small_shards();
    let (engine, arn) = with_on_demand(&world).await;
    offer(&world, &engine, &arn, MB, LOOK_INTERVAL).await;
    let position = || engine.inner.slot.watch().borrow().position;
    let before = position();
    rest(&world, &engine, 3).await;
    assert_eq!(position(), before);
}

#[tokio::test]
async fn a_full_disk_only_delays_growth() {
    // Growth is refused, or what is only to be remembered.
    for (megabytes, grown) in [(4, 8), (1, 4)] {
        let world = small_shards();
        let (engine, arn) = with_on_demand(&world).await;
        let entries = second_of(megabytes * MB);
        for _ in 0..60 {
            engine.put_records(&arn, &entries, false).await.unwrap();
            world.clock.advance(SECOND);
        }
        world.faults().disk_full(true);
        engine.scale_on_demand().await;
        assert_eq!(open_shards(&engine, &arn), 4);
        world.faults().disk_full(false);
        // What was offered before the disk was full is not offered again.
        world.clock.advance(LOOK_INTERVAL);
        engine.scale_on_demand().await;
        assert_eq!(open_shards(&engine, &arn), grown);
        let meta = engine.inner.find(&arn).unwrap().meta;
        assert_eq!(meta.capacity.demand.peak(engine.inner.now()).bytes, megabytes * MB);
    }
}

/// Writers on four threads go on while the stream doubles again and again: whatever they are told is that their record
/// is stored, or that it was too much; and what they were told is so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_put_while_growing_fails_for_no_reason_but_throttling() {
    let mut world = small_shards();
    world.settings.limits = Limits {
        write_bytes_per_second: Some(8 * MB),
        write_records_per_second: Some(aws::SHARD_WRITE_RECORDS_PER_SECOND),
        ..Limits::OFF
    };
    let (engine, arn) = with_on_demand(&world).await;
    let stored = Arc::new(AtomicU64::new(0));
    let tasks = TaskSet::default();
    for writer in 0..6 {
        let (engine, arn, stored) = (engine.clone(), arn.clone(), stored.clone());
        tasks.spawn("writer", OnFailure::Log, async move {
            for round in 0..400 {
                let entries: Vec<_> =
                    (0..20).map(|place| entry(&format!("{writer}:{round}:{place}"), vec![0; 500])).collect();
                for outcome in engine.put_records(&arn, &entries, false).await? {
                    match outcome {
                        Ok(_) => stored.fetch_add(1, Ordering::Relaxed),
                        Err(PutFailure::Throttled(_)) => 0,
                        Err(failure) => return Err(crate::Error::Internal(format!("{failure:?}"))),
                    };
                }
            }
            Ok(())
        });
    }
    let mut counts = vec![open_shards(&engine, &arn)];
    tasks.shutdown();
    while !tasks.join(&*SystemClock::shared(), Duration::from_millis(5)).await {
        world.clock.advance(LOOK_INTERVAL);
        engine.scale_on_demand().await;
        counts.push(open_shards(&engine, &arn));
    }
    assert!(*counts.last().unwrap() > 4, "{counts:?}");
    let metrics = engine.metrics().into_iter().find(|(of, _)| *of == arn).unwrap().1;
    // Had a call failed as a whole, its records would be missing.
    assert_eq!(metrics.put_records_total_records, 6 * 400 * 20);
    assert_eq!(metrics.put_records_failed_records, 0);
    assert_eq!(metrics.put_records_successful_records, stored.load(Ordering::Relaxed));
    assert_eq!(count_all(&engine, &arn).await, stored.load(Ordering::Relaxed));
}

async fn count_all(engine: &Engine, arn: &StreamArn) -> u64 {
    let from =
        ShardsFrom::Start { arn, filter: ShardFilter::FromTrimHorizon, after: None, stream_created: None };
    let shards = engine.list_shards(ListShards { from, shards_max: None }).unwrap().shards;
    let mut count = 0;
    for shard in shards {
        let id = shard.id.to_string();
        let mut next = engine.get_shard_iterator(arn, &id, &StartingPosition::TrimHorizon, false).await.ok();
        while let Some(iterator) = next {
            let page = engine.get_records(call(&iterator, None)).await.unwrap();
            count += page.records.len() as u64;
            next = page.next_iterator.filter(|_| !page.records.is_empty());
        }
    }
    count
}
