//! A client that speaks the wire and nothing else.

use std::net::SocketAddr;

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::{HeaderValue, Message};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use millstream_runtime::{OnFailure, TaskSet};
use serde_json::Value as Json;
use tokio::net::TcpStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

pub(crate) struct Client {
    sender: Sender,
    /// Ends the connection when it is dropped.
    tasks: TaskSet,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// One frame.
pub(crate) struct Frame(Message);

/// A subscription, as it is read.
pub(crate) struct Events {
    body: Incoming,
    read: BytesMut,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, http: Http) -> Self {
        Self::connect_with(address, http, http2::Builder::new(TokioExecutor::new())).await
    }

    /// One that speaks HTTP/2 and is sent at most so many bytes of an answer before it has read some of them.
    pub(crate) async fn with_window(address: SocketAddr, bytes: u32) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(bytes);
        Self::connect_with(address, Http::Two, builder).await
    }

    async fn connect_with(address: SocketAddr, http: Http, builder: http2::Builder<TokioExecutor>) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let tasks = TaskSet::default();
        let stop = tasks.clone();
        let sender = match http {
            Http::One => {
                let (sender, connection) = http1::handshake(stream).await.unwrap();
                tasks.spawn("client", OnFailure::Log, async move {
                    tokio::select! { ended = connection => ended, () = stop.stopping() => Ok(()) }
                });
                Sender::One(sender)
            }
            Http::Two => {
                let (sender, connection) = builder.handshake(stream).await.unwrap();
                tasks.spawn("client", OnFailure::Log, async move {
                    tokio::select! { ended = connection => ended, () = stop.stopping() => Ok(()) }
                });
                Sender::Two(sender)
            }
        };
        Self { sender, tasks }
    }

    async fn send(&mut self, operation: &str, content_type: &str, body: Vec<u8>) -> Response<Incoming> {
        let request = Request::post("http://localhost/")
            .header("host", "localhost")
            .header("content-type", content_type)
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .header("x-amz-date", "20260102T030405Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260102/us-east-1/kinesis/aws4_request, SignedHeaders=host, \
                 Signature=0",
            )
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        self.ask(request).await
    }

    /// The answer, of which no more is read than its head.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await.unwrap();
                sender.send_request(request).await.unwrap()
            }
            Sender::Two(sender) => {
                sender.ready().await.unwrap();
                sender.send_request(request).await.unwrap()
            }
        }
    }

    /// Status and body, `null` where it is empty.
    pub(crate) async fn call(&mut self, operation: &str, body: &Json) -> (u16, Json) {
        let response =
            self.send(operation, "application/x-amz-json-1.1", body.to_string().into_bytes()).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, if bytes.is_empty() { Json::Null } else { serde_json::from_slice(&bytes).unwrap() })
    }

    pub(crate) async fn call_in_cbor(&mut self, operation: &str, body: Vec<u8>) -> (u16, Bytes) {
        let response = self.send(operation, "application/x-amz-cbor-1.1", body).await;
        (response.status().as_u16(), response.into_body().collect().await.unwrap().to_bytes())
    }

    /// The subscription, or the error instead of one.
    pub(crate) async fn subscribe(&mut self, body: &Json) -> Result<Events, (u16, Json)> {
        let body = body.to_string().into_bytes();
        let response = self.send("SubscribeToShard", "application/x-amz-json-1.1", body).await;
        let status = response.status().as_u16();
        if status != 200 {
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            return Err((status, serde_json::from_slice(&bytes).unwrap()));
        }
        assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
        assert!(response.headers().contains_key("x-amzn-requestid"));
        assert!(!response.headers().contains_key("content-length"));
        Ok(Events { body: response.into_body(), read: BytesMut::new() })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.shutdown();
    }
}

impl Events {
    /// The next frame; `None` at a clean end. A body that breaks off fails the test.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(length) = self.read.get(..4).map(|mut length| length.get_u32() as usize)
                && self.read.len() >= length
            {
                let mut frame = self.read.split_to(length).freeze();
                return Some(Frame(read_message_from(&mut frame).unwrap()));
            }
            match self.body.frame().await {
                Some(piece) => self.read.extend_from_slice(&piece.unwrap().into_data().unwrap()),
                None => {
                    assert!(self.read.is_empty(), "the stream ended inside a frame");
                    return None;
                }
            }
        }
    }

    /// Waits until so many bytes of an unfinished frame are there.
    pub(crate) async fn read_torn(&mut self, bytes: usize) {
        while self.read.len() < bytes {
            let piece = self.body.frame().await.expect("a piece").unwrap();
            self.read.extend_from_slice(&piece.into_data().unwrap());
        }
    }

    /// Waits for the body to break off without another whole frame. Gives the bytes of the unfinished one.
    pub(crate) async fn broken_off(mut self) -> usize {
        while let Some(piece) = self.body.frame().await {
            let Ok(piece) = piece else { return self.read.len() };
            self.read.extend_from_slice(&piece.into_data().unwrap());
        }
        panic!("a clean end");
    }

    /// The JSON of the next frame, which is an event.
    pub(crate) async fn event(&mut self) -> Json {
        let frame = self.next().await.expect("an event");
        assert_eq!(frame.kind(), "SubscribeToShardEvent");
        assert_eq!(frame.header(":message-type"), "event");
        frame.json()
    }
}

impl Frame {
    pub(crate) fn header(&self, name: &str) -> &str {
        let header = self.0.headers().iter().find(|header| header.name().as_str() == name);
        match header.unwrap_or_else(|| panic!("no header {name}")).value() {
            HeaderValue::String(text) => text.as_str(),
            other => panic!("{other:?}"),
        }
    }

    /// Type of the event or exception.
    pub(crate) fn kind(&self) -> &str {
        let is_exception = self.header(":message-type") == "exception";
        assert_eq!(self.header(":content-type"), "application/x-amz-json-1.1");
        self.header(if is_exception { ":exception-type" } else { ":event-type" })
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(self.0.payload()).unwrap()
    }
}

/// The text at a path.
pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    let request = Request::get(path).header("host", "localhost").body(Full::default());
    text(address, request.unwrap()).await
}

/// The JSON that JSON is answered with.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &Json) -> Json {
    let body = Full::new(Bytes::from(body.to_string()));
    let request = Request::post(path).header("host", "localhost").body(body);
    serde_json::from_str(&text(address, request.unwrap()).await).unwrap()
}

async fn text(address: SocketAddr, request: Request<Full<Bytes>>) -> String {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http1::handshake(stream).await.unwrap();
    let ask = async {
        let response = sender.send_request(request).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    tokio::select! {
        text = ask => text,
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
}
