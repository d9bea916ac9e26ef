//! What expires, when, and what is left of it.

use millstream_storage::{KeyRange, ScanOptions, WriteSet};

use super::*;
use crate::Error;

const HOUR: Duration = Duration::from_secs(3600);

async fn blocks(engine: &Engine) -> usize {
    let blocks = KeyRange::prefix(&[crate::keyspace::RECORD_BLOCK]);
    engine.inner.slot.scan(blocks, ScanOptions::default()).await.unwrap().entries.len()
}

#[tokio::test]
async fn records_vanish_when_they_are_old_and_give_space_back() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn) = world.with_stream(1).await;
        for data in numbered(0..30) {
            put(&engine, &arn, &data).await.unwrap();
            world.clock.advance(HOUR);
        }
        assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(6..30)));
        engine.tidy_up().await.unwrap();
        // The block before the horizon's stays: an entry of the time index stands for it.
        assert!((24..=25).contains(&blocks(&engine).await), "{}", blocks(&engine).await);
        assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(6..30)));
    }
}

#[tokio::test]
async fn a_shard_that_expired_as_a_whole_goes_on_with_its_numbers() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let before = put_all(&engine, &arn, numbered(0..10)).await;
    world.clock.advance(25 * HOUR);
    engine.tidy_up().await.unwrap();
    assert_eq!(blocks(&engine).await, 0);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), Vec::<String>::new());
    engine.close().await.unwrap();

    let engine = world.open().await;
    assert_eq!(read_all(&engine, &arn).await.unwrap(), Vec::<String>::new());
    let after = put(&engine, &arn, "new").await.unwrap();
    assert!(before.last().unwrap().sequence_number < after.sequence_number);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["new"]);
    world.clock.advance(HOUR);
    engine.tidy_up().await.unwrap();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["new"]);
}

#[tokio::test]
async fn a_sparse_shard_is_trimmed_again_and_again() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    for data in numbered(0..3) {
        world.clock.advance(HOUR);
        put(&engine, &arn, &data).await.unwrap();
        world.clock.advance(25 * HOUR);
        engine.tidy_up().await.unwrap();
        assert_eq!(blocks(&engine).await, 0);
    }
    let entries = KeyRange::prefix(&[crate::keyspace::TIME_INDEX]);
    let entries = engine.inner.slot.scan(entries, ScanOptions::default()).await.unwrap().entries;
    assert_eq!(entries, []);
}

#[tokio::test]
async fn an_entry_of_the_time_index_that_outlived_its_block_stops_nothing() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    world.clock.advance(HOUR);
    put(&engine, &arn, "old").await.unwrap();
    let index = KeyRange::prefix(&[crate::keyspace::TIME_INDEX]);
    let entry = engine.inner.slot.scan(index, ScanOptions::default()).await.unwrap().entries.remove(0);
    world.clock.advance(25 * HOUR);
    engine.tidy_up().await.unwrap();
    // As if a crash had come between the trims.
    let mut writes = WriteSet::new();
    writes.put(entry.key, entry.value);
    engine.inner.slot.commit(writes).await.unwrap().durable().await.unwrap();
    put(&engine, &arn, "new").await.unwrap();
    world.clock.advance(HOUR);
    engine.tidy_up().await.unwrap();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["new"]);
}

#[tokio::test]
async fn a_longer_period_keeps_what_is_there_and_brings_nothing_back() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put(&engine, &arn, "expired").await.unwrap();
    world.clock.advance(20 * HOUR);
    put(&engine, &arn, "kept").await.unwrap();
    world.clock.advance(10 * HOUR);
    engine.increase_retention(&arn, 8760).await.unwrap();
    world.clock.advance(1000 * HOUR);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn a_shorter_period_hides_at_once() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.increase_retention(&arn, 48).await.unwrap();
    put(&engine, &arn, "old").await.unwrap();
    world.clock.advance(30 * HOUR);
    put(&engine, &arn, "new").await.unwrap();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["old", "new"]);
    engine.decrease_retention(&arn, 24).await.unwrap();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["new"]);
}

