//! The server ends in the middle of a subscription and starts again on the same port and the same data.

use std::collections::{BTreeMap, HashMap};

use millstream_tests::ledger::RecordId;
use millstream_tests::load::Writers;
use millstream_tests::wire::Place;

use crate::driver::{Heard, Start};
use crate::scene::{SHARD, Scene};
use crate::shown::{Event, Failure, Record};

const STREAM: &str = "restarted";
const WRITERS: usize = 2;
/// That are brought before the server ends.
const RECORDS_MIN: usize = 100;

/// `kill -9` twice and an orderly end, while writers put. Each time the subscriber goes on from the number of the last
/// event that it was brought: nothing that was acknowledged is lost, and nothing comes twice. Gives how the SDK shows
/// that the server was killed, if it does.
pub(crate) fn in_the_middle(scene: &mut Scene) -> Option<Failure> {
    let stream = scene.create_stream(STREAM);
    let mut reader = Reader { consumer: scene.register(&stream, "app"), ..Reader::default() };
    let mut writers = Writers::new(STREAM, WRITERS);
    let mut acknowledged = HashMap::new();
    let mut broken = None;
    for is_killed in [true, true, false] {
        reader.subscribe(scene);
        let load = writers.start(scene.session.server.address());
        let enough = reader.records.len() + RECORDS_MIN;
        while reader.records.len() < enough {
            let event = scene.event(&reader.name());
            reader.take(event);
        }
        if is_killed {
            scene.session.server.kill();
        } else {
            assert!(scene.session.server.terminate().success());
        }
        acknowledged.extend(writers.finish(load).acknowledged);
        let end = reader.read_to_end(scene);
        if is_killed {
            assert!(end.is_some() || scene.sdk.takes_a_break_for_an_end(), "a broken connection is no end");
            broken = broken.or(end);
        } else {
            assert_eq!(end, None, "{}", scene.session.server.log());
        }
        scene.session.server.restart();
    }
    reader.subscribe(scene);
    reader.read_all(scene, acknowledged);
    broken
}

/// One that resumes.
#[derive(Debug, Default)]
struct Reader {
    consumer: String,
    subscriptions: usize,
    /// Of the last event.
    continuation: Option<String>,
    /// By sequence number, all of which have the same length.
    records: BTreeMap<String, Record>,
}

impl Reader {
    /// Of the current subscription.
    fn name(&self) -> String {
        format!("subscription {}", self.subscriptions)
    }

    fn subscribe(&mut self, scene: &mut Scene) {
        self.subscriptions += 1;
        let start = self.continuation.as_deref().map_or(Start::TrimHorizon, Start::AfterNumber);
        let subscribed = scene.driver.subscribe(&self.name(), &self.consumer, SHARD, start);
        assert_eq!(subscribed, Ok(()));
    }

    /// Notes what an event brings, which must lie behind all that was brought before.
    fn take(&mut self, event: Event) {
        for record in event.records {
            let last = self.records.last_key_value().map(|(number, _)| number);
            assert!(last.is_none_or(|last| *last < record.number), "{} comes behind {last:?}", record.number);
            self.records.insert(record.number.clone(), record);
        }
        self.continuation = Some(event.continuation.expect("where to go on"));
    }

    fn read_to_end(&mut self, scene: &mut Scene) -> Option<Failure> {
        loop {
            match scene.driver.hear(&self.name()) {
                Heard::Event(event) => self.take(event),
                Heard::End(end) => return end,
            }
        }
    }

    /// Reads until all that was acknowledged is there, where it was acknowledged, as it was sent.
    fn read_all(&mut self, scene: &mut Scene, acknowledged: HashMap<RecordId, Place>) {
        assert!(acknowledged.len() >= RECORDS_MIN, "there was no load to speak of");
        let last = acknowledged.values().map(|place| place.sequence.clone()).max().unwrap();
        while self.records.last_key_value().is_none_or(|(number, _)| *number < last) {
            let event = scene.event(&self.name());
            self.take(event);
        }
        for (id, place) in acknowledged {
            let found =
                self.records.get(&place.sequence).unwrap_or_else(|| panic!("{id:?} at {place:?} is lost"));
            assert_eq!(found.key, id.partition_key());
            assert!(found.data == id.content(), "{id:?} is altered");
        }
        let names: std::collections::HashSet<_> = self.records.values().map(|record| &record.key).collect();
        assert_eq!(names.len(), self.records.len(), "a record was brought twice");
    }
}
