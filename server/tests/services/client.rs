//! A client that sends any request and shows the whole answer.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use millstream_runtime::{OnFailure, TaskSet};
use serde_json::Value as Json;
use tokio::net::TcpStream;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Headers of a request that is signed for a service, in a way that nobody checks.
pub(crate) fn signed(service: &str) -> Vec<(&'static str, String)> {
    vec![
        ("x-amz-date", "20260102T030405Z".to_owned()),
        (
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=123456789012/20260102/eu-west-1/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0"
            ),
        ),
    ]
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, String)],
    body: impl Into<Bytes>,
) -> Answer {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http1::handshake(stream).await.unwrap();
    let tasks = TaskSet::default();
    let stop = tasks.clone();
    tasks.spawn("client", OnFailure::Log, async move {
        tokio::select! { ended = connection => ended, () = stop.stopping() => Ok(()) }
    });
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    tasks.shutdown();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}
