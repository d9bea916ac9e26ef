//! The life of a fleet by one seed: first anything goes wrong in any order; then nothing does any more, and everything
//! that was owed must be delivered, every open shard have one holder, and an orderly end leave nothing to repeat.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_consumer_sdk::ShardState;
use millstream_engine::{PutEntry, ShardFilter};
use millstream_lease::LeaseStore;
use millstream_model::HashKey;
use millstream_runtime::{Clock, ManualClock, OnFailure, TaskSet};

use super::dice::Dice;
use super::ledger::{Ledger, Report};
use super::server::{Server, arn};
use super::way::{Fault, Life};
use super::worker::{FAILOVER, Surroundings, Worker};

pub(crate) const START: Duration = Duration::from_secs(1_700_000_000);
const WORKERS: usize = 3;
const ROUNDS: usize = 40;
const SHARDS_MAX: usize = 8;
const YEAR_SECS: i64 = 365 * 24 * 3_600;
/// Until everything is as it should be. A leader's lock that nobody gives back lasts for two minutes of it.
const CALM_MAX: Duration = Duration::from_secs(400);

struct Storm {
    seed: u64,
    dice: Dice,
    around: Surroundings,
    workers: Vec<Worker>,
    incarnations: u64,
}

/// Lives through one seed. What was not as it must be, in words, comes second.
pub(crate) async fn live(seed: u64, clock: ManualClock, drops_last_record: bool) -> (Report, Vec<String>) {
    let mut dice = Dice::of(seed, 0);
    let shards = 1 + u32::try_from(dice.below(4)).unwrap();
    let server = Server::start(&clock, seed, shards).await;
    let ledger = Arc::new(Ledger::new(&clock));
    let is_calm = Arc::default();
    let around = Surroundings { clock, server, ledger, seed, drops_last_record, is_calm };
    let mut storm = Storm { seed, dice, around, workers: Vec::new(), incarnations: 0 };
    let writer = storm.start_writer();
    for index in 0..WORKERS {
        let worker = storm.another(index);
        storm.workers.push(worker);
    }
    let mut found = storm.rage().await;
    writer.shutdown();
    if found.is_empty() {
        found = storm.calm_down().await;
    }
    if found.is_empty() {
        found = storm.end_in_order().await;
    }
    let (report, breaches) = storm.conclude().await;
    found.extend(breaches);
    (report, found)
}

impl Storm {
    /// Puts records for as long as it is not stopped, and takes no failure for more than that.
    fn start_writer(&self) -> TaskSet {
        let tasks = TaskSet::default();
        let (around, stopping) = (self.around.clone(), tasks.clone());
        let mut dice = Dice::of(self.seed, 3);
        tasks.spawn("writer", OnFailure::Log, async move {
            while !stopping.is_stopping() {
                around.clock.sleep(Duration::from_millis(100 + dice.below(700))).await;
                let Some(running) = around.server.running() else { continue };
                let entry = |dice: &mut Dice| PutEntry {
                    partition_key: format!("key-{}", dice.below(1_000)).into(),
                    explicit_hash_key: None,
                    data: vec![7; 1 + dice.pick(200)].into(),
                };
                let entries: Vec<_> = (0..1 + dice.below(5)).map(|_| entry(&mut dice)).collect();
                let outcomes = running.engine.put_records(&arn(), &entries, false).await;
                for receipt in outcomes.unwrap_or_default().into_iter().flatten() {
                    let number = receipt.sequence_number.to_string().parse().unwrap();
                    around.ledger.acknowledged(&receipt.shard_id.to_string(), &number);
                }
            }
            Ok::<_, Infallible>(())
        });
        tasks
    }

    fn another(&mut self, index: usize) -> Worker {
        self.incarnations += 1;
        Worker::start(&self.around, &format!("worker-{index}"), self.incarnations)
    }

    /// Anything goes wrong, until a rule is broken.
    async fn rage(&mut self) -> Vec<String> {
        for _ in 0..ROUNDS {
            let pause = Duration::from_millis(200 + self.dice.below(4_500));
            self.around.clock.sleep(pause).await;
            self.something_happens().await;
            self.restart_those_that_ended();
            let breaches = self.around.ledger.breaches();
            if !breaches.is_empty() {
                return breaches;
            }
        }
        Vec::new()
    }

    async fn something_happens(&mut self) {
        let index = self.dice.pick(WORKERS);
        let (worker, ledger) = (&self.workers[index], self.around.ledger.clone());
        match self.dice.below(16) {
            0 | 1 => {
                ledger.note(("freeze", index), |report| &mut report.freezes);
                worker.way.set_life(Life::Frozen);
            }
            2 | 3 => self.workers.iter().for_each(|worker| worker.way.set_life(Life::Running)),
            4 => {
                ledger.note(("requests", index), |report| &mut report.requests_lost);
                worker.way.set_fault(Fault::LoseRequests);
            }
            5 => {
                ledger.note(("replies", index), |report| &mut report.replies_lost);
                worker.way.set_fault(Fault::LoseReplies);
            }
            6 | 7 => self.workers.iter().for_each(|worker| worker.way.set_fault(Fault::None)),
            8 => {
                ledger.note(("date", index), |report| &mut report.dates_wrong);
                let error = i64::try_from(self.dice.below(20)).unwrap() - 10;
                worker.way.set_date_error(error * YEAR_SECS);
            }
            9 => {
                ledger.note(("crash", index), |report| &mut report.crashes);
                worker.crash();
                self.workers[index] = self.another(index);
            }
            10 => {
                ledger.note(("stop", index), |report| &mut report.stops);
                worker.ask_to_stop();
            }
            11 => {
                ledger.note("power", |report| &mut report.power_cuts);
                let (kept, dark) = (self.dice.pick(3), Duration::from_millis(self.dice.below(6_000)));
                self.around.server.lose_power(kept, dark).await;
            }
            12 => {
                ledger.note("clock", |report| &mut report.clock_steps);
                // Less than what would let records expire, and iterators as well as not.
                let wrong = Duration::from_secs(self.dice.below(7_200));
                let now = START + self.around.clock.monotonic() + wrong;
                self.around.clock.jump_to(now.saturating_sub(Duration::from_secs(3_600)));
            }
            _ => self.reshard().await,
        }
    }

