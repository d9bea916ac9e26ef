//! Answers that are streams of events, `application/vnd.amazon.eventstream`.
//!
//! A stream begins with a frame that says only that it has begun, without which boto3 gives up; then come frames of
//! events; and it ends with its body, after an exception if there is something to tell. [`frame`] is the form of a
//! frame. What the events are is the business of the service whose operation answers so.

pub(crate) mod frame;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::Stream;

use super::codec::{ApiError, Format, ProtocolError};
use frame::Frame;

/// Frames as they become due. The next one is asked for when there is room to send it.
pub struct EventStream {
    frames: Pin<Box<dyn Stream<Item = Frame> + Send>>,
    /// What of the frame taken last is still to be sent.
    pieces: VecDeque<Bytes>,
    lifetime: Duration,
}

impl EventStream {
    pub(crate) const CONTENT_TYPE: &'static str = "application/vnd.amazon.eventstream";

    /// A stream of these frames, after the one that begins it. It should end by itself within its lifetime.
    pub(crate) fn new(
        content_type: &'static str,
        frames: impl Stream<Item = Frame> + Send + 'static,
        lifetime: Duration,
    ) -> Self {
        let pieces = Frame::initial_response(content_type).into_pieces().into();
        Self { frames: Box::pin(frames), pieces, lifetime }
    }

    /// Fails for whoever asks for a stream in another format than that of its events, in AWS's way.
    pub fn check(format: Format) -> Result<(), ApiError> {
        match format {
            Format::Json => Ok(()),
            Format::Cbor => Err(ApiError::bare(ProtocolError::InternalFailure)),
        }
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

impl Stream for EventStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Poll::Ready(Some(piece));
            }
            // Here, between two frames, a stream can be broken off: each call takes one frame.
            match self.frames.as_mut().poll_next(context) {
                Poll::Ready(Some(frame)) => self.pieces = frame.into_pieces().into(),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}
