//! Subscriptions that are refused, and those that are only tried.

use crate::driver::Start;
use crate::scene::{ACCOUNT, SHARD, Scene};

const UNKNOWN_SHARD: &str = "shardId-000000000007";

pub(crate) fn wrong_calls(scene: &mut Scene) {
    const STREAM: &str = "refused";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    let number = scene.put_one(STREAM, "record").number;
    let unknown = format!("{stream}/consumer/nobody:1700000000");
    let not_found = format!("Consumer {unknown}, account {ACCOUNT} not found.");
    let of_another_shard = "49600000000000000000000000000000000000000000000000000002";
    for (consumer, shard, start, code, text) in [
        (&consumer, UNKNOWN_SHARD, Start::Latest, "ResourceNotFoundException", UNKNOWN_SHARD),
        (&unknown, SHARD, Start::Latest, "ResourceNotFoundException", &not_found),
        (&consumer, SHARD, Start::Bare("AT_SEQUENCE_NUMBER"), "InvalidArgumentException", ""),
        (&consumer, SHARD, Start::Bare("AT_TIMESTAMP"), "InvalidArgumentException", ""),
        (
            &consumer,
            SHARD,
            Start::AfterNumber(of_another_shard),
            "InvalidArgumentException",
            of_another_shard,
        ),
    ] {
        // One call a second is let through.
        scene.advance(1000);
        let refused = scene.driver.subscribe("refused", consumer, shard, start);
        scene.assert_refused(refused, code, text);
    }
    scene.advance(1000);
    scene.subscribe("granted", &consumer, Start::AtNumber(&number));
    assert_eq!(scene.events("granted", 1)[0].records[0].number, number);
}

/// A dry run is refused as the call would be, or else with an error of its own, and takes no place.
pub(crate) fn dry_run(scene: &mut Scene) {
    const STREAM: &str = "dry";
    let stream = scene.create_stream(STREAM);
    let consumer = scene.register(&stream, "app");
    let dry = scene.driver.try_subscribe(&consumer, UNKNOWN_SHARD, Start::Latest);
    scene.assert_refused(dry, "ResourceNotFoundException", UNKNOWN_SHARD);
    let dry = scene.driver.try_subscribe(&consumer, SHARD, Start::Latest);
    scene.assert_refused(dry, "DryRunOperationException", "");
    scene.advance(1000);
    scene.subscribe("app", &consumer, Start::Latest);
    scene.advance(1000);
    let dry = scene.driver.try_subscribe(&consumer, SHARD, Start::Latest);
    scene.assert_refused(dry, "ResourceInUseException", "Another active subscription exists");
    let record = scene.put_one(STREAM, "record");
    scene.assert_brings("app", &[record]);
}
