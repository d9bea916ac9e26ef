//! Describing a producer before it starts.

use std::sync::Arc;

use millstream_client::envelope::{Compression, KeyProvider, Sealer};
use millstream_client::{RetryPolicy, Retrying, StreamApi, StreamRef};
use millstream_runtime::{SharedClock, SharedEntropy, SystemClock, SystemEntropy};

use super::Producer;
use crate::error::{Error, Result};
use crate::metrics;
use crate::pipeline::{Components, Pipeline, first_map};
use crate::sealing::Sealing;
use crate::settings::{Order, ProducerSettings};

/// What a [`Producer`] is made of.
#[must_use]
pub struct ProducerBuilder {
    api: Arc<dyn StreamApi>,
    stream: StreamRef,
    settings: ProducerSettings,
    compression: Option<Compression>,
    keys: Option<Arc<dyn KeyProvider>>,
    clock: SharedClock,
    entropy: SharedEntropy,
}

impl std::fmt::Debug for ProducerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProducerBuilder").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl ProducerBuilder {
    pub(super) fn new(api: Arc<dyn StreamApi>, stream: StreamRef) -> Self {
        Self {
            api,
            stream,
            settings: ProducerSettings::default(),
            compression: None,
            keys: None,
            clock: SystemClock::shared(),
            entropy: SystemEntropy::shared(),
        }
    }

    /// Which records stay in order.
    pub fn order(mut self, order: Order) -> Self {
        self.settings.order = order;
        self
    }

    /// Compresses the data of each record that becomes smaller by it. Consumers of this kind undo it; others have to
    /// do so themselves, and the record's tags say how.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Encrypts the data of each record with the provider's current key. Partition keys and tags stay readable.
    /// Consumers of this kind that have the key undo it.
    pub fn encryption(mut self, keys: Arc<dyn KeyProvider>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Everything else that can be set.
    pub fn settings(mut self, change: impl FnOnce(&mut ProducerSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Time and randomness other than the system's.
    pub fn surroundings(mut self, clock: SharedClock, entropy: SharedEntropy) -> Self {
        self.clock = clock;
        self.entropy = entropy;
        self
    }

    /// Lists the shards of the stream, and begins to work.
    ///
    /// # Errors
    /// If something makes no sense, or the stream cannot be used.
    pub async fn start(self) -> Result<Producer> {
        if let Some(what) = self.settings.nonsense() {
            return Err(Error::Configuration(what.to_owned()));
        }
        metrics::describe();
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        let patient = Retrying::new(self.api.clone(), RetryPolicy::default(), clock, entropy);
        let map = first_map(&patient, &self.stream).await;
        let map = map.map_err(|error| Error::Stream { stream: self.stream.clone(), error })?;
        let is_sealed = self.compression.is_some() || self.keys.is_some();
        let sealer = is_sealed.then(|| Sealer::new(self.compression, self.keys, self.entropy.clone()));
        let plain = Sealer::new(None, None, self.entropy.clone());
        let sealing = Sealing::new(sealer, plain, self.settings.idempotence, self.entropy.as_ref());
        let components = Components { api: self.api, clock: self.clock, entropy: self.entropy };
        Ok(Producer::of(Pipeline::start(components, self.stream, self.settings, map), sealing))
    }
}
