//! A worker of the fleet, running: it keeps its leases, finds new ones, and leads if the lock is its.
//!
//! Its user gets events and, with each lease, an [`Ownership`]: the proof to show for every checkpoint, worthless from
//! the moment on at which somebody else could have the lease. What should be done is decided in the crate's pure
//! modules; here it is timed and carried out. How records are read is not known.

mod events;
mod leading;
mod ownership;
mod renewal;
mod settings;
mod shards;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use self::events::Events;
use self::leading::Leading;
use self::ownership::Held;
use crate::error::Error;
use crate::leader::Election;
use crate::names::{LeaseKey, StreamIdentifier};
use crate::shard_sync::{InitialPosition, Shard};
use crate::store::LeaseStore;
use crate::worker::{Metric, WorkerReport};

pub use self::events::{Event, LossReason};
pub use self::ownership::{CheckpointError, Ownership};
pub use self::settings::CoordinatorSettings;
pub use self::shards::EndOfShard;

/// Lists the shards of a stream: the one thing that a coordinator asks of the stream service.
#[async_trait]
pub trait ShardSource: std::fmt::Debug + Send + Sync {
    /// All shards that are retained, or with `at` those that were open at that position. `stream` is `None` where the
    /// table serves a single stream. The error is for the log; the listing is repeated later.
    async fn shards(
        &self,
        stream: Option<&StreamIdentifier>,
        at: Option<InitialPosition>,
    ) -> Result<Vec<Shard>, String>;
}

/// What a coordinator works with.
#[derive(Clone, Debug)]
pub struct Components {
    pub store: Arc<dyn LeaseStore>,
    pub shards: Arc<dyn ShardSource>,
    pub clock: SharedClock,
    pub entropy: SharedEntropy,
}

/// A handle to a running worker; clones share it.
#[derive(Clone, Debug)]
pub struct Coordinator(Arc<Shared>);

/// What wakes a task before its time, if something does.
type WokenBy = Option<fn(&Shared) -> &Notify>;

/// What the tasks of a coordinator share.
#[derive(Debug)]
pub(crate) struct Shared {
    parts: Components,
    settings: CoordinatorSettings,
    held: Mutex<BTreeMap<LeaseKey, Arc<Held>>>,
    events: Events,
    /// By metric; reported with the worker's next report.
    metrics: Mutex<BTreeMap<String, Metric>>,
    last_report: tokio::sync::Mutex<Option<WorkerReport>>,
    election: tokio::sync::Mutex<Election>,
    leading: tokio::sync::Mutex<Leading>,
    /// Something happened that a leader should look at now.
    look_now: Notify,
    /// Leases were given to this worker by itself.
    discover_now: Notify,
    /// Set once the table is not there any more.
    table_gone: watch::Sender<Option<Error>>,
    /// It keeps what it has, and wants nothing more.
    is_withdrawn: AtomicBool,
    tasks: TaskSet,
}

impl Coordinator {
    /// Starts the tasks of a worker. They end with [`Self::stop`] or when `tasks` is shut down; [`Self::stop`] ends
    /// whatever else is in that set, so it should be the worker's own.
    pub fn start(parts: Components, settings: CoordinatorSettings, tasks: &TaskSet) -> Self {
        let election = Election::new(settings.worker.clone(), settings.leader_lease);
        let leading = Leading::new(&settings);
        let shared = Arc::new(Shared {
            parts,
            settings,
            held: Mutex::default(),
            events: Events::default(),
            metrics: Mutex::default(),
            last_report: tokio::sync::Mutex::default(),
            election: tokio::sync::Mutex::new(election),
            leading: tokio::sync::Mutex::new(leading),
            look_now: Notify::new(),
            discover_now: Notify::new(),
            table_gone: watch::Sender::new(None),
            is_withdrawn: AtomicBool::new(false),
            tasks: tasks.clone(),
        });
        let settings = &shared.settings;
        let (renew, discover) = (settings.renewal_interval(), settings.discovery_interval);
        let (elect, report) = (settings.heartbeat_interval, settings.report_interval);
        let given: WokenBy = Some(|shared| &shared.discover_now);
        shared.every("leases: reports", report, None, |shared| async move { shared.report().await });
        shared.every("leases: renewal", renew, None, |shared| async move { shared.renew_all().await });
        shared.every("leases: discovery", discover, given, |shared| async move { shared.discover().await });
        shared.every("leases: election", elect, None, |shared| async move { shared.elect().await });
        shared.keep_looking(settings.look_interval);
        Self(shared)
    }

    /// The next thing that happened to this worker's leases.
    pub async fn next_event(&self) -> Event {
        self.0.events.next().await
    }

