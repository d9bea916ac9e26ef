use std::collections::HashMap;

use bytes::Bytes;
use millstream_client::NewRecord;
use millstream_client::aggregation::Deaggregation;
use millstream_runtime::{ManualClock, SeededEntropy, SharedClock};
use proptest::prelude::*;

use super::*;
use crate::fake::{FakeStream, Fate};

const PACKED: UploadSettings = UploadSettings {
    aggregates: true,
    is_ordered: true,
    connections: 4,
    patience: Duration::from_secs(60),
    record_bytes_max: 1024 * 1024,
    unacknowledged_bytes_max: 1024 * 1024,
};
const SINGLE: UploadSettings = UploadSettings { aggregates: false, ..PACKED };

/// Remembers what it was told.
#[derive(Debug, Default)]
struct Notes {
    stored: Vec<(Pending, Receipt)>,
    failures: usize,
}

impl Witness for Notes {
    async fn stored(&mut self, records: &[(Pending, Receipt)]) -> Result<(), Failure> {
        self.stored.extend_from_slice(records);
        Ok(())
    }

    fn failing(&mut self, _: &Error) {
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

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("key-{}", at % 37)).collect()
}

fn input(keys: &[String]) -> mpsc::Receiver<Result<Pending, InputError>> {
    let (sender, receiver) = mpsc::channel(keys.len() + 1);
    for (record, key) in (1..).zip(keys) {
        sender.try_send(Ok(pending(record, key))).unwrap();
    }
    receiver
}

