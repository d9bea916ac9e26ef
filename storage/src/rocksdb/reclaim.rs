//! Gives back the space of trimmed ranges.
//!
//! A range delete only hides. Space returns when compaction drops the keys, and with them the last
//! reference to a blob file. Keys are small, so compacting all of them costs little; values are moved only
//! when more than half of what the blob files hold is garbage, because streams with different retention
//! share them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rocksdb::{BottommostLevelCompaction, CompactOptions, DB};

use super::slot::Shared;

/// Trims come in bursts, one for each shard; one compaction serves them all.
const SETTLE: Duration = Duration::from_millis(250);
/// Garbage in blob files, in percent, from which on the older half of them is rewritten.
const GARBAGE_PERCENT_MAX: u64 = 50;

/// Asks the reclaimer to work, or to stop.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: bool,
    stopped: bool,
    /// Between two waits.
    working: bool,
    /// Something was wanted when RocksDB had to be closed.
    interrupted: bool,
}

impl Requests {
    pub(super) fn reclaim(&self) {
        self.state.lock().wanted = true;
        self.changed.notify_all();
    }

    /// RocksDB is closed for a while, and work that is under way ends unfinished.
    pub(super) fn interrupt(&self) {
        let mut state = self.state.lock();
        state.interrupted |= state.working;
    }

    /// RocksDB is open again.
    pub(super) fn resume(&self) {
        let mut state = self.state.lock();
        state.wanted |= std::mem::take(&mut state.interrupted);
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    pub(super) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits for work. False when there will be none.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        state.working = false;
        while !state.wanted && !state.stopped {
            self.changed.wait(&mut state);
        }
        if !state.stopped {
            self.changed.wait_for(&mut state, SETTLE);
        }
        state.wanted = false;
        state.working = !state.stopped;
        state.working
    }
}

fn run(shared: &Shared) {
    while shared.reclaim.wait() {
        let Ok(db) = shared.database.get() else {
            shared.reclaim.interrupt();
            continue;
        };
        let reclaimed = reclaim(&db);
        if let Err(error) = reclaimed
            && !shared.reclaim.is_stopped()
        {
            tracing::warn!(%error, "trimmed space could not be given back yet");
        }
    }
}

fn reclaim(db: &DB) -> Result<(), rocksdb::Error> {
    // The log is kept until what it holds is flushed, deletions included.
    db.flush()?;
    db.compact_range(None::<&[u8]>, None::<&[u8]>);
    if garbage_percent(db)? > GARBAGE_PERCENT_MAX {
        rewrite_blobs(db)?;
    }
    Ok(())
}

fn garbage_percent(db: &DB) -> Result<u64, rocksdb::Error> {
    let total = db.property_int_value("rocksdb.live-blob-file-size")?.unwrap_or(0);
    let garbage = db.property_int_value("rocksdb.live-blob-file-garbage-size")?.unwrap_or(0);
    Ok(garbage.saturating_mul(100).checked_div(total).unwrap_or(0))
}

/// Blob garbage collection is off otherwise: it would move live values at every compaction.
fn rewrite_blobs(db: &DB) -> Result<(), rocksdb::Error> {
    db.set_options(&[
        ("enable_blob_garbage_collection", "true"),
        ("blob_garbage_collection_age_cutoff", "0.5"),
    ])?;
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
    db.set_options(&[("enable_blob_garbage_collection", "false")])
}

/// Starts the reclaimer; it ends when it is told to stop.
pub(super) fn spawn(shared: Arc<Shared>) -> std::io::Result<std::thread::JoinHandle<()>> {
    millstream_runtime::threads::spawn("storage-reclaim", move || run(&shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_was_interrupted_is_wanted_again_and_idleness_is_not() {
        let requests = Requests::default();
        requests.interrupt();
        requests.resume();
        assert!(!requests.state.lock().wanted, "it did nothing");
        requests.reclaim();
        assert!(requests.wait());
        requests.interrupt();
        // The first opening anew may fail.
        requests.interrupt();
        requests.resume();
        assert!(requests.wait(), "it was at work");
        requests.stop();
        assert!(!requests.wait());
    }
}
