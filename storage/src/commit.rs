//! The hand-over from "ordered" to "durable".

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// How far a slot's commits are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// Every commit up to this position survives a power cut, or was told that it failed.
    pub position: u64,
    /// The marks of every commit up to this position are what the next open finds, or newer ones, however this one
    /// ends. Follows `position` within a second or so.
    pub anchored: u64,
}

/// A batch that has its place in the order.
#[derive(Debug)]
pub struct Commit {
    position: u64,
    outcome: oneshot::Receiver<Result<()>>,
}

impl Commit {
    pub(crate) fn new(position: u64, outcome: oneshot::Receiver<Result<()>>) -> Self {
        Self { position, outcome }
    }

    /// Rises by one from commit to commit.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Waits until the batch survives a power cut. This is the only acknowledgement there is. After an
    /// error the batch may or may not be there: read before deciding.
    pub async fn durable(self) -> Result<()> {
        self.outcome.await.unwrap_or(Err(Error::Closed))
    }
}
