//! Exports under way: each a thread that walks over all entries with one iterator, which stands on one
//! moment, and hands them over page by page.
//!
//! An export whose reader is slow waits for it with RocksDB in its hand. So whoever must close RocksDB
//! interrupts the exports first.

use std::sync::Arc;
use std::thread::JoinHandle;

use millstream_runtime::threads;
use parking_lot::Mutex;
use rocksdb::DB;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::pending::Pending;
use super::scan::walk;
use super::slot::Shared;
use crate::error::{Error, Result};
use crate::export::{Export, Made};

/// Pages that are made before they are asked for.
const AHEAD_MAX: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Exports {
    running: Mutex<Running>,
    /// Rises when those under way are to end.
    interruptions: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Running {
    threads: Vec<JoinHandle<()>>,
    /// None may begin.
    held_off: bool,
}

impl Exports {
    /// Ends all exports that are under way, with an error for their readers, and waits until none holds
    /// RocksDB any more. Until [`Self::resume`] no other begins.
    pub(super) fn interrupt(&self) {
        let mut running = self.running.lock();
        running.held_off = true;
        self.interruptions.send_modify(|count| *count += 1);
        for thread in std::mem::take(&mut running.threads) {
            if thread.join().is_err() {
                tracing::error!("an export panicked");
            }
        }
    }

    /// RocksDB is open again.
    pub(super) fn resume(&self) {
        self.running.lock().held_off = false;
    }
}

/// Begins an export; called on a thread that may block.
pub(super) fn begin(shared: &Arc<Shared>, runtime: Handle) -> Result<Export> {
    let mut running = shared.exports.running.lock();
    if running.held_off {
        return Err(Error::Closed);
    }
    running.threads.retain(|thread| !thread.is_finished());
    let (pages, receiver) = mpsc::channel(AHEAD_MAX);
    let interrupted = shared.exports.interruptions.subscribe();
    // Before the iterator stands, so that no entry is missing that a mark speaks of.
    let marks = shared.progress.lock().marks().clone();
    let db = shared.database.get()?;
    let (stands, standing) = std::sync::mpsc::channel();
    let begun_at = *interrupted.borrow();
    let worker = Worker { runtime, pages, interrupted, begun_at };
    let of_thread = shared.clone();
    let thread = threads::spawn("storage-export", move || worker.run(&db, &of_thread.pending, &stands));
    let failed = |error| Error::Failed { reason: format!("no thread could be started: {error}") };
    running.threads.push(thread.map_err(failed)?);
    drop(running);
    // From here on, what is committed does not show.
    standing.recv().map_err(|_| Error::Closed)?;
    Ok(Export::made(marks, receiver))
}

struct Worker {
    runtime: Handle,
    pages: mpsc::Sender<Made>,
    interrupted: watch::Receiver<u64>,
    /// How many interruptions there had been by then.
    begun_at: u64,
}

impl Worker {
    fn run(mut self, db: &Arc<DB>, pending: &Pending, stands: &std::sync::mpsc::Sender<()>) {
        let stands = || {
            // Whoever asked may have stopped waiting.
            let _ = stands.send(());
        };
        let end = match walk(db, pending, stands, |page| self.hand_over(Made::Page(page))) {
            Ok(true) => Made::End,
            Ok(false) => Made::Failed(Error::Closed),
            Err(error) => Made::Failed(error),
        };
        // If nobody takes it, nobody reads the export any more.
        self.hand_over(end);
    }

    /// False when the export is over.
    fn hand_over(&mut self, made: Made) -> bool {
        let Self { runtime, pages, interrupted, begun_at } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                // Not `changed`: an interruption counts for whatever is handed over after it, too.
                _ = interrupted.wait_for(|count| count > begun_at) => false,
                sent = pages.send(made) => sent.is_ok(),
            }
        })
    }
}
