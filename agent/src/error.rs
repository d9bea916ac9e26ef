//! Why the agent could not start, or ended otherwise than it was asked to.

use std::io;
use std::path::PathBuf;

use crate::checkpoint::InvalidCheckpoint;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    /// Neither TOML nor JSON.
    #[error("{}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    /// What the file asks for makes no sense; every fault of it is named.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// Another agent follows by the same checkpoint.
    #[error("the checkpoint {} is in use by another process", path.display())]
    InUse { path: PathBuf },
    /// Beginning anew would put everything again, and going on somewhere would lose lines: a person has to decide.
    #[error("the checkpoint {} cannot be used: {reason}; repair or remove it, or name another", path.display())]
    Checkpoint { path: PathBuf, reason: InvalidCheckpoint },
    #[error(transparent)]
    Service(#[from] millstream_client::Error),
    #[error("flow {flow}: {reason}")]
    Flow { flow: String, reason: String },
    /// The last checkpoint could not be written. What was put since the one before is put again by the next start.
    #[error("the last checkpoint was not written: {0}")]
    LastCheckpoint(io::Error),
    /// A task panicked.
    #[error("the agent has stopped because of a fault of its own")]
    Broken,
}
