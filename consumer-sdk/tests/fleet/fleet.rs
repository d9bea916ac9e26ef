//! Consumers of one application on one clock, and a ledger of what they did.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millstream_consumer_sdk::{
    BalanceBy, Batch, BoxError, CheckpointToken, Checkpointer, Consumer, ConsumerSettings, Ended, Error,
    InitialPosition, Initialization, LossReason, ProcessorLost, RecordProcessor, ShardOfStream, StatusHandle,
};
use millstream_lease::MemoryStore;
use millstream_lease::store::memory::MemoryTable;
use millstream_lease::store::{Layout, TableStore};
use millstream_runtime::{Clock, ManualClock, OnFailure, SeededEntropy, TaskSet};
use parking_lot::Mutex;

use super::fake::{ARN, FakeStream};

pub(crate) const FAILOVER: Duration = Duration::from_secs(10);
pub(crate) const STEP: Duration = Duration::from_millis(50);
/// Polls after which nothing is left to do without time passing.
const SETTLE: usize = 150;

/// What processors did.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By record: who processed it, each time.
    pub(crate) processed: Mutex<BTreeMap<u64, Vec<String>>>,
    /// By shard, in order.
    pub(crate) by_shard: Mutex<BTreeMap<String, Vec<u64>>>,
    /// Calls other than for records, in order.
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) starts: Mutex<Vec<Initialization>>,
    pub(crate) tokens: Mutex<Vec<CheckpointToken>>,
    /// Records whose processing fails, and how often it still does.
    pub(crate) poison: Mutex<BTreeMap<u64, u32>>,
    /// How long the processors of a shard take for a batch.
    pub(crate) delays: Mutex<BTreeMap<String, Duration>>,
    /// Prepares at each batch and never commits.
    pub(crate) only_prepares: Mutex<bool>,
    /// A failure is the end of its processor.
    pub(crate) is_fatal: Mutex<bool>,
}

struct Recorder {
    worker: String,
    shard: String,
    ledger: Arc<Ledger>,
    clock: ManualClock,
}

#[async_trait]
impl RecordProcessor for Recorder {
    async fn initialize(&mut self, start: &Initialization) -> Result<(), BoxError> {
        self.ledger.starts.lock().push(start.clone());
        Ok(())
    }

    async fn process_records(&mut self, batch: &Batch, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        let delay = self.ledger.delays.lock().get(&self.shard).copied();
        if let Some(delay) = delay {
            self.clock.sleep(delay).await;
        }
        for record in &batch.records {
            let value: u64 = record.sequence_number.as_str().parse()?;
            if let Some(left) = self.ledger.poison.lock().get_mut(&value).filter(|left| **left > 0) {
                *left -= 1;
                let is_fatal = *self.ledger.is_fatal.lock();
                return Err(if is_fatal { ProcessorLost("lost".to_owned()).into() } else { "poison".into() });
            }
            self.ledger.tokens.lock().push(checkpointer.token(record));
            self.ledger.processed.lock().entry(value).or_default().push(self.worker.clone());
            self.ledger.by_shard.lock().entry(self.shard.clone()).or_default().push(value);
        }
        if *self.ledger.only_prepares.lock()
            && let Some(last) = batch.records.last()
        {
            let _ = checkpointer.prepare_at(last, Some(b"state".to_vec())).await?;
        }
        Ok(())
    }

    async fn lease_lost(&mut self, reason: &LossReason) {
        self.ledger.calls.lock().push(format!("{} {} lost: {reason}", self.worker, self.shard));
    }

    async fn shard_ended(&mut self, _: &Checkpointer) -> Result<(), BoxError> {
        self.ledger.calls.lock().push(format!("{} ended", self.shard));
        Ok(())
    }

    async fn shutdown_requested(&mut self, _: &Checkpointer) -> Result<(), BoxError> {
        self.ledger.calls.lock().push(format!("{} {} drained", self.worker, self.shard));
        Ok(())
    }
}

type Outcome = Arc<Mutex<Option<Result<Ended, Error>>>>;

#[derive(Debug)]
struct Member {
    /// Asks it to stop.
    shutdown: TaskSet,
    tasks: TaskSet,
    status: StatusHandle,
    outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) clock: ManualClock,
    pub(crate) stream: FakeStream,
    pub(crate) ledger: Arc<Ledger>,
    table: MemoryTable,
    members: Vec<Member>,
}

