//! The data keys of one stream, and which of them new records are encrypted with.
//!
//! Shared by a stream and all its shards. A key is in here only once its row is durable, so no record is written
//! under a key that a crash could take away.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::Epoch;
use super::data_key::DataKey;
use crate::error::{Error, Result};

#[derive(Debug, Default)]
pub(crate) struct Keyring(RwLock<Keys>);

#[derive(Debug, Default)]
struct Keys {
    /// A key that cannot be used is kept as the reason why.
    by_epoch: BTreeMap<Epoch, Result<Arc<DataKey>>>,
    /// The epoch of new records; `None` while they are not encrypted.
    present: Option<Epoch>,
}

impl Keyring {
    /// The key for new records; `None` if they are not to be encrypted.
    pub(crate) fn for_writing(&self) -> Result<Option<Arc<DataKey>>> {
        let keys = self.0.read();
        keys.present.map(|epoch| keys.get(epoch)).transpose()
    }

    /// The key that records of an epoch were encrypted with.
    pub(crate) fn for_reading(&self, epoch: Epoch) -> Result<Arc<DataKey>> {
        self.0.read().get(epoch)
    }

    /// Why at least one key cannot be used, if so.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.read().by_epoch.values().try_for_each(|key| key.as_ref().map(drop).map_err(Clone::clone))
    }

    /// Adds the key of an epoch, or why it cannot be used.
    pub(crate) fn add(&self, epoch: Epoch, key: Result<DataKey>) {
        self.0.write().by_epoch.insert(epoch, key.map(Arc::new));
    }

    /// From now on records are encrypted under the key of this epoch, or not at all.
    pub(crate) fn write_under(&self, epoch: Option<Epoch>) {
        self.0.write().present = epoch;
    }
}

impl Keys {
    fn get(&self, epoch: Epoch) -> Result<Arc<DataKey>> {
        self.by_epoch.get(&epoch).cloned().unwrap_or_else(|| {
            Err(Error::Internal(format!("corrupt data: a stream's data key of epoch {epoch} is missing")))
        })
    }
}
