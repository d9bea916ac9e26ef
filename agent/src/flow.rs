//! One flow: follows files, and puts their records into a stream.
//!
//! One task does it all, so that order needs no care: it looks for files, reads the next bytes of one, hands records to the
//! producer, and notes what was acknowledged. It reads nothing while records wait for room in the producer, so that memory
//! is bounded by the producer's budget and one batch; files are looked for all the same, so that one that is rotated away
//! meanwhile stays open. A place in a file is settled once everything before it has been acknowledged.

mod content;
mod following;
mod known;
mod putting;
mod reading;
mod settling;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_producer_sdk::{Producer, Record};
use millstream_runtime::{Backoff, SharedClock, SharedEntropy, TaskSet};
use tokio::sync::oneshot;

use self::content::{Followed, Gone};
use crate::agent::Ledger;
use crate::checkpoint::{Entry, Place};
use crate::figures::Figures;
use crate::files::{Files, Identity};
use crate::settings::FlowSettings;
use crate::splitting::Splitter;

/// Waits before records are put again that the service refused for no fault of theirs.
const HOLD: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(30) };

/// What a flow is given.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    /// For so long the end waits for what is on its way.
    pub(crate) shutdown_timeout: Duration,
    /// For so long a file that is not there any more is remembered.
    pub(crate) retention: Duration,
}

/// A flow that runs.
#[derive(Debug)]
pub(crate) struct Flow {
    settings: FlowSettings,
    with: Surroundings,
    splitter: Splitter,
    /// Comes once the stream can be used.
    starting: Option<oneshot::Receiver<Producer>>,
    producer: Option<Producer>,

    followed: Vec<Followed>,
    /// What files held that hold something else now.
    gone: Vec<Gone>,
    /// Files that are known and not there.
    resting: Vec<Entry>,
    /// Files that may be copies which are being made: their sizes, and since when they have them.
    copies: BTreeMap<Identity, (u64, Duration)>,
    /// What was said about files that cannot be used, so that it is said once.
    complaints: HashSet<String>,

    /// What was read and not yet handed to the producer.
    outbox: VecDeque<Outgoing>,
    /// The first of it, when there was no room for it.
    waiting: Option<(Origin, Record)>,
    /// Since when nothing was taken.
    waiting_since: Option<Duration>,

    /// Whether files that are there now may begin at their ends.
    is_first_run: bool,
    /// Of contents, in the order in which they were found.
    next_id: u64,
    /// Looks at open files so far.
    looks: u64,
    turn: usize,
    next_scan: Duration,
    next_poll: Duration,
    /// Nothing is put until then, after so many failures in a row.
    held_until: Duration,
    failures: u32,
    is_changed: bool,
}

/// Where a record is from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    content: u64,
    start: u64,
    end: Place,
}

/// A piece of a file on its way to the producer.
#[derive(Debug)]
struct Outgoing {
    origin: Origin,
    payload: Payload,
}

#[derive(Debug)]
enum Payload {
    Record(Bytes),
    /// Of a record that is larger than it may be.
    Beginning(Bytes),
    LeftOut,
}

impl Flow {
    /// `known` is what the checkpoint says of it, `None` if it never ran.
    pub(crate) fn new(
        settings: FlowSettings,
        with: Surroundings,
        known: Option<Vec<Entry>>,
        starting: oneshot::Receiver<Producer>,
    ) -> Self {
        let splitter = Splitter::new(settings.multi_line_start.clone(), settings.record_bytes_max);
        let is_first_run = known.is_none();
        let mut flow = Self {
            settings,
            splitter,
            starting: Some(starting),
            producer: None,
            followed: Vec::new(),
            gone: Vec::new(),
            resting: Vec::new(),
            copies: BTreeMap::new(),
            complaints: HashSet::new(),
            outbox: VecDeque::new(),
            waiting: None,
            waiting_since: None,
            is_first_run,
            next_id: 1,
            looks: 0,
            turn: 0,
            next_scan: Duration::ZERO,
            next_poll: Duration::ZERO,
            held_until: Duration::ZERO,
            failures: 0,
            is_changed: false,
            with,
        };
        flow.remember(known.unwrap_or_default());
        flow
    }

    /// Follows until `tasks` are asked to stop, and then waits for what is on its way.
    pub(crate) async fn run(mut self, tasks: TaskSet) {
        while !tasks.is_stopping() {
            self.settle_now();
            let now = self.with.clock.monotonic();
            if now >= self.next_scan {
                self.scan().await;
                self.next_scan = now + self.settings.scan_interval;
            }
            if now >= self.next_poll {
                self.poll().await;
                self.publish();
                self.next_poll = now + self.settings.poll_interval;
            }
            if self.producer.is_none() || now < self.held_until {
                self.rest(&tasks).await;
            } else if self.waiting.is_some() || !self.outbox.is_empty() {
                self.put(&tasks).await;
            } else if let Some((index, end)) = self.next_readable(now) {
                self.read(index, end).await;
                // Files in the cache of the system never make this wait, and others want to run too.
                tokio::task::yield_now().await;
            } else {
                self.rest(&tasks).await;
            }
        }
        self.drain().await;
    }

    /// Waits until there may be something to do.
    async fn rest(&mut self, tasks: &TaskSet) {
        let clock = self.with.clock.clone();
        let mut wake = self.next_scan.min(self.next_poll);
        if self.held_until > clock.monotonic() {
            wake = wake.min(self.held_until);
        }
        let mut starting = self.starting.take();
        let started = async {
            match &mut starting {
                Some(starting) => starting.await,
                None => std::future::pending().await,
            }
        };
        let mut producer = None;
        tokio::select! {
            biased;
            () = tasks.stopping() => {}
            started = started => producer = Some(started.ok()),
            () = self.settled() => {}
            () = clock.sleep_until(wake) => {}
        }
        match producer {
            // Without a sender the process is at its end, and nothing will start.
            Some(producer) => self.producer = producer,
            None => self.starting = starting,
        }
    }

    /// Waits for what is on its way, and notes how far it went.
    async fn drain(mut self) {
        self.outbox.clear();
        self.waiting = None;
        if let Some(producer) = self.producer.take() {
            let ended = producer.close(self.with.shutdown_timeout).await;
            if ended.unfinished > 0 {
                tracing::warn!(
                    flow = self.settings.name,
                    records = ended.unfinished,
                    "records were not acknowledged in time; the next start puts them again"
                );
            }
        }
        self.settle_now();
        self.is_changed = true;
        self.publish();
    }

    /// Work that may block, away from the tasks if it does.
    async fn io<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Files) -> T + Send + 'static,
    ) -> io::Result<T> {
        let files = self.with.files.clone();
        if !files.blocks() {
            return Ok(work(files.as_ref()));
        }
        let done = TaskSet::blocking(move || work(files.as_ref())).await;
        done.ok_or_else(|| io::Error::other("the call was broken off"))
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Says once that something is wrong with a file.
    fn complain(&mut self, complaint: String) {
        // More than anybody reads; those that are over are forgotten with the rest.
        if self.complaints.len() >= 1000 {
            self.complaints.clear();
        }
        if !self.complaints.contains(&complaint) {
            tracing::warn!(flow = self.settings.name, "{complaint}");
            self.complaints.insert(complaint);
        }
    }
}
