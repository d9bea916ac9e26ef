//! A record's way from the caller to the service: admitted, packed, queued for its shard, sent, settled.
//!
//! Every record that is admitted gets exactly one outcome, and what it took of the budget is given back with it. The
//! caller's part ends with [`Pipeline::add`], which holds one lane for as long as a copy takes; [`dispatch`] decides
//! what goes into which call, [`sending`] makes the calls and decides what their answers mean, [`refresh`] keeps the
//! shards up to date. Locks are taken in this order: routes, a lane, a batch.

mod dispatch;
mod refresh;
mod sending;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use millstream_client::aggregation::MemberRef;
use millstream_client::{Error, StreamApi, StreamRef};
use millstream_model::HashKey;
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

pub(crate) use self::refresh::first_map;
use self::sending::Strayed;
use crate::budget::{Budget, Charge};
use crate::error::PutError;
use crate::flushes::Flushes;
use crate::metrics::StreamMetrics;
use crate::parcel::{Parcel, charge_of};
use crate::pending::Pending;
use crate::receipt::End;
use crate::routes::Routes;
use crate::settings::ProducerSettings;
use crate::shard_map::ShardMap;

/// How long tasks are waited for that were told to end.
const ABANDON_LIMIT: Duration = Duration::from_secs(1);

/// Everything between a producer's callers and the service.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) settings: ProducerSettings,
    stream: StreamRef,
    stream_label: String,
    api: Arc<dyn StreamApi>,
    pub(crate) clock: SharedClock,
    entropy: SharedEntropy,
    tasks: TaskSet,
    pub(crate) budget: Budget,
    flushes: Arc<Flushes>,
    routes: RwLock<Routes>,
    /// Parcels that landed in shards that are not known yet.
    strayed: Mutex<Vec<Strayed>>,
    calls_in_flight: AtomicUsize,
    /// From which shard on the next call is filled, so that none is always last.
    turn: AtomicUsize,
    /// Something is to be dispatched earlier than was thought.
    woken: Notify,
    /// When dispatching goes on by itself, in nanoseconds of the monotonic clock.
    next_look: AtomicU64,
    /// The shards should be listed now.
    map_wanted: Notify,
    /// Records were settled.
    settled: Notify,
    is_closing: AtomicBool,
    /// The first failure since a call was answered, by when it was, and the last one.
    outage: Mutex<Option<Outage>>,
    metrics: StreamMetrics,
}

/// A time in which no call was answered.
#[derive(Clone, Debug)]
struct Outage {
    since: Duration,
    error: Error,
}

/// Nobody may wait for a pipeline that does not work any more, whatever ended it.
struct AbandonAtEnd(Arc<Pipeline>);

