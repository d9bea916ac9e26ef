//! Everything that can end a benchmark.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a benchmark did not run, or did not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    #[error("cannot connect to {endpoint}: {source}")]
    Connect { endpoint: String, source: io::Error },
    /// A connection broke in the middle of an exchange.
    #[error("the connection to the target broke: {0}")]
    Connection(#[source] io::Error),
    /// The target does not speak HTTP/1.1 as it should.
    #[error("the target's reply is not valid HTTP: {0}")]
    Http(String),
    /// A reply without an error that does not hold what the operation promises.
    #[error("a reply to {operation} cannot be read: {reason}")]
    Malformed { operation: &'static str, reason: &'static str },
    /// A call that the benchmark cannot go on without.
    #[error("{operation} was refused with {kind}: {message}")]
    Refused { operation: &'static str, kind: String, message: String },
    #[error("stream {0} did not become ACTIVE in time")]
    StreamNotActive(String),
    #[error("table {0} did not become ACTIVE in time")]
    TableNotActive(String),
    #[error("consumer {0} did not become ACTIVE in time")]
    ConsumerNotActive(String),
    #[error("a request cannot be signed: {0}")]
    Signing(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("{unfinished} connections had no reply {} s after the measurement ended", .grace.as_secs())]
    Stalled { unfinished: usize, grace: Duration },
    /// The measurement went through, but replies were errors; the figures describe something else.
    #[error("{count} errors: {kinds}")]
    Replies { count: u64, kinds: String },
    /// A server or tool that the comparison needs did not do its part.
    #[error("{peer}: {reason}")]
    Peer { peer: String, reason: String },
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
