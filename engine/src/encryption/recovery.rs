//! What becomes of the stored data keys when a store is opened.
//!
//! A key that cannot be used keeps nobody from opening the store: its stream is there, and says why when it is
//! written to or read.

use std::collections::HashMap;

use millstream_model::StreamArn;
use millstream_storage::{Entry, Priority, Slot, WriteSet};

use super::Epoch;
use super::keyring::Keyring;
use super::master_key::Owner;
use super::vault::{Opened, Vault};
use crate::error::Result;
use crate::keyspace::StreamUid;
use crate::keyspace::data_key_row::{self, WrappedKey, data_key_key};
use crate::recovery::scan_all;
use crate::stream::StreamMeta;

/// The data keys that a store holds, and those of them that are to be stored under another master key.
#[derive(Debug, Default)]
pub(crate) struct StoredKeys {
    by_stream: HashMap<StreamUid, Vec<(Epoch, WrappedKey)>>,
    rewrapped: WriteSet,
    rewrapped_count: usize,
}

impl StoredKeys {
    pub(crate) async fn read(slot: &dyn Slot) -> Result<Self> {
        let mut keys = Self::default();
        for Entry { key, value } in scan_all(slot, data_key_row::all()).await? {
            let (stream, epoch, wrapped) = data_key_row::decode(&key, &value)?;
            keys.by_stream.entry(stream).or_default().push((epoch, wrapped));
        }
        Ok(keys)
    }

    /// Puts the keys of a stream on its ring.
    pub(crate) fn unlock(&mut self, vault: &Vault, arn: &StreamArn, meta: &StreamMeta, ring: &Keyring) {
        for (epoch, wrapped) in self.by_stream.remove(&meta.uid).unwrap_or_default() {
            let owner = Owner { arn, uid: meta.uid, epoch };
            let key = vault.open(owner, &wrapped).map(|Opened { key, rewrapped }| {
                if let Some(rewrapped) = rewrapped {
                    self.rewrapped.put(data_key_key(meta.uid, epoch), rewrapped.encode());
                    self.rewrapped_count += 1;
                }
                key
            });
            ring.add(epoch, key);
        }
        ring.write_under(meta.encryption.present());
        if let Err(error) = ring.check() {
            tracing::error!(stream = %arn, %error, "encrypted records can be neither read nor written");
        }
    }

    /// Stores what was wrapped anew. From then on the previous master key is needed no more.
    pub(crate) async fn store_rewrapped(self, slot: &dyn Slot) -> Result<()> {
        if self.rewrapped_count == 0 {
            return Ok(());
        }
        // Whoever changes a master key has a reason not to wait for the disk to have room.
        let writes = self.rewrapped.with_priority(Priority::Reclaim);
        slot.commit(writes).await?.durable().await?;
        tracing::info!(
            data_keys = self.rewrapped_count,
            "the master key was changed; all data keys are under it"
        );
        Ok(())
    }
}
