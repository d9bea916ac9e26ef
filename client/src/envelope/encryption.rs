//! Data that only holders of a key can read: XAES-256-GCM (C2SP), which is AES-256-GCM with nonces of 24 bytes.
//!
//! The first half of the nonce makes, from the provider's key, the key that AES-256-GCM uses, and its second half is
//! AES-256-GCM's nonce. A producer draws the first half once and counts in the second one; so neither do the nonces of
//! one producer repeat, nor do those of many meet, for any number of records, which random nonces of 12 bytes could not
//! promise at a million records a second.
//!
//! Encrypted data: the length of the key's name (1 byte), the name, the nonce (24), the ciphertext, its tag (16).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use bytes::Bytes;
use bytestring::ByteString;
use millstream_runtime::SharedEntropy;
use parking_lot::{Mutex, RwLock};

use super::keys::{KeyProvider, SecretKey};
use super::{OpenError, SealError};

const HALF_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Ciphers that are remembered: one for each key and producer of which records were read lately.
const CIPHERS_MAX: usize = 1_024;

type Half = [u8; HALF_BYTES];

/// Encrypts for one producer.
pub(super) struct Encryption {
    keys: Arc<dyn KeyProvider>,
    entropy: SharedEntropy,
    current: RwLock<Option<Arc<Current>>>,
}

/// A key in use.
struct Current {
    name: ByteString,
    prefix: Half,
    cipher: Aes256Gcm,
    used: AtomicU64,
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Encryption {
    pub(super) fn new(keys: Arc<dyn KeyProvider>, entropy: SharedEntropy) -> Self {
        Self { keys, entropy, current: RwLock::default() }
    }

    /// The data, encrypted, and bound to something that is not part of them.
    pub(super) fn encrypt(&self, bound_to: &[u8], data: &[u8]) -> Result<Bytes, SealError> {
        let current = self.current()?;
        let count = current.used.fetch_add(1, Ordering::Relaxed);
        let mut nonce: Half = [0; HALF_BYTES];
        nonce[HALF_BYTES - 8..].copy_from_slice(&count.to_be_bytes());
        let name_bytes = u8::try_from(current.name.len()).map_err(|_| SealError::KeyName)?;
        let mut out = Vec::with_capacity(1 + current.name.len() + 2 * HALF_BYTES + data.len() + TAG_BYTES);
        out.push(name_bytes);
        out.extend_from_slice(current.name.as_bytes());
        out.extend_from_slice(&current.prefix);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(data);
        let encrypted =
            current.cipher.encrypt_inout_detached(&Nonce::from(nonce), bound_to, (&mut out[start..]).into());
        let tag = encrypted.map_err(|_| SealError::Encryption)?;
        out.extend_from_slice(&tag);
        Ok(out.into())
    }

    /// The key that the provider wants, with a prefix of this producer's own.
    fn current(&self) -> Result<Arc<Current>, SealError> {
        let (name, key) = self.keys.current().ok_or(SealError::NoKey)?;
        if let Some(current) = self.current.read().as_ref().filter(|current| current.name == name) {
            return Ok(current.clone());
        }
        let prefix = self.entropy.bytes::<HALF_BYTES>();
        let cipher = derive(&key, &prefix);
        let new = Arc::new(Current { name, prefix, cipher, used: AtomicU64::new(0) });
        *self.current.write() = Some(new.clone());
        Ok(new)
    }
}

/// Decrypts what many producers encrypted.
pub(super) struct Ciphers {
    keys: Arc<dyn KeyProvider>,
    known: Mutex<HashMap<(ByteString, Half), Arc<Aes256Gcm>>>,
}

impl std::fmt::Debug for Ciphers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ciphers").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Ciphers {
    pub(super) fn new(keys: Arc<dyn KeyProvider>) -> Self {
        Self { keys, known: Mutex::default() }
    }

    fn of(&self, name: &str, prefix: Half) -> Option<Arc<Aes256Gcm>> {
        let place = (ByteString::from(name), prefix);
        if let Some(cipher) = self.known.lock().get(&place) {
            return Some(cipher.clone());
        }
        let cipher = Arc::new(derive(&self.keys.by_name(name)?, &prefix));
        let mut known = self.known.lock();
        if known.len() >= CIPHERS_MAX {
            // Those in use are back soon.
            known.clear();
        }
        known.insert(place, cipher.clone());
        Some(cipher)
    }
}

/// The data that were encrypted.
pub(super) fn decrypt(ciphers: Option<&Ciphers>, bound_to: &[u8], data: &Bytes) -> Result<Bytes, OpenError> {
    let (&name_bytes, rest) = data.split_first().ok_or(OpenError::Malformed)?;
    let (name, rest) = rest.split_at_checked(name_bytes.into()).ok_or(OpenError::Malformed)?;
    let (prefix, rest) = rest.split_first_chunk::<HALF_BYTES>().ok_or(OpenError::Malformed)?;
    let (nonce, rest) = rest.split_first_chunk::<HALF_BYTES>().ok_or(OpenError::Malformed)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Malformed)?;
    let name = std::str::from_utf8(name).map_err(|_| OpenError::Malformed)?;
    let cipher = ciphers.and_then(|ciphers| ciphers.of(name, *prefix));
    let cipher = cipher.ok_or_else(|| OpenError::UnknownKey(name.to_owned()))?;
    let mut out = ciphertext.to_vec();
    let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
    let decrypted = cipher.decrypt_inout_detached(&nonce, bound_to, out.as_mut_slice().into(), &tag);
    decrypted.map_err(|_| OpenError::NotAuthentic)?;
    Ok(out.into())
}

/// The key of AES-256-GCM for one first half of nonces: the KDF of NIST SP 800-108 in counter mode with CMAC, which for
/// inputs of this form is one block of AES for each half of the key, and one for both.
pub(super) fn derive(key: &SecretKey, prefix: &Half) -> Aes256Gcm {
    let aes = Aes256::new(key.bytes().into());
    let encrypt = |block: [u8; 16]| -> [u8; 16] {
        let mut block = block.into();
        aes.encrypt_block(&mut block);
        block.into()
    };
    let once = u128::from_be_bytes(encrypt([0; 16]));
    // Doubling in the field of CMAC, in constant time.
    let subkey = (once << 1) ^ ((once >> 127) * 0x87);
    let half = |number: u8| {
        let mut block = [0; 16];
        block[..4].copy_from_slice(&[0, number, b'X', 0]);
        block[4..].copy_from_slice(prefix);
        encrypt((u128::from_be_bytes(block) ^ subkey).to_be_bytes())
    };
    let mut derived = zeroize::Zeroizing::new([0; 32]);
    derived[..16].copy_from_slice(&half(1));
    derived[16..].copy_from_slice(&half(2));
    Aes256Gcm::new((&*derived).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the specification.
    #[test]
    fn it_is_xaes_256_gcm() {
        let vectors = [
            (1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
            (3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
        ];
        for (byte, bound_to, expected) in vectors {
            let cipher = derive(&SecretKey::new([byte; 32]), b"ABCDEFGHIJKL");
            let mut data = b"XAES-256-GCM".to_vec();
            let tag = cipher
                .encrypt_inout_detached(
                    &Nonce::from(*b"MNOPQRSTUVWX"),
                    bound_to.as_bytes(),
                    data.as_mut_slice().into(),
                )
                .unwrap();
            data.extend_from_slice(&tag);
            let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }
}
