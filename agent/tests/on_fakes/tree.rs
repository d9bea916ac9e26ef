//! Files in memory: names, inodes that are given again once nobody has them, and births that a file system may not keep.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millstream_agent::files::{FilePattern, FileState, Files, Found, Identity, Listing, OpenFile};
use millstream_runtime::{Clock, ManualClock};
use parking_lot::Mutex;

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    state: Arc<Mutex<State>>,
    clock: ManualClock,
    keeps_births: bool,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, Node>,
    /// Numbers that are in use.
    inodes: Vec<Node>,
}

/// A file, named or open.
pub(crate) type Node = Arc<Inode>;

#[derive(Debug)]
pub(crate) struct Inode {
    number: u64,
    born: Option<u64>,
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    bytes: Vec<u8>,
    modified: Duration,
    links: u64,
}

#[derive(Debug)]
struct Handle(Node);

impl Tree {
    pub(crate) fn new(clock: &ManualClock, keeps_births: bool) -> Self {
        Self { state: Arc::default(), clock: clock.clone(), keeps_births }
    }

    /// Makes a file, with the lowest number that nobody has.
    pub(crate) fn create(&self, path: &str) -> Node {
        let mut state = self.state.lock();
        // One for the list itself.
        state.inodes.retain(|node| node.content.lock().links > 0 || Arc::strong_count(node) > 1);
        let is_taken = |number: u64| state.inodes.iter().any(|node| node.number == number);
        let number = (1..).find(|number| !is_taken(*number)).unwrap();
        let now = self.clock.now();
        let born = self.keeps_births.then(|| u64::try_from(now.as_nanos()).unwrap());
        let content = Mutex::new(Content { bytes: Vec::new(), modified: now, links: 1 });
        let node = Arc::new(Inode { number, born, content });
        state.inodes.push(node.clone());
        if let Some(old) = state.names.insert(path.into(), node.clone()) {
            old.content.lock().links -= 1;
        }
        node
    }

    pub(crate) fn append(&self, node: &Node, bytes: &[u8]) {
        let mut content = node.content.lock();
        content.bytes.extend(bytes);
        content.modified = self.clock.now();
    }

    pub(crate) fn truncate(&self, node: &Node) {
        let mut content = node.content.lock();
        content.bytes.clear();
        content.modified = self.clock.now();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        let mut state = self.state.lock();
        let node = state.names.remove(Path::new(from)).unwrap();
        if let Some(old) = state.names.insert(to.into(), node) {
            old.content.lock().links -= 1;
        }
    }

    pub(crate) fn remove(&self, path: &str) {
        let node = self.state.lock().names.remove(Path::new(path)).unwrap();
        node.content.lock().links -= 1;
    }

    pub(crate) fn bytes(&self, node: &Node) -> Vec<u8> {
        node.content.lock().bytes.clone()
    }

    /// Handles that are open of a file.
    pub(crate) fn opened(&self, node: &Node) -> usize {
        let is_named = self.state.lock().names.values().filter(|other| Arc::ptr_eq(node, other)).count();
        // The caller's, and the list's.
        Arc::strong_count(node) - is_named - 2
    }
}

fn state_of(node: &Node) -> FileState {
    let content = node.content.lock();
    FileState {
        identity: Identity { device: 1, inode: node.number, born: node.born },
        size: content.bytes.len() as u64,
        modified: content.modified,
        links: content.links,
    }
}

impl Files for Tree {
    fn matching(&self, patterns: &[FilePattern]) -> Listing {
        let state = self.state.lock();
        let is_meant = |path: &Path| patterns.iter().any(|pattern| pattern.is_match(path));
        let found = state.names.iter().filter(|(path, _)| is_meant(path));
        let found = found.map(|(path, node)| Found { path: path.clone(), state: state_of(node) });
        Listing { found: found.collect(), problems: Vec::new() }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        let state = self.state.lock();
        let node = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Handle(node.clone())))
    }

    fn blocks(&self) -> bool {
        false
    }
}

impl OpenFile for Handle {
    fn state(&self) -> io::Result<FileState> {
        Ok(state_of(&self.0))
    }

    fn read_at(&self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let content = self.0.content.lock();
        let from = usize::try_from(offset).unwrap().min(content.bytes.len());
        let until = (from + bytes_max).min(content.bytes.len());
        Ok(content.bytes[from..until].to_vec())
    }
}
