//! The slot: opens the store, starts its threads, and is the handle to them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use millstream_runtime::{Delegate, TaskSet};
use parking_lot::Mutex;
use rocksdb::WriteBatch;
use tokio::sync::{mpsc, oneshot, watch};

use super::database::Database;
use super::export::{self, Exports};
use super::genesis;
use super::health::Health;
use super::keeper::{self, AnchorWriter, Progress, StopSignal};
use super::log_end;
use super::options::Settings;
use super::pending::Pending;
use super::reclaim;
use super::scan::scan;
use super::space::SpaceGuard;
use super::syncer::{self, Unsynced, WRITTEN_MAX};
use super::writer::{self, Reply, Submission, Work};
use crate::anchor::{Anchor, AnchorFiles};
use crate::commit::{Commit, Durable};
use crate::error::{Error, ErrorKind, Result};
use crate::export::Export;
use crate::slot::{Entries, KeyRange, Marks, ScanOptions, Slot, after_prefix};
use crate::write_set::WriteSet;

/// Commits that may wait for the writer; further ones wait for a place.
const QUEUED_MAX: usize = 256;
/// The store's own row: format version, id, epoch.
const IDENTITY_KEY: &[u8] = b"\0identity";
const FORMAT_VERSION: u8 = 1;

/// What the threads of a slot have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) space: SpaceGuard,
    pub(super) pending: Pending,
    pub(super) health: Health,
    pub(super) unsynced: Unsynced,
    pub(super) progress: Mutex<Progress>,
    pub(super) durable: watch::Sender<Durable>,
    ended: watch::Sender<Option<Error>>,
    pub(super) stop: StopSignal,
    pub(super) reclaim: reclaim::Requests,
    pub(super) exports: Exports,
    pub(super) delegate: Delegate,
    /// The directory's lock; empty once closed.
    owned: Mutex<Option<File>>,
}

impl Shared {
    /// The store does nothing more. Whoever watches hears it; the process should end.
    pub(super) fn fail(&self, error: &Error) {
        tracing::error!(%error, "storage failed");
        self.health.fail(error);
        self.close(error);
    }

    /// Draws the conclusion from a write that failed.
    pub(super) fn note_failure(&self, error: &Error) {
        match error.kind() {
            ErrorKind::Fatal => self.fail(error),
            ErrorKind::Uncertain => self.health.out_of_space(),
            ErrorKind::Conflict | ErrorKind::Refused => {}
        }
    }

    /// The first reason stays.
    fn close(&self, why: &Error) {
        self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert_with(|| why.clone());
            is_first
        });
    }
}

#[derive(Debug)]
pub(super) struct RocksSlot {
    shared: Arc<Shared>,
    epoch: u64,
    marks_at_open: Marks,
    /// Empty once closed.
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    queue: mpsc::Sender<Submission>,
    threads: [JoinHandle<()>; 4],
}

impl RocksSlot {
    pub(super) fn open(directory: PathBuf, settings: &Settings, expected_epoch: Option<u64>) -> Result<Self> {
        let files = AnchorFiles::new(&directory);
        let found = genesis::prepare(&directory, &files)?;
        let anchored = found.anchor.as_ref().map_or(0, |anchor| anchor.sequence);
        log_end::mend(&directory, anchored, settings.accept_loss)?;
        let database = Database::open(&directory, settings, found.is_new())?;
        let identity = read_identity(&database)?;
        if let Err(error) = check_anchor(&database, identity.as_ref(), found.anchor.as_ref()) {
            if !settings.accept_loss {
                return Err(error);
            }
            tracing::error!(%error, "going on in spite of lost writes, as the settings say");
        }
        let epoch = identity.as_ref().map_or(0, |identity| identity.epoch);
        if let Some(expected) = expected_epoch.filter(|expected| *expected != epoch) {
            return Err(Error::Fenced { expected, found: epoch });
        }
        let Anchor { generation, store, mut marks, .. } = found.anchor.unwrap_or_default();
        if settings.accept_loss {
            // They would be missed again by those who set them.
            marks.clear();
        }
        let store = identity.map_or(store, |identity| identity.store);
        let identity = Identity { store, epoch: epoch + 1 };
        write_identity(&database, &identity)?;

        let mut anchor = AnchorWriter { files, generation, store, epoch: identity.epoch };
        let progress = Mutex::new(Progress::starting_at(database.sequence()?, marks.clone()));
        anchor.note(&progress).map_err(|error| io_failure(&directory, &error))?;
        let shared = Arc::new(Shared {
            database,
            space: SpaceGuard::new(directory, settings.reserve_bytes),
            pending: Pending::default(),
            health: Health::default(),
            unsynced: Unsynced::default(),
            progress,
            durable: watch::Sender::default(),
            ended: watch::Sender::default(),
            stop: StopSignal::default(),
            reclaim: reclaim::Requests::default(),
            exports: Exports::default(),
            delegate: Delegate::current(),
            owned: Mutex::new(Some(found.owned)),
        });
        let running = start(&shared, anchor)
            .map_err(|error| Error::Failed { reason: format!("no thread could be started: {error}") })?;
        Ok(Self { shared, epoch: identity.epoch, marks_at_open: marks, running: Mutex::new(Some(running)) })
    }

