//! One worker: a consumer behind its way, and processors that tell the ledger what they are given.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use millstream_consumer_sdk::{
    BalanceBy, Batch, BoxError, CheckpointPolicy, Checkpointer, Consumer, Ended, Error, InitialPosition,
    Initialization, RecordProcessor, Retrieval, ShardOfStream, Status, StatusHandle,
};
use millstream_lease::store::{Layout, TableStore};
use millstream_runtime::{ManualClock, OnFailure, SeededEntropy, SharedClock, TaskSet};
use parking_lot::Mutex;

use super::dice::Dice;
use super::leases::Leases;
use super::ledger::Ledger;
use super::server::{ARN, LEASES, Server};
use super::way::{Life, Way};
use super::wire::Wire;

pub(crate) const FAILOVER: Duration = Duration::from_secs(10);
/// A processor fails in so many batches, somewhere.
const FAILS_ONCE_IN: u64 = 10;

type Outcome = Arc<Mutex<Option<Result<Ended, Error>>>>;

/// What a worker is made in.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: ManualClock,
    pub(crate) server: Server,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) seed: u64,
    pub(crate) drops_last_record: bool,
    /// Nothing fails any more.
    pub(crate) is_calm: Arc<AtomicBool>,
}

pub(crate) struct Worker {
    pub(crate) way: Way,
    /// Asks it to stop.
    shutdown: TaskSet,
    tasks: TaskSet,
    status: StatusHandle,
    outcome: Outcome,
}

impl Worker {
    /// A process under this name; `incarnation` tells it from those before.
    pub(crate) fn start(around: &Surroundings, name: &str, incarnation: u64) -> Self {
        let seed = around.seed.wrapping_add(incarnation.wrapping_mul(0x1_0000_0001));
        let mut dice = Dice::of(seed, 1);
        let way = Way::new(&around.clock, Dice::of(seed, 2));
        let wire = Wire {
            server: around.server.clone(),
            way: way.clone(),
            drops_last_record: around.drops_last_record,
        };
        let leases = Leases {
            server: around.server.clone(),
            way: way.clone(),
            worker: name.to_owned(),
            ledger: around.ledger.clone(),
            on_server: TaskSet::default(),
        };
        let retrieval = match dice.chance(2) {
            true => Retrieval::Polling,
            false => Retrieval::FanOut { consumer_name: None },
        };
        let (clock, ledger, alive) = (way.clock(), around.ledger.clone(), way.clone());
        let is_calm = around.is_calm.clone();
        let who = format!("{name}.{incarnation}");
        let consumer = Consumer::builder(Arc::new(wire), ARN.parse().unwrap(), "app")
            .worker(name.parse().unwrap())
            .lease_store(Arc::new(TableStore::over(leases, Layout::single(LEASES))))
            .surroundings(clock.clone(), SeededEntropy::shared(seed))
            .initial_position(InitialPosition::TrimHorizon)
            .settings(|settings| {
                settings.retrieval = retrieval;
                settings.failover_time = FAILOVER;
                settings.shard_sync_interval = Duration::from_secs(20);
                settings.assignment.balance_by = BalanceBy::LeaseCount;
                settings.checkpoints = CheckpointPolicy::Automatic { interval: Duration::from_secs(2) };
                settings.failures.retries_max = u32::MAX;
            })
            .build(move |shard: &ShardOfStream| Witness {
                who: who.clone(),
                start: Initialization {
                    shard: shard.clone(),
                    checkpoint: millstream_consumer_sdk::Checkpoint::AT_TIMESTAMP,
                    pending: None,
                    epoch: 0,
                },
                way: alive.clone(),
                clock: clock.clone(),
                ledger: ledger.clone(),
                is_calm: is_calm.clone(),
                dice: Dice::of(seed, u64::from(shard.shard.to_string().bytes().map(u32::from).sum::<u32>())),
            })
            .unwrap();
        let (shutdown, tasks) = (TaskSet::default(), TaskSet::default());
        let (status, outcome) = (consumer.status(), Outcome::default());
        let (asked, stopping, told) = (shutdown.clone(), tasks.clone(), outcome.clone());
        tasks.spawn("consumer", OnFailure::Log, async move {
            tokio::select! {
                biased;
                () = stopping.stopping() => {}
                ended = consumer.run(async move { asked.stopping().await }) => *told.lock() = Some(ended),
            }
            Ok::<_, Infallible>(())
        });
        Self { way, shutdown, tasks, status, outcome }
    }

    /// The process is gone; what it had sent is carried out all the same.
    pub(crate) fn crash(&self) {
        self.way.set_life(Life::Dead);
        self.tasks.shutdown();
    }

    pub(crate) fn ask_to_stop(&self) {
        self.shutdown.shutdown();
    }

    pub(crate) fn outcome(&self) -> Option<Result<Ended, Error>> {
        self.outcome.lock().clone()
    }

    pub(crate) fn status(&self) -> Status {
        self.status.snapshot()
    }
}

struct Witness {
    who: String,
    start: Initialization,
    way: Way,
    clock: SharedClock,
    ledger: Arc<Ledger>,
    is_calm: Arc<AtomicBool>,
    dice: Dice,
}

#[async_trait]
impl RecordProcessor for Witness {
    async fn initialize(&mut self, start: &Initialization) -> Result<(), BoxError> {
        self.way.running().await;
        self.start = start.clone();
        self.ledger.begun(&self.who, start);
        Ok(())
    }

    async fn process_records(&mut self, batch: &Batch, _: &Checkpointer) -> Result<(), BoxError> {
        if self.dice.chance(4) {
            self.clock.sleep(Duration::from_millis(self.dice.below(1_500))).await;
        }
        self.way.running().await;
        let fails = self.dice.chance(FAILS_ONCE_IN) && !self.is_calm.load(Ordering::Relaxed);
        let fails_at = fails.then(|| self.dice.pick(batch.records.len()));
        for (place, record) in batch.records.iter().enumerate() {
            if fails_at == Some(place) {
                return Err("once in a while".into());
            }
            self.ledger.delivered(&self.who, &self.start, &record.sequence_number);
        }
        Ok(())
    }
}
