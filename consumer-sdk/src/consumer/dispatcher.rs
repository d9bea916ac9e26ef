//! From what happens to leases to what workers are told: one worker for each lease that is held.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_lease::LeaseKey;
use millstream_lease::coordinator::{Coordinator, Event, Ownership};
use millstream_runtime::OnFailure;
use tokio::sync::watch;
use tracing::Instrument;

use crate::processor::ShardOfStream;
use crate::registration::Retrieving;
use crate::stream::Stream;
use crate::worker::{Order, Parts, Worker};

pub(super) struct Dispatcher {
    parts: Arc<Parts>,
    coordinator: Coordinator,
    streams: Vec<(Arc<Stream>, watch::Receiver<Retrieving>)>,
    workers: BTreeMap<LeaseKey, Running>,
    is_draining: bool,
}

struct Running {
    ownership: Ownership,
    shard: ShardOfStream,
    orders: watch::Sender<Order>,
    /// Its sender is gone when the worker is.
    done: watch::Receiver<()>,
}

impl Running {
    fn is_done(&self) -> bool {
        self.done.has_changed().is_err()
    }

    /// What outranks an order is not taken back by it.
    fn order(&self, order: Order) {
        self.orders.send_if_modified(|last| {
            let outranks = matches!(order, Order::Lost(_)) || *last == Order::Process;
            let news = outranks && *last != order && !matches!(last, Order::Lost(_));
            if news {
                *last = order;
            }
            news
        });
    }
}

impl Dispatcher {
    pub(super) fn new(
        parts: Arc<Parts>,
        coordinator: Coordinator,
        streams: Vec<(Arc<Stream>, watch::Receiver<Retrieving>)>,
    ) -> Self {
        Self { parts, coordinator, streams, workers: BTreeMap::new(), is_draining: false }
    }

    /// Has shards processed for as long as this is polled.
    pub(super) async fn run(&mut self) {
        loop {
            let event = self.coordinator.next_event().await;
            self.on(event).await;
        }
    }

    /// Has every worker finish, and gives those that did not within `grace`.
    pub(super) async fn drain(&mut self, grace: Duration) -> Vec<ShardOfStream> {
        self.is_draining = true;
        let clock = self.parts.clock.clone();
        let deadline = clock.monotonic() + grace;
        // Workers drain while the coordinator is told that it is to want nothing more.
        self.workers.values().for_each(|running| running.order(Order::Drain));
        clock.timeout(grace, self.coordinator.withdraw()).await;
        loop {
            self.workers.retain(|_, running| !running.is_done());
            let Some(running) = self.workers.values().next() else { return Vec::new() };
            let mut done = running.done.clone();
            tokio::select! {
                biased;
                // Nothing is ever sent: this is its end.
                _ = done.changed() => {}
                event = self.coordinator.next_event() => self.on(event).await,
                () = clock.sleep_until(deadline) => break,
            }
        }
        self.workers.values().map(|running| running.shard.clone()).collect()
    }

    async fn on(&mut self, event: Event) {
        self.workers.retain(|_, running| !running.is_done());
        match event {
            Event::Gained(ownership) if self.is_draining => {
                if let Err(error) = ownership.give_back().await {
                    tracing::warn!(lease = %ownership.key(), %error, "a lease could not be given back");
                }
            }
            Event::Gained(ownership) => self.begin(ownership),
            Event::Lost { ownership, reason } => self.order(&ownership, Order::Lost(reason)),
            Event::HandoffRequested { ownership, to } => {
                if let Some(to) = to {
                    tracing::info!(lease = %ownership.key(), %to, "the shard is handed over");
                }
                self.order(&ownership, Order::Drain);
            }
        }
    }

    fn order(&self, ownership: &Ownership, order: Order) {
        if let Some(running) = self.workers.get(ownership.key())
            && running.ownership == *ownership
        {
            running.order(order);
        }
    }

    fn begin(&mut self, ownership: Ownership) {
        let identifier = ownership.gained().stream.as_ref().map(|of| &of.stream);
        let found = self.streams.iter().find(|(stream, _)| stream.identifier.as_ref() == identifier);
        let Some((stream, retrieving)) = found else {
            // It is kept: nobody with this configuration could process it, and others have another table.
            tracing::error!(lease = %ownership.key(), "a lease is about a stream that is not read here");
            return;
        };
        let (orders, order) = watch::channel(Order::Process);
        let (finish, done) = watch::channel(());
        let shard = ShardOfStream { stream: stream.name.clone(), shard: ownership.shard() };
        let key = ownership.key().clone();
        let span = tracing::info_span!("shard", stream = %stream.name, shard = %shard.shard);
        tracing::info!(lease = %key, checkpoint = %ownership.gained().checkpoint, "a lease was gained");
        let previous = self.workers.remove(&key).map(|running| running.done);
        let worker = Worker {
            parts: self.parts.clone(),
            stream: stream.clone(),
            retrieving: retrieving.clone(),
            ownership: ownership.clone(),
            orders: order,
            previous,
        };
        self.workers.insert(key, Running { ownership, shard, orders, done });
        self.parts.tasks.spawn("consumer: shard", OnFailure::Log, async move {
            worker.run().instrument(span).await;
            drop(finish);
            Ok::<_, Infallible>(())
        });
    }
}
