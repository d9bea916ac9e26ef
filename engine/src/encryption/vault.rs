//! Makes, wraps and unwraps data keys with the master key that the engine was given.
//!
//! A store knows one master key. While a stream's data keys are wrapped by another, no stream is encrypted anew: the
//! operator would need both from then on, and could give only one.

use std::sync::Arc;

use millstream_model::StreamArn;
use millstream_runtime::SharedEntropy;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::master_key::{MasterKey, Owner};
use super::source::KeySource;
use super::{KEY_BYTES, NONCE_BYTES};
use crate::error::{Error, Result};
use crate::keyspace::data_key_row::{WrappedKey, data_key_key};

#[derive(Debug)]
pub(crate) struct Vault {
    source: Arc<dyn KeySource>,
    master: Mutex<Option<MasterKey>>,
    previous: Option<MasterKey>,
    entropy: SharedEntropy,
}

/// A data key that was unwrapped.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) key: DataKey,
    /// The key as it is to be stored from now on, where the previous master key had wrapped it.
    pub(crate) rewrapped: Option<WrappedKey>,
}

impl Vault {
    pub(crate) fn new(source: Arc<dyn KeySource>, entropy: SharedEntropy) -> Self {
        let (master, previous) = (Mutex::new(source.present()), source.previous());
        Self { source, master, previous, entropy }
    }

    /// A new data key, and what of it goes to storage. Makes the master key if there is none yet.
    pub(crate) async fn make(&self, owner: Owner<'_>) -> Result<(DataKey, WrappedKey)> {
        let master = self.master_or_new().await?;
        let key = Zeroizing::new(self.entropy.bytes::<KEY_BYTES>());
        let wrapped = self.wrap(&master, owner, &key)?;
        Ok((DataKey::new(owner.epoch, &key), wrapped))
    }

    /// The data key that storage holds.
    pub(crate) fn open(&self, owner: Owner<'_>, wrapped: &WrappedKey) -> Result<Opened> {
        let master = self.master.lock().clone();
        let Some(master) = master else { return Err(no_master_key(owner.arn)) };
        if wrapped.fingerprint == master.fingerprint() {
            let key = unwrap(&master, owner, wrapped)?;
            return Ok(Opened { key: DataKey::new(owner.epoch, &key), rewrapped: None });
        }
        let previous = self.previous.as_ref().filter(|key| key.fingerprint() == wrapped.fingerprint);
        let key = unwrap(previous.ok_or_else(|| other_master_key(owner.arn))?, owner, wrapped)?;
        let rewrapped = Some(self.wrap(&master, owner, &key)?);
        Ok(Opened { key: DataKey::new(owner.epoch, &key), rewrapped })
    }

    fn wrap(&self, master: &MasterKey, owner: Owner<'_>, key: &[u8; KEY_BYTES]) -> Result<WrappedKey> {
        let wrapped = master.wrap(owner, self.entropy.bytes::<NONCE_BYTES>(), key);
        wrapped.ok_or_else(|| Error::Internal("a data key could not be wrapped".to_owned()))
    }

    async fn master_or_new(&self) -> Result<MasterKey> {
        let present = self.master.lock().clone();
        if let Some(master) = present {
            return Ok(master);
        }
        let made = self.source.make().await.map_err(|error| {
            tracing::error!(%error, "the master key could not be made");
            Error::Unavailable(format!("the master key could not be made: {error}"))
        })?;
        // Changes of streams happen one at a time, so nobody else has made one meanwhile.
        Ok(self.master.lock().insert(made).clone())
    }
}

fn unwrap(master: &MasterKey, owner: Owner<'_>, wrapped: &WrappedKey) -> Result<Zeroizing<[u8; KEY_BYTES]>> {
    let key = master.unwrap(owner, wrapped);
    key.map_err(|_| crate::keyspace::corrupt("a data key", &data_key_key(owner.uid, owner.epoch)))
}

/// KMS's words for a ciphertext under a key that is another, or that the caller may not use.
fn other_master_key(arn: &StreamArn) -> Error {
    Error::KmsAccessDenied(format!(
        "The data of stream {} under account {} are encrypted under a master key that is not the one of this server.",
        arn.name, arn.account
    ))
}

/// A KMS key whose material is not there is in a state that is invalid for use.
fn no_master_key(arn: &StreamArn) -> Error {
    Error::KmsInvalidState(format!(
        "The data of stream {} under account {} are encrypted under a master key, and this server has none.",
        arn.name, arn.account
    ))
}