    async fn submit(&self, work: Work, reply: Reply) -> Result<()> {
        let queue = self.running.lock().as_ref().map(|running| running.queue.clone());
        let queue = queue.ok_or(Error::Closed)?;
        queue.send(Submission { work, reply }).await.map_err(|_| Error::Closed)
    }

    async fn make_durable(&self, work: Work) -> Result<()> {
        let (tell, told) = oneshot::channel();
        self.submit(work, Reply::WhenDurable(tell)).await?;
        told.await.unwrap_or(Err(Error::Closed))
    }

    /// Runs a read on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.shared.clone();
        TaskSet::blocking(move || read(&shared)).await.unwrap_or(Err(Error::Closed))
    }
}

#[async_trait]
impl Slot for RocksSlot {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn commit(&self, writes: WriteSet) -> Result<Commit> {
        let (tell, told) = oneshot::channel();
        self.submit(Work::Write(writes), Reply::WhenOrdered(tell)).await?;
        told.await.unwrap_or(Err(Error::Closed))
    }

    /// Wakes the caller once, where order and durability told apart would wake it twice.
    async fn store(&self, writes: WriteSet) -> Result<()> {
        self.make_durable(Work::Write(writes)).await
    }

    fn watch(&self) -> watch::Receiver<Durable> {
        self.shared.durable.subscribe()
    }

    fn ended(&self) -> watch::Receiver<Option<Error>> {
        self.shared.ended.subscribe()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(known) = self.shared.pending.known(key) {
            return Ok(known);
        }
        // What is in memory costs less than to wake another thread for it.
        if let Some(stored) = self.shared.database.read_cached(key)? {
            return Ok(self.shared.pending.durable_value(key).unwrap_or(stored));
        }
        let key = Bytes::copy_from_slice(key);
        self.read(move |shared| {
            let stored = shared.database.read(&key)?;
            Ok(shared.pending.durable_value(&key).unwrap_or(stored))
        })
        .await
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Entries> {
        self.read(move |shared| scan(&*shared.database.get()?, &shared.pending, &range, options)).await
    }

    async fn trim(&self, prefix: &[u8], below: &[u8]) -> Result<()> {
        let end = after_prefix(prefix).min(below.to_vec());
        if end.as_slice() <= prefix {
            return Ok(());
        }
        self.make_durable(Work::Trim { start: Bytes::copy_from_slice(prefix), end: end.into() }).await?;
        self.shared.reclaim.reclaim();
        Ok(())
    }

    fn marks_at_open(&self) -> &Marks {
        &self.marks_at_open
    }

    fn marks(&self) -> Marks {
        self.shared.progress.lock().marks().clone()
    }

    async fn export(&self) -> Result<Export> {
        let (shared, runtime) = (self.shared.clone(), tokio::runtime::Handle::current());
        TaskSet::blocking(move || export::begin(&shared, runtime)).await.unwrap_or(Err(Error::Closed))
    }

    async fn verify_owner(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        let running = self.running.lock().take();
        let shared = self.shared.clone();
        let Some(running) = running else { return Ok(()) };
        TaskSet::blocking(move || stop(&shared, running)).await.ok_or(Error::Closed)
    }
}

impl Drop for RocksSlot {
    fn drop(&mut self) {
        if let Some(running) = self.running.lock().take() {
            stop(&self.shared, running);
        }
    }
}

fn start(shared: &Arc<Shared>, anchor: AnchorWriter) -> std::io::Result<Running> {
    let (queue, submissions) = mpsc::channel(QUEUED_MAX);
    let (synced, written) = sync_channel(WRITTEN_MAX);
    let threads = [
        writer::spawn(shared.clone(), submissions, synced)?,
        syncer::spawn(shared.clone(), written)?,
        reclaim::spawn(shared.clone())?,
        keeper::spawn(shared.clone(), anchor)?,
    ];
    Ok(Running { queue, threads })
}

/// Lets the writer and the syncer finish what has queued, then the keeper its last note. The reclaimer does
/// not finish: it may be minutes from it.
fn stop(shared: &Shared, running: Running) {
    let Running { queue, threads } = running;
    drop(queue);
    shared.reclaim.stop();
    let [writer, syncer, reclaimer, keeper] = threads;
    for thread in [writer, syncer] {
        join(thread);
    }
    shared.stop.stop();
    join(keeper);
    if shared.health.check().is_ok()
        && let Err(error) = shared.database.flush()
    {
        tracing::warn!(%error, "the next start reads the log, which could not be flushed");
    }
    shared.exports.interrupt();
    shared.database.interrupt();
    join(reclaimer);
    shared.close(&Error::Closed);
    shared.pending.clear();
    shared.database.close();
    shared.owned.lock().take();
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a storage thread panicked");
    }
}

