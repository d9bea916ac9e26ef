//! Records that lie in storage encrypted: from when on, under which key, and for whom.

use std::io;

use async_trait::async_trait;
use millstream_storage::{Entry, KeyRange, ScanOptions};
use parking_lot::Mutex;

use super::*;
use crate::keyspace::{DATA_KEY, RECORD_BLOCK};
use crate::record_block::StoredBlock;
use crate::{Error, MasterKey, StreamStatus};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: &str = "alias/aws/kinesis";
const OTHER_KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// A master key that the tests put there, change and take away.
#[derive(Debug, Default)]
struct TestKeys {
    present: Mutex<Option<MasterKey>>,
    previous: Mutex<Option<MasterKey>>,
    is_read_only: bool,
}

#[async_trait]
impl KeySource for TestKeys {
    fn present(&self) -> Option<MasterKey> {
        self.present.lock().clone()
    }

    fn previous(&self) -> Option<MasterKey> {
        self.previous.lock().clone()
    }

    async fn make(&self) -> io::Result<MasterKey> {
        if self.is_read_only {
            return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
        }
        Ok(self.present.lock().insert(MasterKey::new(&[1; 32])).clone())
    }
}

fn with_keys(mut world: World) -> (World, Arc<TestKeys>) {
    let keys = Arc::new(TestKeys::default());
    world.keys = keys.clone();
    (world, keys)
}

async fn stored(engine: &Engine, tag: u8) -> Vec<Entry> {
    engine.inner.slot.scan(KeyRange::prefix(&[tag]), ScanOptions::default()).await.unwrap().entries
}

/// All that storage holds, so that nothing is overlooked.
async fn all_bytes(engine: &Engine) -> Vec<u8> {
    let all = KeyRange::new(vec![1], vec![u8::MAX]);
    let entries = engine.inner.slot.scan(all, ScanOptions::default()).await.unwrap().entries;
    entries.iter().flat_map(|entry| [&entry.key[..], &entry.value].concat()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Data and whether it was encrypted, as a reader is told.
async fn read_kinds(engine: &Engine, arn: &StreamArn) -> Result<Vec<(String, bool)>> {
    let start = iterator(engine, arn, StartingPosition::TrimHorizon).await;
    let records = read_from(engine, start, 1000).await?;
    Ok(texts(&records).into_iter().zip(records.iter().map(|record| record.encrypted)).collect())
}

fn kinds(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    expected.iter().map(|(text, encrypted)| ((*text).to_owned(), *encrypted)).collect()
}

fn key_id(engine: &Engine, arn: &StreamArn) -> Option<String> {
    engine.describe_stream_summary(arn).unwrap().kms_key_id
}

#[tokio::test]
async fn records_are_as_the_stream_was_when_they_came() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn) = world.with_stream(1).await;
        assert!(!put(&engine, &arn, "one").await.unwrap().encrypted);
        engine.start_encryption(&arn, KEY).await.unwrap();
        assert_eq!(key_id(&engine, &arn).as_deref(), Some(KEY));
        assert!(put(&engine, &arn, "two").await.unwrap().encrypted);
        engine.stop_encryption(&arn, KEY).await.unwrap();
        assert_eq!(key_id(&engine, &arn), None);
        assert!(!put(&engine, &arn, "three").await.unwrap().encrypted);
        engine.start_encryption(&arn, OTHER_KEY).await.unwrap();
        assert!(put(&engine, &arn, "four").await.unwrap().encrypted);

        let expected = kinds(&[("one", false), ("two", true), ("three", false), ("four", true)]);
        assert_eq!(read_kinds(&engine, &arn).await.unwrap(), expected);
        let bytes = all_bytes(&engine).await;
        let found = ["one", "two", "three", "four"].map(|text| holds(&bytes, text));
        assert_eq!(found, [true, false, true, false]);
    }
}

