//! Consumers coming, changing and going.

use millstream_model::{ConsumerName, Timestamp};

use super::*;
use crate::{ConsumerDescription, ConsumerKey, ConsumerStatus, Delays, Error, RegisterConsumer};

fn name(text: &str) -> ConsumerName {
    text.parse().unwrap()
}

async fn register(engine: &Engine, stream: &StreamArn, consumer: &str) -> Result<ConsumerDescription> {
    let call = RegisterConsumer {
        stream: stream.clone(),
        name: name(consumer),
        tags: std::collections::BTreeMap::new(),
    };
    engine.register_consumer(call).await
}

fn describe(engine: &Engine, stream: &StreamArn, consumer: &str) -> Result<ConsumerDescription> {
    engine.describe_consumer(ConsumerKey::Name(stream, &name(consumer)))
}

async fn deregister(engine: &Engine, stream: &StreamArn, consumer: &str) -> Result<()> {
    engine.deregister_consumer(ConsumerKey::Name(stream, &name(consumer))).await
}

fn listed(engine: &Engine, stream: &StreamArn) -> Vec<String> {
    let page = engine.list_consumers(stream, None, None, None).unwrap();
    page.consumers.iter().map(|consumer| consumer.arn.name.to_string()).collect()
}

#[tokio::test]
async fn a_consumer_is_creating_in_the_answer_and_active_when_it_is_looked_at() {
    let (engine, arn) = World::new().with_stream(1).await;
    let registered = register(&engine, &arn, "app").await.unwrap();
    assert_eq!(registered.status, ConsumerStatus::Creating);
    assert_eq!(registered.arn.to_string(), format!("{arn}/consumer/app:1700000000"));
    let described = describe(&engine, &arn, "app").unwrap();
    assert_eq!(described, ConsumerDescription { status: ConsumerStatus::Active, ..registered.clone() });
    assert_eq!(engine.describe_consumer(ConsumerKey::Arn(&registered.arn)), Ok(described));
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().consumers, 1);
    assert_eq!(
        register(&engine, &arn, "app").await,
        Err(Error::ResourceInUse(
            "Consumer app under stream orders already exists for account 000000000000.".into()
        ))
    );
}

#[tokio::test]
async fn passing_states_last_as_long_as_configured() {
    let mut world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.close().await.unwrap();
    let second = Duration::from_secs(1);
    world.settings.delays = Delays { create: second, update: second, delete: second };
    let engine = world.open().await;
    let status = || describe(&engine, &arn, "app").map(|consumer| consumer.status);
    register(&engine, &arn, "app").await.unwrap();
    assert_eq!(status(), Ok(ConsumerStatus::Creating));
    world.clock.advance(second);
    assert_eq!(status(), Ok(ConsumerStatus::Active));
    deregister(&engine, &arn, "app").await.unwrap();
    assert_eq!(status(), Ok(ConsumerStatus::Deleting));
    assert!(matches!(register(&engine, &arn, "app").await, Err(Error::ResourceInUse(_))));
    assert_eq!(listed(&engine, &arn), ["app"]);
    world.clock.advance(second);
    let gone = Error::ResourceNotFound("Consumer app, account 000000000000 not found.".into());
    assert_eq!(status(), Err(gone.clone()));
    assert_eq!(deregister(&engine, &arn, "app").await, Err(gone));
    assert!(listed(&engine, &arn).is_empty());
    assert!(register(&engine, &arn, "app").await.is_ok());
}

