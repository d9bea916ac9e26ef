//! Why a lease table could not be read or written. That somebody else was faster is no error: see [`crate::Cas`].

use crate::checkpoint::Checkpoint;
use crate::row::BadRow;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The table's capacity is used up for the moment. Nothing was written.
    #[error("the lease table is throttled: {0}")]
    Throttled(String),
    /// The reply did not come, or said that the service failed: a write may have been made or not.
    #[error("the lease table did not answer: {0}")]
    Unavailable(String),
    #[error("there is no table {0}")]
    TableMissing(String),
    #[error("the lease table refused the request ({code}): {message}")]
    Refused { code: String, message: String },
    /// A row that this call is about cannot be understood.
    #[error(transparent)]
    BadRow(#[from] BadRow),
    /// A checkpoint lies before the one that is stored. `SHARD_END` is final.
    #[error("a checkpoint at {to} would go back from {from}")]
    CheckpointGoesBack { from: Box<Checkpoint>, to: Box<Checkpoint> },
    /// The call makes no sense for this lease (a transfer of a lease that is in no handoff, say).
    #[error("{0}")]
    Misuse(&'static str),
}

impl Error {
    /// Whether the same call can succeed later without anything being changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }

    /// Whether the call certainly wrote nothing.
    #[must_use]
    pub fn has_no_side_effects(&self) -> bool {
        !matches!(self, Self::Unavailable(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_reply_may_hide_a_write() {
        assert!(Error::Unavailable(String::new()).is_retryable());
        assert!(!Error::Unavailable(String::new()).has_no_side_effects());
        assert!(Error::Throttled(String::new()).has_no_side_effects());
        assert!(!Error::TableMissing(String::new()).is_retryable());
    }
}
