//! Keeps the disk from filling up under RocksDB's feet.
//!
//! RocksDB that runs out of space in a write or a flush refuses all further writes until it is opened
//! again. So a batch is let in only while the disk has room for it in the log, for its copy at the next
//! flush, for all that waits to be flushed already, and for a reserve out of which trimming can work.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::write_set::Priority;

/// Log and flushed copy.
const COPIES: u64 = 2;

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
    fn lets_in_what_fits_and_keeps_the_reserve_for_reclaiming() {
        let guard = SpaceGuard::new(std::env::temp_dir(), u64::MAX / 4);
        assert!(matches!(guard.admit(1, 0, Priority::Normal), Err(Error::NoSpace { .. })));
        assert_eq!(guard.admit(1, 0, Priority::Reclaim), Ok(()));
        assert!(matches!(guard.admit(1, u64::MAX / 4, Priority::Reclaim), Err(Error::NoSpace { .. })));
    }
}
