//! The thread that gives batches their order.
//!
//! It takes what has queued and merges it into one RocksDB batch. It is the only one that writes, so expects are
//! decided here, one after another. A small batch it makes durable itself when nothing else waits for the disk:
//! to wake another thread for that would cost more than what queues meanwhile gains. All others it passes on to the
//! [`syncer`], and goes on.
//!
//! [`syncer`]: super::syncer

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use rocksdb::WriteBatch;
use tokio::sync::{mpsc, oneshot};

use super::log_end::watermark;
use super::runway::Runway;
use super::slot::Shared;
use super::syncer::{self, Written};
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::write_set::{Change, Priority, WriteSet};

/// Bytes merged into one RocksDB batch before the next one is begun.
const MERGED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of a batch that the writer makes durable itself. Larger ones take so long to write that this is better done
/// during the sync of those before.
pub(super) const SMALL_BYTES_MAX: usize = 64 * 1024;

/// Writers whose last group was smaller do not wait for the next one. With 128 connections, groups of 60, waiting makes
/// 27,800 conditional updates a second of 24,500 (medians of 3, a sync of 105 µs); with 32, groups of 15, it makes 20,600
/// of 24,900 (medians of 5).
const GROUP_MIN: usize = 32;
/// For each of the last group: about as long as the server takes to have the next write of each. 40 µs gain nothing more.
const PAUSE_EACH: Duration = Duration::from_micros(25);
const PAUSE_MAX: Duration = Duration::from_millis(1);

/// Something on its way to its place in the order.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) work: Work,
    pub(super) reply: Reply,
}

/// When whoever submitted something hears of it. It may have stopped waiting.
#[derive(Debug)]
pub(super) enum Reply {
    WhenOrdered(oneshot::Sender<Result<Commit>>),
    WhenDurable(oneshot::Sender<Result<()>>),
}

impl Reply {
    fn refuse(self, error: Error) {
        match self {
            Self::WhenOrdered(tell) => drop(tell.send(Err(error))),
            Self::WhenDurable(tell) => drop(tell.send(Err(error))),
        }
    }

    /// The place is fixed; gives what is to be told of durability.
    fn ordered(self, position: u64) -> oneshot::Sender<Result<()>> {
        match self {
            Self::WhenOrdered(tell) => {
                let (outcome, receiver) = oneshot::channel();
                let _ = tell.send(Ok(Commit::new(position, receiver)));
                outcome
            }
            Self::WhenDurable(outcome) => outcome,
        }
    }
}

#[derive(Debug)]
pub(super) enum Work {
    Write(WriteSet),
    /// Deletes the keys from `start` up to `end`.
    Trim {
        start: Bytes,
        end: Bytes,
    },
}

pub(super) fn run(shared: &Shared, mut queue: mpsc::Receiver<Submission>, synced: &SyncSender<Written>) {
    let runway = Runway::new(shared.database.directory());
    let mut writer = Writer { shared, synced, runway, position: 0, last_group: 0 };
    while let Some(first) = queue.blocking_recv() {
        if let Some(pause) = pause(writer.last_group, 1 + queue.len()) {
            // As the disk it waits for, this is of the machine's time.
            #[allow(clippy::disallowed_methods)]
            std::thread::sleep(pause);
        }
        let mut merge = Merge::default();
        let mut next = Some(first);
        while let Some(Submission { work, reply }) = next {
            match work {
                Work::Write(writes) => {
                    if !merge.takes(&writes) {
                        writer.write(std::mem::take(&mut merge));
                    }
                    merge.add(shared, writes, reply);
                }
                Work::Trim { start, end } => {
                    writer.write(std::mem::take(&mut merge));
                    writer.trim(&start, &end, reply);
                }
            }
            next = if merge.bytes < MERGED_BYTES_MAX { queue.try_recv().ok() } else { None };
        }
        writer.write(merge);
    }
}

/// How long to wait for others before those who `queue` are written: many callers at once, each of whom waits for its
/// last write before it makes the next, come back one by one, and a sync for the first few of them costs as much as one
/// for all. Nobody waits where there are few, or where most are back already, as on a slow disk.
fn pause(last_group: usize, queue: usize) -> Option<Duration> {
    let is_worth_it = last_group >= GROUP_MIN && queue < last_group / 2;
    is_worth_it.then(|| PAUSE_MAX.min(PAUSE_EACH * u32::try_from(last_group).unwrap_or(u32::MAX)))
}

/// Write sets that will be one RocksDB batch.
#[derive(Default)]
struct Merge {
    changes: Vec<Change>,
    marks: Vec<(Bytes, Bytes)>,
    waiting: Vec<Reply>,
    bytes: usize,
    priority: Priority,
    /// What the changes so far leave in each key; built when the first expect asks.
    staged: Option<HashMap<Bytes, Option<Bytes>>>,
}

impl Merge {
    /// Write sets of different priority are not mixed: a refusal must hit only those it is meant for.
    fn takes(&self, writes: &WriteSet) -> bool {
        self.waiting.is_empty() || self.priority == writes.priority
    }

    fn add(&mut self, shared: &Shared, writes: WriteSet, reply: Reply) {
        if let Err(error) = self.check_expects(shared, &writes) {
            reply.refuse(error);
            return;
        }
        self.priority = writes.priority;
        self.bytes += writes.size();
        if let Some(staged) = &mut self.staged {
            staged
                .extend(writes.changes.iter().map(|change| (change.key().clone(), change.value().cloned())));
        }
        self.changes.extend(writes.changes);
        self.marks.extend(writes.marks);
        self.waiting.push(reply);
    }

