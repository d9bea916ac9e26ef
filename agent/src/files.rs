//! What the agent sees of files, behind two traits: which there are, what they are, what is in them.
//!
//! A file is known by where the file system keeps it, not by its name, which changes when it is rotated. All calls block
//! and belong on the runtime's blocking threads, unless an implementation says that it never does. What is in files is
//! bytes; lines are not known here.

mod disk;
mod pattern;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use self::disk::DiskFiles;
pub use self::pattern::{FilePattern, InvalidPattern};

/// Finds and opens files.
pub trait Files: fmt::Debug + Send + Sync {
    /// The files that there are now, each once, by any of its names.
    fn matching(&self, patterns: &[FilePattern]) -> Listing;

    /// # Errors
    /// If the file is not there, or may not be read.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>>;

    /// Whether calls may take long enough to keep a task's thread from others.
    fn blocks(&self) -> bool {
        true
    }
}

/// A file that stays readable while this is held, whatever it is called meanwhile, and when it is removed.
pub trait OpenFile: fmt::Debug + Send + Sync {
    /// # Errors
    /// If the file system does not say.
    fn state(&self) -> io::Result<FileState>;

    /// Up to so many bytes from a place on; fewer only where the file ends.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn read_at(&self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>>;
}

/// By what the file system knows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
    /// Nanoseconds since the Unix epoch, where the file system keeps it: an inode's number is given again to another file.
    pub born: Option<u64>,
}

/// What a file is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    pub identity: Identity,
    /// Bytes.
    pub size: u64,
    /// Since the Unix epoch.
    pub modified: Duration,
    /// Names that it has; 0 once it is removed.
    pub links: u64,
}

/// A file that matches a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub state: FileState,
}

/// What a look at the file system gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By their paths.
    pub found: Vec<Found>,
    /// Directories that could not be looked into, and why.
    pub problems: Vec<String>,
}
