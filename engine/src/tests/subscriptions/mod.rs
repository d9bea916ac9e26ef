//! Consumers that are brought records: when, from where on, in which order, and until when.

mod bulk;
mod endings;
mod interleavings;
mod places;
mod positions;
mod timing;

use millstream_model::ConsumerArn;

use super::*;
use crate::{Error, Event, Part, RegisterConsumer, StartingPosition as Start, Subscribe, Subscription};

const SECOND: Duration = Duration::from_secs(1);

async fn consumer(engine: &Engine, stream: &StreamArn, name: &str) -> ConsumerArn {
    let tags = std::collections::BTreeMap::new();
    let call = RegisterConsumer { stream: stream.clone(), name: name.parse().unwrap(), tags };
    engine.register_consumer(call).await.unwrap().arn
}

/// An engine with a stream of one shard and a consumer.
async fn with_consumer(world: &World) -> (Engine, StreamArn, ConsumerArn) {
    let (engine, arn) = world.with_stream(1).await;
    let consumer = consumer(&engine, &arn, "app").await;
    (engine, arn, consumer)
}

async fn subscribe_to(
    engine: &Engine,
    consumer: &ConsumerArn,
    shard_id: &str,
    start: Start,
) -> Result<Subscription> {
    engine.subscribe(Subscribe { consumer, shard_id, start, dry_run: false }).await
}

/// To the first shard.
async fn subscribe(engine: &Engine, consumer: &ConsumerArn, start: Start) -> Result<Subscription> {
    subscribe_to(engine, consumer, SHARD, start).await
}

/// What comes next without waiting for time to pass, if anything does.
async fn now(subscription: &mut Subscription) -> Option<Option<Result<Event>>> {
    for _ in 0..20 {
        tokio::select! {
            biased;
            event = subscription.next() => return Some(event),
            () = tokio::task::yield_now() => {}
        }
    }
    None
}

async fn event(subscription: &mut Subscription) -> Event {
    now(subscription).await.expect("an event by now").expect("an event").expect("no error")
}

async fn is_quiet(subscription: &mut Subscription) -> bool {
    now(subscription).await.is_none()
}

/// The subscription is over by now; the error that its subscriber was told, if it was told one.
async fn ending(subscription: &mut Subscription) -> Option<Error> {
    let end = now(subscription).await.expect("an end by now");
    let error = end.map(Result::unwrap_err);
    assert!(subscription.next().await.is_none());
    error
}

fn records(event: &Event) -> Vec<String> {
    let records: Vec<_> = event.parts.iter().flat_map(Part::records).collect();
    texts(&records)
}

/// All records that are there by now.
async fn drain(subscription: &mut Subscription) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(Some(event)) = now(subscription).await {
        all.extend(records(&event.unwrap()));
    }
    all
}

fn number(event: &Event) -> String {
    event.continuation.unwrap().to_string()
}
