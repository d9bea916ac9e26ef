//! A consumer: what it is made of, and its life from the first lease to the last.

mod builder;
mod dispatcher;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use millstream_client::envelope::{KeyProvider, Opener};
use millstream_client::{Attempts, Failure, RetryPolicy, Retrying, StreamApi, StreamRef, Verdict};
use millstream_lease::coordinator::{Components, Coordinator};
use millstream_lease::{Error as LeaseError, Lease, LeaseStore, WorkerId};
use millstream_model::ConsumerName;
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use tokio::sync::watch;

pub use self::builder::ConsumerBuilder;
use self::dispatcher::Dispatcher;
use crate::error::{Error, Result};
use crate::prefetch::Budget;
use crate::processor::ShardOfStream;
use crate::registration::{Retrieving, register};
use crate::settings::ConsumerSettings;
use crate::shards::Listing;
use crate::status::StatusHandle;
use crate::stream::Stream;
use crate::worker::{Factory, Parts};
use crate::{identity, machine, metrics};

/// How long abandoned tasks are waited for.
const ABANDON_LIMIT: Duration = Duration::from_secs(1);

/// One worker of an application: it processes the shards whose leases it gains.
pub struct Consumer {
    api: Arc<dyn StreamApi>,
    store: Arc<dyn LeaseStore>,
    streams: Vec<StreamRef>,
    application: String,
    worker: WorkerId,
    settings: ConsumerSettings,
    /// By which it is registered with the streams; polls without.
    consumer_name: Option<ConsumerName>,
    keys: Option<Arc<dyn KeyProvider>>,
    factory: Factory,
    clock: SharedClock,
    entropy: SharedEntropy,
    status: StatusHandle,
}

/// How a consumer ended that was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Shards whose processors took longer than the grace: what they had in work is processed again by others.
    pub unfinished: Vec<ShardOfStream>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Consumer");
        debug.field("application", &self.application).field("worker", &self.worker);
        debug.field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// Ends what runs when the consumer does, also when it is dropped.
struct EndTasks([TaskSet; 2]);

impl Drop for EndTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(TaskSet::shutdown);
    }
}

impl Consumer {
    /// Begins to describe a consumer of `stream`. `application` names the fleet that shares the shards.
    pub fn builder(api: Arc<dyn StreamApi>, stream: StreamRef, application: &str) -> ConsumerBuilder {
        ConsumerBuilder::new(api, stream, application)
    }

    /// Shows what the consumer does, while it runs.
    #[must_use]
    pub fn status(&self) -> StatusHandle {
        self.status.clone()
    }

    /// Its name in the lease table.
    #[must_use]
    pub fn worker(&self) -> &WorkerId {
        &self.worker
    }

    /// Whether it could begin now. [`Self::run`] finds out for itself; this is for who must know it beforehand.
    ///
    /// # Errors
    /// If the streams or the lease table cannot be used, as from [`Self::run`].
    pub async fn check(&self) -> Result<()> {
        self.begin(self.patient().as_ref()).await.map(|_| ())
    }

    /// Runs until `shutdown` resolves and every shard was given back, or [`ConsumerSettings::shutdown_grace`] has
    /// passed. Dropping the future is like a crash: other workers go on after the failover time.
    ///
    /// # Errors
    /// If the stream or the lease table cannot be used at the start, the stream is deleted or replaced, or the lease
    /// table is deleted.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<Ended> {
        let patient = self.patient();
        metrics::describe();
        let mut shutdown = Box::pin(shutdown);
        // What cannot be reached is waited for, and nobody has to wait for that.
        let streams = tokio::select! {
            biased;
            () = &mut shutdown => return Ok(Ended { unfinished: Vec::new() }),
            begun = self.begin(patient.as_ref()) => begun?,
        };
        let (work, leasing) = (TaskSet::default(), TaskSet::default());
        let end_tasks = EndTasks([work.clone(), leasing.clone()]);
        let retrieving = self.begin_to_register(&streams, &work);
        let identifiers = streams.iter().filter_map(|stream| stream.identifier.clone()).collect();
        let components = Components {
            store: self.store.clone(),
            shards: Arc::new(Listing { api: patient, streams: streams.clone() }),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        let settings = self.settings.coordinator(self.worker.clone(), identifiers);
        let coordinator = Coordinator::start(components, settings, &leasing);
        machine::watch(self.settings.worker_metrics, coordinator.clone(), self.clock.clone(), &work);
        let parts = Arc::new(Parts {
            api: self.api,
            budget: Budget::new(self.settings.prefetch_bytes),
            opener: Opener::new(self.keys),
            settings: self.settings,
            clock: self.clock.clone(),
            entropy: self.entropy,
            factory: self.factory,
            status: self.status,
            tasks: work.clone(),
        });
        let grace = parts.settings.shutdown_grace;
        let sources = streams.iter().cloned().zip(retrieving).collect();
        let mut dispatcher = Dispatcher::new(parts, coordinator.clone(), sources);
        let ended = tokio::select! {
            biased;
            (gone, ..) = select_all(streams.iter().map(|stream| Box::pin(stream.ended()))) => Err(gone),
            () = leasing.stopping() => Err(Error::TaskFailed),
            gone = coordinator.table_gone() => Err(Error::Leases(gone)),
            () = dispatcher.run() => Err(Error::TaskFailed),
            () = shutdown => Ok(()),
        };
        let ended = match ended {
            Ok(()) => Ok(Ended { unfinished: dispatcher.drain(grace).await }),
            Err(error) => Err(error),
        };
        // Nobody may be at work on a shard when its lease is given back.
        work.shutdown();
        work.join(self.clock.as_ref(), ABANDON_LIMIT).await;
        coordinator.stop().await;
        leasing.join(self.clock.as_ref(), ABANDON_LIMIT).await;
        drop(end_tasks);
        ended
    }

