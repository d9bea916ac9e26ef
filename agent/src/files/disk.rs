//! Files of the operating system.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::pattern::{Component, FilePattern};
use super::{FileState, Files, Found, Identity, Listing, OpenFile};

/// Directories below one another that `**` looks into. Links may lead in circles.
const DEPTH_MAX: usize = 32;

/// The file system as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFiles;

#[derive(Debug)]
struct DiskFile(File);

impl Files for DiskFiles {
    fn matching(&self, patterns: &[FilePattern]) -> Listing {
        let mut walk = Walk::default();
        for pattern in patterns {
            walk.below(pattern.root(), pattern.components(), 0);
        }
        walk.listing.found.sort_by(|one, other| one.path.cmp(&other.path));
        // A file with several names, by links, is one file.
        let mut seen = HashSet::new();
        walk.listing.found.retain(|found| seen.insert(found.state.identity));
        walk.listing
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        Ok(Arc::new(DiskFile(File::open(path)?)))
    }
}

impl OpenFile for DiskFile {
    fn state(&self) -> io::Result<FileState> {
        Ok(state_of(&self.0.metadata()?))
    }

    fn read_at(&self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; bytes_max];
        let mut read = 0;
        while read < bytes_max {
            match self.0.read_at(&mut bytes[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }
}

fn state_of(metadata: &Metadata) -> FileState {
    let since_epoch = |time: io::Result<std::time::SystemTime>| time.ok()?.duration_since(UNIX_EPOCH).ok();
    let born = since_epoch(metadata.created()).and_then(|born| u64::try_from(born.as_nanos()).ok());
    FileState {
        identity: Identity { device: metadata.dev(), inode: metadata.ino(), born },
        size: metadata.len(),
        modified: since_epoch(metadata.modified()).unwrap_or(Duration::ZERO),
        links: metadata.nlink(),
    }
}

#[derive(Debug, Default)]
struct Walk {
    listing: Listing,
}

/// There is no such file, which is not worth a word.
fn is_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Walk {
    fn below(&mut self, directory: &Path, components: &[Component], depth: usize) {
        let Some((first, rest)) = components.split_first() else { return };
        match first {
            Component::Name(name) => self.enter(directory.join(name), rest, depth),
            Component::Glob(glob) => {
                for path in self.entries(directory) {
                    if path.file_name().is_some_and(|name| glob.is_match(name)) {
                        self.enter(path, rest, depth);
                    }
                }
            }
            Component::AnyDepth => {
                self.below(directory, rest, depth);
                if depth < DEPTH_MAX {
                    for path in self.entries(directory).into_iter().filter(|path| path.is_dir()) {
                        self.below(&path, components, depth + 1);
                    }
                }
            }
        }
    }

    fn enter(&mut self, path: PathBuf, rest: &[Component], depth: usize) {
        if !rest.is_empty() {
            self.below(&path, rest, depth);
        } else if !FilePattern::is_packed(&path) {
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => {
                    self.listing.found.push(Found { path, state: state_of(&metadata) });
                }
                Ok(_) => {}
                // Rotated between two calls, or not there yet.
                Err(error) if is_nowhere(&error) => {}
                Err(error) => self.problem(&path, &error),
            }
        }
    }

    fn entries(&mut self, directory: &Path) -> Vec<PathBuf> {
        let listed = fs::read_dir(directory)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
        match listed {
            Ok(paths) => paths,
            Err(error) if is_nowhere(&error) => Vec::new(),
            Err(error) => {
                self.problem(directory, &error);
                Vec::new()
            }
        }
    }

    fn problem(&mut self, path: &Path, error: &io::Error) {
        self.listing.problems.push(format!("{}: {error}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, pattern: &str) -> Vec<String> {
        let pattern: FilePattern = format!("{}/{pattern}", root.display()).parse().unwrap();
        let listing = DiskFiles.matching(&[pattern]);
        assert_eq!(listing.problems, Vec::<String>::new());
        let name = |found: &Found| found.path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        listing.found.iter().map(name).collect()
    }

    #[test]
    fn patterns_find_files_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in
            ["a/app.log", "a/app.log.1", "a/app.log.2.gz", "b/app.log", "b/deep/er/app.log", "other.txt"]
        {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), name).unwrap();
        }
        fs::create_dir(root.join("a/app.log.d")).unwrap();
        assert_eq!(names(root, "a/app.log"), ["a/app.log"]);
        assert_eq!(names(root, "a/app.log*"), ["a/app.log", "a/app.log.1"]);
        assert_eq!(names(root, "*/app.log"), ["a/app.log", "b/app.log"]);
        assert_eq!(names(root, "{a,b}/app.lo[g]"), ["a/app.log", "b/app.log"]);
        assert_eq!(names(root, "**/app.log"), ["a/app.log", "b/app.log", "b/deep/er/app.log"]);
        assert_eq!(names(root, "?ther.*"), ["other.txt"]);
        assert_eq!(names(root, "nowhere/*.log"), Vec::<String>::new());
    }

    #[test]
    fn a_file_of_two_names_is_one() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("one.log"), "x").unwrap();
        fs::hard_link(directory.path().join("one.log"), directory.path().join("two.log")).unwrap();
        std::os::unix::fs::symlink("one.log", directory.path().join("three.log")).unwrap();
        assert_eq!(names(directory.path(), "*.log"), ["one.log"]);
    }

    #[test]
    fn an_open_file_outlives_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        fs::write(&path, "0123456789").unwrap();
        let file = DiskFiles.open(&path).unwrap();
        let before = file.state().unwrap();
        assert_eq!((before.size, before.links), (10, 1));
        fs::remove_file(&path).unwrap();
        assert_eq!(file.read_at(4, 3).unwrap(), b"456");
        assert_eq!(file.read_at(8, 100).unwrap(), b"89");
        assert_eq!(file.read_at(50, 1).unwrap(), b"");
        let after = file.state().unwrap();
        assert_eq!((after.identity, after.links), (before.identity, 0));
    }
}
