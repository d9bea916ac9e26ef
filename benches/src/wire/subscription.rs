//! A SubscribeToShard call whose reply is under way.

use super::connection::{Connection, Opened, PushedBody};
use super::http2::{Http2, PushedStream};
use super::{Endpoint, Frame, Frames, Operation, Protocol, Signer};
use crate::error::Error;

/// Receives what the target pushes. Dropping it ends the subscription.
pub(crate) struct Subscription {
    body: Body,
    frames: Frames,
}

enum Body {
    Http1(PushedBody),
    Http2(PushedStream),
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
        Ok(Self::of(opened, Body::Http1, verify))
    }

    /// Subscribes on a connection that others use as well.
    pub(crate) async fn over_http2(
        http2: &Http2,
        signer: &Signer,
        request: Vec<u8>,
        verify: bool,
    ) -> Result<Subscribed, Error> {
        let opened = http2.subscribe(signer, OPERATION, request).await?;
        Ok(Self::of(opened, Body::Http2, verify))
    }

    fn of<B>(opened: Opened<B>, body: fn(B) -> Body, verify: bool) -> Subscribed {
        match opened {
            Opened::Pushed(pushed) => {
                Subscribed::Open(Box::new(Self { body: body(pushed), frames: Frames::new(verify) }))
            }
            Opened::Refused { status, body } => Subscribed::Refused { status, body },
        }
    }

    /// Waits for more and shows every frame that ended with it. False when the target ended the subscription.
    /// Nothing is lost when this is given up.
    pub(crate) async fn receive(
        &mut self,
        on_frame: impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let piece = match &mut self.body {
            Body::Http1(body) => body.piece().await?,
            Body::Http2(body) => body.piece().await?,
        };
        match piece {
            Some(piece) => self.frames.push(piece, on_frame).map(|()| true),
            None => self.frames.finish().map(|()| false),
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}
