//! Why a consumer could not run, or ended by itself.

use millstream_client::StreamRef;

/// What this crate's calls give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a consumer could not run, or ended without being asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// The stream cannot be described.
    #[error("stream {stream}: {error}")]
    Stream {
        /// Which one.
        stream: StreamRef,
        /// What the service answered, after retries.
        error: millstream_client::Error,
    },
    /// The lease table cannot be prepared.
    #[error(transparent)]
    Leases(#[from] millstream_lease::Error),
    /// The stream was deleted, and another one was created under its name: the leases are not about it.
    #[error(
        "stream {stream} was created at {found_millis} ms since the epoch, and the leases are about the one of \
         {known_millis} ms: it was deleted and created again"
    )]
    StreamRecreated {
        /// Which one.
        stream: StreamRef,
        /// When the stream of the leases was created, in milliseconds since the Unix epoch.
        known_millis: u64,
        /// When the present one was.
        found_millis: u64,
    },
    /// The stream was deleted while it was read.
    #[error("stream {0} was deleted")]
    StreamDeleted(StreamRef),
    /// The lease table has leases of one stream and many are to be read from it, or the other way round. Which records
    /// were processed is written down there in another way, so nobody could go on with it.
    #[error("the lease table of {application:?} is in use for {}, and cannot be for {}", mode(*is_for_many), mode(!*is_for_many))]
    LeasesOfAnotherMode {
        /// Whose lease table it is.
        application: String,
        /// Whether its leases are of a consumer of many streams.
        is_for_many: bool,
    },
    /// A task ended that nothing runs without.
    #[error("a task of the consumer failed; the log says why")]
    TaskFailed,
}

fn mode(is_for_many: bool) -> &'static str {
    if is_for_many { "several streams" } else { "one stream" }
}
