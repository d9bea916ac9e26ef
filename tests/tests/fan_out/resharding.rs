//! Shards that are closed while somebody is subscribed to them.

use crate::driver::Start;
use crate::operator::Entry;
use crate::scene::{SHARD, Scene};
use crate::shown::{Child, Event, Record};

const STREAM: &str = "resharded";
const LEFT: &str = "shardId-000000000001";
const RIGHT: &str = "shardId-000000000002";
const MERGED: &str = "shardId-000000000003";
const MIDDLE: u128 = 1 << 127;

/// The subscription to a shard that is split brings all of it, then who took over, and ends; those to the children go
/// on. Then the children are merged.
pub(crate) fn split_and_merge(scene: &mut Scene) {
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    scene.subscribe("parent", &consumer, Start::TrimHorizon);
    let mut before = vec![scene.put_one(STREAM, "a")];
    scene.assert_brings("parent", &before);
    before.extend(scene.put(STREAM, &[Entry::new("b", "b"), Entry::new("c", "c").at(u128::MAX)]));
    scene.operator.split(STREAM, SHARD);
    let children = [child(LEFT, &[SHARD], 0, MIDDLE - 1), child(RIGHT, &[SHARD], MIDDLE, u128::MAX)];
    assert_finishes(scene, "parent", &before[1..], &children);

    subscribe(scene, LEFT, &consumer, LEFT);
    subscribe(scene, RIGHT, &consumer, RIGHT);
    let after = scene.put(STREAM, &[Entry::new("d", "d"), Entry::new("e", "e").at(u128::MAX)]);
    scene.assert_brings(LEFT, &after[..1]);
    scene.assert_brings(RIGHT, &after[1..]);

    // Whoever comes to the closed shard later is told the same.
    scene.advance(5000);
    let last = before.last().unwrap().number.clone();
    scene.subscribe("parent again", &consumer, Start::TrimHorizon);
    assert_finishes(scene, "parent again", &before, &children);
    scene.advance(5000);
    scene.subscribe("parent's end", &consumer, Start::AfterNumber(&last));
    assert_finishes(scene, "parent's end", &[], &children);
    scene.advance(5000);
    scene.subscribe("parent's newest", &consumer, Start::Latest);
    assert_finishes(scene, "parent's newest", &[], &children);

    scene.operator.merge(STREAM, LEFT, RIGHT);
    let merged = [child(MERGED, &[LEFT, RIGHT], 0, u128::MAX)];
    assert_finishes(scene, LEFT, &[], &merged);
    assert_finishes(scene, RIGHT, &[], &merged);
    subscribe(scene, MERGED, &consumer, MERGED);
    let record = scene.put_one(STREAM, "f");
    scene.assert_brings(MERGED, &[record]);
}

fn subscribe(scene: &mut Scene, name: &str, consumer: &str, shard: &str) {
    let subscribed = scene.driver.subscribe(name, consumer, shard, Start::TrimHorizon);
    assert_eq!(subscribed, Ok(()), "{name}");
}

/// A subscription brings these records and, in the last event, these children and no number to go on from; then it
/// ends without an error. There may be heartbeats before.
fn assert_finishes(scene: &mut Scene, from: &str, records: &[Record], children: &[Child]) {
    let mut found = Vec::new();
    loop {
        let Event { records, continuation, millis_behind, children: shown } = scene.event(from);
        found.extend(records);
        assert_eq!(continuation.is_none(), !shown.is_empty(), "{from}: {continuation:?}, {shown:?}");
        if !shown.is_empty() {
            assert_eq!((millis_behind, shown.as_slice()), (0, children), "{from}");
            break;
        }
    }
    assert_eq!(found, records, "{from}");
    assert_eq!(scene.end(from), None, "{from}");
}

fn child(shard: &str, parents: &[&str], first: u128, last: u128) -> Child {
    let parents = parents.iter().map(|&parent| parent.to_owned()).collect();
    Child { shard: shard.to_owned(), parents, range: vec![first.to_string(), last.to_string()] }
}
