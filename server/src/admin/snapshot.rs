//! `/admin/snapshot`: sends everything that the server holds, or takes it, piece by piece.

use std::convert::Infallible;
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
use tokio::sync::mpsc;

use super::answer::{Answer, Refusal, json};
use super::clock::rfc3339;
use crate::http::body::{BrokenOff, Reply};

/// Pieces that are made before they are sent.
const AHEAD_MAX: usize = 2;
/// Between two pieces that are sent to us. Whoever reads them from a slow disk may take a while.
const STALL_LIMIT: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct ShownLoad {
    /// When it was saved, by the clock of the server that saved it.
    saved: String,
    entries: u64,
    bytes: u64,
    took_ms: u64,
}

/// Sends a snapshot. One that cannot be read to its end breaks off, so that nobody takes it for whole.
pub(super) async fn save(engine: &LiveEngine, tasks: &TaskSet) -> Answer {
    let mut saved = engine.save_snapshot().await?;
    let (pieces, receiver) = mpsc::channel(AHEAD_MAX);
    let stop = tasks.clone();
    tasks.spawn("snapshot", OnFailure::Log, async move {
        loop {
            let piece = tokio::select! {
                () = stop.stopping() => Err(BrokenOff("the server is shutting down".to_owned())),
                piece = saved.next() => match piece {
                    Ok(None) => return Ok::<_, Infallible>(()),
                    Ok(Some(piece)) => Ok(piece),
                    Err(error) => {
                        tracing::error!(%error, "a snapshot could not be read to its end");
                        Err(BrokenOff(error.to_string()))
                    }
                },
            };
            let is_last = piece.is_err();
            // An error means that whoever asked has gone.
            if pieces.send(piece).await.is_err() || is_last {
                return Ok(());
            }
        }
    });
    let mut response = Response::new(Reply::given(receiver));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// Takes a snapshot and puts it in the place of everything that is there.
pub(super) async fn load<B>(engine: &LiveEngine, body: B, clock: &SharedClock) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let began = clock.monotonic();
    let source = Source { body, clock: clock.clone() };
    let Loaded { made_millis, entries, bytes } = engine.load_snapshot(source).await?;
    let took = clock.monotonic().saturating_sub(began);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(entries, bytes, took_ms, "a snapshot was loaded");
    Ok(json(StatusCode::OK, &ShownLoad { saved: rfc3339(made_millis), entries, bytes, took_ms }))
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
