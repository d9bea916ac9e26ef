use std::collections::HashMap;

use bytes::Bytes;
use millstream_client::NewRecord;
use millstream_runtime::{ManualClock, SeededEntropy};
use proptest::prelude::*;

use super::*;
use crate::fake::{FakeStream, Fate, JumpingClock};

const SETTINGS: UploadSettings =
    UploadSettings { lanes: 4, patience: Duration::from_secs(60), unacknowledged_bytes_max: 1024 * 1024 };

/// Remembers what it was told.
#[derive(Debug, Default)]
struct Notes {
    acknowledged: Vec<(Pending, Acknowledgement)>,
    throttled: usize,
    failures: usize,
}

impl Witness for Notes {
    async fn acknowledged(&mut self, records: &[(Pending, Acknowledgement)]) -> Result<(), Failure> {
        self.acknowledged.extend_from_slice(records);
        Ok(())
    }

    fn throttled(&mut self, records: usize) {
        self.throttled += records;
    }

    fn failed(&mut self, _: &Error) {
        self.failures += 1;
    }
}

fn pending(record: u64, key: &str) -> Pending {
    Pending {
        position: Position { record, source: "in".into(), line: record },
        record: NewRecord {
            partition_key: key.to_owned(),
            explicit_hash_key: None,
            data: Bytes::from(record.to_string()),
        },
        keyless: false,
    }
}

fn input(keys: &[String]) -> mpsc::Receiver<Result<Pending, InputError>> {
    let (sender, receiver) = mpsc::channel(keys.len() + 1);
    for (record, key) in (1..).zip(keys) {
        sender.try_send(Ok(pending(record, key))).unwrap();
    }
    receiver
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("key-{}", at % 37)).collect()
}

fn surroundings() -> Surroundings {
    Surroundings { clock: Arc::new(JumpingClock::default()), entropy: SeededEntropy::shared(7) }
}

/// Uploads everything on a clock that jumps.
fn upload(
    stream: &Arc<FakeStream>,
    settings: UploadSettings,
    records: mpsc::Receiver<Result<Pending, InputError>>,
) -> (Ended, Notes) {
    let surroundings = surroundings();
    let mut notes = Notes::default();
    let name = "orders".parse().unwrap();
    let upload = Upload::new(stream.clone(), &name, &surroundings, settings);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ended = runtime.block_on(upload.run(records, std::future::pending(), &mut notes)).unwrap();
    (ended, notes)
}

/// Each key's positions in the order in which they were acknowledged.
fn by_key(notes: &Notes) -> HashMap<&str, Vec<u64>> {
    let mut positions: HashMap<_, Vec<_>> = HashMap::new();
    for (pending, _) in &notes.acknowledged {
        positions.entry(pending.record.partition_key.as_str()).or_default().push(pending.position.record);
    }
    positions
}

#[test]
fn everything_is_stored_once_when_nothing_fails() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Stored));
    let keys = keys(5000);
    let (ended, notes) = upload(&stream, SETTINGS, input(&keys));
    assert!(ended.stopped.is_none() && ended.first_unacknowledged.is_none());
    assert_eq!((ended.read, notes.acknowledged.len()), (5000, 5000));
    assert_eq!(stream.log().iter().map(Vec::len).sum::<usize>(), 5000);
}

#[test]
fn throttles_are_waited_out_beyond_all_patience() {
    let mut calls = 0;
    let stream = Arc::new(FakeStream::new(3, move || {
        calls += 1;
        if calls < 500 { Fate::Throttled(1) } else { Fate::Stored }
    }));
    let (ended, notes) = upload(&stream, SETTINGS, input(&keys(300)));
    assert!(ended.stopped.is_none());
    assert_eq!(notes.acknowledged.len(), 300);
    assert!(notes.throttled > 400);
}

#[test]
fn a_service_that_stays_away_ends_it_and_the_position_is_named() {
    let mut calls = 0;
    let stream = Arc::new(FakeStream::new(3, move || {
        calls += 1;
        if calls <= 2 { Fate::Stored } else { Fate::Unreachable }
    }));
    let (ended, notes) = upload(&stream, UploadSettings { lanes: 1, ..SETTINGS }, input(&keys(100)));
    let Some(Stopped::Refused { position, error }) = ended.stopped else { panic!("{:?}", ended.stopped) };
    assert!(matches!(error, Error::Unreachable(_)));
    assert_eq!(position.record, notes.acknowledged.len() as u64 + 1);
    assert_eq!(ended.first_unacknowledged, Some(position));
    assert!(notes.failures > 10);
}

#[test]
fn a_refusal_ends_it_at_once() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Refused));
    let (ended, notes) = upload(&stream, SETTINGS, input(&keys(100)));
    assert!(matches!(ended.stopped, Some(Stopped::Refused { error: Error::AccessDenied(_), .. })));
    assert!(notes.acknowledged.is_empty() && notes.failures <= SETTINGS.lanes);
}

