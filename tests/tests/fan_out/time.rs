//! What the clock does to a subscription: heartbeats, the end after 5 minutes, another one that takes over.

use std::time::Duration;

use millstream_runtime::SystemClock;

use crate::driver::Start;
use crate::scene::{ACCOUNT, SHARD, Scene};
use crate::shown::Event;

const FIVE_MINUTES_MILLIS: u64 = 300_000;
const HEARTBEAT_MILLIS: u64 = 5000;
/// Longer than the SDK for Java listens to silence, which is 10 seconds.
const QUIET: Duration = Duration::from_secs(12);

/// Somebody who has read everything hears every 5 seconds that there is nothing.
pub(crate) fn heartbeats(scene: &mut Scene) {
    const STREAM: &str = "heartbeats";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    scene.subscribe("app", &consumer, Start::Latest);
    let mut reached = String::new();
    for _ in 0..3 {
        scene.advance(HEARTBEAT_MILLIS);
        let number = heartbeat(&scene.event("app"));
        assert!(!is_below(&number, &reached), "{number} is below {reached}");
        reached = number;
    }
    let record = scene.put_one(STREAM, "record");
    assert!(is_below(&reached, &record.number), "{record:?} is behind {reached}");
    scene.assert_brings("app", &[record]);
    // An event puts the next heartbeat off.
    scene.advance(HEARTBEAT_MILLIS - 1);
    let record = scene.put_one(STREAM, "record");
    scene.assert_brings("app", &[record]);
    scene.advance(1);
    let record = scene.put_one(STREAM, "record");
    scene.assert_brings("app", &[record]);
}

/// The number to go on from that an event without records gives.
fn heartbeat(event: &Event) -> String {
    let number = event.continuation.clone().expect("where to go on");
    assert_eq!(
        *event,
        Event { continuation: Some(number.clone()), records: vec![], millis_behind: 0, children: vec![] }
    );
    number
}

fn is_below(number: &str, other: &str) -> bool {
    (number.len(), number) < (other.len(), other)
}

/// By the machine's clock, and by the deadlines that the SDK has for connections.
pub(crate) fn silence(scene: &mut Scene) {
    const STREAM: &str = "silence";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    scene.subscribe("app", &consumer, Start::Latest);
    let clock = SystemClock::shared();
    let end = clock.monotonic() + QUIET;
    while clock.monotonic() < end {
        heartbeat(&scene.event("app"));
    }
    scene.operator.put(STREAM, &crate::operator::Entry::new("k", "late"));
    let events = scene.events("app", 1);
    assert_eq!(events.last().unwrap().records[0].data, b"late");
}

/// A subscription ends after 5 minutes, without an error, and another one goes on where it ended.
pub(crate) fn five_minutes(scene: &mut Scene) {
    const STREAM: &str = "renewed";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    scene.subscribe("first", &consumer, Start::TrimHorizon);
    scene.advance(FIVE_MINUTES_MILLIS - 1000);
    heartbeat(&scene.event("first"));
    scene.advance(999);
    let record = scene.put_one(STREAM, "in time");
    let number = scene.assert_brings("first", &[record]);
    scene.advance(1);
    assert_eq!(scene.end("first"), None);

    let between = scene.put_one(STREAM, "between");
    scene.subscribe("second", &consumer, Start::AfterNumber(&number));
    let then = scene.put_one(STREAM, "then");
    let number = scene.assert_brings("second", &[between, then]);
    // Renewed for the second time, from a heartbeat.
    scene.advance(FIVE_MINUTES_MILLIS - 1);
    let at_heartbeat = heartbeat(&scene.event("second"));
    assert!(!is_below(&at_heartbeat, &number));
    scene.advance(1);
    assert_eq!(scene.end("second"), None);
    scene.subscribe("third", &consumer, Start::AfterNumber(&at_heartbeat));
    let last = scene.put_one(STREAM, "last");
    scene.assert_brings("third", &[last]);
}

/// A shard is one subscription's for 5 seconds, then it is the next one's who asks.
pub(crate) fn takeover(scene: &mut Scene) {
    const STREAM: &str = "taken";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    let text =
        format!("Another active subscription exists for this consumer: {ACCOUNT}:{STREAM}:{SHARD}:app");
    scene.subscribe("old", &consumer, Start::Latest);
    // The SDK tries more than once: within a second, one call for a shard is let through.
    let too_soon = scene.driver.subscribe("too soon", &consumer, SHARD, Start::Latest);
    scene.assert_refused(too_soon, "LimitExceededException", "Rate exceeded for shard");
    scene.advance(4000);
    let refused = scene.driver.subscribe("refused", &consumer, SHARD, Start::Latest);
    scene.assert_refused(refused, "ResourceInUseException", &text);
    let record = scene.put_one(STREAM, "for the old one");
    scene.assert_brings("old", &[record]);

    scene.advance(1000);
    scene.subscribe("new", &consumer, Start::Latest);
    scene.assert_ends_with("old", "ResourceInUseException", &text);
    let record = scene.put_one(STREAM, "for the new one");
    scene.assert_brings("new", &[record]);
    // Another consumer has a place of its own.
    let other = scene.register(&stream, "other");
    scene.subscribe("other", &other, Start::Latest);
    let record = scene.put_one(STREAM, "for both");
    scene.assert_brings("new", std::slice::from_ref(&record));
    scene.assert_brings("other", &[record]);
}
