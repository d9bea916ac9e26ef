//! Describing a consumer before it runs.

use std::fmt::Write;
use std::sync::Arc;

use millstream_client::envelope::KeyProvider;
use millstream_client::{StreamApi, StreamRef};
use millstream_lease::shard_sync::InitialPosition;
use millstream_lease::{LeaseStore, WorkerId};
use millstream_model::ConsumerName;
use millstream_runtime::{Entropy, SharedClock, SharedEntropy, SystemClock, SystemEntropy};

use super::Consumer;
use crate::error::{Error, Result};
use crate::processor::{RecordProcessor, ShardOfStream};
use crate::settings::{ConsumerSettings, Retrieval};
use crate::status::StatusHandle;

/// What a [`Consumer`] is made of.
#[must_use]
pub struct ConsumerBuilder {
    api: Arc<dyn StreamApi>,
    streams: Vec<StreamRef>,
    application: String,
    worker: Option<WorkerId>,
    store: Option<Arc<dyn LeaseStore>>,
    settings: ConsumerSettings,
    keys: Option<Arc<dyn KeyProvider>>,
    clock: SharedClock,
    entropy: SharedEntropy,
}

impl std::fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerBuilder").field("application", &self.application).finish_non_exhaustive()
    }
}

impl ConsumerBuilder {
    pub(super) fn new(api: Arc<dyn StreamApi>, stream: StreamRef, application: &str) -> Self {
        Self {
            api,
            streams: vec![stream],
            application: application.to_owned(),
            worker: None,
            store: None,
            settings: ConsumerSettings::default(),
            keys: None,
            clock: SystemClock::shared(),
            entropy: SystemEntropy::shared(),
        }
    }

    /// Reads one more stream. The leases of an application that reads many name theirs, as KCL's do in multi-stream
    /// mode: a lease table is for one stream or for many, never for both.
    pub fn and_stream(mut self, stream: StreamRef) -> Self {
        self.streams.push(stream);
        self
    }

    /// Must differ between processes that run at the same time. Random unless it is given.
    pub fn worker(mut self, worker: WorkerId) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Where the leases are: any store, as long as all workers of the application have the same.
    pub fn lease_store(mut self, store: Arc<dyn LeaseStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Where to begin in shards that nothing was processed of. [`InitialPosition`]'s default unless set.
    pub fn initial_position(mut self, position: InitialPosition) -> Self {
        self.settings.initial_position = position;
        self
    }

    /// How records are read: by fan-out unless set.
    pub fn retrieval(mut self, retrieval: Retrieval) -> Self {
        self.settings.retrieval = retrieval;
        self
    }

    /// Knows the keys that producers encrypt with. A record whose key is not known is one that cannot be read, and
    /// [`crate::FailurePolicy`] decides: by default its shard stands still.
    pub fn decryption(mut self, keys: Arc<dyn KeyProvider>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Everything else that can be set.
    pub fn settings(mut self, change: impl FnOnce(&mut ConsumerSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Time and randomness other than the system's.
    pub fn surroundings(mut self, clock: SharedClock, entropy: SharedEntropy) -> Self {
        self.clock = clock;
        self.entropy = entropy;
        self
    }

    /// A consumer whose shards are processed by what `make` makes for each.
    ///
    /// # Errors
    /// If something is missing or makes no sense.
    pub fn build<P: RecordProcessor + 'static>(
        self,
        make: impl Fn(&ShardOfStream) -> P + Send + Sync + 'static,
    ) -> Result<Consumer> {
        let wrong = |what: &str| Err(Error::Configuration(what.to_owned()));
        if self.application.is_empty() {
            return wrong("the application has no name");
        }
        if let Some(what) = self.settings.nonsense() {
            return wrong(what);
        }
        let Some(store) = self.store else { return wrong("there is no place for leases") };
        for (index, stream) in self.streams.iter().enumerate() {
            if self.streams[..index].contains(stream) {
                return wrong(&format!("stream {stream} is named twice"));
            }
        }
        let consumer_name = consumer_name(&self.settings.retrieval, &self.application)?;
        let worker = match self.worker {
            Some(worker) => worker,
            None => random_worker(self.entropy.as_ref())?,
        };
        Ok(Consumer {
            api: self.api,
            store,
            streams: self.streams,
            status: StatusHandle::new(worker.clone(), &self.application),
            application: self.application,
            worker,
            settings: self.settings,
            consumer_name,
            keys: self.keys,
            factory: Arc::new(move |shard| Box::new(make(shard))),
            clock: self.clock,
            entropy: self.entropy,
        })
    }
}

/// As which it subscribes, if it does.
fn consumer_name(retrieval: &Retrieval, application: &str) -> Result<Option<ConsumerName>> {
    match retrieval {
        Retrieval::Polling => Ok(None),
        Retrieval::FanOut { consumer_name: Some(name) } => Ok(Some(name.clone())),
        Retrieval::FanOut { consumer_name: None } => application.parse().map(Some).map_err(|_| {
            Error::Configuration(format!("{application:?} cannot be a consumer's name: give it one, or poll"))
        }),
    }
}

fn random_worker(entropy: &dyn Entropy) -> Result<WorkerId> {
    let mut name = String::from("worker-");
    for byte in entropy.bytes::<16>() {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.parse().map_err(|_| Error::Configuration("a worker needs a name".to_owned()))
}