    fn check_expects(&mut self, shared: &Shared, writes: &WriteSet) -> Result<()> {
        for expect in &writes.expects {
            let staged = self.staged.get_or_insert_with(|| {
                let changes = self.changes.iter();
                changes.map(|change| (change.key().clone(), change.value().cloned())).collect()
            });
            let found = match staged.get(&expect.key) {
                Some(value) => value.clone(),
                None => shared.database.read(&expect.key)?,
            };
            if found != expect.value {
                return Err(Error::Conflict { key: expect.key.clone() });
            }
        }
        Ok(())
    }

    fn rocks_batch(&self, shared: &Shared) -> WriteBatch {
        // Room for RocksDB's own headers, so that the batch is allocated once.
        let mut batch = WriteBatch::with_capacity_bytes(self.bytes + 16 * self.changes.len() + 64);
        begin(&mut batch, shared);
        for change in &self.changes {
            match change {
                Change::Append { key, value } | Change::Put { key, value } => batch.put(key, value),
                Change::Delete { key } => batch.delete(key),
            }
        }
        batch
    }
}

/// Every batch says in the log how far the log was durable, for whoever has to judge a damaged end of it.
fn begin(batch: &mut WriteBatch, shared: &Shared) {
    batch.put_log_data(watermark(shared.progress.lock().sequence()));
}

struct Writer<'a> {
    shared: &'a Shared,
    synced: &'a SyncSender<Written>,
    runway: Runway,
    position: u64,
    /// How many had their writes in the last batch.
    last_group: usize,
}

impl Writer<'_> {
    /// Writes the merged batch and hands it to the syncer, or tells everyone in it why not.
    fn write(&mut self, merge: Merge) {
        if !merge.waiting.is_empty() {
            let written = self.put(&merge);
            self.pass_on(written, merge);
        }
    }

    /// A trimmed key may vanish from reads before the trim is durable, so it is not held in `pending`.
    fn trim(&mut self, start: &[u8], end: &[u8], reply: Reply) {
        let mut batch = WriteBatch::default();
        begin(&mut batch, self.shared);
        batch.delete_range(start, end);
        let admitted = self.admit(start.len() + end.len(), Priority::Reclaim);
        self.shared.pending.trim(start, end);
        let written = admitted.and_then(|()| self.append(batch));
        self.pass_on(written.map(|()| 0), Merge { waiting: vec![reply], ..Merge::default() });
    }

    /// Gives what the changes' end needs.
    fn put(&mut self, merge: &Merge) -> Result<u64> {
        self.admit(merge.bytes, merge.priority)?;
        let database = &self.shared.database;
        let generation = self.shared.pending.begin(&merge.changes, |key| database.read(key))?;
        // If this fails, what RocksDB shows of the batch stays hidden until it is opened anew.
        self.append(merge.rocks_batch(self.shared))?;
        Ok(generation)
    }

    fn append(&mut self, batch: WriteBatch) -> Result<()> {
        self.runway.prepare(batch.size_in_bytes())?;
        self.shared.database.write(batch)
    }

    fn admit(&self, bytes: usize, priority: Priority) -> Result<()> {
        self.shared.health.check()?;
        self.shared.space.admit(bytes as u64, self.shared.database.unflushed_bytes(), priority)
    }

    /// Tells those in the batch their place, and sees to its durability.
    fn pass_on(&mut self, written: Result<u64>, merge: Merge) {
        let Merge { changes, marks, waiting, bytes, .. } = merge;
        let written = written.and_then(|generation| Ok((generation, self.shared.database.sequence()?)));
        let (generation, sequence) = match written {
            Ok(written) => written,
            Err(error) => {
                self.shared.note_failure(&error);
                for reply in waiting {
                    reply.refuse(error.clone());
                }
                return;
            }
        };
        self.last_group = waiting.len();
        let mut outcomes = Vec::with_capacity(waiting.len());
        for reply in waiting {
            self.position += 1;
            outcomes.push(reply.ordered(self.position));
        }
        let written = Written { position: self.position, sequence, generation, changes, marks, outcomes };
        if bytes <= SMALL_BYTES_MAX && self.shared.unsynced.none() {
            syncer::finish(self.shared, vec![written]);
        } else {
            self.shared.unsynced.add();
            // The syncer outlives the writer. A full channel means that the disk is behind; then so are we.
            let _ = self.synced.send(written);
        }
    }
}

/// Starts the writer; it ends when every sender of the queue is gone.
pub(super) fn spawn(
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Submission>,
    synced: SyncSender<Written>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    millstream_runtime::threads::spawn("storage-writer", move || run(&shared, queue, &synced))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_who_are_not_back_yet_are_waited_for() {
        assert_eq!(pause(GROUP_MIN - 1, 1), None);
        assert_eq!(pause(GROUP_MIN, 1), Some(PAUSE_EACH * 32));
        assert_eq!(pause(32, 15), Some(PAUSE_EACH * 32));
        assert_eq!(pause(32, 16), None);
        assert_eq!(pause(100_000, 1), Some(PAUSE_MAX));
    }
}