#[tokio::test]
async fn a_name_that_is_registered_again_gets_another_arn() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let mut arns = Vec::new();
    for _ in 0..3 {
        arns.push(register(&engine, &arn, "app").await.unwrap().arn);
        deregister(&engine, &arn, "app").await.unwrap();
        engine.tidy_up().await.unwrap();
    }
    // A restart does not forget which second is taken.
    engine.close().await.unwrap();
    let engine = world.open().await;
    arns.push(register(&engine, &arn, "app").await.unwrap().arn);
    let seconds: Vec<_> = arns.iter().map(|arn| arn.created_secs).collect();
    assert_eq!(seconds, (START.as_secs()..).take(4).collect::<Vec<_>>());
    for old in &arns[..3] {
        let error = engine.describe_consumer(ConsumerKey::Arn(old)).unwrap_err();
        let text = format!("Consumer {old}, account 000000000000 not found.");
        assert_eq!(error, Error::ResourceNotFound(text));
    }
    assert!(engine.describe_consumer(ConsumerKey::Arn(&arns[3])).is_ok());
}

#[tokio::test]
async fn consumers_survive_a_restart_with_all_that_is_known_of_them() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let tags = [("team".to_owned(), "blue".to_owned())].into();
    let call = RegisterConsumer { stream: arn.clone(), name: name("app"), tags };
    let registered = engine.register_consumer(call).await.unwrap();
    let found = engine.inner.find_consumer(ConsumerKey::Arn(&registered.arn)).unwrap();
    let change = |meta: &mut crate::consumer::ConsumerMeta| meta.policy = Some("{}".to_owned());
    engine.inner.change_consumer(&found, millstream_storage::Priority::Normal, change).await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(describe(&engine, &arn, "app").unwrap().arn, registered.arn);
    let found = engine.inner.find_consumer(ConsumerKey::Arn(&registered.arn)).unwrap();
    assert_eq!(found.meta.tags.get("team").map(String::as_str), Some("blue"));
    assert_eq!(found.meta.policy.as_deref(), Some("{}"));
}

#[tokio::test]
async fn twenty_consumers_and_five_that_are_being_created() {
    let mut world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    engine.close().await.unwrap();
    let second = Duration::from_secs(1);
    world.settings.limits.consumers_per_stream = Some(20);
    world.settings.delays = Delays { create: second, ..Delays::default() };
    let engine = world.open().await;
    for number in 0..20 {
        if number % 5 == 0 {
            assert_eq!(listed(&engine, &arn).len(), number);
            world.clock.advance(second);
        }
        register(&engine, &arn, &format!("c{number:02}")).await.unwrap();
        if number % 5 == 4 && number < 19 {
            let error = register(&engine, &arn, "more").await.unwrap_err();
            assert!(matches!(&error, Error::LimitExceeded(text) if text.contains("CREATING")), "{error}");
        }
    }
    world.clock.advance(second);
    let error = register(&engine, &arn, "more").await.unwrap_err();
    assert!(matches!(&error, Error::LimitExceeded(text) if text.contains("Limit: 20")), "{error}");
    deregister(&engine, &arn, "c07").await.unwrap();
    assert!(register(&engine, &arn, "more").await.is_ok());
}

#[tokio::test]
async fn fifty_consumers_where_an_on_demand_stream_has_the_advantage() {
    let mut world = World::new();
    world.settings.limits =
        Limits { consumers_per_stream: Some(20), consumers_per_advantage_stream: Some(50), ..Limits::OFF };
    let (engine, fixed) = world.with_stream(1).await;
    let elastic = arn("elastic");
    let call = CreateStream { mode: Some(Mode::OnDemand), shard_count: None, ..provisioned(&elastic, 1) };
    engine.create_stream(call).await.unwrap();
    for (stream, first, limit) in [(&elastic, 0, 20), (&elastic, 20, 50), (&fixed, 0, 20)] {
        for number in first..limit {
            register(&engine, stream, &format!("c{number:02}")).await.unwrap();
        }
        let error = register(&engine, stream, "more").await.unwrap_err();
        let text = format!("Limit: {limit}.");
        assert!(matches!(&error, Error::LimitExceeded(told) if told.contains(&text)), "{error}");
        engine.update_account_settings(&fixed.account, &fixed.region, true).await.unwrap();
    }
}

