//! What happened, and whether it may have: every rule that must hold is checked at the moment it could be broken.
//!
//! - A checkpoint is made by the lease's holder alone, and never goes back.
//! - Every record up to a checkpoint was delivered, those of an ended shard all.
//! - A processor begins behind the checkpoint that it is told, and so does every record that it is given.
//! - One epoch of a lease belongs to one processor.
//! - A child is read when its parents have ended.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use millstream_consumer_sdk::{Checkpoint, Initialization};
use millstream_engine::ShardDescription;
use millstream_lease::row::{Row, Value};
use millstream_model::IssuedNumber;
use millstream_runtime::{Clock, ManualClock};
use parking_lot::Mutex;

/// How often things happened, summed over seeds: a simulation in which nothing happens proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Report {
    pub(crate) records: u64,
    pub(crate) deliveries: u64,
    pub(crate) repeated: u64,
    pub(crate) checkpoints: u64,
    pub(crate) processors: u64,
    pub(crate) shards_ended: u64,
    pub(crate) crashes: u64,
    pub(crate) stops: u64,
    pub(crate) freezes: u64,
    pub(crate) requests_lost: u64,
    pub(crate) replies_lost: u64,
    pub(crate) dates_wrong: u64,
    pub(crate) clock_steps: u64,
    pub(crate) power_cuts: u64,
    pub(crate) reshards: u64,
    /// Of everything that happened, in order.
    pub(crate) trace: u64,
}

#[derive(Debug)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Debug)]
struct Books {
    clock: ManualClock,
    /// Print what happens, for whoever looks for the reason of a failure.
    is_told: bool,
    shards: BTreeMap<String, Book>,
    /// By shard and epoch: whose it was.
    epochs: BTreeMap<(String, u64), String>,
    report: Report,
    breaches: Vec<String>,
    moments: u64,
}

/// What is known of one shard.
#[derive(Debug)]
struct Book {
    /// What was acknowledged and not yet delivered to anybody.
    owed: BTreeMap<IssuedNumber, ()>,
    delivered: BTreeMap<IssuedNumber, u64>,
    checkpoint: Checkpoint,
    /// When the first processor began, and when the end was stored.
    begun: Option<u64>,
    ended: Option<u64>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            owed: BTreeMap::new(),
            delivered: BTreeMap::new(),
            checkpoint: Checkpoint::AT_TIMESTAMP,
            begun: None,
            ended: None,
        }
    }
}

fn text<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    match row.get(name) {
        Some(Value::S(text)) => Some(text),
        _ => None,
    }
}

impl Books {
    #[allow(clippy::print_stdout)] // for whoever asked for it
    fn note(&mut self, what: impl Hash + Debug) {
        if self.is_told {
            println!("{:?} {what:?}", self.clock.monotonic());
        }
        self.moments += 1;
        let mut hasher = DefaultHasher::new();
        (self.report.trace, what).hash(&mut hasher);
        self.report.trace = hasher.finish();
    }

    fn breach(&mut self, what: String) {
        self.breaches.push(what);
    }

    /// A row has this checkpoint.
    fn see(&mut self, key: &str, checkpoint: &Checkpoint) {
        let book = self.shards.entry(key.to_owned()).or_default();
        if *checkpoint < book.checkpoint {
            let breach = format!("{key}: the checkpoint went from {} back to {checkpoint}", book.checkpoint);
            return self.breach(breach);
        }
        book.checkpoint = checkpoint.clone();
        if *checkpoint == Checkpoint::SHARD_END && book.ended.is_none() {
            book.ended = Some(self.moments);
            self.report.shards_ended += 1;
        }
        let first = book.owed.keys().next().cloned();
        if let Some(missed) = first.filter(|first| Checkpoint::at(first.clone(), 0) <= *checkpoint) {
            self.breach(format!("{key}: {missed} was never delivered and is behind {checkpoint}"));
        }
    }
}

