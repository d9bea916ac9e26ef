//! Bodies in and out, within bounds.
//!
//! All bodies under way share one budget of bytes; whoever finds it spent waits. A body takes of it as it
//! grows, never what its sender merely announces, so that nobody can hold the budget without sending. One
//! body at a time may grow outside of the budget: were it spent on bodies that all wait to grow, this one
//! ends and gives its part back. A sender that stops sending is ended.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, TryStreamExt};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use millstream_runtime::SharedClock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::activity::{Serving, Streaming};

/// PutRecords of 10 MiB in base64 with its keys fits; AWS answers 413 to what does not.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// From the head of a request to the end of its body: 16 MiB at 2 Mbit/s.
const BODY_LIMIT: Duration = Duration::from_secs(60);
/// Between two pieces of a body.
const STALL_LIMIT: Duration = Duration::from_secs(10);
/// Granularity of the budget.
const PERMIT_BYTES: usize = 1024;
/// What a body may hold before it has shown that it grows.
const FIRST_BYTES: usize = 16 * 1024;

/// Between two pieces that a reader of a streamed reply takes. Longer than the life of a subscription, so that a
/// consumer who is stopped in a debugger is not cut off before its time.
const STREAM_PAUSE: Duration = Duration::from_secs(360);

/// Large answers that may be made at once. How large an answer is shows when it is made, and only then can it
/// wait for room; so few may be in that state.
const LARGE_ANSWERS_MAX: usize = 16;

/// Bytes that bodies may take at once.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    room: Arc<Semaphore>,
    permits_max: usize,
    /// One permit: to grow outside of the room.
    lane: Arc<Semaphore>,
    large_answers: Arc<Semaphore>,
    clock: SharedClock,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the body took too long")]
    TooSlow,
    #[error("the sender went away")]
    Broken,
}

/// A body that was read, with its share of the budget.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// What one body holds of the budget.
#[derive(Debug, Default)]
struct Share {
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    lane: Option<OwnedSemaphorePermit>,
}

impl BodyBudget {
    pub(crate) fn new(bytes_max: usize, clock: SharedClock) -> Self {
        let bytes_max = bytes_max.saturating_sub(BODY_BYTES_MAX);
        let permits_max = (bytes_max / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let (room, lane) = (Arc::new(Semaphore::new(permits_max)), Arc::new(Semaphore::new(1)));
        let large_answers = Arc::new(Semaphore::new(LARGE_ANSWERS_MAX));
        Self { room, permits_max, lane, large_answers, clock }
    }

    /// Reads a whole body.
    pub(crate) async fn receive<B>(&self, body: B) -> Result<Received, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let declared = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if declared.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
            return Err(BodyError::TooLarge);
        }
        let read = self.clock.timeout(BODY_LIMIT, self.collect(body, declared));
        read.await.ok_or(BodyError::TooSlow)?
    }

    async fn collect<B>(&self, mut body: B, declared: Option<usize>) -> Result<Received, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let most = declared.unwrap_or(BODY_BYTES_MAX);
        let mut share = Share::default();
        self.grow(&mut share, FIRST_BYTES.min(most)).await?;
        let mut first: Option<Bytes> = None;
        let mut all = BytesMut::new();
        while let Some(frame) =
            self.clock.timeout(STALL_LIMIT, body.frame()).await.ok_or(BodyError::TooSlow)?
        {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            let before = first.as_ref().map_or(all.len(), Bytes::len);
            let length = before + data.len();
            if length > BODY_BYTES_MAX {
                return Err(BodyError::TooLarge);
            }
            if length > share.bytes {
                self.grow(&mut share, (2 * length).min(most.max(length))).await?;
            }
            match first.take() {
                // A body that comes in one piece is used as it is.
                None if all.is_empty() => first = Some(data),
                None => all.extend_from_slice(&data),
                Some(before) => {
                    all.reserve(length);
                    all.extend_from_slice(&before);
                    all.extend_from_slice(&data);
                }
            }
        }
        Ok(Received { bytes: first.unwrap_or_else(|| all.freeze()), _share: share })
    }

    /// Waits until the share is so many bytes, or any number that a body may have.
    async fn grow(&self, share: &mut Share, bytes: usize) -> Result<(), BodyError> {
        let more = self.permits(bytes) - self.permits(share.bytes);
        tokio::select! {
            biased;
            permit = self.room.clone().acquire_many_owned(more) => {
                let permit = permit.map_err(|_| BodyError::Broken)?;
                match &mut share.permit {
                    Some(before) => before.merge(permit),
                    none => *none = Some(permit),
                }
                share.bytes = bytes;
            }
            lane = self.lane.clone().acquire_owned() => {
                share.lane = Some(lane.map_err(|_| BodyError::Broken)?);
                share.bytes = BODY_BYTES_MAX;
            }
        }
        Ok(())
    }

    /// Waits for a turn to make an answer that may be large. It is over when [`Self::reserve`] has given the
    /// answer its room.
    pub(crate) async fn large_answer(&self) -> Option<OwnedSemaphorePermit> {
        self.large_answers.clone().acquire_owned().await.ok()
    }

    /// Waits for room for so many bytes of a reply. Whoever waits must hold no body: those that grow may be
    /// waiting in front. `None` when the server ends.
    pub(crate) async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.room.clone().acquire_many_owned(self.permits(bytes)).await.ok()
    }

    fn permits(&self, bytes: usize) -> u32 {
        let permits = bytes.div_ceil(PERMIT_BYTES).min(self.permits_max);
        u32::try_from(permits).unwrap_or(u32::MAX)
    }
}

