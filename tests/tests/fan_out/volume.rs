//! Records as large as they can be, many of them, and more than a subscription is brought in a second.

use millstream_tests::random::Random;

use crate::driver::Start;
use crate::operator::Entry;
use crate::scene::Scene;
use crate::shown::{Event, Record};

const MIB: usize = 1 << 20;
/// For a large record to be paid for: 2 MiB a second are brought.
const PAUSE_MILLIS: u64 = 5000;
const PAUSES_MAX: usize = 40;

/// A record of 10 MiB, some of 1 MiB, and 500 small ones, from the beginning and a little late.
pub(crate) fn large_and_many(scene: &mut Scene) {
    const STREAM: &str = "large";
    let stream = scene.create_stream_for(STREAM, 10 * 1024);
    let consumer = scene.register(&stream, "app");
    let mut random = Random::new(7);
    let mut expected = scene.put(STREAM, &[entry(&mut random, 10 * MIB)]);
    for _ in 0..3 {
        // A shard takes 1 MiB a second, and a large record at once.
        scene.advance(10_000);
        expected.extend(scene.put(STREAM, &[entry(&mut random, MIB)]));
    }
    scene.advance(10_000);
    let small: Vec<_> = (0..500).map(|_| entry(&mut random, 500)).collect();
    expected.extend(scene.put(STREAM, &small));
    scene.advance(1000);

    scene.subscribe("app", &consumer, Start::TrimHorizon);
    let events = read(scene, expected.len());
    assert_eq!(events[0].millis_behind, 41_000);
    assert!(events.windows(2).all(|two| two[1].records.is_empty() || is_rising(&two[0], &two[1])));
    assert_eq!(events.last().unwrap().millis_behind, 0);
    let found: Vec<Record> = events.into_iter().flat_map(|event| event.records).collect();
    for (found, expected) in found.iter().zip(&expected) {
        // Not compared as a whole: a failure would print megabytes.
        assert!(found == expected, "{} is not {}", found.number, expected.number);
    }
}

/// The events that bring so many records; time passes as they need it.
fn read(scene: &mut Scene, records: usize) -> Vec<Event> {
    let (mut events, mut found) = (Vec::new(), 0);
    while found < records {
        let event = scene.event("app");
        found += event.records.len();
        events.push(event);
        assert!(events.len() < PAUSES_MAX, "{found} records of {records} in {PAUSES_MAX} events");
        scene.advance(PAUSE_MILLIS);
    }
    assert_eq!(found, records);
    events
}

fn is_rising(event: &Event, next: &Event) -> bool {
    event.continuation.as_deref() <= next.records.first().map(|record| record.number.as_str())
}

/// A record of so many bytes, the partition key included.
fn entry(random: &mut Random, bytes: usize) -> Entry {
    let mut data = vec![0; bytes - 1];
    random.fill(&mut data);
    Entry::new("k", data)
}
