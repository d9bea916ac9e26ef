//! The open RocksDB, replaceable while the slot lives, and the translation of its errors.
//!
//! RocksDB that ran out of space refuses writes until it is opened anew. Readers take the handle for one
//! call and give it back, so that [`Database::reopen`] can.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use rocksdb::{DB, ReadOptions, ReadTier, WriteBatch, WriteOptions};
use rustix::fs::{Mode, OFlags};

use super::options::{self, Settings};
use crate::error::{Error, Result};

/// With some more files RocksDB would hold a flush back until there are fewer.
const NEWEST_FILES_MAX: u64 = 16;

#[derive(Debug)]
pub(super) struct Database {
    directory: PathBuf,
    settings: Settings,
    /// Empty while RocksDB is being reopened, and after close.
    db: RwLock<Option<Arc<DB>>>,
}

impl Database {
    /// `create` makes a store where there is none.
    pub(super) fn open(directory: &Path, settings: &Settings, create: bool) -> Result<Self> {
        let db = open(directory, settings, create)?;
        Ok(Self {
            directory: directory.into(),
            settings: settings.clone(),
            db: RwLock::new(Some(Arc::new(db))),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The handle for one call.
    pub(super) fn get(&self) -> Result<Arc<DB>> {
        self.db.read().clone().ok_or(Error::Closed)
    }

    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let value = self.get()?.get(key).map_err(|error| read_error(&error, key))?;
        Ok(value.map(Bytes::from))
    }

    /// As [`Self::read`], from memory alone: `None` if a file or somebody else would have to be waited for.
    pub(super) fn read_cached(&self, key: &[u8]) -> Result<Option<Option<Bytes>>> {
        let Some(present) = self.db.try_read() else { return Ok(None) };
        let db = present.clone().ok_or(Error::Closed)?;
        drop(present);
        let mut options = ReadOptions::default();
        options.set_read_tier(ReadTier::BlockCache);
        match db.get_opt(key, &options) {
            Ok(value) => Ok(Some(value.map(Bytes::from))),
            Err(error) if error.kind() == rocksdb::ErrorKind::Incomplete => Ok(None),
            Err(error) => Err(read_error(&error, key)),
        }
    }

    /// Appends to the write-ahead log and shows the batch to readers. Not durable yet.
    pub(super) fn write(&self, batch: WriteBatch) -> Result<()> {
        self.get()?.write_opt(batch, &WriteOptions::default()).map_err(|error| write_error(&error))
    }

    /// Makes everything written so far durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.get()?.flush_wal(true).map_err(|error| write_error(&error))
    }

    /// Behind the last write.
    pub(super) fn sequence(&self) -> Result<u64> {
        Ok(self.get()?.latest_sequence_number())
    }

    /// Bytes in memory that wait to be flushed to files; none while RocksDB is closed.
    pub(super) fn unflushed_bytes(&self) -> u64 {
        let Ok(db) = self.get() else { return 0 };
        db.property_int_value("rocksdb.cur-size-all-mem-tables").ok().flatten().unwrap_or(0)
    }

    /// Writes to files what waits in memory, so that the next start has little of the log to read. Gives up
    /// where that would have to wait for a compaction.
    pub(super) fn flush(&self) -> Result<()> {
        let db = self.get()?;
        let newest = db.property_int_value("rocksdb.num-files-at-level0").ok().flatten().unwrap_or(0);
        if newest >= NEWEST_FILES_MAX {
            return Ok(());
        }
        db.flush().map_err(|error| write_error(&error))
    }

    /// Ends flushes and compactions that are under way, and begins no more. For good: what is open can only
    /// be read from then on, and closed.
    pub(super) fn interrupt(&self) {
        if let Ok(db) = self.get() {
            db.cancel_all_background_work(false);
        }
    }

    /// Closes RocksDB and opens it again, which makes durable whatever its log holds. Interrupts what it does
    /// by itself, and waits for the calls that are under way. When it fails, nothing can be read until a later try succeeds.
    pub(super) fn reopen(&self) -> Result<()> {
        let mut db = self.db.write();
        if let Some(open) = db.take() {
            // Whoever reads waits meanwhile, and a compaction may take minutes.
            open.cancel_all_background_work(false);
            release(open);
        }
        *db = Some(Arc::new(open(&self.directory, &self.settings, false)?));
        Ok(())
    }

    pub(super) fn close(&self) {
        let open = self.db.write().take();
        if let Some(open) = open {
            open.cancel_all_background_work(true);
            release(open);
        }
    }
}

/// Waits for the last other holder, so that RocksDB's lock is free afterwards.
fn release(mut db: Arc<DB>) {
    while let Err(held) = Arc::try_unwrap(db) {
        db = held;
        std::thread::yield_now();
    }
}

fn open(directory: &Path, settings: &Settings, create: bool) -> Result<DB> {
    let options = options::options(settings, takes_direct_io(directory), create);
    DB::open(&options, directory).map_err(|error| open_error(&error, directory))
}

/// Some file systems (tmpfs of older kernels) refuse to open a file for direct I/O, and RocksDB then refuses
/// to open at all.
fn takes_direct_io(directory: &Path) -> bool {
    let path = directory.join("DIRECT-IO-PROBE");
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::DIRECT;
    let takes = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).is_ok();
    // Empty, and in nobody's way if it stays.
    let _ = std::fs::remove_file(path);
    takes
}