/// The body of a reply.
#[derive(Debug)]
pub(crate) struct Reply(Content);

enum Content {
    /// Bytes, with their share of the budget until they are sent.
    Whole { bytes: Option<Bytes>, trailers: Option<HeaderMap>, _permit: Option<OwnedSemaphorePermit> },
    /// Pieces as they come. The transport asks for one when it has room for it, and never for more than one ahead:
    /// whoever reads slowly holds up nobody else, and what waits for one reader is no more than a few pieces.
    Streamed { pieces: Pieces, streaming: Option<Streaming> },
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send>>;

/// Why a reply has no end: its connection, or in HTTP/2 its stream, is broken off, so that nobody takes it for
/// whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply broke off: {0}")]
pub struct BrokenOff(pub(crate) String);

impl Reply {
    pub(crate) fn new(bytes: impl Into<Bytes>, permit: Option<OwnedSemaphorePermit>) -> Self {
        let bytes = Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty());
        Self(Content::Whole { bytes, trailers: None, _permit: permit })
    }

    /// Bytes, and headers behind them.
    pub(crate) fn with_trailers(
        bytes: impl Into<Bytes>,
        permit: Option<OwnedSemaphorePermit>,
        trailers: HeaderMap,
    ) -> Self {
        Self(Content::Whole { bytes: Some(bytes.into()), trailers: Some(trailers), _permit: permit })
    }

    /// Pieces, each to be sent at once; an error breaks the reply off. The connection is left alone for as long as
    /// its reader takes them; so some should come every few minutes.
    pub(crate) fn streamed(pieces: impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static) -> Self {
        Self::framed(pieces.map_ok(Frame::data))
    }

    /// Pieces in the same way, and headers behind the last one.
    pub(crate) fn framed(
        frames: impl Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send + 'static,
    ) -> Self {
        Self(Content::Streamed { pieces: Box::pin(frames), streaming: None })
    }

    /// Pieces that somebody else gives, with `None` behind the last one: a sender that is gone before has not given all.
    pub(crate) fn given(mut pieces: mpsc::Receiver<Result<Option<Bytes>, BrokenOff>>) -> Self {
        Self::streamed(stream::poll_fn(move |context| {
            let piece = ready!(pieces.poll_recv(context));
            Poll::Ready(match piece {
                Some(piece) => piece.transpose(),
                None => Some(Err(BrokenOff("whoever gave it has given up".to_owned()))),
            })
        }))
    }

    /// Hands over the guard of the request that is answered. One whose answer is complete is not in service any
    /// more, although the answer has yet to be sent.
    pub(super) fn served(mut self, serving: Serving) -> Self {
        if let Content::Streamed { streaming, .. } = &mut self.0 {
            *streaming = Some(serving.stream(STREAM_PAUSE));
        }
        self
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self::new(Bytes::new(), None)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes, .. } => write!(f, "{} bytes", bytes.as_ref().map_or(0, Bytes::len)),
            Self::Streamed { .. } => f.write_str("pieces"),
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let piece = match &mut self.0 {
            Content::Whole { bytes, trailers, .. } => {
                let data = bytes.take().map(Frame::data);
                data.or_else(|| trailers.take().map(Frame::trailers)).map(Ok)
            }
            Content::Streamed { pieces, streaming } => {
                let piece = ready!(pieces.as_mut().poll_next(context));
                if let Some(streaming) = streaming {
                    streaming.go_on();
                }
                piece
            }
        };
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Whole { bytes: None, trailers: None, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole { bytes, trailers: None, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Content::Whole { .. } | Content::Streamed { .. } => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
