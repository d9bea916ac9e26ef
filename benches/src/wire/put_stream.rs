//! A PutStream call of the gRPC API: requests go out without waiting, and are answered in their order.
//!
//! What a call may have unanswered is bounded by whoever sends; here nothing holds a request up but the transport.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};

use super::http2::{Http2, broken};
use super::{Endpoint, Operation};
use crate::error::Error;

/// In front of each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
const PATH: &str = "/millstream.v1.Records/PutStream";

/// One call.
pub(crate) struct PutStream {
    requests: SendStream<Bytes>,
    answers: Answers,
    received: BytesMut,
}

enum Answers {
    /// The target has not answered anything yet.
    Awaited(ResponseFuture),
    Open(RecvStream),
}

/// A request as it is sent.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    // What a target takes is far below 4 GiB.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

impl Http2 {
    pub(crate) async fn put_stream(&self, endpoint: &Endpoint) -> Result<PutStream, Error> {
        let head = http::Request::post(endpoint.url() + PATH)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| Error::Http(error.to_string()))?;
        let (reply, requests) = self.open(head).await?;
        Ok(PutStream { requests, answers: Answers::Awaited(reply), received: BytesMut::new() })
    }
}

impl PutStream {
    /// Hands a request, framed, to the transport.
    pub(crate) fn send(&mut self, request: Bytes) -> Result<(), Error> {
        self.requests.send_data(request, false).map_err(broken)
    }

    /// The next answer's message. Nothing is lost when this is given up.
    pub(crate) async fn answer(&mut self) -> Result<Bytes, Error> {
        loop {
            if let Some(message) = self.whole() {
                return Ok(message);
            }
            let stream = self.opened().await?;
            let Some(piece) = stream.data().await else { return Err(ended(stream).await) };
            let piece = piece.map_err(broken)?;
            stream.flow_control().release_capacity(piece.len()).map_err(broken)?;
            self.received.extend_from_slice(&piece);
        }
    }

    /// A message that has arrived whole.
    fn whole(&mut self) -> Option<Bytes> {
        let (prefix, rest) = self.received.split_first_chunk::<PREFIX_BYTES>()?;
        let [_, length @ ..] = *prefix;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        if rest.len() < length {
            return None;
        }
        Some(self.received.split_to(PREFIX_BYTES + length).freeze().slice(PREFIX_BYTES..))
    }

    async fn opened(&mut self) -> Result<&mut RecvStream, Error> {
        if let Answers::Awaited(reply) = &mut self.answers {
            let reply = reply.await.map_err(broken)?;
            if let Some(status) = reply.headers().get("grpc-status") {
                return Err(refused(status.to_str().unwrap_or_default(), reply.headers()));
            }
            self.answers = Answers::Open(reply.into_body());
        }
        match &mut self.answers {
            Answers::Open(stream) => Ok(stream),
            Answers::Awaited(_) => Err(Error::Http("an answer did not begin".to_owned())),
        }
    }
}

impl std::fmt::Debug for PutStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PutStream")
    }
}

/// Why the target ended a call that should go on.
async fn ended(stream: &mut RecvStream) -> Error {
    match stream.trailers().await {
        Ok(Some(trailers)) => {
            let status = trailers.get("grpc-status").and_then(|status| status.to_str().ok());
            refused(status.unwrap_or_default(), &trailers)
        }
        Ok(None) => Error::Http("a call ended without a status".to_owned()),
        Err(error) => broken(error),
    }
}

fn refused(status: &str, headers: &http::HeaderMap) -> Error {
    let message = headers.get("grpc-message").and_then(|message| message.to_str().ok()).unwrap_or_default();
    let operation = Operation::PutRecords.name();
    Error::Refused { operation, kind: format!("gRPC status {status}"), message: message.to_owned() }
}
