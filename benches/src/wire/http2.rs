//! One HTTP/2 connection with many subscriptions on it, as the SDKs for Java and JavaScript hold them.
//!
//! Windows are those of the SDK for Java. On plain TCP the target is expected to know that HTTP/2 comes. Subscriptions
//! and gRPC use it; whatever else is measured speaks HTTP/1.1.

use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream, client};

use super::connection::Opened;
use super::{Endpoint, Operation, Protocol, Signer};
use crate::error::Error;

/// What the target may send ahead on one stream.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// What it may send ahead over all streams: slow ones must not stop the others.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024 * 1024;
/// An error's reply is short; more than that is not read.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Clones share the connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    requests: SendRequest<Bytes>,
}

/// Moves the bytes of a connection while it is polled, and resolves when the connection has ended.
pub(crate) type Driver = Pin<Box<dyn Future<Output = Error> + Send>>;

impl Http2 {
    /// Nothing moves, not even what is awaited here later on, unless the driver is polled beside it.
    pub(crate) async fn connect(endpoint: &Endpoint) -> Result<(Self, Driver), Error> {
        let stream = endpoint.connect_http2().await?;
        let (requests, connection) = client::Builder::new()
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .enable_push(false)
            .handshake(stream)
            .await
            .map_err(broken)?;
        let driver = async {
            match connection.await {
                Ok(()) => Error::Connection(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => broken(error),
            }
        };
        Ok((Self { requests }, Box::pin(driver)))
    }

    /// Begins a request that goes on.
    pub(super) async fn open(
        &self,
        head: http::Request<()>,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), Error> {
        let mut requests = self.requests.clone().ready().await.map_err(broken)?;
        requests.send_request(head, false).map_err(broken)
    }

    /// Sends a request whose reply is pushed.
    pub(super) async fn subscribe(
        &self,
        signer: &Signer,
        operation: Operation,
        body: Vec<u8>,
    ) -> Result<Opened<PushedStream>, Error> {
        let head = signer.http2_head(operation, Protocol::Json, &body)?;
        let (reply, mut sender) = self.open(head).await?;
        sender.send_data(Bytes::from(body), true).map_err(broken)?;
        let reply = reply.await.map_err(broken)?;
        let status = reply.status().as_u16();
        let mut pushed = PushedStream { stream: reply.into_body(), piece: Bytes::new() };
        if status == 200 {
            return Ok(Opened::Pushed(pushed));
        }
        let mut body = Vec::new();
        while let Some(piece) = pushed.piece().await? {
            if body.len() < REFUSAL_BYTES_MAX {
                body.extend_from_slice(piece);
            }
        }
        Ok(Opened::Refused { status, body })
    }
}

impl std::fmt::Debug for Http2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http2")
    }
}

/// The body of a reply that grows for as long as the target likes. Dropping it tells the target to stop.
pub(super) struct PushedStream {
    stream: RecvStream,
    piece: Bytes,
}

impl PushedStream {
    /// Waits for more; `None` at the end. Nothing is lost when this is given up.
    pub(super) async fn piece(&mut self) -> Result<Option<&[u8]>, Error> {
        let Some(piece) = self.stream.data().await else { return Ok(None) };
        self.piece = piece.map_err(broken)?;
        self.stream.flow_control().release_capacity(self.piece.len()).map_err(broken)?;
        Ok(Some(&self.piece))
    }
}

pub(super) fn broken(error: h2::Error) -> Error {
    if error.is_io() {
        let error = error.into_io();
        return Error::Connection(error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
    }
    Error::Http(error.to_string())
}