    fn patient(&self) -> Arc<dyn StreamApi> {
        let (api, clock, entropy) = (self.api.clone(), self.clock.clone(), self.entropy.clone());
        let patient = Retrying::new(api, RetryPolicy::default(), clock, entropy);
        Arc::new(patient.on_retry(Box::new(|error| tracing::warn!(%error, "a call is tried again"))))
    }

    /// All that must be there before the first lease is looked for. No table is made for streams that are not there.
    async fn begin(&self, api: &dyn StreamApi) -> Result<Vec<Arc<Stream>>> {
        let streams = self.describe_streams(api).await?;
        self.prepare_table().await?;
        if let [stream] = streams.as_slice() {
            identity::check(self.store.as_ref(), stream, self.settings.on_recreated_stream).await?;
        }
        Ok(streams)
    }

    /// Waits for a table that cannot be used yet as long as for a stream.
    async fn prepare_table(&self) -> Result<()> {
        let mut attempts = Attempts::new(RetryPolicy::default());
        loop {
            let prepared = async {
                self.store.prepare().await?;
                self.store.list().await
            };
            let error = match prepared.await {
                Ok(listing) => return self.check_mode(&listing.leases),
                Err(error) => error,
            };
            let failure = match &error {
                LeaseError::Throttled(_) => Failure::Throttle,
                error if error.is_retryable() => Failure::Transient,
                _ => Failure::Final,
            };
            match attempts.failed(failure, self.clock.monotonic(), self.entropy.next_u64()) {
                Verdict::GiveUp => return Err(error.into()),
                Verdict::RetryAfter(delay) => {
                    tracing::warn!(%error, "the lease table cannot be prepared yet");
                    self.clock.sleep(delay).await;
                }
            }
        }
    }

    async fn describe_streams(&self, api: &dyn StreamApi) -> Result<Vec<Arc<Stream>>> {
        let is_one_of_many = self.streams.len() > 1;
        let mut streams: Vec<Arc<Stream>> = Vec::with_capacity(self.streams.len());
        for name in &self.streams {
            let stream = Stream::describe(api, name.clone(), is_one_of_many).await;
            let stream = stream.map_err(|error| Error::Stream { stream: name.clone(), error })?;
            // By name and by ARN, say.
            if streams.iter().any(|other| other.arn == stream.arn) {
                return Err(Error::Configuration(format!("stream {name} is named twice")));
            }
            streams.push(Arc::new(stream));
        }
        Ok(streams)
    }

    /// Leases are named in one way for one stream and in another for many: with those of the other way, everything
    /// would be processed again, or what came meanwhile by nobody.
    fn check_mode(&self, leases: &[Lease]) -> Result<()> {
        let is_for_many = self.streams.len() > 1;
        match leases.iter().any(|lease| lease.stream.is_some() != is_for_many) {
            true => Err(Error::LeasesOfAnotherMode {
                application: self.application.clone(),
                is_for_many: !is_for_many,
            }),
            false => Ok(()),
        }
    }

    /// How each stream is read, from now on.
    fn begin_to_register(
        &self,
        streams: &[Arc<Stream>],
        tasks: &TaskSet,
    ) -> Vec<watch::Receiver<Retrieving>> {
        let receivers = streams.iter().map(|stream| {
            let sender = Arc::new(watch::Sender::new(Retrieving::Polling));
            let receiver = sender.subscribe();
            if let Some(name) = self.consumer_name.clone() {
                // Which refusals are worth another try is decided there.
                let (api, clock) = (self.api.clone(), self.clock.clone());
                let registering = register(api, stream.clone(), name, clock, sender);
                let stopping = tasks.clone();
                tasks.spawn("consumer: registration", OnFailure::Log, async move {
                    tokio::select! {
                        biased;
                        () = stopping.stopping() => {}
                        () = registering => {}
                    }
                    Ok::<_, Infallible>(())
                });
            }
            receiver
        });
        receivers.collect()
    }
}