#[test]
fn what_came_before_an_error_of_the_input_is_stored() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Stored));
    let (sender, receiver) = mpsc::channel(10);
    sender.try_send(Ok(pending(1, "a"))).unwrap();
    sender.try_send(Ok(pending(2, "a"))).unwrap();
    let error = InputError::Endless { position: pending(3, "a").position, bytes_max: 9 };
    sender.try_send(Err(error)).unwrap();
    drop(sender);
    let (ended, notes) = upload(&stream, SETTINGS, receiver);
    assert!(matches!(ended.stopped, Some(Stopped::Input(_))));
    assert_eq!(notes.acknowledged.len(), 2);
}

#[tokio::test]
async fn an_interrupt_waits_for_what_is_in_flight() {
    let stream = Arc::new(FakeStream::new(3, || Fate::SlowReply));
    let (surroundings, mut notes, name) = (surroundings(), Notes::default(), "orders".parse().unwrap());
    let upload = Upload::new(stream.clone(), &name, &surroundings, UploadSettings { lanes: 1, ..SETTINGS });
    let (sender, receiver) = mpsc::channel(10);
    let stop = async {
        while stream.log().iter().all(Vec::is_empty) {
            tokio::task::yield_now().await;
        }
    };
    sender.try_send(Ok(pending(1, "a"))).unwrap();
    sender.try_send(Ok(pending(2, "a"))).unwrap();
    let ended = upload.run(receiver, stop, &mut notes).await.unwrap();
    assert!(matches!(ended.stopped, Some(Stopped::Asked)));
    assert_eq!(by_key(&notes)["a"], [1]);
    assert_eq!(ended.first_unacknowledged.map(|at| at.record), Some(2));
    drop(sender);
}

#[tokio::test]
async fn the_input_is_left_alone_while_memory_is_full() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Hangs));
    let clock = ManualClock::starting_at(Duration::ZERO).shared();
    let surroundings = Surroundings { clock, entropy: SeededEntropy::shared(7) };
    let (mut notes, name) = (Notes::default(), "orders".parse().unwrap());
    let settings = UploadSettings { unacknowledged_bytes_max: 100 * (RECORD_OVERHEAD_BYTES + 9), ..SETTINGS };
    let upload = Upload::new(stream, &name, &surroundings, settings);
    let (sender, receiver) = mpsc::channel(1000);
    for (record, key) in (1..).zip(keys(1000)) {
        sender.try_send(Ok(pending(record, &key))).unwrap();
    }
    let mut taken = 0;
    tokio::select! {
        biased;
        _ = upload.run(receiver, std::future::pending(), &mut notes) => panic!("nothing is ever stored"),
        () = async {
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            // What was taken left room in the channel.
            taken = sender.capacity();
        } => {}
    }
    assert!((90..=100 + GULP_RECORDS).contains(&taken), "{taken}");
}

prop_compose! {
    fn fate()(kind in 0..6, every in 1_usize..5) -> Fate {
        match kind {
            0 => Fate::Throttled(every),
            1 => Fate::FailedAfter(every),
            2 => Fate::Unreachable,
            3 => Fate::LostReply,
            _ => Fate::Stored,
        }
    }
}

proptest! {
    /// Under any failures: everything is acknowledged once, each key in the order of the input; and the
    /// stream holds each key's records in that order, some perhaps several times in a row.
    #[test]
    fn failures_neither_reorder_nor_lose(
        keys in prop::collection::vec("[a-h]", 1..300),
        fates in prop::collection::vec(fate(), 1..200),
        lanes in 1_usize..6,
    ) {
        let mut fates = fates.into_iter();
        let stream = Arc::new(FakeStream::new(3, move || fates.next().unwrap_or(Fate::Stored)));
        // Patience for ever: giving up is another test's.
        let settings = UploadSettings { lanes, patience: Duration::MAX, ..SETTINGS };
        let (ended, notes) = upload(&stream, settings, input(&keys));
        prop_assert!(ended.stopped.is_none());
        let mut expected: HashMap<&str, Vec<u64>> = HashMap::new();
        for (record, key) in (1..).zip(&keys) {
            expected.entry(key).or_default().push(record);
        }
        prop_assert_eq!(by_key(&notes), expected.clone());
        for (key, positions) in expected {
            let log = stream.log();
            let stored = log.iter().flatten().filter(|record| record.partition_key == key);
            let mut stored: Vec<u64> =
                stored.map(|record| std::str::from_utf8(&record.data).unwrap().parse().unwrap()).collect();
            stored.dedup();
            prop_assert_eq!(stored, positions);
        }
    }
}