struct Identity {
    store: [u8; 16],
    epoch: u64,
}

fn read_identity(database: &Database) -> Result<Option<Identity>> {
    let Some(row) = database.read(IDENTITY_KEY)? else { return Ok(None) };
    let parts = row.split_first().and_then(|(version, rest)| Some((version, rest.split_first_chunk()?)));
    match parts {
        Some((&FORMAT_VERSION, (store, epoch))) => {
            let epoch = epoch.try_into().map(u64::from_be_bytes);
            let epoch = epoch.map_err(|_| Error::Corrupt { what: "the store's identity".to_owned() })?;
            Ok(Some(Identity { store: *store, epoch }))
        }
        Some((version, _)) => Err(Error::Failed {
            reason: format!("the store has format {version}; this program reads format {FORMAT_VERSION}"),
        }),
        None => Err(Error::Corrupt { what: "the store's identity".to_owned() }),
    }
}

fn write_identity(database: &Database, identity: &Identity) -> Result<()> {
    let mut row = vec![FORMAT_VERSION];
    row.extend_from_slice(&identity.store);
    row.extend_from_slice(&identity.epoch.to_be_bytes());
    let mut batch = WriteBatch::default();
    batch.put(IDENTITY_KEY, row);
    database.write(batch)?;
    database.sync()
}

/// Compares what RocksDB found in its log with what the anchor says was durable.
fn check_anchor(database: &Database, identity: Option<&Identity>, anchor: Option<&Anchor>) -> Result<()> {
    let lost = |what: String| Err(Error::Lost { what });
    match (identity, anchor) {
        (_, None) => lost("the store has no readable anchor, so nothing says if its log is whole".into()),
        // The start that would have made the store was cut short.
        (None, Some(anchor)) if anchor.epoch == 0 => Ok(()),
        (None, Some(_)) => lost("there is an anchor but the store is empty".into()),
        (Some(identity), Some(anchor)) if identity.store != anchor.store => {
            lost("the anchor belongs to another store".into())
        }
        (Some(identity), Some(anchor)) if identity.epoch < anchor.epoch => lost(format!(
            "the anchor was written in epoch {}, the store ends in {}",
            anchor.epoch, identity.epoch
        )),
        (Some(_), Some(anchor)) => {
            let found = database.sequence()?;
            if found < anchor.sequence {
                return lost(format!(
                    "the write-ahead log ends at sequence {found}, but {} was durable",
                    anchor.sequence
                ));
            }
            Ok(())
        }
    }
}

pub(super) fn io_failure(path: &Path, error: &std::io::Error) -> Error {
    Error::Failed { reason: format!("{}: {error}", path.display()) }
}

#[cfg(test)]
mod tests;
