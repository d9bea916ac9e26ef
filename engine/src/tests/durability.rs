//! Crashes, restarts, full disks, and clocks that jump.

use millstream_storage::{KeyRange, ScanOptions};

use super::*;
use crate::Error;

#[tokio::test]
async fn records_and_streams_survive_a_restart_and_numbers_go_on() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let before = put_all(&engine, &arn, numbered(0..10)).await;
    engine.close().await.unwrap();

    let engine = world.open().await;
    let after = put_all(&engine, &arn, numbered(10..12)).await;
    assert!(before.last().unwrap().sequence_number < after[0].sequence_number);
    assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(0..12)));
}

#[tokio::test]
async fn an_iterator_survives_a_restart() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..10)).await;
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let page = engine.get_records(call(&start, Some(4))).await.unwrap();
    let latest = iterator(&engine, &arn, StartingPosition::Latest).await;
    engine.close().await.unwrap();

    let engine = world.open().await;
    put_all(&engine, &arn, numbered(10..12)).await;
    let rest = read_from(&engine, page.next_iterator.unwrap(), 3).await.unwrap();
    assert!(texts(&rest).into_iter().eq(numbered(4..12)));
    assert_eq!(texts(&read_from(&engine, latest, 3).await.unwrap()), ["r10", "r11"]);
}

#[tokio::test]
async fn nothing_is_acknowledged_or_shown_before_it_is_durable() {
    let world = World::new();
    let backend = MemoryBackend::manual();
    let slot = backend.open_slot(SlotId(0), None).unwrap();
    let (syncing, stop) = (slot.clone(), tokio_util_stop());
    let syncer = sync_until(syncing, stop.clone());
    let setup = async {
        let engine = world.open_on(slot.clone()).await;
        engine.create_stream(provisioned(&arn("orders"), 1)).await.unwrap();
        stop.notify_one();
        engine
    };
    let (engine, ()) = tokio::join!(setup, syncer);
    let arn = arn("orders");

    let acknowledged = std::sync::atomic::AtomicBool::new(false);
    let writing = async {
        put(&engine, &arn, "x").await.unwrap();
        acknowledged.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let reading = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(read_all(&engine, &arn).await.unwrap(), Vec::<String>::new());
        assert!(!acknowledged.load(std::sync::atomic::Ordering::SeqCst));
        slot.sync();
    };
    tokio::join!(writing, reading);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["x"]);
}

fn tokio_util_stop() -> Arc<tokio::sync::Notify> {
    Arc::new(tokio::sync::Notify::new())
}

async fn sync_until(slot: Arc<millstream_storage::memory::MemorySlot>, stop: Arc<tokio::sync::Notify>) {
    loop {
        tokio::select! {
            biased;
            () = stop.notified() => return,
            () = tokio::task::yield_now() => slot.sync(),
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_puts_and_heals_without_a_restart() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    world.faults().disk_full(true);
    for _ in 0..3 {
        assert!(matches!(put(&engine, &arn, "lost").await, Err(Error::Unavailable(_))));
    }
    assert_eq!(read_all(&engine, &arn).await.unwrap().len(), 3);
    world.faults().disk_full(false);
    let healed = put_when_healed(&world, &engine, &arn).await;
    assert!(healed);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["r0", "r1", "r2", "healed"]);
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(read_all(&engine, &arn).await.unwrap().len(), 4);
}

/// A reader who read to the end while numbers were given in vain must not miss the records that come after a restart.
#[tokio::test]
async fn a_reader_who_stands_at_the_end_of_a_full_disk_misses_nothing_after_a_restart() {
    for (before, restarted) in [(0, false), (1, false), (1, true)] {
        let world = World::new();
        let (mut engine, arn) = world.with_stream(1).await;
        put_all(&engine, &arn, numbered(0..before)).await;
        if restarted {
            engine.close().await.unwrap();
            engine = world.open().await;
        }
        world.faults().disk_full(true);
        for _ in 0..3 {
            assert!(put(&engine, &arn, "lost").await.is_err());
        }
        world.faults().disk_full(false);
        while engine.check_writable().is_err() {
            world.clock.advance(Duration::from_millis(250));
            tokio::task::yield_now().await;
        }
        let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
        let end = engine.get_records(call(&start, None)).await.unwrap().next_iterator.unwrap();
        engine.close().await.unwrap();
        let engine = world.open().await;
        put(&engine, &arn, "found").await.unwrap();
        assert_eq!(texts(&read_from(&engine, end, 9).await.unwrap()), ["found"], "{before} {restarted}");
    }
}

/// Lets the engine's retry come round, and puts once it has.
async fn put_when_healed(world: &World, engine: &Engine, arn: &StreamArn) -> bool {
    for _ in 0..100 {
        world.clock.advance(Duration::from_millis(250));
        tokio::task::yield_now().await;
        if engine.check_writable().is_ok() {
            return put(engine, arn, "healed").await.is_ok();
        }
    }
    false
}

#[tokio::test]
async fn streams_can_be_deleted_while_the_disk_is_full() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    world.faults().disk_full(true);
    engine.delete_stream(&arn).await.unwrap();
    engine.tidy_up().await.unwrap();
    assert!(engine.describe_stream_summary(&arn).is_err());
}

