//! One shard, from the moment its lease is gained until it is given back, lost or at its end.
//!
//! Reading and processing are two futures of one task: when the work is over, so is the reading. The processor is
//! called by nobody else, and nothing is called for a lease whose last processor is still at work in this process.

mod automatic;
mod broken;
mod ending;
mod parents;
mod session;

use std::sync::Arc;
use std::time::Duration;

use millstream_client::StreamApi;
use millstream_client::envelope::Opener;
use millstream_lease::coordinator::{LossReason, Ownership};
use millstream_runtime::{SharedClock, SharedEntropy, TaskSet};
use tokio::sync::watch;

use self::session::Session;
use crate::fetch::{Cursor, Fetcher};
use crate::prefetch::Budget;
use crate::processor::{Initialization, RecordProcessor, ShardOfStream};
use crate::registration::Retrieving;
use crate::settings::ConsumerSettings;
use crate::shards;
use crate::status::{ShardState, ShardStatus, StatusHandle};
use crate::stream::Stream;

/// Makes the processor of a shard.
pub(crate) type Factory = Arc<dyn Fn(&ShardOfStream) -> Box<dyn RecordProcessor> + Send + Sync>;

/// What the workers of a consumer share.
pub(crate) struct Parts {
    pub(crate) api: Arc<dyn StreamApi>,
    pub(crate) settings: ConsumerSettings,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) factory: Factory,
    pub(crate) budget: Arc<Budget>,
    pub(crate) opener: Opener,
    pub(crate) status: StatusHandle,
    pub(crate) tasks: TaskSet,
}

/// What a worker is told. Each order outranks those above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Process,
    /// Finish what is in work and give the lease back.
    Drain,
    /// The lease is gone.
    Lost(LossReason),
}

/// Why processing was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Drain,
    Lost(LossReason),
}

/// How processing came to its end.
#[derive(Debug)]
enum Outcome {
    Interrupted(Interruption),
    /// The end of the shard was told to the processor, and stored unless the lease was lost.
    Over,
    /// It was told, and not stored when somebody else was to go on.
    DrainAtEnd,
    /// The processor is lost with what it had in work.
    Anew,
}

pub(crate) struct Worker {
    pub(crate) parts: Arc<Parts>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) retrieving: watch::Receiver<Retrieving>,
    pub(crate) ownership: Ownership,
    pub(crate) orders: watch::Receiver<Order>,
    /// The last worker of the same lease in this process; its sender is gone when it is.
    pub(crate) previous: Option<watch::Receiver<()>>,
}

impl Worker {
    /// Does the work, unless the consumer is dropped: then it is abandoned where it stands.
    pub(crate) async fn run(self) {
        let tasks = self.parts.tasks.clone();
        tokio::select! {
            biased;
            () = tasks.stopping() => {}
            () = self.work() => {}
        }
    }

    async fn work(mut self) {
        if let Some(mut previous) = self.previous.take() {
            // Nothing is ever sent: this waits for the sender to be dropped.
            while previous.changed().await.is_ok() {}
        }
        let shard = self.shard();
        let lease = self.ownership.gained();
        let clock = self.parts.clock.clone();
        let status = self.parts.status.add(&lease.key, shard.clone(), lease.checkpoint.clone(), clock);
        let status = Arc::new(status);
        if let Err(interruption) = self.wait_for_parents(&status).await {
            if interruption == Interruption::Drain {
                give_back(&self.ownership).await;
            }
            return;
        }
        self.process(shard, status).await;
    }

    fn shard(&self) -> ShardOfStream {
        ShardOfStream { stream: self.stream.name.clone(), shard: self.ownership.shard() }
    }

    async fn process(self, shard: ShardOfStream, status: Arc<ShardStatus>) {
        let Self { parts, stream, retrieving, ownership, orders, .. } = self;
        let (gained, name) = (ownership.gained().clone(), ownership.shard());
        let mut session =
            Session::new(parts.clone(), stream.clone(), shard.clone(), ownership, orders, status.clone());
        let mut start = Initialization {
            shard,
            checkpoint: gained.checkpoint.clone(),
            pending: gained.pending.clone(),
            epoch: gained.counter,
        };
        loop {
            let cursor = Cursor::behind(&start.checkpoint, parts.settings.initial_position);
            let (Some(cursor), Some(id)) = (cursor, shards::id(&name)) else {
                let outcome = session.stopped(format!("{name} is not a shard that can be read")).await;
                return session.finish(outcome).await;
            };
            let queue = Arc::new(parts.budget.queue(parts.settings.prefetch_bytes_per_shard));
            let fetcher = Fetcher {
                parts: parts.clone(),
                stream: stream.clone(),
                shard: id,
                name: name.clone(),
                queue: queue.clone(),
                status: status.clone(),
                retrieving: retrieving.clone(),
                cursor,
                may_subscribe: true,
                failures: 0,
            };
            status.is(ShardState::Initializing);
            let outcome = tokio::select! {
                biased;
                outcome = session.run(&start, &queue) => outcome,
                never = fetcher.run() => match never {},
            };
            match outcome {
                Outcome::Anew => session = session.anew(&mut start),
                outcome => return session.finish(outcome).await,
            }
        }
    }
}

/// Waits until there is something else to do than to process.
pub(crate) async fn interrupted(orders: &mut watch::Receiver<Order>) -> Interruption {
    match orders.wait_for(|order| *order != Order::Process).await.map(|order| order.clone()) {
        Ok(Order::Lost(reason)) => Interruption::Lost(reason),
        Ok(Order::Drain) => Interruption::Drain,
        // Who gives orders is gone, and so is the consumer in a moment.
        Ok(Order::Process) | Err(_) => std::future::pending().await,
    }
}

/// Waits until the lease is lost.
pub(crate) async fn lost(orders: &mut watch::Receiver<Order>) -> LossReason {
    match orders.wait_for(|order| matches!(order, Order::Lost(_))).await.map(|order| order.clone()) {
        Ok(Order::Lost(reason)) => reason,
        Ok(Order::Process | Order::Drain) | Err(_) => std::future::pending().await,
    }
}

/// Waits, unless there is something else to do.
async fn pause(
    clock: &SharedClock,
    wait: Duration,
    orders: &mut watch::Receiver<Order>,
) -> Result<(), Interruption> {
    tokio::select! {
        biased;
        interruption = interrupted(orders) => Err(interruption),
        () = clock.sleep(wait) => Ok(()),
    }
}

/// What cannot be given back expires.
async fn give_back(ownership: &Ownership) {
    if let Err(error) = ownership.give_back().await {
        tracing::warn!(lease = %ownership.key(), %error, "a lease could not be given back; it expires");
    }
}
