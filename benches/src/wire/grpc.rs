//! Calls of the gRPC API that go on: messages go out without waiting, and come back one by one.
//!
//! What a call may have unanswered is bounded by whoever sends; here nothing holds a message up but the transport.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};

use super::Endpoint;
use super::http2::{Http2, broken};
use crate::error::Error;

/// In front of each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
const STATUS_OK: &str = "0";

/// A call that streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    PutStream,
    Subscribe,
}

/// One call.
pub(crate) struct GrpcCall {
    method: Method,
    requests: SendStream<Bytes>,
    answers: Answers,
    received: BytesMut,
}

enum Answers {
    /// The target has not answered anything yet.
    Awaited(ResponseFuture),
    Open(RecvStream),
}

/// A message as it is sent.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    // What a target takes is far below 4 GiB.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PutStream => "PutStream",
            Self::Subscribe => "Subscribe",
        }
    }
}

impl Http2 {
    pub(crate) async fn call(&self, endpoint: &Endpoint, method: Method) -> Result<GrpcCall, Error> {
        let path = format!("{}/millstream.v1.Records/{}", endpoint.url(), method.name());
        let head = http::Request::post(path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| Error::Http(error.to_string()))?;
        let (reply, requests) = self.open(head).await?;
        Ok(GrpcCall { method, requests, answers: Answers::Awaited(reply), received: BytesMut::new() })
    }
}

impl GrpcCall {
    /// Hands a request, framed, to the transport.
    pub(crate) fn send(&mut self, request: Bytes) -> Result<(), Error> {
        self.requests.send_data(request, false).map_err(broken)
    }

    /// Hands over the only request, and waits until the target begins to answer.
    pub(super) async fn ask(&mut self, request: Bytes) -> Result<(), Error> {
        self.requests.send_data(request, true).map_err(broken)?;
        self.opened().await.map(drop)
    }

    /// The next answer's message. Nothing is lost when this is given up.
    pub(crate) async fn answer(&mut self) -> Result<Bytes, Error> {
        match self.next().await? {
            Some(message) => Ok(message),
            None => Err(Error::Http("a call ended that should go on".to_owned())),
        }
    }

    /// The next message; `None` when the target ended the call with success. Nothing is lost when this is given up.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(message) = self.whole() {
                return Ok(Some(message));
            }
            let method = self.method;
            let stream = self.opened().await?;
            let Some(piece) = stream.data().await else { return ended(method, stream).await.map(|()| None) };
            let piece = piece.map_err(broken)?;
            stream.flow_control().release_capacity(piece.len()).map_err(broken)?;
            self.take(&piece);
        }
    }

    fn take(&mut self, piece: &[u8]) {
        if self.received.is_empty()
            && let Some(length) = length(piece)
        {
            // At once for all of a message that comes in many pieces.
            self.received.reserve(length.max(piece.len()));
        }
        self.received.extend_from_slice(piece);
    }

    /// A message that has arrived whole.
    fn whole(&mut self) -> Option<Bytes> {
        let length = length(&self.received)?;
        if self.received.len() < length {
            return None;
        }
        let mut message = self.received.split_to(length).freeze();
        message.advance(PREFIX_BYTES);
        Some(message)
    }

    async fn opened(&mut self) -> Result<&mut RecvStream, Error> {
        if let Answers::Awaited(reply) = &mut self.answers {
            let reply = reply.await.map_err(broken)?;
            if let Some(status) = reply.headers().get("grpc-status") {
                return Err(refused(self.method, status.to_str().unwrap_or_default(), reply.headers()));
            }
            self.answers = Answers::Open(reply.into_body());
        }
        match &mut self.answers {
            Answers::Open(stream) => Ok(stream),
            Answers::Awaited(_) => Err(Error::Http("an answer did not begin".to_owned())),
        }
    }
}

impl std::fmt::Debug for GrpcCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.method.name())
    }
}

/// Of the message that these bytes begin with, its prefix included; `None` before that is whole.
fn length(bytes: &[u8]) -> Option<usize> {
    let [_, length @ ..] = *bytes.first_chunk::<PREFIX_BYTES>()?;
    Some(PREFIX_BYTES + usize::try_from(u32::from_be_bytes(length)).ok()?)
}

/// Whether the target ended a call because all was said, or why else.
async fn ended(method: Method, stream: &mut RecvStream) -> Result<(), Error> {
    match stream.trailers().await {
        Ok(Some(trailers)) => {
            let status = trailers.get("grpc-status").and_then(|status| status.to_str().ok());
            match status.unwrap_or_default() {
                STATUS_OK => Ok(()),
                status => Err(refused(method, status, &trailers)),
            }
        }
        Ok(None) => Err(Error::Http("a call ended without a status".to_owned())),
        Err(error) => Err(broken(error)),
    }
}

fn refused(method: Method, status: &str, headers: &http::HeaderMap) -> Error {
    let message = headers.get("grpc-message").and_then(|message| message.to_str().ok()).unwrap_or_default();
    let kind = format!("gRPC status {status}");
    Error::Refused { operation: method.name(), kind, message: message.to_owned() }
}