    async fn reshard(&mut self) {
        let Some(running) = self.around.server.running() else { return };
        let shards = running.shards(ShardFilter::AtLatest);
        let place = self.dice.pick(shards.len());
        let shard = &shards[place];
        let changed = match shards.get(place + 1) {
            Some(upper) if shards.len() >= SHARDS_MAX || self.dice.chance(2) => {
                running.engine.merge_shards(&arn(), &shard.id.to_string(), &upper.id.to_string()).await
            }
            _ if shards.len() >= SHARDS_MAX => return,
            _ => {
                let middle = shard.range.start().0 + (shard.range.end().0 - shard.range.start().0) / 2;
                running.engine.split_shard(&arn(), &shard.id.to_string(), HashKey(middle)).await
            }
        };
        if changed.is_ok() {
            self.around.ledger.note(("reshard", place), |report| &mut report.reshards);
        }
    }

    /// As a supervisor would, whatever the reason.
    fn restart_those_that_ended(&mut self) {
        for index in 0..self.workers.len() {
            if self.workers[index].outcome().is_some() {
                self.workers[index] = self.another(index);
            }
        }
    }

    /// Nothing goes wrong any more.
    async fn calm_down(&mut self) -> Vec<String> {
        self.around.is_calm.store(true, Ordering::Relaxed);
        for worker in &self.workers {
            worker.way.set_life(Life::Running);
            worker.way.set_fault(Fault::None);
        }
        // Who was frozen has found out by then what it lost.
        self.around.clock.sleep(FAILOVER * 2).await;
        let until = self.around.clock.monotonic() + CALM_MAX;
        loop {
            self.restart_those_that_ended();
            let missing = self.missing();
            if missing.is_empty() || self.around.clock.monotonic() > until {
                return missing;
            }
            self.around.clock.sleep(Duration::from_secs(1)).await;
        }
    }

    /// What is not yet as it should be when nothing goes wrong.
    fn missing(&self) -> Vec<String> {
        let mut missing = self.around.ledger.breaches();
        let owed = self.around.ledger.owed();
        if !owed.is_empty() {
            missing.push(format!("not delivered: {owed:?}"));
            let statuses = self.workers.iter().map(Worker::status);
            missing.extend(statuses.map(|status| format!("{:?}", (status.worker, status.shards))));
        }
        let held: Vec<_> = self.workers.iter().flat_map(|worker| worker.status().shards).collect();
        let busy = held.iter().filter(|report| report.state != ShardState::Processing);
        missing.extend(busy.map(|report| format!("{}: {:?}", report.lease, report.state)));
        let Some(running) = self.around.server.running() else {
            return vec!["the server is dark".to_owned()];
        };
        for shard in running.shards(ShardFilter::AtLatest) {
            let holders = held.iter().filter(|report| report.shard.shard.to_string() == shard.id.to_string());
            let holders = holders.count();
            if holders != 1 {
                missing.push(format!("{} has {holders} holders", shard.id));
            }
        }
        missing
    }

    /// Everybody stops in order, and one who comes afterwards is given nothing again.
    async fn end_in_order(&mut self) -> Vec<String> {
        for worker in &self.workers {
            worker.ask_to_stop();
        }
        let mut found = Vec::new();
        for worker in std::mem::take(&mut self.workers) {
            while worker.outcome().is_none() {
                self.around.clock.sleep(Duration::from_millis(100)).await;
            }
            match worker.outcome() {
                Some(Ok(ended)) if ended.unfinished.is_empty() => {}
                other => found.push(format!("the end was not in order: {other:?}")),
            }
        }
        let before = self.around.ledger.repeated();
        let late = self.another(WORKERS);
        self.around.clock.sleep(Duration::from_secs(40)).await;
        if late.status().shards.is_empty() {
            found.push(format!("nobody went on: {:?}", late.outcome()));
        }
        let again = self.around.ledger.repeated() - before;
        if again > 0 {
            found.push(format!("{again} records came again after an orderly end"));
        }
        late.crash();
        found
    }

    async fn conclude(self) -> (Report, Vec<String>) {
        self.workers.iter().for_each(Worker::crash);
        let Some(running) = self.around.server.running() else { return (Report::default(), Vec::new()) };
        let leases = running.leases.list().await.unwrap().leases;
        let rows: Vec<_> =
            leases.into_iter().map(|lease| (lease.key.to_string(), lease.checkpoint)).collect();
        let shards = running.shards(ShardFilter::FromTrimHorizon);
        let report = self.around.ledger.conclude(&rows, &shards);
        self.around.server.end();
        (report, self.around.ledger.breaches())
    }
}