fn open_error(error: &rocksdb::Error, directory: &Path) -> Error {
    let what = format!("{}: {error}", directory.display());
    match error.kind() {
        rocksdb::ErrorKind::Corruption => Error::Corrupt { what },
        _ => Error::Failed { reason: what },
    }
}

pub(super) fn read_error(error: &rocksdb::Error, key: &[u8]) -> Error {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => {
            Error::Corrupt { what: format!("at key {}: {error}", key.escape_ascii()) }
        }
        // A blob or table file that is gone or too short also is data that was lost.
        rocksdb::ErrorKind::IOError => {
            Error::Corrupt { what: format!("cannot be read at key {}: {error}", key.escape_ascii()) }
        }
        _ => Error::Failed { reason: error.to_string() },
    }
}

/// What became of the batch is unknown: part of it may be in the log.
fn write_error(error: &rocksdb::Error) -> Error {
    let reason = error.to_string();
    if is_out_of_space(&reason) { Error::Uncertain { reason } } else { Error::Failed { reason } }
}

/// RocksDB that has met an error in a write to a file answers every later sync of it with that, and does not
/// ask the disk. An error of the disk itself it reports once, in the disk's words.
pub(super) fn was_not_tried(error: &Error) -> bool {
    matches!(error, Error::Failed { reason } if reason.contains("Writer has previous error"))
}

/// RocksDB hands its status over as text only.
fn is_out_of_space(reason: &str) -> bool {
    reason.contains("No space left on device") || reason.contains("NoSpace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopening_that_failed_can_be_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(directory.path(), &Settings::default(), true).unwrap();
        let (current, away) = (directory.path().join("CURRENT"), directory.path().join("away"));
        std::fs::rename(&current, &away).unwrap();
        assert!(database.reopen().is_err());
        assert_eq!((database.read(b"k"), database.unflushed_bytes()), (Err(Error::Closed), 0));
        std::fs::rename(&away, &current).unwrap();
        assert_eq!(database.reopen(), Ok(()));
        assert_eq!(database.read(b"k"), Ok(None));
    }

    #[test]
    fn knows_a_sync_that_was_not_tried_by_rocksdbs_words() {
        let failed = |reason: &str| was_not_tried(&Error::Failed { reason: reason.into() });
        assert!(failed("IO error: Writer has previous error."));
        assert!(!failed("IO error: Input/output error: While fdatasync: 000004.log"));
    }

    /// A store of some megabytes in small rows, whose compactions take half a minute.
    fn slow_database(directory: &Path) -> Database {
        let settings = Settings { write_buffer_bytes: 64 << 20, ..Settings::default() };
        let database = Database::open(directory, &settings, true).unwrap();
        let mut batch = WriteBatch::default();
        let mut state = 1_u64;
        for number in 0..80_000_u64 {
            // Nothing that could be compressed.
            let value: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .take(100)
            .collect();
            batch.put(number.to_be_bytes(), value);
        }
        database.write(batch).unwrap();
        database.flush().unwrap();
        database.close();
        let mut slow = options::options(&settings, false, false);
        slow.set_ratelimiter(256 * 1024, 100_000, 10);
        *database.db.write() = Some(Arc::new(DB::open(&slow, directory).unwrap()));
        database
    }

    #[test]
    fn no_compaction_holds_up_an_interruption_or_a_reopening() {
        type Ends = fn(&Database);
        let ends: [Ends; 2] = [Database::interrupt, |database| database.reopen().unwrap()];
        for end in ends {
            let directory = tempfile::tempdir().unwrap();
            let database = slow_database(directory.path());
            let db = database.get().unwrap();
            let compaction = millstream_runtime::threads::spawn("compaction", move || {
                let mut options = rocksdb::CompactOptions::default();
                options.set_bottommost_level_compaction(rocksdb::BottommostLevelCompaction::Force);
                db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
            });
            let compaction = compaction.unwrap();
            let running = || {
                let db = database.get().unwrap();
                db.property_int_value("rocksdb.num-running-compactions").unwrap().unwrap_or(0)
            };
            while running() == 0 {
                assert!(!compaction.is_finished(), "the compaction ended before it could be seen");
                std::thread::yield_now();
            }
            let clock = millstream_runtime::SystemClock::shared();
            let begun = clock.monotonic();
            end(&database);
            compaction.join().unwrap();
            let took = clock.monotonic() - begun;
            assert!(took < std::time::Duration::from_secs(10), "it took {took:?}");
            assert!(database.read(&7_u64.to_be_bytes()).unwrap().is_some());
        }
    }

    #[test]
    fn an_interrupted_database_still_reads_and_closes() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(directory.path(), &Settings::default(), true).unwrap();
        let mut batch = WriteBatch::default();
        batch.put("k", "v");
        database.write(batch).unwrap();
        database.interrupt();
        let db = database.get().unwrap();
        // What would take minutes ends at once, and without harm.
        db.compact_range(None::<&[u8]>, None::<&[u8]>);
        drop(db);
        assert_eq!(database.read(b"k"), Ok(Some("v".into())));
        assert_eq!(database.sync(), Ok(()));
        assert_eq!(database.reopen(), Ok(()));
        assert_eq!(database.read(b"k"), Ok(Some("v".into())));
    }

    #[test]
    fn knows_a_full_disk_by_rocksdbs_words() {
        assert!(is_out_of_space("IO error: No space left on device: While appending to file: 000004.log"));
        assert!(!is_out_of_space("IO error: Input/output error: While fdatasync: 000004.log"));
    }
}
