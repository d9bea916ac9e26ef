//! What is attached to resources: tags in both generations of calls, and policies.

use std::collections::BTreeMap;

use super::*;
use crate::{ConsumerDescription, ConsumerKey, Delays, Error, RegisterConsumer, Resource};

fn tags<const N: usize>(tags: [(&str, &str); N]) -> BTreeMap<String, String> {
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn listed(tags: &[(String, String)]) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn both_generations_see_the_same_tags() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let resource = Resource::Stream(arn.clone());
    engine.add_tags(&arn, tags([("team", "a"), ("tier", "1")])).await.unwrap();
    engine.tag_resource(&resource, tags([("team", "b"), ("cost:center", "7")])).await.unwrap();
    let all = [("cost:center", "7"), ("team", "b"), ("tier", "1")];
    assert_eq!(listed(&engine.list_resource_tags(&resource).unwrap()), all);
    assert_eq!(listed(&engine.list_tags(&arn, None, None).unwrap().tags), all);
    engine.untag_resource(&resource, vec!["cost:center".into(), "unknown".into()]).await.unwrap();
    engine.remove_tags(&arn, vec!["tier".into()]).await.unwrap();
    assert_eq!(listed(&engine.list_resource_tags(&resource).unwrap()), [("team", "b")]);
}

#[tokio::test]
async fn the_generations_take_different_characters() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let resource = Resource::Stream(arn.clone());
    for text in ["k", "größe 1", "a_b.c/d=e+f-g@h", "名前"] {
        engine.add_tags(&arn, tags([(text, text)])).await.unwrap();
        engine.tag_resource(&resource, tags([(text, text)])).await.unwrap();
    }
    let refused =
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, ";
    for text in ["a%b", "a*b", "a,b", "😀"] {
        for wrong in [tags([(text, "")]), tags([("k", text)])] {
            let error = engine.tag_resource(&resource, wrong).await.unwrap_err();
            assert_eq!(error, Error::InvalidArgument(format!("{refused}_ . : / = + - @.")), "{text}");
        }
        assert!(matches!(
            engine.untag_resource(&resource, vec![text.into()]).await,
            Err(Error::InvalidArgument(_))
        ));
    }
    engine.tag_resource(&resource, tags([("a:b", "c:d")])).await.unwrap();
    let error = engine.add_tags(&arn, tags([("a:b", "")])).await.unwrap_err();
    assert_eq!(error, Error::InvalidArgument(format!("{refused}_ . / = + - % @.")));
}

#[tokio::test]
async fn awss_own_prefix_is_reserved() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let resource = Resource::Stream(arn.clone());
    for key in ["aws:", "aws:cloudformation:stack-name", "AWS:x"] {
        let error = engine.tag_resource(&resource, tags([(key, "")])).await.unwrap_err();
        assert_eq!(error, Error::InvalidArgument("Tag keys that begin with aws: are reserved.".into()));
        assert!(engine.untag_resource(&resource, vec![key.into()]).await.is_err());
        assert!(engine.add_tags(&arn, tags([(key, "")])).await.is_err());
        let call = CreateStream { tags: tags([(key, "")]), ..provisioned(&super::arn("other"), 1) };
        assert!(matches!(engine.create_stream(call).await, Err(Error::InvalidArgument(_))));
    }
    // It is the prefix, and of keys alone.
    for (key, value) in [("aws", ""), ("my:aws:", ""), ("k", "aws:x"), ("ähm", "")] {
        engine.tag_resource(&resource, tags([(key, value)])).await.unwrap();
    }
}

#[tokio::test]
async fn no_more_than_fifty_tags_whoever_adds_them() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let resource = Resource::Stream(arn.clone());
    let many = |range: std::ops::Range<u32>| {
        range.map(|n| (format!("k{n:02}"), n.to_string())).collect::<BTreeMap<_, _>>()
    };
    engine.add_tags(&arn, many(0..30)).await.unwrap();
    engine.tag_resource(&resource, many(20..50)).await.unwrap();
    let error = engine.tag_resource(&resource, many(49..51)).await.unwrap_err();
    let text =
        "arn:aws:kinesis:us-east-1:000000000000:stream/orders would have 51 tags, of which there may be 50.";
    assert_eq!(error, Error::LimitExceeded(text.into()));
    assert!(matches!(engine.add_tags(&arn, many(50..51)).await, Err(Error::InvalidArgument(_))));
    // Nothing of a call that was refused is kept.
    assert_eq!(engine.list_resource_tags(&resource).unwrap().len(), 50);
    engine.tag_resource(&resource, many(0..50)).await.unwrap();
}

#[tokio::test]
async fn a_policy_is_given_back_as_it_was_given() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let resource = Resource::Stream(arn.clone());
    assert_eq!(engine.policy(&resource), Ok(None));
    assert_eq!(
        engine.delete_policy(&resource).await,
        Err(Error::ResourceNotFound(format!("No policy is attached to {arn}.")))
    );
    for policy in ["first", " {\"second\":\n 1}"] {
        engine.put_policy(&resource, policy.into()).await.unwrap();
        assert_eq!(engine.policy(&resource), Ok(Some(policy.into())));
    }
    engine.add_tags(&arn, tags([("team", "a")])).await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(engine.policy(&resource), Ok(Some(" {\"second\":\n 1}".into())));
    assert_eq!(listed(&engine.list_resource_tags(&resource).unwrap()), [("team", "a")]);
    engine.delete_policy(&resource).await.unwrap();
    assert_eq!(engine.policy(&resource), Ok(None));
}

