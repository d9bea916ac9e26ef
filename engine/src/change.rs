//! Makes changes of streams, shards, consumers and accounts durable: all that is persisted and is not a record.
//!
//! Invariant: whoever made a change knows whether it was stored before anything else is changed, so that what is in
//! memory never differs from what a restart would find. Storage may not know by itself, when a disk fills up between
//! a write and its sync. Then the change waits until storage takes writes again, and looks: each change leaves a number
//! of its own behind.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use millstream_runtime::Entropy;
use millstream_storage::{Error as StorageError, ErrorKind, WriteSet, settle};

use crate::engine::Inner;
use crate::error::{Error, Result};
use crate::keyspace;

/// Gives the changes of one engine their numbers.
#[derive(Debug)]
pub(crate) struct ChangeCounter(AtomicU64);

impl ChangeCounter {
    /// Begins anywhere: an engine may have had the slot in the same epoch before, with other numbers.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self(AtomicU64::new(entropy.next_u64()))
    }

    /// A number that no change of this store had before.
    fn next(&self, epoch: u64) -> Bytes {
        let mut number = BytesMut::with_capacity(16);
        number.put_u64(epoch);
        number.put_u64(self.0.fetch_add(1, Ordering::Relaxed));
        number.freeze()
    }
}

impl Inner {
    /// Makes a change durable. The caller holds the lock on changes. If this fails, nothing of it was stored, nor will
    /// it be; but for an engine that is stopping, which shows nothing to anybody any more.
    pub(crate) async fn store_change(&self, mut writes: WriteSet) -> Result<()> {
        let number = self.changes.next(self.slot.epoch());
        writes.put(change_key(), number.clone());
        match self.write(writes).await {
            Err(error) if error.kind() == ErrorKind::Uncertain => self.was_stored(&number, &error).await,
            outcome => Ok(outcome?),
        }
    }

    async fn write(&self, writes: WriteSet) -> std::result::Result<(), StorageError> {
        self.slot.commit(writes).await?.durable().await
    }

    /// Waits until storage takes writes, and looks which change it took last.
    async fn was_stored(&self, number: &Bytes, uncertain: &StorageError) -> Result<()> {
        let probe = keyspace::key(keyspace::PROBE, &[]);
        settle(&*self.slot, &probe, uncertain, &*self.clock, &self.tasks).await?;
        match self.slot.get(&change_key()).await? {
            Some(last) if last == number => Ok(()),
            _ => Err(Error::Unavailable(uncertain.to_string())),
        }
    }
}

fn change_key() -> Bytes {
    keyspace::key(keyspace::CHANGE, &[])
}