/// Uploads on a clock that goes on whenever nothing is left to be done, until `stop`, which is given that clock, has
/// resolved.
fn upload_until(
    stream: &Arc<FakeStream>,
    settings: UploadSettings,
    records: mpsc::Receiver<Result<Pending, InputError>>,
    stop: impl AsyncFnOnce(SharedClock),
) -> (Ended, Notes) {
    let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
    let surroundings = Surroundings { clock: clock.shared(), entropy: SeededEntropy::shared(7) };
    let stop = stop(clock.shared());
    let pass_time = move || {
        clock.advance_to_next();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(pass_time).build().unwrap();
    runtime.block_on(async {
        let mut notes = Notes::default();
        let name = "orders".parse().unwrap();
        let upload = Upload::start(stream.clone(), name, &surroundings, settings).await;
        let ended = upload.ok().unwrap().run(records, stop, &mut notes).await;
        (ended.ok().unwrap(), notes)
    })
}

fn upload(
    stream: &Arc<FakeStream>,
    settings: UploadSettings,
    records: mpsc::Receiver<Result<Pending, InputError>>,
) -> (Ended, Notes) {
    upload_until(stream, settings, records, async |_| std::future::pending().await)
}

async fn wait_for_a_record(stream: &FakeStream, clock: &SharedClock) {
    while stream.log().iter().all(Vec::is_empty) {
        clock.sleep(Duration::from_millis(1)).await;
    }
}

/// The records of each key, in the order in which they lie, and how many records of the stream they are in.
fn by_key(stream: &FakeStream) -> (HashMap<String, Vec<u64>>, usize) {
    let mut by_key: HashMap<String, Vec<u64>> = HashMap::new();
    let log: Vec<_> = stream.log().into_iter().flatten().collect();
    let containers = log.len();
    for member in log.into_iter().flat_map(|record| Deaggregation::default().take_apart(record)).flatten() {
        let number = std::str::from_utf8(&member.data).unwrap().parse().unwrap();
        by_key.entry(member.partition_key.to_string()).or_default().push(number);
    }
    (by_key, containers)
}

#[test]
fn many_records_are_in_few_and_each_key_is_in_order() {
    for (settings, containers_max) in [(PACKED, 100), (SINGLE, 5_000)] {
        let stream = Arc::new(FakeStream::new(3, || Fate::Stored));
        let (ended, notes) = upload(&stream, settings, input(&keys(5_000)));
        assert!(ended.stopped.is_none() && ended.first_unacknowledged.is_none());
        assert_eq!((ended.read, notes.stored.len()), (5_000, 5_000));
        let (by_key, containers) = by_key(&stream);
        assert!(containers <= containers_max, "{containers}");
        assert_eq!(by_key.values().map(Vec::len).sum::<usize>(), 5_000);
        assert!(by_key.values().all(|numbers| numbers.is_sorted()));
        let aggregated = notes.stored.iter().filter(|(_, receipt)| receipt.is_aggregated()).count();
        assert_eq!(aggregated > 0, settings.aggregates);
    }
}

#[test]
fn throttles_are_waited_out_beyond_all_patience() {
    for settings in [PACKED, SINGLE] {
        let mut calls = 0;
        let stream = Arc::new(FakeStream::new(3, move || {
            calls += 1;
            if calls < 500 { Fate::Throttled(1) } else { Fate::Stored }
        }));
        let impatient = UploadSettings { patience: Duration::ZERO, ..settings };
        let (ended, notes) = upload(&stream, impatient, input(&keys(300)));
        assert!(ended.stopped.is_none());
        assert_eq!(notes.stored.len(), 300);
    }
}

#[test]
fn a_service_that_stays_away_ends_it_and_the_position_is_named() {
    for settings in [PACKED, SINGLE] {
        let mut calls = 0;
        let stream = Arc::new(FakeStream::new(1, move || {
            calls += 1;
            if calls <= 1 { Fate::Stored } else { Fate::Unreachable }
        }));
        let one_key: Vec<_> = (0..3).map(|_| "a".to_owned()).collect();
        let settings = UploadSettings { patience: Duration::from_secs(20), ..settings };
        let (sender, receiver) = mpsc::channel(8);
        sender.try_send(Ok(pending(1, "a"))).unwrap();
        let stored_first = stream.clone();
        let feed = async move |clock: SharedClock| {
            wait_for_a_record(&stored_first, &clock).await;
            for (record, key) in (2..).zip(&one_key) {
                sender.try_send(Ok(pending(record, key))).unwrap();
            }
            drop(sender);
            std::future::pending::<()>().await;
        };
        let (ended, notes) = upload_until(&stream, settings, receiver, feed);
        let Some(Stopped::Refused { position, error }) = ended.stopped else { panic!("{:?}", ended.stopped) };
        assert!(matches!(error, Error::Unreachable(_)));
        assert_eq!((position.record, notes.stored.len()), (2, 1));
        assert_eq!(ended.first_unacknowledged, Some(position));
        assert!(notes.failures > 10);
    }
}

#[test]
fn a_refusal_ends_it() {
    for settings in [PACKED, SINGLE] {
        let stream = Arc::new(FakeStream::new(3, || Fate::Refused));
        let (ended, notes) = upload(&stream, settings, input(&keys(100)));
        assert!(matches!(ended.stopped, Some(Stopped::Refused { error: Error::AccessDenied(_), .. })));
        assert!(notes.stored.is_empty());
    }
}

#[test]
fn what_came_before_an_error_of_the_input_is_stored() {
    for settings in [PACKED, SINGLE] {
        let stream = Arc::new(FakeStream::new(3, || Fate::Stored));
        let (sender, receiver) = mpsc::channel(10);
        for record in 1..=2 {
            sender.try_send(Ok(pending(record, "a"))).unwrap();
        }
        let error = InputError::Malformed { position: pending(3, "a").position, reason: "broken".to_owned() };
        sender.try_send(Err(error)).unwrap();
        let (ended, notes) = upload(&stream, settings, receiver);
        assert!(matches!(ended.stopped, Some(Stopped::Input(InputError::Malformed { .. }))));
        assert_eq!((ended.read, notes.stored.len()), (2, 2));
    }
}

#[test]
fn an_interrupt_waits_for_what_is_on_its_way() {
    let stream = Arc::new(FakeStream::new(3, || Fate::SlowReply));
    let (sender, receiver) = mpsc::channel(10);
    sender.try_send(Ok(pending(1, "a"))).unwrap();
    let stored = stream.clone();
    let stop = async move |clock: SharedClock| wait_for_a_record(&stored, &clock).await;
    let (ended, notes) = upload_until(&stream, SINGLE, receiver, stop);
    assert!(matches!(ended.stopped, Some(Stopped::Asked)));
    assert_eq!((notes.stored.len(), ended.first_unacknowledged), (1, None));
    drop(sender);
}

#[test]
fn the_input_is_left_alone_while_memory_is_full() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Hangs));
    let settings = UploadSettings { record_bytes_max: 50, unacknowledged_bytes_max: 700, ..SINGLE };
    let (sender, receiver) = mpsc::channel(1_000);
    for (record, key) in (1..).zip(keys(1_000)) {
        sender.try_send(Ok(pending(record, &key))).unwrap();
    }
    let stop = async |clock: SharedClock| clock.sleep(Duration::from_secs(1)).await;
    let (ended, _) = upload_until(&stream, settings, receiver, stop);
    // Eight or nine bytes each, and one that waits for room.
    assert!((700 / 9..=700 / 6 + 1).contains(&ended.read), "{}", ended.read);
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
    /// Under any failures: everything is acknowledged once, and the stream holds each key's records in the order of the
    /// input, some perhaps several times in a row.
    #[test]
    fn failures_neither_reorder_nor_lose(
        keys in prop::collection::vec("[a-h]", 1..300),
        fates in prop::collection::vec(fate(), 1..200),
        connections in 1_usize..6,
    ) {
        let mut fates = fates.into_iter();
        let stream = Arc::new(FakeStream::new(3, move || fates.next().unwrap_or(Fate::Stored)));
        // Patience for ever: giving up is another test's.
        let settings = UploadSettings { connections, patience: Duration::MAX, ..SINGLE };
        let (ended, notes) = upload(&stream, settings, input(&keys));
        prop_assert!(ended.stopped.is_none());
        let mut acknowledged: Vec<_> = notes.stored.iter().map(|(pending, _)| pending.position.record).collect();
        acknowledged.sort_unstable();
        prop_assert_eq!(acknowledged, (1..=keys.len() as u64).collect::<Vec<_>>());
        let mut expected: HashMap<&str, Vec<u64>> = HashMap::new();
        for (record, key) in (1..).zip(&keys) {
            expected.entry(key).or_default().push(record);
        }
        let (mut stored, _) = by_key(&stream);
        for (key, positions) in expected {
            let mut stored = stored.remove(key).unwrap_or_default();
            stored.dedup();
            prop_assert_eq!(stored, positions);
        }
    }
}
