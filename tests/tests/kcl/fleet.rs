//! The workers of one application, and what all of them have said so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::Session;
use millstream_tests::wire::Wire;
use serde_json::Value;

use crate::RECORDS;
use crate::worker::{Retrieval, Said, Version, Worker};

/// For whatever must come, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(20);

/// Failures that KCL logs on AWS as well: each is its own doing.
const OWN_TRACES: &[&str] = &[
    // It gives up a subscription whose lease it hands over, and warns that it did.
    "Subscriber cancelled before all events were published",
    // A worker of 3.x that is stopped before it has changed over from 2.x.
    "LeaderDecider uninitialized",
    // A leader of 3.x that is stopped interrupts its own scan of the leases.
    "DependencyException: java.lang.InterruptedException",
];

/// Workers of 2.x take the rows that 3.5 keeps beside the leases, in the same table, for leases, and skip them.
const OWN_TRACE_OF_2: &str = "leaseCounter is marked non-null but is null";

#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    session: &'a Session,
    stream: String,
    workers: Vec<Worker>,
    /// What all workers say, in the order in which it was said: a shard's records may come from one worker and those of
    /// its children from another.
    said: Receiver<(String, Said)>,
    sender: Sender<(String, Said)>,
    pub(crate) facts: Facts,
    put: BTreeSet<String>,
    next_record: usize,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// How often each record was processed, by its data.
    pub(crate) processed: BTreeMap<String, usize>,
    /// Which worker began with which shard, in that order.
    pub(crate) begun: Vec<(String, String)>,
    pub(crate) ended: BTreeSet<String>,
    pub(crate) stopped: BTreeMap<String, bool>,
    /// The last record of each key: numbers of one key rise, but where a worker was killed.
    order: BTreeMap<String, usize>,
    /// Records that came after a later one of their key, from a worker that had not processed them before.
    pub(crate) disordered: Vec<String>,
    pub(crate) not_checkpointed: Vec<String>,
}

impl Facts {
    fn note(&mut self, worker: &str, said: Said) {
        match said {
            Said::Started | Said::Lost | Said::ShutdownRequested => {}
            Said::Initialized { shard } => self.begun.push((worker.to_owned(), shard)),
            Said::Record { key, data, .. } => {
                let number: usize = data.rsplit('#').next().and_then(|number| number.parse().ok()).unwrap();
                let last = self.order.entry(key).or_default();
                let is_first = !self.processed.contains_key(&data);
                if is_first && number < *last {
                    self.disordered.push(data.clone());
                }
                *last = number.max(*last);
                *self.processed.entry(data).or_default() += 1;
            }
            Said::Ended { shard } => drop(self.ended.insert(shard)),
            Said::NotCheckpointed { why } => self.not_checkpointed.push(why),
            Said::Stopped { graceful } => drop(self.stopped.insert(worker.to_owned(), graceful)),
        }
    }

    pub(crate) fn shards_of(&self, worker: &str) -> BTreeSet<&str> {
        self.begun.iter().filter(|(name, _)| name == worker).map(|(_, shard)| shard.as_str()).collect()
    }

    pub(crate) fn repeated(&self) -> usize {
        self.processed.values().map(|times| times - 1).sum()
    }
}

impl<'a> Fleet<'a> {
    pub(crate) fn new(session: &'a Session, stream: &str, shards: usize) -> Self {
        let mut wire = Wire::connect(session.server.address()).unwrap();
        wire.create_stream(stream, shards).unwrap();
        let (sender, said) = channel();
        Self {
            session,
            stream: stream.to_owned(),
            workers: Vec::new(),
            said,
            sender,
            facts: Facts::default(),
            put: BTreeSet::new(),
            next_record: 0,
        }
    }

    /// False where this version is skipped.
    #[must_use]
    pub(crate) fn join(&mut self, version: Version, retrieval: Retrieval, name: &str) -> bool {
        let worker = Worker::start(self.session, version, retrieval, &self.stream, name, self.sender.clone());
        let is_there = worker.is_some();
        self.workers.extend(worker);
        is_there
    }

    /// Puts records of many keys, in order.
    pub(crate) fn put(&mut self, count: usize) {
        const KEYS: usize = 16;
        let mut wire = Wire::connect(self.session.server.address()).unwrap();
        for _ in 0..count {
            let number = self.next_record;
            self.next_record += 1;
            let key = format!("key-{}", number % KEYS);
            let data = format!("{key}#{number}");
            wire.put_record(&self.stream, &key, data.as_bytes()).unwrap();
            self.put.insert(data);
        }
    }

    pub(crate) fn call(&self, operation: &str, mut input: Value) -> Value {
        input["StreamName"] = self.stream.as_str().into();
        Wire::connect(self.session.server.address()).unwrap().call(operation, &input).unwrap()
    }

