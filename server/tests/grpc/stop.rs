//! Calls that would go on for ever, when the server stops: each ends with a word, and none holds it up.

use futures_util::future::join;
use futures_util::stream::{self, Stream, StreamExt};
use millstream_proto::v1::PutStreamRequest;
use tonic::{Code, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::*;

/// One request, and none after it for as long as the call lasts.
fn and_waits<T: Send + 'static>(request: T) -> impl Stream<Item = T> + Send + 'static {
    stream::iter([request]).chain(stream::pending())
}

async fn last<T>(mut messages: Streaming<T>) -> (usize, Option<Code>) {
    let mut heard = 0;
    loop {
        match soon(messages.message()).await {
            Ok(Some(_)) => heard += 1,
            Ok(None) => return (heard, None),
            Err(status) => return (heard, Some(status.code())),
        }
    }
}

#[tokio::test]
async fn calls_without_an_end_are_told_that_the_server_stops() {
    let mut world = World::new().await;
    let origin: hyper::Uri = world.url("http").parse().unwrap();
    let consumer = world.consumer("reader").await;

    let put = PutStreamRequest {
        stream_name: Some("orders".to_owned()),
        stream_arn: None,
        records: vec![entry("k", "a")],
    };
    let mut puts = world.records.put_stream(and_waits(put)).await.unwrap().into_inner();
    assert_eq!(soon(puts.message()).await.unwrap().unwrap().records.len(), 1);

    let mut events = world.records.subscribe(from_horizon(&consumer)).await.unwrap().into_inner();
    assert_eq!(soon(events.message()).await.unwrap().unwrap().records.len(), 1);

    let mut health = HealthClient::with_origin(transport(), origin.clone());
    let mut statuses = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(soon(statuses.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);

    let mut reflection = ServerReflectionClient::with_origin(transport(), origin);
    let list = MessageRequest::ListServices(String::new());
    let list = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut services = reflection.server_reflection_info(and_waits(list)).await.unwrap().into_inner();
    assert!(soon(services.message()).await.unwrap().is_some());

    let World { server, .. } = world;
    let told = async {
        assert_eq!(last(puts).await, (0, Some(Code::Unavailable)));
        assert_eq!(soon(statuses.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(last(statuses).await, (0, Some(Code::Unavailable)));
        assert_eq!(last(services).await, (0, Some(Code::Unavailable)));
        assert_eq!(last(events).await.1, Some(Code::Unavailable));
    };
    // By its clock, which stands still, it could wait for none of them.
    let (stopped, ()) = soon(join(server.stop(), told)).await;
    stopped.unwrap();
}
