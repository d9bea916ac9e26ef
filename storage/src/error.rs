//! What can go wrong below the engine.

use bytes::Bytes;

pub type Result<T> = std::result::Result<T, Error>;

/// Cloneable, because one failure is often told to many who waited for the same batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An `expect` of the batch did not hold; nothing of it was written.
    #[error("a key was changed by somebody else")]
    Conflict { key: Bytes },
    /// Refused before anything was written. Reads and trims go on; writes do once there is room again.
    #[error("the disk is full: {free} bytes are free and {needed} are needed")]
    NoSpace { free: u64, needed: u64 },
    /// The batch was ordered, but whether it survives is not known; it may show up later.
    #[error("the outcome of a write is unknown: {reason}")]
    Uncertain { reason: String },
    /// Data on disk is not what was written. Says which file or key.
    #[error("corrupt data: {what}")]
    Corrupt { what: String },
    /// Writes that had been made durable are gone from the write-ahead log.
    #[error("durable writes are missing: {what}")]
    Lost { what: String },
    /// Another owner opened the slot.
    #[error("slot epoch {expected} was expected and {found} found: another process owns the slot")]
    Fenced { expected: u64, found: u64 },
    /// The disk can no longer be trusted or asked; the slot does nothing more.
    #[error("storage failed: {reason}")]
    Failed { reason: String },
    #[error("the slot is closed")]
    Closed,
}

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Read again and decide anew.
    Conflict,
    /// Nothing happened; try later.
    Refused,
    /// Something may have happened; read before trying again.
    Uncertain,
    /// Stop: the data or the disk needs a person.
    Fatal,
}

impl Error {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::NoSpace { .. } | Self::Closed => ErrorKind::Refused,
            Self::Uncertain { .. } => ErrorKind::Uncertain,
            Self::Corrupt { .. } | Self::Lost { .. } | Self::Fenced { .. } | Self::Failed { .. } => {
                ErrorKind::Fatal
            }
        }
    }
}
