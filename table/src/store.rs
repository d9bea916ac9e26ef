//! Makes writes durable, and knows afterwards whether they are.
//!
//! Invariant: whoever wrote knows whether it was stored before anybody else may write the same, so that what is
//! derived from items never differs from them. Storage may not know by itself, when a disk fills up between a
//! write and its sync. Then the writer waits until storage takes writes again, and looks for a part of what it
//! wrote: nobody else could have written that meanwhile.

use bytes::Bytes;
use millstream_storage::{Error as StorageError, ErrorKind, WriteSet, settle};

use crate::error::{Error, Result};
use crate::keyspace::{self, PROBE};
use crate::tables::Inner;

/// One key that holds something else after a write than it did before.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) key: Bytes,
    pub(crate) value: Option<Bytes>,
}

impl Inner {
    /// Makes a batch durable. If this fails, nothing of it was stored, nor will it be; but for tables that are
    /// closing, which show nothing to anybody any more.
    pub(crate) async fn store(&self, writes: WriteSet, evidence: Evidence) -> Result<()> {
        if self.tasks.is_stopping() {
            return Err(Error::Unavailable("the server is shutting down".to_owned()));
        }
        match self.slot.store(writes).await {
            Err(error) if error.kind() == ErrorKind::Uncertain => self.was_stored(evidence, &error).await,
            outcome => Ok(outcome?),
        }
    }

    /// Makes a batch durable that may be written again. If this fails, it is decided what was stored of it.
    pub(crate) async fn store_repeatable(&self, writes: WriteSet) -> Result<()> {
        match self.slot.store(writes).await {
            Err(error) if error.kind() == ErrorKind::Uncertain => {
                self.settle(&error).await?;
                Err(error.into())
            }
            outcome => Ok(outcome?),
        }
    }

    async fn was_stored(&self, evidence: Evidence, uncertain: &StorageError) -> Result<()> {
        self.settle(uncertain).await?;
        match self.slot.get(&evidence.key).await? == evidence.value {
            true => Ok(()),
            false => Err(Error::Unavailable(uncertain.to_string())),
        }
    }

    async fn settle(&self, uncertain: &StorageError) -> Result<()> {
        let probe = keyspace::tag_key(PROBE);
        Ok(settle(&*self.slot, &probe, uncertain, &*self.clock, &self.tasks).await?)
    }
}
