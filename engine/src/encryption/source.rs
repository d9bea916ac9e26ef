//! Where the master key comes from.

use std::fmt;
use std::io;

use async_trait::async_trait;
use millstream_runtime::SharedEntropy;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::KEY_BYTES;
use super::master_key::MasterKey;

/// A component that an engine is given, like its clock: the engine does not know of files and variables.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// The master key, if there is one already: one that was made since is one. Asked by every engine that opens on
    /// the store.
    fn present(&self) -> Option<MasterKey>;

    /// The master key before the present one. Data keys that it wrapped are wrapped anew when the engine opens.
    fn previous(&self) -> Option<MasterKey> {
        None
    }

    /// Makes a master key, because a stream is to be encrypted and there was none. It must be as durable as the
    /// records are when this returns: without it they are lost.
    async fn make(&self) -> io::Result<MasterKey>;
}

/// A master key that is forgotten with the process: for stores that are as well.
#[derive(Debug)]
pub struct EphemeralKey {
    entropy: SharedEntropy,
    made: Mutex<Option<MasterKey>>,
}

impl EphemeralKey {
    #[must_use]
    pub fn new(entropy: SharedEntropy) -> Self {
        Self { entropy, made: Mutex::default() }
    }
}

#[async_trait]
impl KeySource for EphemeralKey {
    fn present(&self) -> Option<MasterKey> {
        self.made.lock().clone()
    }

    async fn make(&self) -> io::Result<MasterKey> {
        let key = MasterKey::new(&Zeroizing::new(self.entropy.bytes::<KEY_BYTES>()));
        Ok(self.made.lock().insert(key).clone())
    }
}
