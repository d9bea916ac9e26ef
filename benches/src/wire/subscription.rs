//! A SubscribeToShard call, or Subscribe of gRPC, whose reply is under way.

use bytes::Bytes;

use super::connection::{Connection, Opened, PushedBody};
use super::grpc::{GrpcCall, Method, framed};
use super::http2::{Http2, PushedStream};
use super::{Endpoint, Frame, Frames, Operation, Protocol, Signer};
use crate::error::Error;

/// Receives what the target pushes. Dropping it ends the subscription.
pub(crate) struct Subscription {
    body: Body,
}

enum Body {
    Http1(PushedBody, Frames),
    Http2(PushedStream, Frames),
    Grpc(GrpcCall),
}

/// What the target pushed at once.
#[derive(Debug)]
pub(crate) enum Pushed<'a> {
    /// Of SubscribeToShard.
    Frame(Frame<'a>),
    /// Of gRPC: a SubscribeResponse.
    Message(Bytes),
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Subscribed {
    Open(Box<Subscription>),
    /// A reply that is an error.
    Refused {
        status: u16,
        body: Vec<u8>,
    },
}

const OPERATION: Operation = Operation::SubscribeToShard;

impl Subscription {
    /// Subscribes on a connection of its own.
    pub(crate) async fn over_http1(
        endpoint: &Endpoint,
        signer: &Signer,
        request: Vec<u8>,
        verify: bool,
    ) -> Result<Subscribed, Error> {
        let message = signer.message(OPERATION, Protocol::Json, request)?;
        let opened = Connection::to(endpoint.clone()).subscribe(&message).await?;
        Ok(Self::of(opened, |body| Body::Http1(body, Frames::new(verify))))
    }

    /// Subscribes on a connection that others use as well.
    pub(crate) async fn over_http2(
        http2: &Http2,
        signer: &Signer,
        request: Vec<u8>,
        verify: bool,
    ) -> Result<Subscribed, Error> {
        let opened = http2.subscribe(signer, OPERATION, request).await?;
        Ok(Self::of(opened, |body| Body::Http2(body, Frames::new(verify))))
    }

    /// The same by a Subscribe call, for a request's bytes.
    pub(crate) async fn over_grpc(
        http2: &Http2,
        endpoint: &Endpoint,
        request: &[u8],
    ) -> Result<Box<Self>, Error> {
        let mut call = http2.call(endpoint, Method::Subscribe).await?;
        call.ask(framed(request)).await?;
        Ok(Box::new(Self { body: Body::Grpc(call) }))
    }

    fn of<B>(opened: Opened<B>, body: impl FnOnce(B) -> Body) -> Subscribed {
        match opened {
            Opened::Pushed(pushed) => Subscribed::Open(Box::new(Self { body: body(pushed) })),
            Opened::Refused { status, body } => Subscribed::Refused { status, body },
        }
    }

    /// Waits for more and shows every frame or message that ended with it. False when the target ended the
    /// subscription. Nothing is lost when this is given up.
    pub(crate) async fn receive(
        &mut self,
        mut on_pushed: impl FnMut(Pushed<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let (piece, frames) = match &mut self.body {
            Body::Http1(body, frames) => (body.piece().await?, frames),
            Body::Http2(body, frames) => (body.piece().await?, frames),
            Body::Grpc(call) => {
                let Some(message) = call.next().await? else { return Ok(false) };
                return on_pushed(Pushed::Message(message)).map(|()| true);
            }
        };
        match piece {
            Some(piece) => frames.push(piece, |frame| on_pushed(Pushed::Frame(frame))).map(|()| true),
            None => frames.finish().map(|()| false),
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}
