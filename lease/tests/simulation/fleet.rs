//! A fleet on one clock: coordinators, and for each a processor that checkpoints whatever it holds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millstream_lease::assignment::BalanceBy;
use millstream_lease::coordinator::{
    Components, Coordinator, CoordinatorSettings, Event, LossReason, ShardSource,
};
use millstream_lease::leader::Lock;
use millstream_lease::row::Row;
use millstream_lease::shard_sync::{InitialPosition, Shard};
use millstream_lease::store::memory::MemoryTable;
use millstream_lease::store::{Layout, NewCheckpoint, TableStore};
use millstream_lease::{Checkpoint, Lease, LeaseKey, LeaseStore, StreamIdentifier};
use millstream_model::HashKeyRange;
use millstream_runtime::{Clock, ManualClock, OnFailure, SeededEntropy, TaskSet};
use parking_lot::Mutex;

use super::table::{Fault, FaultyTable, Way};

pub(crate) const FAILOVER: Duration = Duration::from_secs(10);
pub(crate) const STEP: Duration = Duration::from_millis(100);
/// Between two checkpoints of a processor.
const PROCESSING: Duration = Duration::from_millis(1_300);
/// How long a processor takes to end its work when a lease is to be handed over.
const DRAINING: Duration = Duration::from_millis(900);
/// Polls after which nothing is left to do without time passing.
const SETTLE: usize = 60;

#[derive(Debug)]
struct FixedShards(u32);

#[async_trait]
impl ShardSource for FixedShards {
    async fn shards(
        &self,
        _: Option<&StreamIdentifier>,
        _: Option<InitialPosition>,
    ) -> Result<Vec<Shard>, String> {
        let shard = |(number, range): (usize, HashKeyRange)| Shard {
            name: format!("shardId-{number:012}").parse().unwrap(),
            parents: Vec::new(),
            hash_range: Some(range),
            is_open: true,
        };
        Ok(HashKeyRange::uniform(self.0).enumerate().map(shard).collect())
    }
}

#[derive(Debug)]
struct Member {
    coordinator: Coordinator,
    way: Arc<Way>,
    tasks: TaskSet,
    is_alive: bool,
    forced: Arc<Mutex<usize>>,
}

#[derive(Debug)]
pub(crate) struct Fleet {
    clock: ManualClock,
    table: MemoryTable,
    shards: u32,
    balance_by: BalanceBy,
    seed: u64,
    members: Vec<Member>,
    /// Of members that crashed.
    checkpoints_before: u64,
}

impl Fleet {
    pub(crate) fn new(shards: u32, balance_by: BalanceBy, seed: u64) -> Self {
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let table = MemoryTable::default();
        Self { clock, table, shards, balance_by, seed, members: Vec::new(), checkpoints_before: 0 }
    }

    pub(crate) fn add_worker(&mut self) {
        let member = self.start(self.members.len());
        self.members.push(member);
    }

    /// A Java worker led the fleet, and is gone: there are leases that nobody has, and its lock, which lasts for two
    /// minutes.
    pub(crate) async fn abandoned_by_its_leader(&self) {
        let store = TableStore::over(self.table.clone(), Layout::single("leases"));
        store.prepare().await.unwrap();
        for shard in FixedShards(self.shards).shards(None, None).await.unwrap() {
            let mut lease = Lease::new(LeaseKey::of_shard(&shard.name), Checkpoint::TRIM_HORIZON);
            lease.hash_range = shard.hash_range;
            assert!(store.create(&lease).await.unwrap().is_applied());
        }
        let lock = Lock {
            owner: "java".parse().unwrap(),
            lease_duration: Duration::from_secs(120),
            version: "c0ffee".to_owned(),
            is_released: false,
            unknown: Row::new(),
        };
        assert!(store.acquire_lock(None, &lock).await.unwrap().is_applied());
    }

    /// A new process in the place of one that crashed, under the same name.
    pub(crate) fn restart(&mut self, index: usize) {
        let member = self.start(index);
        let old = std::mem::replace(&mut self.members[index], member);
        self.checkpoints_before += *old.way.checkpoints.lock();
        assert_eq!(*old.way.breaches.lock(), Vec::<String>::new(), "seed {}", self.seed);
    }

    fn start(&mut self, index: usize) -> Member {
        self.seed = self.seed.wrapping_add(1_000_003);
        let name = format!("worker-{index}");
        let way = Arc::new(Way::default());
        let table = FaultyTable { worker: name.clone(), inner: self.table.clone(), way: way.clone() };
        let store = TableStore::over(table, Layout::single("leases"));
        let mut settings = CoordinatorSettings::with_failover(name.parse().unwrap(), FAILOVER);
        settings.initial_position = InitialPosition::TrimHorizon;
        settings.assignment.balance_by = self.balance_by;
        let parts = Components {
            store: Arc::new(store),
            shards: Arc::new(FixedShards(self.shards)),
            clock: self.clock.shared(),
            entropy: SeededEntropy::shared(self.seed),
        };
        let tasks = TaskSet::default();
        let layout = Layout::single("leases");
        self.table.make(layout.tables().next().unwrap());
        let coordinator = Coordinator::start(parts, settings, &tasks);
        let forced = Arc::default();
        process(&coordinator, &tasks, &self.clock);
        answer(&coordinator, &tasks, &self.clock, &forced);
        Member { coordinator, way, tasks, is_alive: true, forced }
    }

    /// Lets time pass, step by step, and checks at each that nothing has two holders.
    pub(crate) async fn run(&mut self, duration: Duration) {
        let mut left = duration;
        while left > Duration::ZERO {
            self.clock.advance(STEP.min(left));
            left = left.saturating_sub(STEP);
            settle().await;
            self.check();
        }
    }