#[tokio::test]
async fn consumers_are_listed_in_pages() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let names: Vec<_> = (0..205).map(|number| format!("c{number:03}")).collect();
    for name in &names {
        register(&engine, &arn, name).await.unwrap();
    }
    let (mut all, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = engine.list_consumers(&arn, None, token.as_deref(), Some(10_000)).unwrap();
        all.extend(page.consumers.iter().map(|consumer| consumer.arn.name.to_string()));
        (token, pages) = (page.next_token, pages + 1);
        if token.is_none() {
            break;
        }
    }
    assert_eq!((all, pages), (names, 3));

    let page = |created, token: Option<&str>| engine.list_consumers(&arn, created, token, Some(1));
    let created = |secs| Some(Timestamp::from_millis(secs * 1000));
    assert!(page(created(START.as_secs()), None).is_ok());
    assert!(matches!(page(created(START.as_secs() + 1), None), Err(Error::ResourceNotFound(_))));
    let token = page(None, None).unwrap().next_token.unwrap();
    let other = super::arn("other");
    engine.create_stream(provisioned(&other, 1)).await.unwrap();
    let elsewhere = engine.list_consumers(&other, None, Some(&token), None);
    assert!(matches!(elsewhere, Err(Error::InvalidArgument(_))));
    world.clock.advance(Duration::from_secs(301));
    assert!(matches!(page(None, Some(&token)), Err(Error::ExpiredNextToken(_))));
}

#[tokio::test]
async fn a_stream_with_consumers_is_deleted_only_with_them() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    register(&engine, &arn, "app").await.unwrap();
    assert_eq!(
        engine.delete_stream(&arn).await,
        Err(Error::ResourceInUse(
            "DeleteStream can't delete 000000000000:orders because there are consumers associated with this data \
             stream. To delete orders anyway, set the EnforceConsumerDeletion parameter to true to force the \
             deletion of all the consumers that are associated with it."
                .into()
        ))
    );
    engine.delete_stream_and_consumers(&arn).await.unwrap();
    engine.create_stream(provisioned(&arn, 1)).await.unwrap();
    assert!(listed(&engine, &arn).is_empty());
    // One that was deregistered is in nobody's way.
    register(&engine, &arn, "app").await.unwrap();
    deregister(&engine, &arn, "app").await.unwrap();
    engine.delete_stream(&arn).await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_consumers_that_are_gone() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    for name in ["a", "b"] {
        register(&engine, &arn, name).await.unwrap();
    }
    let rows = async || {
        let all = millstream_storage::KeyRange::prefix(&[crate::keyspace::CONSUMER]);
        engine.inner.slot.scan(all, millstream_storage::ScanOptions::default()).await.unwrap().entries.len()
    };
    deregister(&engine, &arn, "a").await.unwrap();
    engine.tidy_up().await.unwrap();
    assert_eq!(rows().await, 2);
    world.clock.advance(Duration::from_secs(1));
    engine.tidy_up().await.unwrap();
    assert_eq!((rows().await, engine.inner.find(&arn).unwrap().stream.consumers.all().len()), (1, 1));
    engine.delete_stream_and_consumers(&arn).await.unwrap();
    engine.tidy_up().await.unwrap();
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn a_stream_that_is_going_takes_its_consumers_along() {
    let mut world = World::new();
    world.settings.delays.delete = Duration::from_secs(1);
    let (engine, arn) = world.with_stream(1).await;
    register(&engine, &arn, "app").await.unwrap();
    engine.delete_stream_and_consumers(&arn).await.unwrap();
    assert_eq!(describe(&engine, &arn, "app").unwrap().status, ConsumerStatus::Deleting);
    assert!(matches!(register(&engine, &arn, "new").await, Err(Error::ResourceInUse(_))));
    assert!(matches!(engine.list_consumers(&arn, None, None, None), Err(Error::ResourceInUse(_))));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        describe(&engine, &arn, "app"),
        Err(Error::ResourceNotFound("Stream orders under account 000000000000 not found.".into()))
    );
}