    /// What the worker holds at this moment, by key.
    #[must_use]
    pub fn held(&self) -> Vec<Ownership> {
        let held = self.0.held.lock();
        let mut held: Vec<_> = held.values().map(|held| Ownership::new(&self.0, held)).collect();
        held.sort_by(|a, b| a.key().cmp(b.key()));
        held.into_iter().filter(Ownership::is_valid).collect()
    }

    /// A sample of how busy this machine is, by KCL's names (`C` for the processor, in percent).
    pub fn measured(&self, metric: &str, sample: f64, operating_max: Option<f64>) {
        let mut metrics = self.0.metrics.lock();
        let metric = metrics.entry(metric.to_owned()).or_default();
        metric.operating_max = operating_max;
        metric.samples.push(sample);
        let surplus = metric.samples.len().saturating_sub(crate::worker::SAMPLES_MAX);
        metric.samples.drain(..surplus);
    }

    /// Whether this worker is the leader now.
    pub async fn is_leader(&self) -> bool {
        self.0.election.lock().await.is_leader(self.0.parts.clock.monotonic())
    }

    /// Resolves with the error when the lease table turns out to have been deleted. Nothing comes of going on: there is
    /// nothing that could be renewed, and whoever makes the table anew begins anew.
    pub async fn table_gone(&self) -> Error {
        let mut gone = self.0.table_gone.subscribe();
        match gone.wait_for(Option::is_some).await.map(|gone| gone.clone()) {
            Ok(Some(error)) => error,
            // Its sender lives as long as this.
            Ok(None) | Err(_) => pending().await,
        }
    }

    /// Lets the leader, if it is this worker, look at the table now instead of at its next turn.
    pub fn look_now(&self) {
        self.0.look_now.notify_one();
    }

    /// Lets this worker be given nothing more, while it keeps and renews what it has: before it ends its work. What was
    /// assigned to it and not begun is left to anybody, and so is the lock.
    pub async fn withdraw(&self) {
        self.0.is_withdrawn.store(true, Ordering::Release);
        self.0.retire_report().await;
        if let Err(error) = self.0.election.lock().await.resign(self.0.parts.store.as_ref()).await {
            tracing::warn!(%error, "the leader's lock could not be given back");
        }
        // What a look that is under way still gives to this worker is declined as well.
        drop(self.0.leading.lock().await);
        self.0.decline_assigned().await;
    }

    /// Gives back whatever is still held and the lock, and ends the tasks. Users end their work first, and give each
    /// lease back when its work is done ([`Ownership::give_back`]).
    pub async fn stop(&self) {
        self.0.tasks.shutdown();
        for ownership in self.held() {
            if let Err(error) = ownership.give_back().await {
                tracing::warn!(lease = %ownership.key(), %error, "a lease could not be given back");
            }
        }
        if let Err(error) = self.0.election.lock().await.resign(self.0.parts.store.as_ref()).await {
            tracing::warn!(%error, "the leader's lock could not be given back");
        }
        self.0.retire_report().await;
        // A leader that has not noticed yet may have given it something again.
        self.0.decline_assigned().await;
    }
}

impl Shared {
    fn is_withdrawn(&self) -> bool {
        self.is_withdrawn.load(Ordering::Acquire)
    }

    /// Does something at once and then at an interval, or when woken, until the tasks are to end.
    fn every<F, W>(self: &Arc<Self>, name: &'static str, interval: Duration, woken_by: WokenBy, work: F)
    where
        F: Fn(Arc<Self>) -> W + Send + 'static,
        W: Future<Output = ()> + Send,
    {
        let shared = Arc::clone(self);
        self.tasks.spawn(name, OnFailure::Shutdown, async move {
            loop {
                let begun_at = shared.parts.clock.monotonic();
                work(shared.clone()).await;
                if !shared.rest(begun_at + interval, woken_by.map(|of| of(&shared))).await {
                    return Ok::<_, Infallible>(());
                }
            }
        });
    }

    /// Looks at an interval, when something happened, and at the moment at which a lease expires if it is not renewed:
    /// a crash should not cost up to an interval more than the failover time.
    fn keep_looking(self: &Arc<Self>, interval: Duration) {
        let shared = Arc::clone(self);
        self.tasks.spawn("leases: leading", OnFailure::Shutdown, async move {
            loop {
                let next = shared.parts.clock.monotonic() + interval;
                let expiry = shared.lead().await;
                let next = expiry.map_or(next, |expiry| next.min(expiry));
                if !shared.rest(next, Some(&shared.look_now)).await {
                    return Ok::<_, Infallible>(());
                }
            }
        });
    }

    /// Waits for the time or for being woken. False when the tasks are to end.
    async fn rest(&self, until: Duration, wakes: Option<&Notify>) -> bool {
        let woken = async {
            match wakes {
                Some(wakes) => wakes.notified().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.tasks.stopping() => false,
            () = self.parts.clock.sleep_until(until) => true,
            () = woken => true,
        }
    }
}