#[tokio::test]
async fn partition_keys_are_encrypted_too() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let record = || entry("a customer's number", "what was ordered");
    engine.put_record(&arn, record(), None, false).await.unwrap();
    let bytes = all_bytes(&engine).await;
    assert!(holds(&bytes, "customer") && holds(&bytes, "ordered"));
    engine.delete_stream(&arn).await.unwrap();
    engine.tidy_up().await.unwrap();

    engine.create_stream(provisioned(&arn, 1)).await.unwrap();
    engine.start_encryption(&arn, KEY).await.unwrap();
    engine.put_record(&arn, record(), None, false).await.unwrap();
    let bytes = all_bytes(&engine).await;
    assert!(!holds(&bytes, "customer") && !holds(&bytes, "ordered"));
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let records = read_from(&engine, start, 10).await.unwrap();
    assert_eq!(records[0].partition_key, "a customer's number");
}

#[tokio::test]
async fn encrypted_records_survive_a_restart_and_numbers_go_on() {
    let (world, _keys) = with_keys(World::new());
    let (engine, arn) = world.with_stream(1).await;
    put(&engine, &arn, "clear").await.unwrap();
    engine.start_encryption(&arn, KEY).await.unwrap();
    let before = put_all(&engine, &arn, numbered(0..5)).await;
    engine.close().await.unwrap();

    let engine = world.open().await;
    assert_eq!(key_id(&engine, &arn).as_deref(), Some(KEY));
    let after = put(&engine, &arn, "after").await.unwrap();
    assert!(after.encrypted && before.last().unwrap().sequence_number < after.sequence_number);
    let read = read_kinds(&engine, &arn).await.unwrap();
    assert_eq!(read[0], ("clear".to_owned(), false));
    assert!(read[1..].iter().all(|(_, encrypted)| *encrypted));
    assert_eq!(read.len(), 7);
    engine.stop_encryption(&arn, KEY).await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert!(!put(&engine, &arn, "in clear again").await.unwrap().encrypted);
}

/// The last arrival bounds those that come, even if the key that would show it is not at hand.
#[tokio::test]
async fn arrival_times_go_on_behind_encrypted_records() {
    let (world, keys) = with_keys(World::new());
    let (engine, arn) = world.with_stream(1).await;
    engine.start_encryption(&arn, KEY).await.unwrap();
    world.clock.advance(HOUR);
    put(&engine, &arn, "late").await.unwrap();
    engine.close().await.unwrap();
    world.clock.jump_to(START);
    let key = keys.present.lock().take();
    let engine = world.open().await;
    engine.stop_encryption(&arn, KEY).await.unwrap();
    put(&engine, &arn, "later").await.unwrap();
    engine.close().await.unwrap();
    *keys.present.lock() = key;
    let engine = world.open().await;
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let records = read_from(&engine, start, 10).await.unwrap();
    assert_eq!(texts(&records), ["late", "later"]);
    assert_eq!(records[0].approximate_arrival, records[1].approximate_arrival);
}

#[tokio::test]
async fn a_start_begins_an_epoch_with_a_key_of_its_own() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    for key_id in [KEY, OTHER_KEY, OTHER_KEY] {
        engine.start_encryption(&arn, key_id).await.unwrap();
        put(&engine, &arn, key_id).await.unwrap();
    }
    let blocks = stored(&engine, RECORD_BLOCK).await;
    let epochs: Vec<_> = blocks
        .into_iter()
        .map(|block| StoredBlock::decode(block.value).unwrap().epoch().unwrap().get())
        .collect();
    assert_eq!(epochs, [1, 2, 3]);
    assert_eq!(stored(&engine, DATA_KEY).await.len(), 3);
    assert_eq!(read_all(&engine, &arn).await.unwrap(), [KEY, OTHER_KEY, OTHER_KEY]);
}

