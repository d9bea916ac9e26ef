//! Answers: heads, messages and what stands behind them.

use std::pin::pin;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream, StreamExt};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use millstream_runtime::{SharedClock, TaskSet};
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::messages::{PREFIX_BYTES, prefix};
use super::status::{ok, trailers};
use crate::http::body::{BrokenOff, Reply};

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// A piece of a streamed answer; how it ends is the last one.
pub(super) type Piece = Result<Bytes, End>;

/// How a streamed answer ends, other than well.
#[derive(Debug)]
pub(super) enum End {
    Status(Status),
    /// On purpose, without a word.
    BrokenOff(BrokenOff),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

fn head(body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// The whole answer to a call, with its share of the budget.
pub(super) fn message(bytes: &[u8], permit: Option<OwnedSemaphorePermit>) -> Response<Reply> {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + bytes.len());
    framed.put_slice(&prefix(bytes.len()));
    framed.put_slice(bytes);
    head(Reply::with_trailers(framed, permit, ok()))
}

/// The answer to a call that failed before there was a message.
pub(super) fn failure(status: &Status) -> Response<Reply> {
    let mut response = head(Reply::default());
    response.headers_mut().extend(trailers(status));
    response
}

/// An answer in pieces, until they end or the deadline is there.
pub(super) fn streamed(
    pieces: impl Stream<Item = Piece> + Send + 'static,
    deadline: Option<Duration>,
    clock: &SharedClock,
) -> Response<Reply> {
    let pieces = Box::pin(pieces);
    let alarm = deadline.map(|deadline| clock.sleep(deadline));
    let frames = stream::unfold(Some((pieces, alarm)), |state| async move {
        let (mut pieces, mut alarm) = state?;
        let next = match &mut alarm {
            None => pieces.next().await,
            Some(alarm) => match select(pin!(pieces.next()), alarm).await {
                Either::Left((piece, _)) => piece,
                Either::Right(_) => Some(Err(expired().into())),
            },
        };
        Some(match next {
            Some(Ok(bytes)) => (Ok(Frame::data(bytes)), Some((pieces, alarm))),
            Some(Err(End::Status(status))) => (Ok(Frame::trailers(trailers(&status))), None),
            Some(Err(End::BrokenOff(error))) => (Err(error), None),
            None => (Ok(Frame::trailers(ok())), None),
        })
    });
    head(Reply::framed(frames))
}

/// The same pieces, for answers that have no end of their own: they end when the server stops.
pub(super) fn until_stopped(
    pieces: impl Stream<Item = Piece> + Send + 'static,
    tasks: TaskSet,
) -> impl Stream<Item = Piece> + Send {
    stream::unfold(Some((Box::pin(pieces), tasks)), |state| async {
        let (mut pieces, tasks) = state?;
        tokio::select! {
            biased;
            piece = pieces.next() => Some((piece?, Some((pieces, tasks)))),
            () = tasks.stopping() => Some((Err(stopping().into()), None)),
        }
    })
}

/// Why a call ends that would go on.
pub(super) const STOPPING: &str = "The server is stopping.";

pub(super) fn stopping() -> Status {
    Status::unavailable(STOPPING)
}

pub(super) fn expired() -> Status {
    Status::deadline_exceeded("The call's deadline is over.")
}