impl Drop for AbandonAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// What a pipeline is made of.
pub(crate) struct Components {
    pub(crate) api: Arc<dyn StreamApi>,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl Pipeline {
    /// Begins to work. `map` is `None` where shards cannot be listed.
    pub(crate) fn start(
        components: Components,
        stream: StreamRef,
        settings: ProducerSettings,
        map: Option<ShardMap>,
    ) -> Arc<Self> {
        let Components { api, clock, entropy } = components;
        let stream_label = stream.to_string();
        let routes = Routes::new(map, &settings, &stream_label, clock.monotonic());
        let pipeline = Arc::new(Self {
            budget: Budget::new(settings.outstanding_records_max, settings.outstanding_bytes_max),
            metrics: StreamMetrics::new(&stream_label),
            settings,
            stream,
            stream_label,
            api,
            clock,
            entropy,
            tasks: TaskSet::default(),
            flushes: Arc::default(),
            routes: RwLock::new(routes),
            strayed: Mutex::default(),
            calls_in_flight: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            woken: Notify::new(),
            next_look: AtomicU64::new(u64::MAX),
            map_wanted: Notify::new(),
            settled: Notify::new(),
            is_closing: AtomicBool::new(false),
            outage: Mutex::default(),
        });
        let dispatching = AbandonAtEnd(pipeline.clone());
        pipeline.tasks.spawn("producer: dispatch", OnFailure::Shutdown, async move {
            dispatching.0.clone().dispatch().await;
            drop(dispatching);
            Ok::<_, Infallible>(())
        });
        let refreshing = pipeline.clone();
        pipeline.tasks.spawn("producer: shard map", OnFailure::Log, async move {
            refreshing.keep_map().await;
            Ok::<_, Infallible>(())
        });
        pipeline
    }

    /// Takes a record that was admitted by the budget, and had to wait for that since `asked`, or not at all.
    pub(crate) fn add(
        &self,
        member: MemberRef<'_>,
        hash_key: HashKey,
        asked: Option<Duration>,
    ) -> Result<Pending, PutError> {
        let now = self.clock.monotonic();
        let asked = asked.unwrap_or(now);
        self.metrics.received.increment(1);
        let is_explicit = member.explicit_hash_key.is_some();
        let routes = self.routes.read();
        let pushed = routes.shard_of(hash_key).and_then(|shard| {
            let index = shard.lane_of(member.partition_key, hash_key, is_explicit);
            let mut lane = shard.lanes.get(index)?.lock();
            // Only of a producer that was closed.
            (!lane.is_retired()).then(|| lane.push(member, asked, now, &shard.filling, &self.flushes))
        });
        drop(routes);
        let Some((pending, due)) = pushed else {
            self.give_back(charge_of(&member));
            return Err(PutError::Closed);
        };
        if due.is_some_and(|due| nanos(due) < self.next_look.load(Ordering::SeqCst)) {
            self.woken.notify_one();
        }
        Ok(pending)
    }

    /// Sends everything that was added before without waiting for company, and waits until all of it has its outcome.
    pub(crate) async fn flush(&self) {
        let epoch = self.hurry();
        self.flushes.wait(epoch).await;
    }

    fn hurry(&self) -> u64 {
        let now = self.clock.monotonic();
        // Nobody pushes meanwhile, so no container is of both epochs.
        let routes = self.routes.write();
        for shard in &routes.shards {
            for lane in &shard.lanes {
                lane.lock().flush(now, &shard.filling);
            }
        }
        let epoch = self.flushes.turn();
        drop(routes);
        self.woken.notify_one();
        epoch
    }

    /// Admits nothing any more, waits for what was admitted until `limit` has passed, and gives up on the rest. Gives how
    /// many records that were.
    pub(crate) async fn close(&self, limit: Duration) -> usize {
        self.budget.close();
        self.is_closing.store(true, Ordering::SeqCst);
        self.hurry();
        let deadline = self.clock.monotonic() + limit;
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.budget.used().records == 0 || self.tasks.is_stopping() {
                break;
            }
            tokio::select! {
                biased;
                () = settled => {}
                () = self.tasks.stopping() => break,
                () = self.clock.sleep_until(deadline) => break,
            }
        }
        let unfinished = self.budget.used().records;
        self.abandon();
        self.tasks.join(self.clock.as_ref(), ABANDON_LIMIT).await;
        unfinished
    }

    /// Ends at once. What is in flight is abandoned by whoever sends it.
    pub(crate) fn abandon(&self) {
        self.budget.close();
        self.tasks.shutdown();
        let now = self.clock.monotonic();
        let mut left = self.routes.write().retire(now);
        left.extend(self.strayed.lock().drain(..).map(Strayed::into_parcel));
        for parcel in left {
            self.settle(parcel, End::Abandoned, now);
        }
    }

    /// Since when no call was answered, and what the last one failed with.
    pub(crate) fn outage(&self) -> Option<(Duration, Error)> {
        let outage = self.outage.lock().clone()?;
        Some((self.clock.monotonic().saturating_sub(outage.since), outage.error))
    }

    /// A call was answered, or failed as a whole. A throttle is an answer.
    fn note_answer(&self, failure: Option<&Error>, began: Duration) {
        let mut outage = self.outage.lock();
        *outage = failure.filter(|error| !error.is_throttle()).map(|error| {
            let since = outage.as_ref().map_or(began, |outage| outage.since);
            Outage { since, error: error.clone() }
        });
    }

    /// How much is held, and not yet settled.
    pub(crate) fn outstanding(&self) -> Charge {
        self.budget.used()
    }

    /// The records of a parcel have their outcome.
    fn settle(&self, parcel: Parcel, end: End, now: Duration) {
        let (charge, _) = parcel.settle(end, now);
        self.give_back(charge);
    }

    pub(crate) fn give_back(&self, charge: Charge) {
        self.budget.give_back(charge);
        if self.is_closing.load(Ordering::SeqCst) {
            self.settled.notify_waiters();
        }
    }
}

/// For ever, where it is further away than 585 years.
fn nanos(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}