#[tokio::test]
async fn numbers_given_in_vain_are_not_given_again() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let before = put(&engine, &arn, "a").await.unwrap().sequence_number.index;
    world.faults().fail_commits(Some(millstream_storage::Error::Uncertain { reason: "planned".into() }));
    assert!(put(&engine, &arn, "lost").await.is_err());
    world.faults().fail_commits(None);
    assert!(put_when_healed(&world, &engine, &arn).await);
    let after = put(&engine, &arn, "b").await.unwrap().sequence_number.index;
    assert!(after >= before + 3, "{before} {after}");
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["a", "healed", "b"]);
}

/// A reader that had seen it would stand behind the end of the log.
#[tokio::test]
async fn what_was_stored_by_a_write_that_was_not_answered_is_not_read_until_the_log_knows_it() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    put(&engine, &arn, "a").await.unwrap();
    world.faults().answer_uncertain(true);
    assert!(put(&engine, &arn, "b").await.is_err());
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["a"]);
    world.faults().answer_uncertain(false);
    assert!(put_when_healed(&world, &engine, &arn).await);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["a", "b", "healed"]);
}

/// Storage does not say what became of a change; the engine finds out, and answers as a restart would.
#[tokio::test]
async fn a_change_of_unknown_outcome_is_looked_for_until_it_is_known() {
    for is_stored in [true, false] {
        let world = World::new();
        let engine = world.open().await;
        let doubt = millstream_storage::Error::Uncertain { reason: "planned".into() };
        world.faults().answer_uncertain(is_stored);
        world.faults().fail_commits((!is_stored).then_some(doubt));
        let arn = arn("orders");
        let healing = async {
            for step in 0..10 {
                if step == 5 {
                    world.faults().answer_uncertain(false);
                    world.faults().fail_commits(None);
                }
                tokio::task::yield_now().await;
                world.clock.advance(Duration::from_millis(250));
            }
        };
        let (created, ()) = tokio::join!(engine.create_stream(provisioned(&arn, 1)), healing);
        assert_eq!(created.is_ok(), is_stored, "{created:?}");
        assert_eq!(engine.describe_stream_summary(&arn).is_ok(), is_stored);
        let restarted = world.open().await;
        assert_eq!(restarted.describe_stream_summary(&arn).is_ok(), is_stored);
    }
}

/// Two power cuts, of which the second came before anything of the time after the first was durable.
#[tokio::test]
async fn numbers_that_a_crash_took_back_are_not_given_again_by_any_later_process() {
    for records in [0, 1] {
        let world = World::new();
        let (engine, arn) = world.with_stream(1).await;
        put_all(&engine, &arn, numbered(0..records)).await;
        let next = |engine: &Engine| {
            let shard = engine.inner.find(&arn).unwrap().stream.shards().all[&0].clone();
            let end = shard.writer.lock().end();
            end.index
        };
        let mut last = next(&engine);
        for _ in 0..3 {
            let engine = world.open().await;
            assert!(next(&engine) >= last + (1 << 32), "{records} records: {} after {last}", next(&engine));
            last = next(&engine);
        }
        let receipt = put(&world.open().await, &arn, "x").await.unwrap();
        assert!(receipt.sequence_number.index >= last + (1 << 32));
    }
}

#[tokio::test]
async fn arrival_times_and_numbers_rise_whatever_the_clock_does() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let year = Duration::from_secs(365 * 24 * 3600);
    put(&engine, &arn, "now").await.unwrap();
    world.clock.jump_to(START - year);
    put(&engine, &arn, "before").await.unwrap();
    world.clock.jump_to(START + Duration::from_secs(1));
    put(&engine, &arn, "after").await.unwrap();
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let records = read_from(&engine, start, 10).await.unwrap();
    assert_eq!(texts(&records), ["now", "before", "after"]);
    assert!(records.is_sorted_by_key(|record| (record.approximate_arrival, record.sequence_number)));
}

