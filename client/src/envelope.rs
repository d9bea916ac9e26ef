//! What producers do to user records, and consumers undo: compression, encryption, and a tag that a repetition is known
//! by. Both sides are here, so that they agree.
//!
//! What was done is written into the tags of the member, which other libraries pass over: `ms-seal` names the methods in
//! the order in which they were applied (`zstd`, `lz4`, then `xaes256gcm`), `ms-id` is the idempotence tag. Data without
//! `ms-seal` are as they were put, whatever they look like. The formats are at the top of [`compression`] and
//! [`encryption`]. Nothing is kept here of what was put.

mod compression;
mod encryption;
mod keys;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_runtime::SharedEntropy;

pub use self::compression::Compression;
use self::compression::Compressors;
use self::encryption::{Ciphers, Encryption};
pub use self::keys::{KeyProvider, SecretKey, StaticKeys};
use crate::aggregation::{Tag, Tags};

/// The tag that a repetition is known by.
const ID_KEY: &str = "ms-id";
/// The tag that says what was done to the data.
const SEAL_KEY: &str = "ms-seal";

const ZSTD: &str = "zstd";
const LZ4: &str = "lz4";
const XAES: &str = "xaes256gcm";

/// Data could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The compressor failed.
    #[error("data cannot be compressed: {0}")]
    Compression(String),
    /// The provider of keys has none to encrypt with.
    #[error("there is no key to encrypt with")]
    NoKey,
    /// A key's name has more than 255 bytes.
    #[error("the name of the key is too long")]
    KeyName,
    /// The cipher failed.
    #[error("data cannot be encrypted")]
    Encryption,
}

/// Data could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A newer producer, or another one, did something that is not known here.
    #[error("data were sealed by {0:?}, which is not known here")]
    UnknownMethod(String),
    /// The form is not right, or the data are not all there.
    #[error("sealed data have no valid form")]
    Malformed,
    /// The provider of keys does not know the key, or there is no provider.
    #[error("the key {0:?} is not known")]
    UnknownKey(String),
    /// The data, their partition key or their tag were changed, or the key is another one of the same name.
    #[error("sealed data are not authentic")]
    NotAuthentic,
}

/// Data in the form in which they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub data: Bytes,
    /// What readers must know to undo it, and the idempotence tag.
    pub tags: Vec<Tag>,
}

/// Does to data what it was told.
#[derive(Debug)]
pub struct Sealer {
    compressors: Option<Compressors>,
    encryption: Option<Encryption>,
}

impl Sealer {
    /// Compresses if `compression` says how, then encrypts if there are `keys`.
    #[must_use]
    pub fn new(
        compression: Option<Compression>,
        keys: Option<Arc<dyn KeyProvider>>,
        entropy: SharedEntropy,
    ) -> Self {
        Self {
            compressors: compression.map(Compressors::new),
            encryption: keys.map(|keys| Encryption::new(keys, entropy)),
        }
    }

    /// Data as they are to be written. Data that compression makes no smaller stay as they are.
    ///
    /// # Errors
    /// If there is no key, or a method fails.
    pub fn seal(
        &self,
        partition_key: &str,
        id: Option<&ByteString>,
        data: &Bytes,
    ) -> Result<Sealed, SealError> {
        let mut data = data.clone();
        let mut methods: Option<&'static str> = None;
        if let Some(compressors) = &self.compressors
            && let Some(smaller) = compressors.compress(&data)?
        {
            data = smaller;
            methods = Some(compressors.method());
        }
        if let Some(encryption) = &self.encryption {
            let with_this = match methods {
                Some(ZSTD) => "zstd+xaes256gcm",
                Some(_) => "lz4+xaes256gcm",
                None => XAES,
            };
            data = encryption.encrypt(&bound_to(with_this, partition_key, id), &data)?;
            methods = Some(with_this);
        }
        let id = id.map(|id| tag(ID_KEY, id.clone()));
        let seal = methods.map(|methods| tag(SEAL_KEY, ByteString::from_static(methods)));
        Ok(Sealed { data, tags: id.into_iter().chain(seal).collect() })
    }
}

/// Undoes what a [`Sealer`] did.
#[derive(Debug, Default)]
pub struct Opener {
    ciphers: Option<Ciphers>,
}

impl Opener {
    /// With whose keys to decrypt. Data that are only compressed need none.
    #[must_use]
    pub fn new(keys: Option<Arc<dyn KeyProvider>>) -> Self {
        Self { ciphers: keys.map(Ciphers::new) }
    }

    /// The data as they were put; `None` where nothing was done to them.
    ///
    /// # Errors
    /// If they cannot be opened. That does not change by itself, except that a key may become known.
    pub fn open(&self, partition_key: &str, tags: &Tags, data: &Bytes) -> Result<Option<Bytes>, OpenError> {
        let Some(methods) = value_of(tags, SEAL_KEY) else { return Ok(None) };
        let mut data = data.clone();
        for method in methods.rsplit('+') {
            data = match method {
                XAES => {
                    let bound_to = bound_to(&methods, partition_key, idempotence_tag(tags).as_ref());
                    encryption::decrypt(self.ciphers.as_ref(), &bound_to, &data)?
                }
                ZSTD => compression::decompress_zstd(&data)?,
                LZ4 => compression::decompress_lz4(&data)?,
                _ => return Err(OpenError::UnknownMethod(methods.to_string())),
            };
        }
        Ok(Some(data))
    }
}

/// The tag that a repetition of this record is known by, if its producer gave one.
#[must_use]
pub fn idempotence_tag(tags: &Tags) -> Option<ByteString> {
    value_of(tags, ID_KEY)
}

fn tag(key: &'static str, value: ByteString) -> Tag {
    Tag { key: ByteString::from_static(key), value: Some(value) }
}

fn value_of(tags: &Tags, key: &str) -> Option<ByteString> {
    tags.iter().find(|tag| tag.key == key)?.value
}

/// What encrypted data belong to: with any of it changed they cannot be opened.
fn bound_to(methods: &str, partition_key: &str, id: Option<&ByteString>) -> Vec<u8> {
    let id = id.map_or("", |id| id);
    let mut bytes = Vec::with_capacity(methods.len() + partition_key.len() + id.len() + 16);
    for part in [methods, partition_key, id] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}
