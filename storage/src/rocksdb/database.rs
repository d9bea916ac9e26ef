//! The open RocksDB, replaceable while the slot lives, and the translation of its errors.
//!
//! RocksDB that ran out of space refuses writes until it is opened anew. Readers take the handle for one
//! call and give it back, so that [`Database::reopen`] can.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use rocksdb::{DB, WriteBatch, WriteOptions};
use rustix::fs::{Mode, OFlags};

use super::options::{self, Settings};
use crate::error::{Error, Result};

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

    /// The handle for one call.
    pub(super) fn get(&self) -> Result<Arc<DB>> {
        self.db.read().clone().ok_or(Error::Closed)
    }

    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let value = self.get()?.get(key).map_err(|error| read_error(&error, key))?;
        Ok(value.map(Bytes::from))
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

    /// Closes RocksDB and opens it again, which makes durable whatever its log holds. Waits for the calls
    /// that are under way. When it fails, nothing can be read until a later try succeeds.
    pub(super) fn reopen(&self) -> Result<()> {
        let mut db = self.db.write();
        if let Some(open) = db.take() {
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
    fn knows_a_full_disk_by_rocksdbs_words() {
        assert!(is_out_of_space("IO error: No space left on device: While appending to file: 000004.log"));
        assert!(!is_out_of_space("IO error: Input/output error: While fdatasync: 000004.log"));
    }
}
