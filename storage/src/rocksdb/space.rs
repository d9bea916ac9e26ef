//! Keeps the disk from filling up under RocksDB's feet.
//!
//! RocksDB that runs out of space in a write or a flush refuses all further writes until it is opened
//! again. So a batch is let in only while the disk has room for it in the log, for its copy at the next
//! flush, for all that waits to be flushed already, and for a reserve out of which trimming can work.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::write_set::Priority;

/// Log and flushed copy.
const COPIES: u64 = 2;
/// Enough for RocksDB to open: a new log, a new manifest, a small table.
const PROBE_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct SpaceGuard {
    directory: PathBuf,
    reserve_bytes: u64,
}

impl SpaceGuard {
    pub(super) fn new(directory: PathBuf, reserve_bytes: u64) -> Self {
        Self { directory, reserve_bytes }
    }

    /// Whether `batch_bytes` more may be written while `unflushed_bytes` wait in memory.
    pub(super) fn admit(&self, batch_bytes: u64, unflushed_bytes: u64, priority: Priority) -> Result<()> {
        let reserve = match priority {
            Priority::Normal => self.reserve_bytes,
            Priority::Reclaim => 0,
        };
        let needed = batch_bytes * COPIES + unflushed_bytes + reserve;
        let free = self.free_bytes()?;
        if free < needed { Err(Error::NoSpace { free, needed }) } else { Ok(()) }
    }

    /// Writes a file and removes it: a quota may leave less room than the file system says.
    pub(super) fn try_writing(&self) -> Result<()> {
        let path = self.directory.join("SPACE-PROBE");
        let written = fs::File::create(&path).and_then(|mut file| {
            file.write_all(&[0xa5; PROBE_BYTES])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&path);
        let tried = written.and(removed);
        tried.map_err(|error| Error::Uncertain { reason: format!("{}: {error}", path.display()) })
    }

    /// Bytes that this process may still write.
    fn free_bytes(&self) -> Result<u64> {
        let stat = rustix::fs::statvfs(&self.directory)
            .map_err(|error| Error::Failed { reason: format!("{}: {error}", self.directory.display()) })?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_that_it_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        let guard = |directory| SpaceGuard::new(directory, 0);
        assert_eq!(guard(directory.path().into()).try_writing(), Ok(()));
        assert!(guard(directory.path().join("gone")).try_writing().is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn lets_in_what_fits_and_keeps_the_reserve_for_reclaiming() {
        let guard = SpaceGuard::new(std::env::temp_dir(), u64::MAX / 4);
        assert!(matches!(guard.admit(1, 0, Priority::Normal), Err(Error::NoSpace { .. })));
        assert_eq!(guard.admit(1, 0, Priority::Reclaim), Ok(()));
        assert!(matches!(guard.admit(1, u64::MAX / 4, Priority::Reclaim), Err(Error::NoSpace { .. })));
    }
}
