//! Why a member could not join, or was ended.

use millstream_client::StreamRef;

/// What this crate's calls give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a member could not join, or its call ended without its having left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A request makes no sense, or not here.
    #[error("{0}")]
    InvalidArgument(String),
    /// A stream cannot be described.
    #[error("stream {stream}: {error}")]
    Stream {
        /// Which one.
        stream: StreamRef,
        /// What the service answered.
        error: millstream_client::Error,
    },
    /// A stream is not there any more.
    #[error("stream {0} was deleted")]
    StreamDeleted(StreamRef),
    /// The leases are about another stream of the same name.
    #[error("{0}")]
    StreamRecreated(String),
    /// The leases are of a group that reads one stream, and this one is to read several, or the other way round.
    #[error("{0}")]
    AnotherMode(String),
    /// There are as many members as the server takes.
    #[error("the server has as many members of groups as it takes: {0}")]
    Full(usize),
    /// Another member has the name.
    #[error("another member joined as the same worker")]
    Replaced,
    /// The lease table cannot be used.
    #[error(transparent)]
    Leases(#[from] millstream_lease::Error),
    /// The server cannot go on with this call.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The call was broken off.
    #[error("{0}")]
    BrokenOff(String),
    /// Something failed that a member cannot do without.
    #[error("a task of the member failed")]
    Failed,
}

impl From<millstream_consumer_sdk::Error> for Error {
    fn from(error: millstream_consumer_sdk::Error) -> Self {
        use millstream_consumer_sdk::Error as Sdk;
        let text = error.to_string();
        match error {
            Sdk::Configuration(text) => Self::InvalidArgument(text),
            Sdk::Stream { stream, error } => Self::Stream { stream, error },
            Sdk::Leases(error) => Self::Leases(error),
            Sdk::StreamRecreated { .. } => Self::StreamRecreated(text),
            Sdk::LeasesOfAnotherMode { .. } => Self::AnotherMode(text),
            Sdk::StreamDeleted(stream) => Self::StreamDeleted(stream),
            Sdk::TaskFailed => Self::Failed,
        }
    }
}