/// Blocks that are open when encryption starts are sealed as they are, and the next ones are encrypted.
#[tokio::test]
async fn nothing_is_written_in_clear_once_a_start_has_returned() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    let started = std::sync::atomic::AtomicBool::new(false);
    let writing = async {
        for number in 0..200 {
            let had_started = started.load(std::sync::atomic::Ordering::SeqCst);
            let receipt = put(&engine, &arn, &format!("record {number}")).await.unwrap();
            assert!(receipt.encrypted || !had_started);
        }
    };
    let changing = async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        engine.start_encryption(&arn, KEY).await.unwrap();
        started.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let more = async {
        let records: Vec<_> = (0..50).map(|number| entry("k", format!("batch {number}"))).collect();
        engine.put_records(&arn, &records, false).await.unwrap();
    };
    tokio::join!(writing, more, changing);
    let read = read_kinds(&engine, &arn).await.unwrap();
    assert_eq!(read.len(), 250);
    let bytes = all_bytes(&engine).await;
    let in_clear = read.iter().filter(|(_, encrypted)| !encrypted).count();
    assert!((1..249).contains(&in_clear), "{in_clear}");
    for (text, encrypted) in read.iter().filter(|(text, _)| text.len() > 8) {
        assert_ne!(holds(&bytes, text), *encrypted, "{text}");
    }
}

#[tokio::test]
async fn calls_are_checked_with_the_errors_of_aws() {
    let mut world = World::new();
    world.settings.delays.update = HOUR;
    let (engine, arn) = world.with_stream(1).await;
    assert!(matches!(engine.stop_encryption(&arn, KEY).await, Err(Error::InvalidArgument(_))));
    assert!(matches!(engine.start_encryption(&arn, "orders").await, Err(Error::KmsNotFound(_))));
    let missing = super::arn("missing");
    assert!(matches!(engine.start_encryption(&missing, KEY).await, Err(Error::ResourceNotFound(_))));
    assert!(matches!(engine.stop_encryption(&missing, KEY).await, Err(Error::ResourceNotFound(_))));

    engine.start_encryption(&arn, KEY).await.unwrap();
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().status, StreamStatus::Updating);
    assert!(put(&engine, &arn, "while it is updated").await.unwrap().encrypted);
    let not_active = "Stream orders under account 000000000000 not ACTIVE, instead in state UPDATING";
    for result in [engine.start_encryption(&arn, KEY).await, engine.stop_encryption(&arn, KEY).await] {
        assert_eq!(result, Err(Error::ResourceInUse(not_active.to_owned())));
    }
    world.clock.advance(HOUR);
    for other in [OTHER_KEY, "orders", "arn:aws:kms:us-east-1:999999999999:alias/aws/kinesis"] {
        assert!(matches!(engine.stop_encryption(&arn, other).await, Err(Error::InvalidArgument(_))));
    }
    // The same key by its ARN.
    engine.stop_encryption(&arn, "arn:aws:kms:us-east-1:000000000000:alias/aws/kinesis").await.unwrap();
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().status, StreamStatus::Updating);
}

#[tokio::test]
async fn a_day_has_25_starts_and_25_stops() {
    let (mut world, _keys) = with_keys(World::new());
    world.settings.limits.encryption_changes_per_day = Limits::AWS.encryption_changes_per_day;
    let (mut engine, arn) = world.with_stream(1).await;
    for round in 0..25 {
        engine.start_encryption(&arn, KEY).await.unwrap();
        // What fails does not count.
        assert!(engine.start_encryption(&arn, "nonsense").await.is_err());
        engine.stop_encryption(&arn, KEY).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        if round == 12 {
            engine.close().await.unwrap();
            engine = world.open().await;
        }
    }
    assert!(matches!(engine.start_encryption(&arn, KEY).await, Err(Error::LimitExceeded(_))));
    world.clock.advance(24 * HOUR - Duration::from_secs(25 * 60));
    engine.start_encryption(&arn, KEY).await.unwrap();
    assert!(matches!(engine.start_encryption(&arn, KEY).await, Err(Error::LimitExceeded(_))));
    engine.stop_encryption(&arn, KEY).await.unwrap();

    world.settings.limits = Limits::OFF;
    engine.close().await.unwrap();
    let engine = world.open().await;
    for _ in 0..60 {
        engine.start_encryption(&arn, KEY).await.unwrap();
    }
}

