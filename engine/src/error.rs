//! What the engine answers when it does not do what was asked: Kinesis's exceptions, with AWS's words.

use std::fmt;

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
