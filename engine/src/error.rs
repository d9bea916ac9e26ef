//! What the engine answers when it does not do what was asked: Kinesis's exceptions, with AWS's words.

use std::fmt;

use millstream_model::{ShardId, StreamArn};

use crate::stream::StreamStatus;

pub type Result<T> = std::result::Result<T, Error>;

/// Variants mirror Kinesis's exceptions; the text is what AWS sends where it is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    ResourceInUse(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    InvalidArgument(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    ProvisionedThroughputExceeded(String),
    #[error("{0}")]
    ExpiredIterator(String),
    #[error("{0}")]
    ExpiredNextToken(String),
    /// Records are encrypted under a master key that is not the one at hand.
    #[error("{0}")]
    KmsAccessDenied(String),
    /// Records are encrypted, and no master key is at hand.
    #[error("{0}")]
    KmsInvalidState(String),
    /// What was given names no key.
    #[error("{0}")]
    KmsNotFound(String),
    /// The call would have succeeded; it was asked not to be carried out.
    #[error("{0}")]
    DryRun(String),
    /// Not now: the disk is full, or the server is starting or stopping. Nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// Ours or the disk's fault. The text is for the log; clients get AWS's general one.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Whether a key is what is missing, and nothing is wrong with what was asked or with the data.
    pub(crate) fn is_of_kms(&self) -> bool {
        matches!(self, Self::KmsAccessDenied(_) | Self::KmsInvalidState(_) | Self::KmsNotFound(_))
    }

    /// What was called needs the stream in another state.
    pub(crate) fn stream_not_active(arn: &StreamArn, status: StreamStatus) -> Self {
        let (StreamArn { account, name, .. }, state) = (arn, status.name());
        Self::ResourceInUse(format!(
            "Stream {name} under account {account} not ACTIVE, instead in state {state}"
        ))
    }

    /// For readers.
    pub(crate) fn no_such_shard(id: ShardId, arn: &StreamArn) -> Self {
        let StreamArn { account, name, .. } = arn;
        Self::ResourceNotFound(format!("Shard {id} in stream {name} under account {account} does not exist"))
    }

    /// For whoever names a shard that may not even be one.
    pub(crate) fn could_not_find_shard(shard: &dyn fmt::Display, arn: &StreamArn) -> Self {
        let StreamArn { account, name, .. } = arn;
        Self::ResourceNotFound(format!(
            "Could not find shard {shard} in stream {name} under account {account}."
        ))
    }

    pub(crate) fn shard_rate(
        shard: &dyn fmt::Display,
        stream: &dyn fmt::Display,
        account: &dyn fmt::Display,
    ) -> Self {
        Self::ProvisionedThroughputExceeded(format!(
            "Rate exceeded for shard {shard} in stream {stream} under account {account}."
        ))
    }
}

impl From<millstream_storage::Error> for Error {
    fn from(error: millstream_storage::Error) -> Self {
        use millstream_storage::ErrorKind;
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Refused | ErrorKind::Uncertain => Self::Unavailable(text),
            ErrorKind::Conflict | ErrorKind::Fatal => Self::Internal(text),
        }
    }
}

/// Why a snapshot was not saved or loaded, or the store not reset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("a snapshot is being loaded already")]
    Busy,
    #[error("this is no snapshot: it does not begin as one")]
    NotASnapshot,
    #[error("the snapshot has format {0}; this program reads format {1}")]
    Version(u16, u16),
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
    #[error("the snapshot ends before its end; {0} bytes of it are there")]
    Truncated(u64),
    /// Whoever sent it did not go on.
    #[error("the snapshot broke off: {0}")]
    BrokenOff(String),
    /// Every byte is as it was written, but no engine can be opened on it.
    #[error("the snapshot cannot be used: {0}")]
    Unusable(Error),
    #[error("{0}")]
    Engine(#[from] Error),
}

impl From<millstream_storage::Error> for SnapshotError {
    fn from(error: millstream_storage::Error) -> Self {
        Self::Engine(error.into())
    }
}
