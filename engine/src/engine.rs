//! The handle to everything: opens a store, runs the background tasks, finds streams.
//!
//! What can be asked of it is in [`crate::operations`].

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use millstream_model::{AccountId, ConsumerArn, Region, StreamArn, Timestamp};
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use millstream_storage::Slot;
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::account::Accounts;
use crate::call_limits::{Call, CallBuckets};
use crate::catalog::Catalog;
use crate::change::ChangeCounter;
use crate::committer::Committer;
use crate::encryption::source::KeySource;
use crate::encryption::vault::Vault;
use crate::error::{Error, Result};
use crate::keyspace::StreamUid;
use crate::keyspace::store_row::StoreRow;
use crate::live::Gate;
use crate::metrics::{ConsumerMetrics, StreamMetrics};
use crate::monitoring::ShardMetric;
use crate::recovery::{Recovered, recover};
use crate::settings::Settings;
use crate::shard::Shard;
use crate::stream::{Stream, StreamMeta, StreamStatus};
use crate::subscription::ahead::Desks;
use crate::subscription::rendering::Renderings;
use crate::token::Sealer;

/// Granularity of the bound on bytes in flight.
pub(crate) const PERMIT_BYTES: usize = 1024;
/// How long a clean stop waits for records that are on their way. Requests were waited for before, and all of it
/// together must stay below the 5 s after which whoever asked for the stop may lose patience.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// What is kept for subscribers in the form in which it is sent is at most one of so many parts of the tails.
const RENDERINGS_PART: usize = 4;

/// A running engine; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) slot: Arc<dyn Slot>,
    pub(crate) settings: Settings,
    pub(crate) clock: SharedClock,
    pub(crate) catalog: Catalog,
    pub(crate) accounts: Accounts,
    pub(crate) committer: Arc<Committer>,
    pub(crate) sealer: Sealer,
    pub(crate) vault: Vault,
    pub(crate) calls: CallBuckets,
    pub(crate) renderings: Arc<Renderings>,
    pub(crate) desks: Desks,
    /// Set when the engine is about to close.
    pub(crate) no_more_subscriptions: AtomicBool,
    /// Bytes of records that may still be taken in, in units of [`PERMIT_BYTES`].
    pub(crate) room: Arc<Semaphore>,
    /// Changes of streams happen one at a time.
    pub(crate) control: Mutex<Control>,
    pub(crate) changes: ChangeCounter,
    /// Wakes the janitor before its time.
    pub(crate) janitor: Notify,
    /// Wakes whoever scales on-demand streams: there is one again.
    pub(crate) on_demand_began: Notify,
    pub(crate) tasks: TaskSet,
}

/// What changes of streams need besides the streams.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) store: StoreRow,
    pub(crate) graves: Vec<Grave>,
}

/// A deleted stream that storage still knows of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grave {
    pub(crate) uid: StreamUid,
    /// The commit that removed its data and the marks of its shards.
    pub(crate) emptied: Option<u64>,
}

impl Grave {
    pub(crate) fn new(uid: StreamUid) -> Self {
        Self { uid, emptied: None }
    }
}

impl Engine {
    /// Reads what the slot holds and starts working on it.
    pub async fn open(
        slot: Arc<dyn Slot>,
        settings: Settings,
        clock: SharedClock,
        entropy: SharedEntropy,
        keys: Arc<dyn KeySource>,
    ) -> Result<Self> {
        let vault = Vault::new(keys, entropy.clone());
        let recovered = recover(&*slot, &*entropy, &vault).await?;
        let Recovered { store, streams, graves, accounts, data_keys } = recovered;
        data_keys.store_rewrapped(&*slot).await?;
        let changes = ChangeCounter::new(&*entropy);
        let catalog = Catalog::default();
        streams.into_iter().for_each(|stream| catalog.insert(stream));
        let graves = graves.into_iter().map(Grave::new).collect();
        let permits = (settings.in_flight_bytes_max / PERMIT_BYTES).min(Semaphore::MAX_PERMITS);
        let inner = Arc::new(Inner {
            committer: Committer::new(slot.clone(), clock.clone(), settings.tail_bytes_max),
            sealer: Sealer::new(&store.token_key, entropy)?,
            vault,
            calls: CallBuckets::default(),
            renderings: Arc::new(Renderings::new(settings.tail_bytes_max / RENDERINGS_PART)),
            desks: Desks::default(),
            no_more_subscriptions: AtomicBool::new(false),
            room: Arc::new(Semaphore::new(permits)),
            control: Mutex::new(Control { store, graves }),
            changes,
            janitor: Notify::new(),
            on_demand_began: Notify::new(),
            tasks: TaskSet::default(),
            slot,
            settings,
            clock,
            catalog,
            accounts,
        });
        inner.committer.start(&inner.tasks);
        // Deletions that a stop interrupted go on at once.
        inner.janitor.notify_one();
        let engine = Self { inner };
        engine.start_janitor();
        engine.start_scaler();
        Ok(engine)
    }