#[tokio::test]
async fn expired_blocks_go_without_their_key_and_all_keys_go_with_their_stream() {
    let (world, keys) = with_keys(World::without_tail());
    let (engine, arn) = world.with_stream(1).await;
    engine.start_encryption(&arn, KEY).await.unwrap();
    for data in numbered(0..30) {
        put(&engine, &arn, &data).await.unwrap();
        world.clock.advance(HOUR);
    }
    engine.tidy_up().await.unwrap();
    assert!((24..=25).contains(&stored(&engine, RECORD_BLOCK).await.len()));
    assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(6..30)));
    engine.close().await.unwrap();

    keys.present.lock().take();
    let engine = world.open().await;
    world.clock.advance(10 * HOUR);
    engine.tidy_up().await.unwrap();
    assert!((14..=15).contains(&stored(&engine, RECORD_BLOCK).await.len()));
    engine.delete_stream(&arn).await.unwrap();
    engine.tidy_up().await.unwrap();
    assert_eq!((stored(&engine, RECORD_BLOCK).await.len(), stored(&engine, DATA_KEY).await.len()), (0, 0));
}

#[tokio::test]
async fn without_the_right_master_key_a_stream_is_closed_and_the_others_are_not() {
    let (world, keys) = with_keys(World::new());
    let (engine, arn) = world.with_stream(1).await;
    let open = super::arn("open");
    engine.create_stream(provisioned(&open, 1)).await.unwrap();
    put(&engine, &arn, "before").await.unwrap();
    engine.start_encryption(&arn, KEY).await.unwrap();
    put(&engine, &arn, "secret").await.unwrap();
    engine.close().await.unwrap();
    let right = keys.present.lock().take().unwrap();

    for wrong in [None, Some(MasterKey::new(&[2; 32]))] {
        *keys.present.lock() = wrong.clone();
        let engine = world.open().await;
        let is_refused = |error: Error| match wrong {
            None => matches!(error, Error::KmsInvalidState(_)),
            Some(_) => matches!(error, Error::KmsAccessDenied(_)),
        };
        assert_eq!(key_id(&engine, &arn).as_deref(), Some(KEY));
        assert!(is_refused(put(&engine, &arn, "lost").await.unwrap_err()));
        let dry_run = engine.put_records(&arn, &[entry("k", "lost")], true).await;
        assert!(is_refused(dry_run.unwrap_err()));
        // What is in clear can be read, up to what is not.
        let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
        let page = engine.get_records(call(&start, None)).await.unwrap();
        assert_eq!(texts(&page.records), ["before"]);
        let next = page.next_iterator.unwrap();
        assert!(is_refused(engine.get_records(call(&next, None)).await.unwrap_err()));
        // No second master key comes into the store.
        assert!(is_refused(engine.start_encryption(&open, KEY).await.unwrap_err()));
        put(&engine, &open, "as ever").await.unwrap();
        assert_eq!(keys.present.lock().is_some(), wrong.is_some());
        engine.close().await.unwrap();
    }
    *keys.present.lock() = Some(right);
    let engine = world.open().await;
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["before", "secret"]);
    assert_eq!(read_all(&engine, &open).await.unwrap(), ["as ever", "as ever"]);
    engine.start_encryption(&open, KEY).await.unwrap();
}