#[tokio::test]
async fn records_that_went_missing_while_closed_are_named() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    engine.close().await.unwrap();
    let slot = world.slot().await;
    slot.trim(&[crate::keyspace::RECORD_BLOCK], &[u8::MAX; 20]).await.unwrap();
    slot.close().await.unwrap();
    let slot = world.slot().await;
    let opened = world.try_open_on(slot).await;
    assert!(
        matches!(opened, Err(Error::Internal(text)) if text.contains("shardId-000000000000 of arn:aws:kinesis"))
    );
}

#[tokio::test]
async fn a_lost_beginning_is_an_error_and_a_trimmed_one_is_not() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    world.clock.advance(Duration::from_secs(23 * 3600));
    put_all(&engine, &arn, numbered(3..6)).await;
    world.clock.advance(Duration::from_secs(2 * 3600));
    engine.tidy_up().await.unwrap();
    assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(3..6)));

    let shard = crate::keyspace::ShardUid::new(1, 0);
    let fifth = crate::keyspace::record_key::record_key(shard, 5);
    engine.inner.slot.trim(&[crate::keyspace::RECORD_BLOCK], &fifth).await.unwrap();
    let error = read_all(&engine, &arn).await.unwrap_err();
    assert!(matches!(error, Error::Internal(text) if text.contains("shardId-000000000000")));
}

#[tokio::test]
async fn a_stream_that_went_missing_while_closed_is_missed() {
    for prefix in [crate::keyspace::STREAM, crate::keyspace::SHARD] {
        let world = World::new();
        // Not even a record was put into it.
        let (engine, _) = world.with_stream(1).await;
        engine.close().await.unwrap();
        let slot = world.slot().await;
        slot.trim(&[prefix], &[u8::MAX; 20]).await.unwrap();
        slot.close().await.unwrap();
        let slot = world.slot().await;
        let opened = world.try_open_on(slot).await;
        assert!(matches!(opened, Err(Error::Internal(text)) if text.contains("missing")));
    }
}

#[tokio::test]
async fn a_deleted_stream_is_not_missed() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    engine.delete_stream(&arn).await.unwrap();
    engine.tidy_up().await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    // Its data is gone, and after a while that it was there is forgotten as well.
    world.clock.advance(Duration::from_secs(60));
    engine.tidy_up().await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    engine.tidy_up().await.unwrap();
    assert!(engine.inner.control.lock().await.graves.is_empty());
    engine.close().await.unwrap();
    world.open().await;
}

#[tokio::test]
async fn a_closed_engine_takes_nothing() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.close().await.unwrap();
    assert!(matches!(put(&engine, &arn, "x").await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_stream_that_is_written_to_while_it_is_deleted_is_not_missed() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    let writes = async {
        // Until the stream is gone.
        while put(&engine, &arn, "x").await.is_ok() {}
    };
    let (_, deleted) = tokio::join!(writes, engine.delete_stream(&arn));
    deleted.unwrap();
    for _ in 0..3 {
        engine.tidy_up().await.unwrap();
        world.clock.advance(Duration::from_secs(40));
    }
    engine.close().await.unwrap();
    drop(engine);
    world.open().await;
}

/// The deletion overtakes records that have left their writer and not come to storage, as while they are encrypted.
#[tokio::test]
async fn records_on_their_way_to_storage_do_not_outlive_their_stream() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let shard = engine.inner.find(&arn).unwrap().stream.shards().all[&0].clone();
    world.faults().hold_commits(true);
    let deleting = async {
        while shard.is_settled() || shard.writer.lock().has_open_block() {
            tokio::task::yield_now().await;
        }
        engine.delete_stream(&arn).await.unwrap();
        engine.tidy_up().await.unwrap();
    };
    let letting_go = async {
        while engine.describe_stream_summary(&arn).is_ok() {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        world.faults().hold_commits(false);
    };
    let (stored, (), ()) = tokio::join!(put(&engine, &arn, "x"), deleting, letting_go);
    stored.unwrap();
    let blocks = KeyRange::prefix(&[crate::keyspace::RECORD_BLOCK]);
    assert_eq!(engine.inner.slot.scan(blocks, ScanOptions::default()).await.unwrap().entries, []);
    assert_eq!(engine.inner.slot.marks(), [].into());
    world.clock.advance(Duration::from_secs(60));
    engine.tidy_up().await.unwrap();
    engine.close().await.unwrap();
    world.open().await;
}
