//! The key of a stream's records in one epoch.

use std::fmt;

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};

use super::{Epoch, KEY_BYTES, NONCE_BYTES, TAG_BYTES};

/// AES-256-GCM-SIV under one key. What was expanded from the key is wiped from memory when it is dropped.
pub(crate) struct DataKey {
    epoch: Epoch,
    cipher: Aes256GcmSiv,
}

/// The bytes were changed, or belong to another place or under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unauthentic;

/// More bytes than one nonce is good for (2³⁶).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl DataKey {
    pub(crate) fn new(epoch: Epoch, key: &[u8; KEY_BYTES]) -> Self {
        Self { epoch, cipher: Aes256GcmSiv::new(key.into()) }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Encrypts in place, and binds the message to what goes along with it.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        along: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], TooLong> {
        let tag = self.cipher.encrypt_inout_detached(&Nonce::from(nonce), along, message.into());
        tag.map(Into::into).map_err(|_| TooLong)
    }

    /// Decrypts in place what was encrypted with the same nonce and went along with the same.
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        along: &[u8],
        message: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> Result<(), Unauthentic> {
        let (nonce, tag) = (Nonce::from(nonce), Tag::from(tag));
        let opened = self.cipher.decrypt_inout_detached(&nonce, along, message.into(), &tag);
        opened.map_err(|_| Unauthentic)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
