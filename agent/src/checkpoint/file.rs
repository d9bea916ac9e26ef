//! A checkpoint in a file of its own.
//!
//! The file is replaced as a whole: written beside it, made durable, renamed, and the directory made durable. A second
//! file beside it is locked while an agent runs, because a lock on the checkpoint would go with the file that it replaces.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::CheckpointStore;
use crate::error::{Error, Result};

/// The only user of a checkpoint.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    /// Held for its lock.
    _lock: File,
}

impl CheckpointFile {
    /// Takes hold of the checkpoint, which need not be there yet.
    ///
    /// # Errors
    /// [`Error::InUse`] if another agent has it, [`Error::File`] if there is no place for it.
    pub fn open(path: &Path) -> Result<Self> {
        let failure = |path: &Path, error| Error::File { path: path.to_owned(), error };
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(|error| failure(directory, error))?;
        }
        let lock_path = beside(path, ".lock");
        let lock = File::options().write(true).create(true).truncate(false).open(&lock_path);
        let lock = lock.map_err(|error| failure(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
            Err(fs::TryLockError::Error(error)) => Err(failure(&lock_path, error)),
        }
    }
}

impl CheckpointStore for CheckpointFile {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn save(&self, bytes: &[u8]) -> io::Result<()> {
        let new = beside(&self.path, ".new");
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn name(&self) -> PathBuf {
        self.path.clone()
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_one_agent_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("below/agent.checkpoint");
        let file = CheckpointFile::open(&path).unwrap();
        assert_eq!(file.load().unwrap(), None);
        file.save(b"one").unwrap();
        file.save(b"two").unwrap();
        assert!(matches!(CheckpointFile::open(&path), Err(Error::InUse { .. })));
        drop(file);
        let file = CheckpointFile::open(&path).unwrap();
        assert_eq!(file.load().unwrap().unwrap(), b"two");
        assert!(!beside(&path, ".new").exists());
    }
}
