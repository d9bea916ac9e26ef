//! The thread that looks after the store between writes.
//!
//! Twice a second it notes in the anchor how far the log is durable, and opens RocksDB anew once a full disk
//! has room again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::slot::Shared;
use crate::anchor::{Anchor, AnchorFiles};
use crate::error::{Error, Result};
use crate::slot::Marks;
use crate::write_set::Priority;

/// Half of the second that the anchor may be behind, so that a slow write of it fits in too.
const INTERVAL: Duration = Duration::from_millis(500);

/// How far the log is durable; the syncer moves it, the keeper notes it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sequence: u64,
    /// Of the last durable batch; 0 before the first one of this process.
    position: u64,
    marks: Marks,
    /// Something moved since the last note.
    moved: bool,
}

impl Progress {
    pub(super) fn starting_at(sequence: u64, marks: Marks) -> Self {
        Self { sequence, position: 0, marks, moved: true }
    }

    /// Behind the last durable batch.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The marks of what is durable.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(super) fn advance(&mut self, batch: DurableBatch) {
        let DurableBatch { position, sequence, marks } = batch;
        (self.position, self.sequence) = (position, sequence);
        for (name, value) in marks {
            if value.is_empty() {
                self.marks.remove(&name)
            } else {
                self.marks.insert(name, value)
            };
        }
        self.moved = true;
    }
}

/// What the progress needs to know of a batch that has become durable.
#[derive(Debug)]
pub(super) struct DurableBatch {
    pub(super) position: u64,
    pub(super) sequence: u64,
    pub(super) marks: Vec<(bytes::Bytes, bytes::Bytes)>,
}

/// Tells the keeper to stop.
#[derive(Debug, Default)]
pub(super) struct StopSignal {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl StopSignal {
    pub(super) fn stop(&self) {
        *self.stopped.lock() = true;
        self.changed.notify_all();
    }

    /// Waits for the interval. True when the keeper should stop.
    fn wait(&self) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed.wait_for(&mut stopped, INTERVAL);
        }
        *stopped
    }
}

/// What the keeper writes into every anchor.
#[derive(Debug)]
pub(super) struct AnchorWriter {
    pub(super) files: AnchorFiles,
    pub(super) generation: u64,
    pub(super) store: [u8; 16],
    pub(super) epoch: u64,
}

impl AnchorWriter {
    /// Notes the progress if there was any. Gives the position up to which it went.
    pub(super) fn note(&mut self, progress: &Mutex<Progress>) -> io::Result<Option<u64>> {
        let (position, anchor) = {
            let mut progress = progress.lock();
            if !std::mem::take(&mut progress.moved) {
                return Ok(None);
            }
            self.generation += 1;
            let anchor = Anchor {
                generation: self.generation,
                store: self.store,
                epoch: self.epoch,
                sequence: progress.sequence,
                marks: progress.marks.clone(),
            };
            (progress.position, anchor)
        };
        self.files.write(&anchor)?;
        Ok(Some(position))
    }
}

fn run(shared: &Shared, mut anchor: AnchorWriter) {
    loop {
        let stop = shared.stop.wait();
        match anchor.note(&shared.progress) {
            Ok(Some(position)) => shared.durable.send_modify(|durable| durable.anchored = position),
            Ok(None) => {}
            Err(error) => note_anchor_failure(shared, &error),
        }
        if stop {
            return;
        }
        if shared.health.is_out_of_space() {
            reopen_if_there_is_room(shared);
        }
    }
}

/// Without room for it the anchor just gets older; any other failure is the disk's.
fn note_anchor_failure(shared: &Shared, error: &io::Error) {
    shared.progress.lock().moved = true;
    if error.kind() == io::ErrorKind::StorageFull {
        tracing::warn!(%error, "the anchor cannot be written while the disk is full");
    } else {
        shared.fail(&Error::Failed { reason: format!("the anchor cannot be written: {error}") });
    }
}

fn reopen_if_there_is_room(shared: &Shared) {
    match try_reopen(shared) {
        Ok(()) => tracing::info!("the disk has room again; the store takes writes"),
        // No room will mend that.
        Err(error @ Error::Corrupt { .. }) => shared.fail(&error),
        Err(error @ (Error::NoSpace { .. } | Error::Uncertain { .. })) => {
            tracing::warn!(%error, "the disk is still too full to go on");
        }
        Err(error) => tracing::warn!(%error, "the store cannot be opened anew yet"),
    }
}

fn try_reopen(shared: &Shared) -> Result<()> {
    let unflushed = shared.database.unflushed_bytes();
    shared.space.admit(0, unflushed, Priority::Normal)?;
    // RocksDB that cannot write cannot open either, and then nothing could be read.
    shared.space.try_writing()?;
    shared.reclaim.interrupt();
    shared.exports.interrupt();
    shared.database.reopen()?;
    shared.pending.clear();
    shared.health.space_is_back();
    shared.exports.resume();
    shared.reclaim.resume();
    Ok(())
}

/// Starts the keeper; it ends when it is told to stop.
pub(super) fn spawn(shared: Arc<Shared>, anchor: AnchorWriter) -> io::Result<std::thread::JoinHandle<()>> {
    millstream_runtime::threads::spawn("storage-keeper", move || run(&shared, anchor))
}