    /// Hears all workers until this holds.
    pub(crate) fn wait(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.wait_with(POLL, what, |_| (), holds);
    }

    /// As [`Self::wait`], with records coming in: KCL 3.x balances by what shards bring.
    pub(crate) fn wait_under_load(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.wait_with(10 * POLL, what, |fleet| fleet.put(8), holds);
    }

    fn wait_with(
        &mut self,
        pause: Duration,
        what: &str,
        meanwhile: impl Fn(&mut Self),
        holds: impl Fn(&Self) -> bool,
    ) {
        let clock = SystemClock::shared();
        let deadline = clock.monotonic() + PATIENCE;
        let mut due = Duration::ZERO;
        loop {
            while let Ok((worker, said)) = self.said.try_recv() {
                self.facts.note(&worker, said);
            }
            if holds(self) {
                return;
            }
            let now = clock.monotonic();
            assert!(now < deadline, "waiting until {what}\n{}", self.shown());
            // By the clock alone: were more put with each word of a worker, they would be told of ever more.
            if now >= due {
                meanwhile(self);
                due = now + pause;
            }
            if let Ok((worker, said)) = self.said.recv_timeout(pause) {
                self.facts.note(&worker, said);
            }
        }
    }

    pub(crate) fn has_processed_all(&self) -> bool {
        self.put.iter().all(|data| self.facts.processed.contains_key(data))
    }

    pub(crate) fn wait_until_all_is_processed(&mut self) {
        self.wait("all is processed", Self::has_processed_all);
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.worker(name).kill();
    }

    /// Asks a worker to end, and waits until it has.
    pub(crate) fn stop(&mut self, name: &str) {
        self.worker(name).ask_to_stop();
        self.wait(&format!("{name} stops"), |fleet| fleet.facts.stopped.contains_key(name));
        assert_eq!(self.facts.stopped.get(name), Some(&true), "{name} stops gracefully\n{}", self.shown());
        self.worker(name).wait_for_its_end();
    }

    /// A worker goes, gracefully or not, and the others go on; a graceful end repeats nothing.
    pub(crate) fn lose(&mut self, name: &str, is_graceful: bool) {
        let repeated = self.facts.repeated();
        match is_graceful {
            true => self.stop(name),
            false => self.kill(name),
        }
        self.put(RECORDS);
        self.wait_until_all_is_processed();
        assert!(
            !is_graceful || self.facts.repeated() == repeated,
            "the graceful end of {name} repeats nothing"
        );
    }

    /// The worker that came last gets its part.
    pub(crate) fn wait_until_it_has_shards(&mut self, name: &str) {
        self.wait_under_load(&format!("{name} has shards"), |fleet| !fleet.facts.shards_of(name).is_empty());
    }

    /// Every key was read in its order, and no log has a stack trace.
    pub(crate) fn assert_it_lived_well(&self) {
        assert_eq!(self.facts.disordered, Vec::<String>::new(), "order by key");
        self.assert_logs_are_clean();
    }

    /// Nothing was logged that a user would take for a failure, but for what KCL shows wherever it runs.
    pub(crate) fn assert_logs_are_clean(&self) {
        for worker in &self.workers {
            let log = worker.log();
            let of_2 = (worker.version == Version::Kcl2).then_some(OWN_TRACE_OF_2);
            let own: Vec<_> = OWN_TRACES.iter().copied().chain(of_2).collect();
            let unexpected = traced(&log).find(|failure| !own.iter().any(|own| failure.contains(own)));
            assert_eq!(unexpected, None, "{} logged a stack trace:\n{log}", worker.name);
        }
    }

    fn worker(&mut self, name: &str) -> &mut Worker {
        self.workers.iter_mut().find(|worker| worker.name == name).unwrap()
    }

    fn shown(&self) -> String {
        const LINES: usize = 60;
        let missing: Vec<_> =
            self.put.iter().filter(|data| !self.facts.processed.contains_key(*data)).take(10).collect();
        let mut text = format!("{:?}\nmissing: {missing:?}\n", self.facts);
        for worker in &self.workers {
            let log = worker.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
            text += &format!("--- {}\n{tail}\n", worker.name);
        }
        text
    }
}

/// What failed, by the lines above stack traces; not what that was caused by.
fn traced(log: &str) -> impl Iterator<Item = &str> {
    let is_trace = |line: &str| line.starts_with("\tat ") || line.starts_with("\t... ");
    let pairs = log.lines().zip(log.lines().skip(1));
    pairs
        .filter(move |(line, next)| is_trace(next) && !is_trace(line) && !line.starts_with("Caused by: "))
        .map(|(line, _)| line)
}