impl Fleet {
    pub(crate) fn new(shards: u32) -> Self {
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let stream = FakeStream::new(&clock, shards);
        Self { clock, stream, ledger: Arc::default(), table: MemoryTable::default(), members: Vec::new() }
    }

    pub(crate) fn store(&self) -> MemoryStore {
        TableStore::over(self.table.clone(), Layout::single("leases"))
    }

    /// Another consumer, and its place in the fleet.
    pub(crate) fn start(&mut self, change: impl FnOnce(&mut ConsumerSettings)) -> usize {
        let index = self.members.len();
        let worker = format!("worker-{index}");
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        let name = worker.clone();
        let consumer = Consumer::builder(Arc::new(self.stream.clone()), ARN.parse().unwrap(), "app")
            .worker(worker.parse().unwrap())
            .lease_store(Arc::new(self.store()))
            .surroundings(self.clock.shared(), SeededEntropy::shared(index as u64))
            .initial_position(InitialPosition::TrimHorizon)
            .settings(|settings| {
                settings.failover_time = FAILOVER;
                settings.assignment.balance_by = BalanceBy::LeaseCount;
                change(settings);
            })
            .build(move |shard: &ShardOfStream| Recorder {
                worker: name.clone(),
                shard: shard.shard.to_string(),
                ledger: ledger.clone(),
                clock: clock.clone(),
            })
            .unwrap();
        let shutdown = TaskSet::default();
        let asked = shutdown.clone();
        let (tasks, outcome, status) = (TaskSet::default(), Outcome::default(), consumer.status());
        let (told, stopping) = (outcome.clone(), tasks.clone());
        tasks.spawn("consumer", OnFailure::Log, async move {
            tokio::select! {
                biased;
                () = stopping.stopping() => {}
                ended = consumer.run(async move { asked.stopping().await }) => *told.lock() = Some(ended),
            }
            Ok::<_, Infallible>(())
        });
        self.members.push(Member { shutdown, tasks, status, outcome });
        index
    }

    /// Lets time pass, step by step.
    pub(crate) async fn run(&self, duration: Duration) {
        let mut left = duration;
        while left > Duration::ZERO {
            self.clock.advance(STEP.min(left));
            left = left.saturating_sub(STEP);
            for _ in 0..SETTLE {
                tokio::task::yield_now().await;
            }
        }
    }

    /// How long it took until something was so, at most `limit`.
    pub(crate) async fn until(&self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> Duration {
        let begun = self.clock.monotonic();
        while !is_so(self) {
            assert!(
                self.clock.monotonic() - begun < limit,
                "not within {limit:?}: {:#?}",
                self.ledger.calls.lock()
            );
            self.run(STEP).await;
        }
        self.clock.monotonic() - begun
    }

    /// The process is gone.
    pub(crate) async fn crash(&self, index: usize) {
        self.members[index].tasks.shutdown();
        self.run(Duration::ZERO).await;
        tokio::task::yield_now().await;
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(&mut self, index: usize) -> Result<Ended, Error> {
        self.members[index].shutdown.shutdown();
        self.until(Duration::from_secs(60), |fleet| fleet.outcome(index).is_some()).await;
        self.outcome(index).unwrap()
    }

    pub(crate) fn outcome(&self, index: usize) -> Option<Result<Ended, Error>> {
        self.members[index].outcome.lock().clone()
    }

    pub(crate) fn status(&self, index: usize) -> millstream_consumer_sdk::Status {
        self.members[index].status.snapshot()
    }

    pub(crate) fn shards_of(&self, index: usize) -> usize {
        self.status(index).shards.len()
    }

    /// How often each of these was processed.
    pub(crate) fn times(&self, records: &[u64]) -> Vec<usize> {
        let processed = self.ledger.processed.lock();
        records.iter().map(|record| processed.get(record).map_or(0, Vec::len)).collect()
    }

    pub(crate) fn all_processed(&self, records: &[u64]) -> bool {
        self.times(records).iter().all(|times| *times > 0)
    }

    pub(crate) fn each_once(&self, records: &[u64]) {
        let times = self.times(records);
        let wrong: Vec<_> = records.iter().zip(times).filter(|(_, times)| *times != 1).collect();
        let processed = self.ledger.processed.lock();
        assert!(wrong.is_empty(), "{wrong:?} {processed:?}");
    }

    /// Nothing went back within a shard.
    pub(crate) fn in_order(&self) {
        for (shard, records) in self.ledger.by_shard.lock().iter() {
            assert!(records.is_sorted(), "{shard}: {records:?}");
        }
    }
}
