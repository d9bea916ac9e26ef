//! What is too large, broken, or no gRPC at all.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame};
use hyper::{Request, Response, Version};

use super::*;

const PATH: &str = "/millstream.v1.Records/PutRecord";

async fn ask(
    world: &World,
    content_type: &str,
    path: &str,
    body: Vec<u8>,
) -> Response<hyper::body::Incoming> {
    send(world, content_type, path, Full::from(body)).await
}

async fn send<B>(world: &World, content_type: &str, path: &str, body: B) -> Response<hyper::body::Incoming>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let client: Client<HttpConnector, B> =
        Client::builder(TokioExecutor::new()).http2_only(true).build(HttpConnector::new());
    let request = Request::post(format!("{}{path}", world.url("http")))
        .version(Version::HTTP_2)
        .header("content-type", content_type)
        .header("te", "trailers")
        .body(body)
        .unwrap();
    soon(client.request(request)).await.unwrap()
}

/// The status of a call whose body is these bytes.
async fn code(world: &World, path: &str, body: Vec<u8>) -> String {
    let response = ask(world, "application/grpc", path, body).await;
    assert_eq!(response.status(), 200);
    if let Some(status) = response.headers().get("grpc-status") {
        return status.to_str().unwrap().to_owned();
    }
    let body = response.into_body().collect().await.unwrap();
    body.trailers().unwrap()["grpc-status"].to_str().unwrap().to_owned()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

#[tokio::test]
async fn broken_messages_have_clear_statuses() {
    let world = World::new().await;
    let (invalid, exhausted, unimplemented) = ("3", "8", "12");
    for (body, expected) in [
        (Vec::new(), invalid),
        (vec![0, 0], invalid),
        (vec![1, 0, 0, 0, 0], unimplemented),
        (vec![0, 0, 0, 0, 9, 1], invalid),
        ([framed(b""), framed(b"")].concat(), invalid),
        (framed(b"\x0a\xff"), invalid),
        (framed(b""), invalid),
        (vec![0, 0xff, 0xff, 0xff, 0xff], exhausted),
        (framed(&vec![0; 17 * 1024 * 1024]), exhausted),
    ] {
        let shown = &body[..body.len().min(9)].to_vec();
        assert_eq!(code(&world, PATH, body).await, expected, "{shown:?}");
    }
    for path in ["/millstream.v1.Records/Nothing", "/Nothing", "/", "/millstream.v1.Streams/PutRecord"] {
        assert_eq!(code(&world, path, framed(b"")).await, unimplemented, "{path}");
    }
}

#[tokio::test]
async fn a_message_that_is_announced_to_be_too_large_is_not_waited_for() {
    let world = World::new().await;
    let prefix = [&[0, 0xff][..], &[0xff, 0xff], &[0xff]];
    for path in [PATH, "/grpc.health.v1.Health/Check"] {
        let begun = prefix.map(|bytes| Ok(Frame::data(Bytes::from_static(bytes))));
        let body = StreamBody::new(stream::iter(begun).chain(stream::pending()));
        let response = send(&world, "application/grpc", path, body).await;
        assert_eq!(response.headers()["grpc-status"], "8", "{path}");
    }
}

#[tokio::test]
async fn broken_messages_end_a_call_that_streams() {
    let world = World::new().await;
    let path = "/millstream.v1.Records/PutStream";
    assert_eq!(code(&world, path, Vec::new()).await, "0");
    assert_eq!(code(&world, path, vec![0, 0, 0]).await, "3");
    assert_eq!(code(&world, path, vec![0, 0, 0, 0, 4, 1]).await, "3");
    assert_eq!(code(&world, path, vec![2, 0, 0, 0, 0]).await, "12");
    assert_eq!(code(&world, path, vec![0, 0xff, 0, 0, 0]).await, "8");
    // A message that cannot be read is refused, and the call goes on.
    assert_eq!(code(&world, path, framed(b"\x0a\xff")).await, "0");
}

#[tokio::test]
async fn other_encodings_are_told_by_http() {
    let world = World::new().await;
    for content_type in ["application/grpc+json", "application/grpc-web", "application/grpc-web+proto"] {
        assert_eq!(ask(&world, content_type, PATH, framed(b"")).await.status(), 415, "{content_type}");
    }
    assert_eq!(ask(&world, "application/grpc+proto", PATH, framed(b"")).await.status(), 200);
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::post(format!("{}{PATH}", world.url("http")))
        .header("content-type", "application/grpc")
        .body(Full::from(framed(b"")))
        .unwrap();
    assert_eq!(soon(client.request(request)).await.unwrap().status(), 505);
}

/// Whoever cancels leaves nothing behind: the consumer's place is free again.
#[tokio::test]
async fn cancelled_calls_are_forgotten() {
    let mut world = World::new().await;
    let consumer = world.consumer("app").await;
    world.put(b"one").await;
    for _ in 0..200 {
        let mut events = world.records.subscribe(from_horizon(&consumer)).await.unwrap().into_inner();
        assert!(soon(events.message()).await.unwrap().is_some());
        drop(events);
        world.clock.advance(Duration::from_secs(6));
    }
    assert!(!world.put(b"two").await.is_empty());
}

/// A reader that takes nothing costs the server an event or two, and holds up nobody.
#[tokio::test]
async fn a_slow_reader_holds_up_nobody() {
    let mut world = World::new().await;
    let (slow, quick) = (world.consumer("slow").await, world.consumer("quick").await);
    let _unread = world.records.subscribe(from_horizon(&slow)).await.unwrap().into_inner();
    let mut read = world.records.subscribe(from_horizon(&quick)).await.unwrap().into_inner();
    let mut bytes = 0;
    for _ in 0..40 {
        world.put(&[7; 500_000]).await;
    }
    while bytes < 40 * 500_000 {
        let event = soon(read.message()).await.unwrap().unwrap();
        bytes += event.records.iter().map(|record| record.data.len()).sum::<usize>();
        world.clock.advance(Duration::from_secs(1));
    }
}
