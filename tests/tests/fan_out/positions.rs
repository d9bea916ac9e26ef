//! Where subscriptions start: the five types of positions, and the numbers that events give to go on from.

use crate::driver::Start;
use crate::operator::Entry;
use crate::scene::Scene;

/// What JSON and base64 have trouble with, if anything.
const DATA: [&[u8]; 5] = [b"", b"\x00", b"\xff\xfe\x80", "Grüße, 世界\r\n".as_bytes(), b"{\"a\":[1]}"];

pub(crate) fn all_five(scene: &mut Scene) {
    const STREAM: &str = "positions";
    let stream = scene.create_stream(STREAM);
    let mut records = Vec::new();
    for (number, data) in DATA.into_iter().enumerate() {
        records.extend(scene.put(STREAM, &[Entry::new(&format!("ключ-{number}"), data)]));
        scene.advance(1000);
    }
    let third = records[2].number.clone();
    let starts = [
        ("trim-horizon", Start::TrimHorizon, 0),
        ("at-number", Start::AtNumber(&third), 2),
        ("after-number", Start::AfterNumber(&third), 3),
        ("at-time", Start::AtTime(records[3].arrival_millis), 3),
        ("latest", Start::Latest, DATA.len()),
    ];
    let consumers: Vec<_> = starts.iter().map(|(name, ..)| scene.register(&stream, name)).collect();
    // All of them at once: each has a place of its own in the shard.
    for ((name, start, _), consumer) in starts.iter().zip(&consumers) {
        scene.subscribe(name, consumer, *start);
    }
    let late = scene.put_one(STREAM, "late");
    for (name, _, first) in starts {
        let expected: Vec<_> = records[first..].iter().chain([&late]).cloned().collect();
        scene.assert_brings(name, &expected);
    }
}

/// Whoever goes on from the number of an event, be it at or after it, misses nothing and gets nothing twice.
pub(crate) fn continuation(scene: &mut Scene) {
    const STREAM: &str = "continued";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    scene.subscribe("first", &consumer, Start::Latest);
    let early = [scene.put_one(STREAM, "a"), scene.put_one(STREAM, "b")];
    let after_records = scene.assert_brings("first", &early);
    scene.advance(5000);
    let heartbeat = scene.event("first");
    assert_eq!(heartbeat.records, []);
    let after_heartbeat = heartbeat.continuation.unwrap();
    let later = scene.put_one(STREAM, "c");
    let after_later = scene.assert_brings("first", std::slice::from_ref(&later));
    let last = scene.put_one(STREAM, "d");
    let both = [later, last.clone()];
    for (place, (number, expected)) in
        [(&after_records, &both[..]), (&after_heartbeat, &both[..]), (&after_later, &both[1..])]
            .iter()
            .enumerate()
    {
        for (kind, start) in [("at", Start::AtNumber(number)), ("after", Start::AfterNumber(number))] {
            // Takes over from the one before.
            scene.advance(5000);
            let name = format!("{kind}-{place}");
            scene.subscribe(&name, &consumer, start);
            scene.assert_brings(&name, expected);
        }
    }
}
