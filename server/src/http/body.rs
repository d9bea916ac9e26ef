//! Bodies in and out, within bounds.
//!
//! All bodies under way share one budget of bytes; whoever finds it spent waits. A sender has a deadline,
//! so that nobody can hold a part of the budget by sending slowly.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use millstream_runtime::SharedClock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// PutRecords of 10 MiB in base64 with its keys fits; AWS answers 413 to what does not.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// From the head of a request to the end of its body: 16 MiB at 2 Mbit/s.
const BODY_LIMIT: Duration = Duration::from_secs(60);
/// Granularity of the budget.
const PERMIT_BYTES: usize = 1024;

/// Bytes that bodies may take at once.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    room: Arc<Semaphore>,
    permits_max: usize,
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
    _permit: OwnedSemaphorePermit,
}

impl BodyBudget {
    pub(crate) fn new(bytes_max: usize, clock: SharedClock) -> Self {
        let permits_max = (bytes_max / PERMIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(permits_max)), permits_max, clock }
    }

    /// Reads a whole body.
    pub(crate) async fn receive(&self, body: Incoming) -> Result<Received, BodyError> {
        let declared = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if declared.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
            return Err(BodyError::TooLarge);
        }
        // A sender who does not say how much will come has to be given the most.
        let permit = self.reserve(declared.unwrap_or(BODY_BYTES_MAX)).await.ok_or(BodyError::Broken)?;
        let read = self.clock.timeout(BODY_LIMIT, collect(body, declared.unwrap_or(0)));
        let bytes = read.await.ok_or(BodyError::TooSlow)??;
        Ok(Received { bytes, _permit: permit })
    }

    /// Waits for room for so many bytes. `None` when the server ends.
    pub(crate) async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let permits = (bytes / PERMIT_BYTES + 1).min(self.permits_max);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        self.room.clone().acquire_many_owned(permits).await.ok()
    }
}

async fn collect(mut body: Incoming, capacity: usize) -> Result<Bytes, BodyError> {
    let mut first: Option<Bytes> = None;
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        match first.take() {
            // A body that comes in one piece is used as it is.
            None if all.is_empty() => first = Some(data),
            None => all.extend_from_slice(&data),
            Some(before) => {
                all.reserve(capacity.max(before.len() + data.len()));
                all.extend_from_slice(&before);
                all.extend_from_slice(&data);
            }
        }
        if all.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// The body of a reply: bytes, with their share of the budget until they are sent.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    bytes: Option<Bytes>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Reply {
    pub(crate) fn new(bytes: impl Into<Bytes>, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { bytes: Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()), _permit: permit }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, Bytes::len) as u64)
    }
}