impl Ledger {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self(Mutex::new(Books {
            clock: clock.clone(),
            is_told: std::env::var_os("MILLSTREAM_TRACE").is_some(),
            shards: BTreeMap::new(),
            epochs: BTreeMap::new(),
            report: Report::default(),
            breaches: Vec::new(),
            moments: 0,
        }))
    }

    pub(crate) fn acknowledged(&self, shard: &str, number: &IssuedNumber) {
        let books = &mut *self.0.lock();
        books.note(("acknowledged", shard, number.as_str()));
        books.report.records += 1;
        let book = books.shards.entry(shard.to_owned()).or_default();
        if book.delivered.contains_key(number) {
            return;
        }
        if book.checkpoint >= Checkpoint::at(number.clone(), 0) {
            let breach = format!("{shard}: {number} is behind the checkpoint {}", book.checkpoint);
            books.breach(breach);
            return;
        }
        book.owed.insert(number.clone(), ());
    }

    pub(crate) fn begun(&self, worker: &str, start: &Initialization) {
        let books = &mut *self.0.lock();
        let shard = start.shard.shard.to_string();
        books.note(("begun", worker, &shard, start.checkpoint.to_string(), start.epoch));
        books.report.processors += 1;
        let owner = books.epochs.entry((shard.clone(), start.epoch)).or_insert_with(|| worker.to_owned());
        if owner != worker {
            let breach = format!("{shard}: epoch {} is {owner}'s and {worker}'s", start.epoch);
            books.breach(breach);
        }
        let moment = books.moments;
        let book = books.shards.entry(shard.clone()).or_default();
        book.begun.get_or_insert(moment);
        if start.checkpoint > book.checkpoint && !start.checkpoint.position.is_initial() {
            let breach =
                format!("{shard}: {worker} begins at {}, ahead of what was stored", start.checkpoint);
            books.breach(breach);
        }
    }

    pub(crate) fn delivered(&self, worker: &str, start: &Initialization, number: &IssuedNumber) {
        let books = &mut *self.0.lock();
        let shard = start.shard.shard.to_string();
        books.note(("delivered", worker, &shard, number.as_str()));
        books.report.deliveries += 1;
        if start.checkpoint >= Checkpoint::at(number.clone(), 0) {
            let breach = format!("{shard}: {worker} is given {number} and began at {}", start.checkpoint);
            books.breach(breach);
        }
        let book = books.shards.entry(shard).or_default();
        book.owed.remove(number);
        let times = book.delivered.entry(number.clone()).or_default();
        *times += 1;
        books.report.repeated += u64::from(*times > 1);
    }

    /// A worker's update of a row was carried out, and this is the row.
    pub(crate) fn row_written(&self, worker: &str, key: &str, row: &Row, is_checkpoint: bool) {
        let Some(checkpoint) = text(row, "checkpoint").and_then(|text| text.parse().ok()) else { return };
        let checkpoint = Checkpoint { position: checkpoint, sub_sequence: 0 };
        let books = &mut *self.0.lock();
        books.note(("row", worker, key, checkpoint.to_string(), is_checkpoint));
        if is_checkpoint {
            books.report.checkpoints += 1;
            let holder = text(row, "checkpointOwner").or_else(|| text(row, "leaseOwner"));
            if holder != Some(worker) {
                books.breach(format!("{worker} checkpoints {key}, which {holder:?} has"));
            }
        }
        books.see(key, &checkpoint);
    }

    /// The lease table at the end.
    pub(crate) fn conclude(&self, rows: &[(String, Checkpoint)], shards: &[ShardDescription]) -> Report {
        let books = &mut *self.0.lock();
        for (key, checkpoint) in rows {
            books.see(key, checkpoint);
        }
        for shard in shards {
            let begun = books.shards.get(&shard.id.to_string()).and_then(|book| book.begun);
            for parent in [shard.parent, shard.adjacent_parent].into_iter().flatten() {
                let ended = books.shards.get(&parent.to_string()).and_then(|book| book.ended);
                if begun.is_some_and(|begun| ended.is_none_or(|ended| ended > begun)) {
                    books.breach(format!("{}: was begun before {parent} had ended", shard.id));
                }
            }
        }
        books.report.clone()
    }

    pub(crate) fn note(&self, what: impl Hash + Debug, count: impl FnOnce(&mut Report) -> &mut u64) {
        let books = &mut *self.0.lock();
        books.note(what);
        *count(&mut books.report) += 1;
    }

    /// What was acknowledged and not delivered, by shard.
    pub(crate) fn owed(&self) -> BTreeMap<String, usize> {
        let books = self.0.lock();
        let owed = books.shards.iter().map(|(shard, book)| (shard.clone(), book.owed.len()));
        owed.filter(|(_, owed)| *owed > 0).collect()
    }

    pub(crate) fn repeated(&self) -> u64 {
        self.0.lock().report.repeated
    }

    pub(crate) fn breaches(&self) -> Vec<String> {
        self.0.lock().breaches.clone()
    }
}

impl Report {
    fn counts(&mut self) -> [(&'static str, &mut u64); 15] {
        [
            ("records", &mut self.records),
            ("deliveries", &mut self.deliveries),
            ("repeated", &mut self.repeated),
            ("checkpoints", &mut self.checkpoints),
            ("processors", &mut self.processors),
            ("shards ended", &mut self.shards_ended),
            ("crashes", &mut self.crashes),
            ("stops", &mut self.stops),
            ("freezes", &mut self.freezes),
            ("requests lost", &mut self.requests_lost),
            ("replies lost", &mut self.replies_lost),
            ("dates wrong", &mut self.dates_wrong),
            ("clock steps", &mut self.clock_steps),
            ("power cuts", &mut self.power_cuts),
            ("reshards", &mut self.reshards),
        ]
    }

    pub(crate) fn add(&mut self, mut other: Self) {
        for ((_, sum), (_, more)) in self.counts().into_iter().zip(other.counts()) {
            *sum += *more;
        }
    }

    /// Every kind of fault was seen, and work was done in spite of it.
    pub(crate) fn assert_eventful(&mut self) {
        for (what, count) in self.counts() {
            assert!(*count > 0, "no {what}");
        }
    }
}
