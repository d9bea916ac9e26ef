use std::collections::HashMap;

use bytes::Bytes;
use millstream_client::NewRecord;
use millstream_client::aggregation::Deaggregation;

use super::*;
use crate::fake::{FakeStream, Fate};

const SETTINGS: PackedSettings = PackedSettings {
    is_ordered: true,
    connections: 4,
    patience: Duration::from_secs(60),
    record_bytes_max: 1024 * 1024,
    unacknowledged_bytes_max: 1024 * 1024,
};

/// Remembers what it was told.
#[derive(Debug, Default)]
struct Notes {
    stored: Vec<(Pending, Receipt)>,
    failures: usize,
}

impl PackedWitness for Notes {
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

fn input(count: u64) -> mpsc::Receiver<Result<Pending, InputError>> {
    let (sender, receiver) = mpsc::channel(usize::try_from(count).unwrap() + 1);
    for record in 1..=count {
        sender.try_send(Ok(pending(record, &format!("key-{}", record % 37)))).unwrap();
    }
    receiver
}

async fn put(
    stream: &Arc<FakeStream>,
    settings: PackedSettings,
    records: mpsc::Receiver<Result<Pending, InputError>>,
) -> (Ended, Notes) {
    let mut notes = Notes::default();
    let name = "orders".parse().unwrap();
    let packed = Packed::start(stream.clone(), name, &Surroundings::default(), settings).await;
    let ended = packed.ok().unwrap().run(records, std::future::pending(), &mut notes).await.ok().unwrap();
    (ended, notes)
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

#[tokio::test]
async fn many_records_are_in_few_and_each_key_is_in_order() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Stored));
    let (ended, notes) = put(&stream, SETTINGS, input(5_000)).await;
    assert!(ended.stopped.is_none() && ended.first_unacknowledged.is_none());
    assert_eq!((ended.read, notes.stored.len()), (5_000, 5_000));
    let (by_key, containers) = by_key(&stream);
    assert!(containers < 100, "{containers}");
    assert_eq!(by_key.values().map(Vec::len).sum::<usize>(), 5_000);
    assert!(by_key.values().all(|numbers| numbers.is_sorted()));
}

#[tokio::test]
async fn throttles_are_waited_out() {
    let mut calls = 0;
    let stream = Arc::new(FakeStream::new(3, move || {
        calls += 1;
        if calls < 20 { Fate::Throttled(1) } else { Fate::Stored }
    }));
    let impatient = PackedSettings { patience: Duration::ZERO, ..SETTINGS };
    let (ended, notes) = put(&stream, impatient, input(300)).await;
    assert!(ended.stopped.is_none());
    assert_eq!(notes.stored.len(), 300);
}

#[tokio::test]
async fn a_service_that_stays_away_ends_it_and_the_position_is_named() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Unreachable));
    let settings = PackedSettings { patience: Duration::from_millis(300), ..SETTINGS };
    let (ended, notes) = put(&stream, settings, input(100)).await;
    let Some(Stopped::Refused { position, error }) = ended.stopped else { panic!("{:?}", ended.stopped) };
    assert!(matches!(error, Error::Unreachable(_)));
    assert_eq!(position.record, 1);
    assert_eq!(ended.first_unacknowledged, Some(position));
    assert!(notes.failures > 0 && notes.stored.is_empty());
}

#[tokio::test]
async fn a_refusal_ends_it() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Refused));
    let (ended, notes) = put(&stream, SETTINGS, input(100)).await;
    assert!(matches!(ended.stopped, Some(Stopped::Refused { error: Error::AccessDenied(_), .. })));
    assert!(notes.stored.is_empty());
}

#[tokio::test]
async fn what_came_before_an_error_of_the_input_is_stored() {
    let stream = Arc::new(FakeStream::new(3, || Fate::Stored));
    let (sender, receiver) = mpsc::channel(10);
    for record in 1..=2 {
        sender.try_send(Ok(pending(record, "a"))).unwrap();
    }
    let error = InputError::Malformed { position: pending(3, "a").position, reason: "broken".to_owned() };
    sender.try_send(Err(error)).unwrap();
    let (ended, notes) = put(&stream, SETTINGS, receiver).await;
    assert!(matches!(ended.stopped, Some(Stopped::Input(InputError::Malformed { .. }))));
    assert_eq!((ended.read, notes.stored.len()), (2, 2));
}