#[tokio::test]
async fn periods_are_checked_with_the_words_of_aws() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.increase_retention(&arn, 25).await.unwrap();
    let text = |result: Result<()>| match result {
        Err(Error::InvalidArgument(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text(engine.increase_retention(&arn, 24).await),
        "Requested retention period (24 hours) for stream orders can not be shorter than existing retention period \
         (25 hours). Use DecreaseRetentionPeriod API."
    );
    assert_eq!(
        text(engine.decrease_retention(&arn, 26).await),
        "Requested retention period (26 hours) for stream orders can not be longer than existing retention period \
         (25 hours). Use IncreaseRetentionPeriod API."
    );
    assert_eq!(
        text(engine.decrease_retention(&arn, 23).await),
        "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short."
    );
    assert_eq!(
        text(engine.increase_retention(&arn, 9000).await),
        "Maximum allowed retention period is 8760 hours. Requested retention period (9000 hours) is too long."
    );
    engine.increase_retention(&arn, 25).await.unwrap();
}

#[tokio::test]
async fn iterators_below_the_horizon_read_from_it() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    let first = put(&engine, &arn, "expired").await.unwrap();
    world.clock.advance(25 * HOUR);
    put(&engine, &arn, "kept").await.unwrap();
    engine.tidy_up().await.unwrap();
    let at = StartingPosition::AtSequenceNumber(first.sequence_number.to_string());
    let start = iterator(&engine, &arn, at).await;
    assert_eq!(texts(&read_from(&engine, start, 10).await.unwrap()), ["kept"]);
}

/// A stream with so many megabytes that have expired and that nobody trims, and one record that is kept.
pub(super) async fn with_expired_megabytes(world: &mut World, count: u32) -> (Engine, StreamArn) {
    world.settings.trim_interval = 1000 * HOUR;
    let (engine, arn) = world.with_stream(1).await;
    for _ in 0..count {
        world.clock.advance(Duration::from_secs(2));
        engine.put_record(&arn, entry("key", vec![b'x'; 1_000_000]), None, false).await.unwrap();
    }
    world.clock.advance(25 * HOUR);
    put(&engine, &arn, "kept").await.unwrap();
    (engine, arn)
}

/// As if a burst had come in one millisecond.
pub(super) async fn without_time_index(engine: &Engine) {
    engine.inner.slot.trim(&[crate::keyspace::TIME_INDEX], &[u8::MAX; 20]).await.unwrap();
}

#[tokio::test]
async fn what_has_expired_is_not_read_before_it_is_trimmed() {
    let mut world = World::without_tail();
    let (engine, arn) = with_expired_megabytes(&mut world, 40).await;
    let before = world.faults().scanned_bytes();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["kept"]);
    let scanned = world.faults().scanned_bytes() - before;
    assert!(scanned < 3_000_000, "{scanned} bytes were read for a record of four");
}

#[tokio::test]
async fn a_call_that_finds_only_what_has_expired_ends_and_the_next_one_goes_on() {
    let mut world = World::without_tail();
    let (engine, arn) = with_expired_megabytes(&mut world, 40).await;
    without_time_index(&engine).await;
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let before = world.faults().scanned_bytes();
    let page = engine.get_records(call(&start, None)).await.unwrap();
    let scanned = world.faults().scanned_bytes() - before;
    assert!(scanned < 30_000_000, "{scanned} bytes were read at once");
    assert!(page.records.is_empty() && page.millis_behind_latest >= 25 * 3_600_000);
    let rest = read_from(&engine, page.next_iterator.unwrap(), 1000).await.unwrap();
    assert_eq!(texts(&rest), ["kept"]);
    // Nor does the search for a moment end where a call does.
    let moment = millstream_model::Timestamp::from_unix(START + 24 * HOUR);
    let start = iterator(&engine, &arn, StartingPosition::AtTimestamp(moment)).await;
    assert_eq!(texts(&read_from(&engine, start, 1000).await.unwrap()), ["kept"]);
}