#[tokio::test]
async fn resources_must_be_there_to_be_read_and_active_to_be_changed() {
    let mut world = World::new();
    world.settings.delays.create = Duration::from_secs(1);
    let (engine, creating) = world.with_stream(1).await;
    let (creating, missing) = (Resource::Stream(creating), Resource::Stream(arn("missing")));
    assert_eq!(engine.list_resource_tags(&creating), Ok(vec![]));
    assert_eq!(engine.policy(&creating), Ok(None));
    let in_use = "Stream orders under account 000000000000 not ACTIVE, instead in state CREATING";
    let not_found = "Stream missing under account 000000000000 not found.";
    for (resource, expected) in [
        (creating, Error::ResourceInUse(in_use.into())),
        (missing, Error::ResourceNotFound(not_found.into())),
    ] {
        let outcomes = [
            engine.tag_resource(&resource, tags([("a", "b")])).await,
            engine.untag_resource(&resource, vec!["a".into()]).await,
            engine.put_policy(&resource, "{}".into()).await,
            engine.delete_policy(&resource).await,
        ];
        assert!(outcomes.iter().all(|outcome| *outcome == Err(expected.clone())), "{outcomes:?}");
    }
    let missing = Resource::Stream(arn("missing"));
    assert_eq!(engine.list_resource_tags(&missing), Err(Error::ResourceNotFound(not_found.into())));
    assert_eq!(engine.policy(&missing), Err(Error::ResourceNotFound(not_found.into())));
}

async fn register(
    engine: &Engine,
    stream: &StreamArn,
    with: BTreeMap<String, String>,
) -> ConsumerDescription {
    let call = RegisterConsumer { stream: stream.clone(), name: "app".parse().unwrap(), tags: with };
    engine.register_consumer(call).await.unwrap()
}

#[tokio::test]
async fn a_consumer_has_tags_and_a_policy_of_its_own() {
    let world = World::new();
    let (engine, stream) = world.with_stream(1).await;
    let consumer = register(&engine, &stream, tags([("team", "a")])).await;
    let resource = Resource::Consumer(consumer.arn.clone());
    engine.tag_resource(&resource, tags([("cost:center", "7")])).await.unwrap();
    engine.put_policy(&resource, "policy".into()).await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    let all = [("cost:center", "7"), ("team", "a")];
    assert_eq!(listed(&engine.list_resource_tags(&resource).unwrap()), all);
    assert_eq!(engine.policy(&resource), Ok(Some("policy".into())));
    let of_stream = Resource::Stream(stream.clone());
    assert_eq!(engine.list_resource_tags(&of_stream), Ok(vec![]));
    assert_eq!(engine.policy(&of_stream), Ok(None));
    engine.untag_resource(&resource, vec!["team".into()]).await.unwrap();
    engine.delete_policy(&resource).await.unwrap();
    assert_eq!(
        engine.delete_policy(&resource).await,
        Err(Error::ResourceNotFound(format!("No policy is attached to {}.", consumer.arn)))
    );
    assert_eq!(listed(&engine.list_resource_tags(&resource).unwrap()), [("cost:center", "7")]);
    // What was attached goes with the consumer, and a namesake begins with nothing.
    engine.deregister_consumer(ConsumerKey::Arn(&consumer.arn)).await.unwrap();
    let gone = Error::ResourceNotFound(format!("Consumer {}, account 000000000000 not found.", consumer.arn));
    assert_eq!(engine.list_resource_tags(&resource), Err(gone.clone()));
    assert_eq!(engine.tag_resource(&resource, tags([("a", "b")])).await, Err(gone));
    let namesake = register(&engine, &stream, tags([])).await;
    assert_eq!(engine.list_resource_tags(&Resource::Consumer(namesake.arn)), Ok(vec![]));
}

#[tokio::test]
async fn a_consumer_must_be_active_to_be_tagged() {
    let mut world = World::new();
    let (engine, stream) = world.with_stream(1).await;
    engine.close().await.unwrap();
    world.settings.delays = Delays { create: Duration::from_secs(1), ..Delays::default() };
    let engine = world.open().await;
    let consumer = register(&engine, &stream, tags([("team", "a")])).await;
    let resource = Resource::Consumer(consumer.arn);
    let text = "Consumer app with creation timestamp 1700000000 under stream orders and account 000000000000 is \
                not in ACTIVE status.";
    let refused = Err(Error::ResourceInUse(text.into()));
    assert_eq!(engine.tag_resource(&resource, tags([("a", "b")])).await, refused);
    assert_eq!(engine.put_policy(&resource, "policy".into()).await, refused);
    assert_eq!(listed(&engine.list_resource_tags(&resource).unwrap()), [("team", "a")]);
    world.clock.advance(Duration::from_secs(1));
    engine.tag_resource(&resource, tags([("a", "b")])).await.unwrap();
}
