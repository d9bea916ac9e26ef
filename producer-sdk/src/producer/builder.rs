//! Describing a producer before it starts.

use std::sync::Arc;

use millstream_client::{RetryPolicy, Retrying, StreamApi, StreamRef};
use millstream_runtime::{SharedClock, SharedEntropy, SystemClock, SystemEntropy};

use super::Producer;
use crate::error::{Error, Result};
use crate::metrics;
use crate::pipeline::{Components, Pipeline, first_map};
use crate::settings::{Order, ProducerSettings};

/// What a [`Producer`] is made of.
#[must_use]
pub struct ProducerBuilder {
    api: Arc<dyn StreamApi>,
    stream: StreamRef,
    settings: ProducerSettings,
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
        let settings = ProducerSettings::default();
        Self { api, stream, settings, clock: SystemClock::shared(), entropy: SystemEntropy::shared() }
    }

    /// Which records stay in order.
    pub fn order(mut self, order: Order) -> Self {
        self.settings.order = order;
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
        let components = Components { api: self.api, clock: self.clock, entropy: self.entropy };
        Ok(Producer::of(Pipeline::start(components, self.stream, self.settings, map)))
    }
}
