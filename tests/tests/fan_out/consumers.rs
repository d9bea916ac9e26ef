//! Registering, describing, listing and deregistering consumers, and what that does to their subscriptions.

use crate::driver::Start;
use crate::scene::{ACCOUNT, CREATE_DELAY_MILLIS, SHARD, Scene, arn};

pub(crate) fn life(scene: &mut Scene) {
    const STREAM: &str = "consumers";
    let stream = scene.create_stream(STREAM);
    let now = scene.operator.now();
    let registered = scene.driver.register(&stream, "app").unwrap();
    assert_eq!(registered.arn, format!("{stream}/consumer/app:{}", now / 1000));
    assert_eq!((registered.name.as_str(), registered.created_millis), ("app", now));
    assert_eq!(registered.status, "CREATING");
    let described = scene.driver.describe(&registered.arn).unwrap();
    assert_eq!(
        (described.status.as_str(), described.stream_arn.as_deref()),
        ("CREATING", Some(stream.as_str()))
    );
    let too_early = scene.driver.subscribe("early", &registered.arn, SHARD, Start::Latest);
    let text = format!(
        "Consumer app with creation timestamp {} under stream {STREAM} and account {ACCOUNT} is not in ACTIVE status.",
        now / 1000
    );
    scene.assert_refused(too_early, "ResourceInUseException", &text);

    scene.advance(CREATE_DELAY_MILLIS);
    let described = scene.driver.describe(&registered.arn).unwrap();
    assert_eq!((described.status.as_str(), described.created_millis), ("ACTIVE", now));
    let again = scene.driver.register(&stream, "app");
    scene.assert_refused(again, "ResourceInUseException", "app");
    scene.register(&stream, "other");
    let listed: Vec<_> =
        scene.driver.list(&stream).into_iter().map(|found| (found.name, found.status)).collect();
    let active = |name: &str| (name.to_owned(), "ACTIVE".to_owned());
    assert_eq!(listed, [active("app"), active("other")]);

    scene.subscribe("app", &registered.arn, Start::Latest);
    let record = scene.put_one(STREAM, "record");
    scene.assert_brings("app", &[record]);
}

/// A subscription ends with its consumer, whether that is deregistered or goes with its stream.
pub(crate) fn deregistration(scene: &mut Scene) {
    const STREAM: &str = "deregistered";
    let stream = scene.create_stream(STREAM);
    let (first, second) = (scene.register(&stream, "first"), scene.register(&stream, "second"));
    scene.subscribe("first", &first, Start::TrimHorizon);
    scene.subscribe("second", &second, Start::TrimHorizon);
    scene.driver.deregister(&first).unwrap();
    let text = format!("Consumer first, account {ACCOUNT} not found.");
    scene.assert_ends_with("first", "ResourceNotFoundException", &text);
    // A refusal names the consumer as the call did.
    let text = format!("Consumer {first}, account {ACCOUNT} not found.");
    let gone = scene.driver.describe(&first);
    scene.assert_refused(gone, "ResourceNotFoundException", &text);
    let gone = scene.driver.subscribe("gone", &first, SHARD, Start::Latest);
    scene.assert_refused(gone, "ResourceNotFoundException", &text);

    // One of the same name is another one.
    let renewed = scene.register(&stream, "first");
    assert_ne!(renewed, first);
    let gone = scene.driver.subscribe("gone", &first, SHARD, Start::Latest);
    scene.assert_refused(gone, "ResourceNotFoundException", &text);

    let record = scene.put_one(STREAM, "record");
    scene.assert_brings("second", &[record]);
    scene.operator.delete_stream(STREAM);
    scene.assert_ends_with("second", "ResourceNotFoundException", "not found.");
    let gone = scene.driver.register(&arn(STREAM), "third");
    scene.assert_refused(gone, "ResourceNotFoundException", STREAM);
}