    /// How long it took until every shard was held by somebody, at most `limit`.
    pub(crate) async fn run_until_all_owned(&mut self, limit: Duration) -> Duration {
        let mut took = Duration::ZERO;
        while took < limit && self.owned() < self.shards as usize {
            self.run(STEP).await;
            took += STEP;
        }
        took
    }

    fn check(&self) {
        let mut holders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, member) in self.members.iter().enumerate().filter(|(_, member)| member.is_alive) {
            for ownership in member.coordinator.held() {
                holders.entry(ownership.key().to_string()).or_default().push(index);
            }
            let breaches = member.way.breaches.lock();
            assert!(breaches.is_empty(), "seed {}: {breaches:?}", self.seed);
        }
        for (key, holders) in holders {
            assert!(holders.len() <= 1, "seed {}: {key} is held by {holders:?}", self.seed);
        }
    }

    pub(crate) fn counts(&self) -> Vec<usize> {
        self.members.iter().map(|member| member.coordinator.held().len()).collect()
    }

    fn owned(&self) -> usize {
        let alive = self.members.iter().filter(|member| member.is_alive);
        alive.map(|member| member.coordinator.held().len()).sum()
    }

    pub(crate) fn checkpoints(&self) -> u64 {
        self.checkpoints_before
            + self.members.iter().map(|member| *member.way.checkpoints.lock()).sum::<u64>()
    }

    /// How many leases others are to hand over to a member.
    pub(crate) async fn in_handoff_to(&self, index: usize) -> usize {
        let store = TableStore::over(self.table.clone(), Layout::single("leases"));
        let leases = store.list().await.unwrap().leases;
        let to = format!("worker-{index}").parse().ok();
        leases.iter().filter(|lease| lease.is_in_handoff() && lease.owner == to).count()
    }

    /// Handoffs that ended because the holder took too long.
    pub(crate) fn handed_over_by_force(&self) -> usize {
        self.members.iter().map(|member| *member.forced.lock()).sum()
    }

    pub(crate) async fn leader(&self) -> Option<usize> {
        for (index, member) in self.members.iter().enumerate() {
            if member.is_alive && member.coordinator.is_leader().await {
                return Some(index);
            }
        }
        None
    }

    /// The process is gone; what it has sent is not answered.
    pub(crate) fn crash(&mut self, index: usize) {
        let member = &mut self.members[index];
        *member.way.frozen.lock() = true;
        member.tasks.shutdown();
        member.is_alive = false;
    }

    pub(crate) async fn stop(&mut self, index: usize) {
        self.members[index].coordinator.stop().await;
        self.members[index].is_alive = false;
    }

    pub(crate) fn freeze(&self, index: usize) {
        *self.members[index].way.frozen.lock() = true;
    }

    pub(crate) fn thaw(&self, index: usize) {
        *self.members[index].way.frozen.lock() = false;
        self.members[index].way.thawed.notify_waiters();
    }

    pub(crate) fn lose_requests(&self, index: usize) {
        *self.members[index].way.fault.lock() = Fault::LoseRequests;
    }

    pub(crate) fn lose_replies(&self, index: usize) {
        *self.members[index].way.fault.lock() = Fault::LoseReplies;
    }

    pub(crate) fn heal(&self, index: usize) {
        *self.members[index].way.fault.lock() = Fault::None;
    }

    pub(crate) fn jump_wall_clock(&self, secs: u64) {
        self.clock.jump_to(Duration::from_secs(1_700_000_000 - 10 * 365 * 24 * 3_600 + secs));
    }
}

async fn settle() {
    for _ in 0..SETTLE {
        tokio::task::yield_now().await;
    }
}

/// Checkpoints whatever is held, again and again, always a little further.
fn process(coordinator: &Coordinator, tasks: &TaskSet, clock: &ManualClock) {
    let (coordinator, clock, stopping) = (coordinator.clone(), clock.clone(), tasks.clone());
    tasks.spawn("processor", OnFailure::Shutdown, async move {
        let mut number = 0_u64;
        while !stopping.is_stopping() {
            clock.sleep(PROCESSING).await;
            for ownership in coordinator.held() {
                number = number.max(u64::try_from(clock.monotonic().as_millis()).unwrap()) + 1;
                let checkpoint = Checkpoint::at(number.to_string().parse().unwrap(), 0);
                // Refused, or unknown: the next one will tell.
                let _ = ownership.checkpoint(&NewCheckpoint::at(checkpoint)).await;
            }
        }
        Ok::<_, Infallible>(())
    });
}

/// Gives back what is asked for, once the work on it is done.
fn answer(coordinator: &Coordinator, tasks: &TaskSet, clock: &ManualClock, forced: &Arc<Mutex<usize>>) {
    let (coordinator, clock, forced) = (coordinator.clone(), clock.clone(), forced.clone());
    let stopping = tasks.clone();
    tasks.spawn("events", OnFailure::Shutdown, async move {
        loop {
            let event = tokio::select! {
                biased;
                () = stopping.stopping() => return Ok::<_, Infallible>(()),
                event = coordinator.next_event() => event,
            };
            match event {
                Event::Gained(ownership) => assert!(ownership.epoch() > 0),
                Event::Lost { reason: LossReason::HandoffTimedOut, .. } => *forced.lock() += 1,
                Event::Lost { ownership, .. } => assert!(!ownership.is_valid()),
                Event::HandoffRequested { ownership, .. } => {
                    clock.sleep(DRAINING).await;
                    let _ = ownership.give_back().await;
                }
            }
        }
    });
}