#[tokio::test]
async fn a_new_master_key_takes_over_from_the_previous_one() {
    let (world, keys) = with_keys(World::new());
    let (engine, arn) = world.with_stream(1).await;
    for data in numbered(0..3) {
        engine.start_encryption(&arn, KEY).await.unwrap();
        put(&engine, &arn, &data).await.unwrap();
    }
    engine.close().await.unwrap();
    *keys.previous.lock() = keys.present.lock().replace(MasterKey::new(&[2; 32]));
    let engine = world.open().await;
    assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(0..3)));
    engine.close().await.unwrap();

    // The previous one is needed no more, and of no use any more.
    let previous = keys.previous.lock().take();
    let engine = world.open().await;
    put(&engine, &arn, "r3").await.unwrap();
    assert!(read_all(&engine, &arn).await.unwrap().into_iter().eq(numbered(0..4)));
    engine.close().await.unwrap();
    *keys.present.lock() = previous;
    let engine = world.open().await;
    assert!(matches!(read_all(&engine, &arn).await, Err(Error::KmsAccessDenied(_))));
}

#[tokio::test]
async fn a_master_key_that_cannot_be_made_starts_nothing() {
    let mut world = World::new();
    world.keys = Arc::new(TestKeys { is_read_only: true, ..TestKeys::default() });
    let (engine, arn) = world.with_stream(1).await;
    assert!(matches!(engine.start_encryption(&arn, KEY).await, Err(Error::Unavailable(_))));
    assert_eq!(key_id(&engine, &arn), None);
    assert!(!put(&engine, &arn, "in clear").await.unwrap().encrypted);
}

#[tokio::test]
async fn a_start_that_is_not_durable_starts_nothing() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    world.faults().disk_full(true);
    assert!(engine.start_encryption(&arn, KEY).await.is_err());
    world.faults().disk_full(false);
    assert_eq!(key_id(&engine, &arn), None);
    assert!(!put(&engine, &arn, "in clear").await.unwrap().encrypted);
    engine.start_encryption(&arn, KEY).await.unwrap();
    assert!(put(&engine, &arn, "encrypted").await.unwrap().encrypted);
}

/// After a failed commit the logs are read anew, which must work for encrypted ones as well.
#[tokio::test]
async fn a_full_disk_heals_under_encryption() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.start_encryption(&arn, KEY).await.unwrap();
    put(&engine, &arn, "a").await.unwrap();
    world.faults().disk_full(true);
    assert!(put(&engine, &arn, "lost").await.is_err());
    world.faults().disk_full(false);
    while engine.check_writable().is_err() {
        world.clock.advance(Duration::from_millis(250));
        tokio::task::yield_now().await;
    }
    put(&engine, &arn, "b").await.unwrap();
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn a_damaged_or_moved_block_and_a_lost_key_are_named() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    engine.start_encryption(&arn, KEY).await.unwrap();
    put_all(&engine, &arn, numbered(0..2)).await;
    let slot = engine.inner.slot.clone();
    let blocks = stored(&engine, RECORD_BLOCK).await;
    let mut writes = millstream_storage::WriteSet::new();
    let mut bytes = blocks[0].value.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let checksum = crate::record_block::checksum(&bytes);
    bytes[crate::record_block::CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
    writes.put(blocks[0].key.clone(), bytes);
    slot.commit(writes).await.unwrap().durable().await.unwrap();
    let error = read_all(&engine, &arn).await.unwrap_err();
    assert!(matches!(&error, Error::Internal(text) if text.contains("corrupt data")), "{error}");
    engine.close().await.unwrap();

    let slot = world.slot().await;
    let mut writes = millstream_storage::WriteSet::new();
    writes.put(blocks[0].key.clone(), blocks[0].value.clone());
    slot.commit(writes).await.unwrap().durable().await.unwrap();
    slot.trim(&[DATA_KEY], &[u8::MAX; 20]).await.unwrap();
    slot.close().await.unwrap();
    let engine = world.open().await;
    for error in [read_all(&engine, &arn).await.unwrap_err(), put(&engine, &arn, "x").await.unwrap_err()] {
        assert!(matches!(&error, Error::Internal(text) if text.contains("epoch 1 is missing")), "{error}");
    }
}
