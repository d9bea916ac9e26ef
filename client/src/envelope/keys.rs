//! Whose keys data are encrypted with.

use std::collections::BTreeMap;
use std::fmt;

use bytestring::ByteString;
use zeroize::Zeroizing;

/// A key of AES-256, wiped from memory when it is dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// Of random bytes that nobody else knows: a password is none.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// Knows keys by their names. A name stands for one key, for ever: to change the key, take another name.
///
/// It is asked for each record and must answer at once: one that gets its keys from elsewhere does so beforehand, or in
/// the background.
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// What producers encrypt with now; the name has at most 255 bytes and is written into each record. `None` where
    /// there is no key, and then nothing is put.
    fn current(&self) -> Option<(ByteString, SecretKey)>;

    /// What records with this name were encrypted with. Consumers need every key whose records are still retained.
    fn by_name(&self, name: &str) -> Option<SecretKey>;
}

/// Keys that are all known from the start.
#[derive(Clone, Debug, Default)]
pub struct StaticKeys {
    keys: BTreeMap<ByteString, SecretKey>,
    current: Option<ByteString>,
}

impl StaticKeys {
    /// Of one key, which producers encrypt with.
    #[must_use]
    pub fn new(name: impl Into<ByteString>, key: SecretKey) -> Self {
        let name = name.into();
        Self { keys: BTreeMap::from([(name.clone(), key)]), current: Some(name) }
    }

    /// With one more key, of records from before.
    #[must_use]
    pub fn and(mut self, name: impl Into<ByteString>, key: SecretKey) -> Self {
        self.keys.insert(name.into(), key);
        self
    }
}

impl KeyProvider for StaticKeys {
    fn current(&self) -> Option<(ByteString, SecretKey)> {
        let name = self.current.clone()?;
        let key = self.keys.get(&name)?.clone();
        Some((name, key))
    }

    fn by_name(&self, name: &str) -> Option<SecretKey> {
        self.keys.get(name).cloned()
    }
}