    /// Takes no more records, makes those on their way durable, and closes the slot.
    pub async fn close(&self) -> Result<()> {
        self.inner.committer.close();
        self.inner.tasks.shutdown();
        if !self.inner.tasks.join(&*self.inner.clock, CLOSE_LIMIT).await {
            tracing::warn!("records were still on their way when the engine was closed");
        }
        Ok(self.inner.slot.close().await?)
    }

    /// Where this engine keeps everything, for whoever keeps something beside it and shares its group commit. Nothing
    /// passes any more once the engine is retired.
    #[must_use]
    pub fn slot(&self) -> Arc<dyn Slot> {
        self.inner.slot.clone()
    }

    /// Whether both are handles to the same engine.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Ends everything that this engine does, for its store is about to hold something else. Records that were
    /// taken become durable; from then on, no stream is found any more, and nothing passes `gate`, which stands
    /// between this engine and its slot.
    pub(crate) async fn retire(&self, gate: &Gate) {
        self.end_subscriptions();
        let inner = &self.inner;
        // Changes of streams that are under way are finished first, those that wait will find nothing.
        let _control = inner.control.lock().await;
        for stream in inner.catalog.clear() {
            inner.close_shards(&stream).await;
        }
        inner.committer.close();
        inner.tasks.shutdown();
        gate.shut().await;
    }

    /// Whether records are taken at present.
    pub fn check_writable(&self) -> Result<()> {
        self.inner.committer.check()
    }

    /// What every stream has done since the process started.
    #[must_use]
    pub fn metrics(&self) -> Vec<(StreamArn, StreamMetrics)> {
        let streams = self.inner.catalog.all();
        streams.iter().map(|stream| (stream.arn.clone(), stream.counters.read())).collect()
    }

    /// What every consumer was brought since the process started.
    #[must_use]
    pub fn consumer_metrics(&self) -> Vec<(ConsumerArn, ConsumerMetrics)> {
        let consumers = self.inner.catalog.all().into_iter().flat_map(|stream| stream.consumers.all());
        consumers.map(|consumer| (consumer.arn.clone(), consumer.counters.read())).collect()
    }

    /// Carries a change out even if whoever asked for it goes away in between: what is on disk and what is in
    /// memory must not differ.
    pub(crate) async fn carry_through<T, F>(
        &self,
        name: &'static str,
        change: impl FnOnce(Self) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let carried = self.inner.tasks.carry_through(name, change(self.clone())).await;
        carried.unwrap_or_else(|| Err(Error::Unavailable("the server is shutting down".to_owned())))
    }

    fn start_janitor(&self) {
        let engine = self.clone();
        self.inner.tasks.spawn("janitor", OnFailure::Shutdown, async move {
            engine.tidy_up_until_stopped().await;
            Ok::<_, Infallible>(())
        });
    }

    fn start_scaler(&self) {
        let engine = self.clone();
        self.inner.tasks.spawn("scaler", OnFailure::Shutdown, async move {
            engine.scale_until_stopped().await;
            Ok::<_, Infallible>(())
        });
    }

    /// The time by which records arrive and expire: the machine's, unless tests have moved it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.now()
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock.now())
    }

    pub(crate) fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    /// Lets a call that names a stream through, if it does not come too soon after others.
    pub(crate) fn admit(&self, call: Call, arn: &StreamArn) -> Result<()> {
        self.calls.admit(&self.settings.limits.calls_per_second, call, arn, self.clock.monotonic())
    }

    /// Lets a call that names no stream through, if it does not come too soon after others.
    pub(crate) fn admit_account(&self, call: Call, account: &AccountId, region: &Region) -> Result<()> {
        let limits = &self.settings.limits.calls_per_second;
        self.calls.admit_account(limits, call, account, region, self.clock.monotonic())
    }

    /// The stream, in whatever state it is, as long as it is not gone.
    pub(crate) fn find(&self, arn: &StreamArn) -> Result<Found> {
        let stream = self.catalog.by_arn(arn).ok_or_else(|| not_found(arn))?;
        let now = self.now();
        let meta = stream.meta();
        let status = meta.status(now).ok_or_else(|| not_found(arn))?;
        Ok(Found { stream, meta, status, now })
    }

    /// The stream, if it is ACTIVE.
    pub(crate) fn find_active(&self, arn: &StreamArn) -> Result<Found> {
        let found = self.find(arn)?;
        if found.status == StreamStatus::Active {
            return Ok(found);
        }
        Err(Error::stream_not_active(arn, found.status))
    }
}

/// A stream as it was found at one moment.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) stream: Arc<Stream>,
    pub(crate) meta: Arc<StreamMeta>,
    pub(crate) status: StreamStatus,
    pub(crate) now: Timestamp,
}

impl Found {
    /// Records that arrived before are not shown, and shards that were closed by then have expired.
    pub(crate) fn horizon(&self) -> Timestamp {
        self.meta.horizon(self.now)
    }

    /// Lets the shard count, as far as the stream is monitored.
    pub(crate) fn count<const N: usize>(&self, shard: &Shard, amounts: [(ShardMetric, u64); N]) {
        shard.counters.count(self.meta.monitored, amounts);
    }
}

pub(crate) fn not_found(arn: &StreamArn) -> Error {
    Error::ResourceNotFound(format!("Stream {} under account {} not found.", arn.name, arn.account))
}
