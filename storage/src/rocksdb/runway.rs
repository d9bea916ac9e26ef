//! Zeros between the end of the write-ahead log and the end of its file.
//!
//! A sync of what was appended also has to store the new length of the file, which lies elsewhere on the disk. A sync of
//! bytes that took the place of others does not: it takes 105 µs instead of 190 (medians of 2,000 of 4 KiB, ext4 without
//! a journal on a virtual disk). So while batches are small, the writer puts zeros behind the log, and RocksDB, which
//! knows where it is, writes over them.
//!
//! Invariant: nothing is ever overwritten here. Zeros are appended, at the end that the file has while the kernel holds
//! its lock; where RocksDB is, is only estimated, and a wrong estimate costs time and nothing else. RocksDB cuts off
//! what is left of them when it closes a log, and [`log_end`](super::log_end) when that has not come to pass.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::log_end;
use super::slot::io_failure;
use super::writer::SMALL_BYTES_MAX;
use crate::error::Result;

/// So many zeros at once: enough for fifty groups of conditional updates, few enough not to be felt by the one whose sync
/// writes them.
const STRETCH: usize = 256 * 1024;
const ZEROS: &[u8; STRETCH] = &[0; STRETCH];

/// So many small batches in a row are taken for a sign that more come. What the sync of a larger one takes, it does not
/// take for the length of the file.
const SMALL_MIN: u32 = 8;

/// What RocksDB's log adds to a batch.
const HEADER: usize = 7;

#[derive(Debug)]
pub(super) struct Runway {
    directory: PathBuf,
    log: Option<(PathBuf, File)>,
    /// Zeros that RocksDB has not come to yet, about.
    left: usize,
    small_in_a_row: u32,
}

impl Runway {
    /// For the logs in a directory of RocksDB's.
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.into(), log: None, left: 0, small_in_a_row: 0 }
    }

    /// To be called before a batch of so many bytes is written, by whoever writes it. An error is the disk's, and as bad as
    /// one in the writing of the batch.
    pub(super) fn prepare(&mut self, bytes: usize) -> Result<()> {
        self.small_in_a_row =
            if bytes <= SMALL_BYTES_MAX { self.small_in_a_row.saturating_add(1) } else { 0 };
        let bytes = bytes + HEADER;
        if bytes <= self.left {
            self.left -= bytes;
            return Ok(());
        }
        self.left = 0;
        if self.small_in_a_row < SMALL_MIN {
            return Ok(());
        }
        // Also when there is no room, so that the next try is not at once.
        self.left = STRETCH - bytes;
        match self.extend() {
            Err(error) if !is_harmless(&error) => Err(io_failure(&self.directory, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn extend(&mut self) -> io::Result<()> {
        let Some(newest) = log_end::newest_log(&self.directory)? else { return Ok(()) };
        let mut log = match self.log.take() {
            Some((path, log)) if path == newest => log,
            _ => File::options().append(true).open(&newest)?,
        };
        log.write_all(ZEROS)?;
        self.log = Some((newest, log));
        Ok(())
    }
}

/// On a full disk the batch itself may yet have room, in what RocksDB has reserved. A log that is gone is one that RocksDB
/// has closed.
fn is_harmless(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, QuotaExceeded, StorageFull};
    matches!(error.kind(), NotFound | QuotaExceeded | StorageFull)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sizes(directory: &Path, names: [&str; 2]) -> [u64; 2] {
        names.map(|name| fs::metadata(directory.join(name)).map_or(0, |log| log.len()))
    }

    #[test]
    fn zeros_come_behind_the_newest_log_as_they_are_used_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let sizes = || sizes(path, ["000009.log", "000010.log"]);
        let mut runway = Runway::new(path);
        (0..SMALL_MIN).for_each(|_| runway.prepare(1).unwrap());
        assert_eq!(sizes(), [0, 0], "there is no log");
        fs::write(path.join("000009.log"), "written").unwrap();
        let used_up = |runway: &mut Runway| (0..5).for_each(|_| runway.prepare(STRETCH / 5).unwrap());
        used_up(&mut runway);
        let stretch = STRETCH as u64;
        assert_eq!(sizes(), [7 + stretch, 0]);
        used_up(&mut runway);
        assert_eq!(sizes(), [7 + 2 * stretch, 0]);
        fs::write(path.join("000010.log"), "").unwrap();
        used_up(&mut runway);
        assert_eq!(sizes(), [7 + 2 * stretch, stretch]);
        let log = fs::read(path.join("000009.log")).unwrap();
        assert!(log.starts_with(b"written") && log[7..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn large_batches_get_none_nor_those_between_them() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("000009.log"), "").unwrap();
        let size = || sizes(directory.path(), ["000009.log"; 2])[0];
        let mut runway = Runway::new(directory.path());
        for _ in 0..100 {
            (1..SMALL_MIN).for_each(|_| runway.prepare(SMALL_BYTES_MAX).unwrap());
            runway.prepare(SMALL_BYTES_MAX + 1).unwrap();
        }
        assert_eq!(size(), 0);
        (0..SMALL_MIN).for_each(|_| runway.prepare(SMALL_BYTES_MAX).unwrap());
        assert_eq!(size(), STRETCH as u64);
    }

    #[test]
    fn only_a_full_disk_is_no_failure() {
        let directory = tempfile::tempdir().unwrap();
        let mut runway = Runway::new(directory.path());
        let mut prepared = || (0..SMALL_MIN).try_for_each(|_| runway.prepare(SMALL_BYTES_MAX));
        std::os::unix::fs::symlink("/dev/full", directory.path().join("000008.log")).unwrap();
        assert_eq!(prepared(), Ok(()));
        fs::create_dir(directory.path().join("000009.log")).unwrap();
        assert!(prepared().is_err(), "a directory cannot be written to");
    }
}
