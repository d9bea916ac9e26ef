//! Takes a directory into possession: whether it holds a store, and what must be durable before one is made.
//!
//! Nothing is read or written before the directory is locked, for a store in use looks like one that a crash
//! left behind.
//!
//! The anchor comes first: from then on a store that is not found is one that was lost, however early the
//! making of it was cut short. Epoch 0 in the anchor says that nothing was ever acknowledged.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use millstream_runtime::{Entropy, SystemEntropy};

use super::slot::io_failure;
use crate::anchor::{Anchor, AnchorFiles};
use crate::error::{Error, Result};

/// What was there before the store was opened.
#[derive(Debug)]
pub(super) struct Found {
    /// Locked as long as it is open.
    pub(super) owned: File,
    /// Missing only when a store is there that has lost its anchor.
    pub(super) anchor: Option<Anchor>,
}

impl Found {
    /// Nothing was ever acknowledged, so a store may be made.
    pub(super) fn is_new(&self) -> bool {
        self.anchor.as_ref().is_some_and(|anchor| anchor.epoch == 0)
    }
}

/// Makes the directory and, if there is nothing in it, the first anchor.
pub(super) fn prepare(directory: &Path, files: &AnchorFiles) -> Result<Found> {
    let failure = |error| io_failure(directory, &error);
    make_directory(directory).map_err(failure)?;
    let owned = own(directory)?;
    let mut found = Found { owned, anchor: files.read().map_err(failure)? };
    if found.anchor.is_none() && !holds_store(directory).map_err(failure)? {
        let store = <dyn Entropy>::bytes(&SystemEntropy);
        let first = Anchor { generation: 1, store, ..Anchor::default() };
        files.write(&first).map_err(failure)?;
        found.anchor = Some(first);
    }
    // Said here, because RocksDB would name only what it would have done.
    if !found.is_new() && !directory.join("CURRENT").exists() {
        let what = format!(
            "{}: the file CURRENT, which names the store's other files, is gone",
            directory.display()
        );
        return Err(Error::Lost { what });
    }
    Ok(found)
}

/// RocksDB locks the directory as well, but only when it opens.
fn own(directory: &Path) -> Result<File> {
    let path = directory.join("OWNER");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| io_failure(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::Failed { reason: format!("{} is in use by another process", directory.display()) })
        }
        Err(fs::TryLockError::Error(error)) => Err(io_failure(&path, &error)),
    }
}

/// Makes the directory, and makes sure that a power cut does not take it back.
fn make_directory(directory: &Path) -> io::Result<()> {
    let missing = directory.ancestors().take_while(|above| !above.exists()).count();
    fs::create_dir_all(directory)?;
    // Two even if they were there: an earlier start may have been cut short between making and syncing.
    for above in directory.ancestors().skip(1).take(missing.max(2)) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match File::open(above).and_then(|above| above.sync_all()) {
            // Above what is ours there may be directories that we may not read, and have not made.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            other => other?,
        }
    }
    Ok(())
}

/// Whether RocksDB's files are there, or what is left of them.
fn holds_store(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let is_data = [".log", ".sst", ".blob"].iter().any(|end| name.ends_with(end));
        if is_data || name == "CURRENT" || name.starts_with("MANIFEST-") {
            return Ok(true);
        }
    }
    Ok(false)
}
