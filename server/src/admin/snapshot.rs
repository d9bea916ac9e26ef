//! `/admin/snapshot`: sends everything that the server holds, or takes it, piece by piece.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use millstream_engine::{LiveEngine, Loaded, SnapshotError, SnapshotSource};
use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};

use super::answer::{Refusal, json};
use super::clock::rfc3339;
use crate::http::body::{BrokenOff, Reply};

/// Pieces that are made before they are sent.
const AHEAD_MAX: usize = 2;
/// Between two pieces, either way. Whoever has a slow disk at the other end may take a while.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(60);
/// Snapshots that are sent at once. As long as one is, nothing that it holds gives its space back.
const SAVES_MAX: usize = 4;

/// Turns to be sent a snapshot.
#[derive(Debug)]
pub(crate) struct Saves(Arc<Semaphore>);

impl Default for Saves {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SAVES_MAX)))
    }
}

/// Pieces of a snapshot, with `None` behind the last one.
pub(crate) type Pieces = mpsc::Receiver<Result<Option<Bytes>, BrokenOff>>;

#[derive(Serialize)]
struct ShownLoad {
    /// When it was saved, by the clock of the server that saved it.
    saved: String,
    entries: u64,
    bytes: u64,
    took_ms: u64,
}

/// A snapshot that is in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// When it was saved, by the clock of the server that saved it.
    pub(crate) saved_ms: u64,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) took_ms: u64,
}

impl Load {
    pub(super) fn answer(self) -> Response<Reply> {
        let Self { saved_ms, entries, bytes, took_ms } = self;
        json(StatusCode::OK, &ShownLoad { saved: rfc3339(saved_ms), entries, bytes, took_ms })
    }
}

pub(super) fn answer(pieces: Pieces) -> Response<Reply> {
    let mut response = Response::new(Reply::given(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// Gives a snapshot. One that cannot be read to its end breaks off, so that nobody takes it for whole; so does one
/// whose receiver stops taking it.
pub(super) async fn save(
    engine: &LiveEngine,
    Saves(turns): &Saves,
    clock: &SharedClock,
    tasks: &TaskSet,
) -> Result<Pieces, Refusal> {
    let Ok(turn) = turns.clone().try_acquire_owned() else {
        let text = format!("{SAVES_MAX} snapshots are being saved already.");
        return Err(Refusal::new(StatusCode::CONFLICT, text));
    };
    let mut saved = engine.save_snapshot().await?;
    let (pieces, receiver) = mpsc::channel(AHEAD_MAX);
    let (clock, stop) = (clock.clone(), tasks.clone());
    tasks.spawn("snapshot", OnFailure::Log, async move {
        let _turn = turn;
        loop {
            let piece = tokio::select! {
                () = stop.stopping() => Err(BrokenOff("the server is shutting down".to_owned())),
                piece = saved.next() => piece.map_err(|error| {
                    tracing::error!(%error, "a snapshot could not be read to its end");
                    BrokenOff(error.to_string())
                }),
            };
            let is_last = !matches!(piece, Ok(Some(_)));
            match clock.timeout(STALL_LIMIT, pieces.send(piece)).await {
                Some(Ok(())) if !is_last => {}
                // All is sent, or whoever asked has gone.
                Some(_) => return Ok::<_, Infallible>(()),
                None => {
                    tracing::warn!(
                        "a snapshot is sent no further: nothing of it was taken for {STALL_LIMIT:?}"
                    );
                    return Ok(());
                }
            }
        }
    });
    Ok(receiver)
}

/// The pieces of a body.
pub(super) fn source<B>(body: B, clock: &SharedClock) -> impl SnapshotSource + 'static
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    Source { body, clock: clock.clone() }
}

/// Takes a snapshot and puts it in the place of everything that is there.
pub(super) async fn load(
    engine: &LiveEngine,
    source: impl SnapshotSource + 'static,
    clock: &SharedClock,
) -> Result<Load, Refusal> {
    let began = clock.monotonic();
    let Loaded { made_millis, entries, bytes } = engine.load_snapshot(source).await?;
    let took = clock.monotonic().saturating_sub(began);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(entries, bytes, took_ms, "a snapshot was loaded");
    Ok(Load { saved_ms: made_millis, entries, bytes, took_ms })
}

/// The pieces of a body.
struct Source<B> {
    body: B,
    clock: SharedClock,
}

#[async_trait]
impl<B> SnapshotSource for Source<B>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: std::fmt::Display,
{
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            let Some(frame) = self.clock.timeout(STALL_LIMIT, self.body.frame()).await else {
                return Some(Err(format!("nothing came for {} s", STALL_LIMIT.as_secs())));
            };
            match frame? {
                // What is no data are trailers.
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_) => continue,
                },
                Err(error) => return Some(Err(error.to_string())),
            }
        }
    }
}

impl From<SnapshotError> for Refusal {
    fn from(error: SnapshotError) -> Self {
        let status = match &error {
            SnapshotError::Busy => StatusCode::CONFLICT,
            SnapshotError::NotASnapshot
            | SnapshotError::Version(..)
            | SnapshotError::Damaged(_)
            | SnapshotError::Truncated(_)
            | SnapshotError::BrokenOff(_)
            | SnapshotError::Unusable(_) => StatusCode::BAD_REQUEST,
            SnapshotError::Engine(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, capitalized(&error.to_string()))
    }
}

/// Errors of the engine begin in the middle of a sentence.
fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(std::iter::once('.')).collect()
}
