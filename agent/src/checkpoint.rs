//! How far each file was put, as it is kept on disk.
//!
//! A checkpoint is a line that names the format, the length and the checksum of what follows, and JSON. A file is known
//! again by where the file system keeps it and by what it holds: the beginning of its content, and the bytes just before
//! the place. So content that was exchanged under the same number is never taken for what was read, and a copy of what
//! was read is not taken for something new. What is not whole is refused, never passed over.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

pub use self::file::CheckpointFile;
use crate::files::Identity;
use crate::splitting::{Cut, Within};

/// Bytes at the beginning of a file that tell it from others.
pub(crate) const HEAD_BYTES: u64 = 1024;
/// Bytes before a place that tell that the place is still what it was.
pub(crate) const ANCHOR_BYTES: usize = 256;
const TITLE: &str = "millstream-agent-checkpoint";
const VERSION: u32 = 1;

/// Where a checkpoint is kept.
pub trait CheckpointStore: fmt::Debug + Send + Sync {
    /// What was saved last, or `None` if nothing ever was.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    fn load(&self) -> io::Result<Option<Vec<u8>>>;

    /// Takes the place of what was saved before: after a crash either of them is there, whole.
    ///
    /// # Errors
    /// If it is not known to be durable.
    fn save(&self, bytes: &[u8]) -> io::Result<()>;

    /// What it is called, for messages.
    fn name(&self) -> std::path::PathBuf;

    /// Whether calls may take long enough to keep a task's thread from others.
    fn blocks(&self) -> bool {
        true
    }
}

/// A number of bytes and their checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub(crate) struct Print {
    pub(crate) bytes: u32,
    pub(crate) crc: u32,
}

/// A place in a file between two records, or within one that was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// What is right before it.
    pub(crate) anchor: Print,
    pub(crate) within: Within,
}

/// How far a file was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// For people, and for what belongs together.
    pub(crate) path: String,
    pub(crate) identity: Identity,
    /// What it begins with.
    pub(crate) head: Print,
    pub(crate) place: Place,
    /// When it was last there, in seconds since the Unix epoch.
    pub(crate) seen: u64,
    /// The file holds something else by now; a copy of what it held may still turn up.
    pub(crate) is_gone: bool,
}

/// What all flows have put, by their names. A flow that is not in it has never run.
pub(crate) type Checkpoint = BTreeMap<String, Vec<Entry>>;

/// It is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoint {
    #[error("it is not a checkpoint of this agent")]
    Foreign,
    #[error("it is of version {0}, which this program does not know")]
    Version(u32),
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Print {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX), crc: crc32fast::hash(bytes) }
    }

    /// The print of these bytes and others behind them.
    pub(crate) fn and(self, more: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.crc);
        hasher.update(more);
        Self { bytes: self.bytes + u32::try_from(more.len()).unwrap_or(u32::MAX), crc: hasher.finalize() }
    }

    /// As a length in memory.
    pub(crate) fn len(self) -> usize {
        self.bytes as usize
    }
}

impl From<(u32, u32)> for Print {
    fn from((bytes, crc): (u32, u32)) -> Self {
        Self { bytes, crc }
    }
}

impl From<Print> for (u32, u32) {
    fn from(Print { bytes, crc }: Print) -> Self {
        (bytes, crc)
    }
}

impl Place {
    /// The beginning of a file.
    pub(crate) fn start(header_lines: u32) -> Self {
        let within = Within { header_lines, cut: Cut::Nothing };
        Self { offset: 0, anchor: Print::default(), within }
    }
}

/// The form of an entry in the file.
#[derive(Serialize, Deserialize)]
struct Row {
    path: String,
    device: u64,
    inode: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<u64>,
    offset: u64,
    head: Print,
    anchor: Print,
    #[serde(default, skip_serializing_if = "is_default")]
    header_lines: u32,
    /// 1 within a line that was cut, 2 between the lines of a record that was.
    #[serde(default, skip_serializing_if = "is_default")]
    cut: u8,
    seen: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    gone: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        let Entry { path, identity, head, place, seen, is_gone } = entry;
        let cut = match place.within.cut {
            Cut::Nothing => 0,
            Cut::Line => 1,
            Cut::Lines => 2,
        };
        Self {
            path: path.clone(),
            device: identity.device,
            inode: identity.inode,
            born: identity.born,
            offset: place.offset,
            head: *head,
            anchor: place.anchor,
            header_lines: place.within.header_lines,
            cut,
            seen: *seen,
            gone: *is_gone,
        }
    }
}

impl TryFrom<Row> for Entry {
    type Error = InvalidCheckpoint;

    fn try_from(row: Row) -> Result<Self, InvalidCheckpoint> {
        let damaged = |what: &str| Err(InvalidCheckpoint::Damaged(format!("{}: {what}", row.path)));
        let cut = match row.cut {
            0 => Cut::Nothing,
            1 => Cut::Line,
            2 => Cut::Lines,
            _ => return damaged("there is no such cut"),
        };
        let is_within = u64::from(row.anchor.bytes) <= row.offset && row.anchor.len() <= ANCHOR_BYTES;
        if !is_within || u64::from(row.head.bytes) > HEAD_BYTES {
            return damaged("more bytes are known than there are");
        }
        Ok(Self {
            identity: Identity { device: row.device, inode: row.inode, born: row.born },
            head: row.head,
            place: Place {
                offset: row.offset,
                anchor: row.anchor,
                within: Within { header_lines: row.header_lines, cut },
            },
            seen: row.seen,
            is_gone: row.gone,
            path: row.path,
        })
    }
}

pub(crate) fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    let rows = |entries: &Vec<Entry>| entries.iter().map(Row::from).collect::<Vec<_>>();
    let rows: BTreeMap<&String, Vec<Row>> = checkpoint.iter().map(|(flow, of)| (flow, rows(of))).collect();
    // Maps with texts for keys, and numbers, always have a form in JSON.
    let body = serde_json::to_vec(&rows).unwrap_or_default();
    let mut bytes = format!("{TITLE} {VERSION} {:08x} {}\n", crc32fast::hash(&body), body.len()).into_bytes();
    bytes.extend(body);
    bytes.push(b'\n');
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Checkpoint, InvalidCheckpoint> {
    let damaged = |what: &str| InvalidCheckpoint::Damaged(what.to_owned());
    if bytes.is_empty() {
        return Err(damaged("it is empty"));
    }
    let end = bytes.iter().take(200).position(|byte| *byte == b'\n').ok_or(InvalidCheckpoint::Foreign)?;
    let title = std::str::from_utf8(&bytes[..end]).map_err(|_| InvalidCheckpoint::Foreign)?;
    let words: Vec<_> = title.split(' ').collect();
    let &[TITLE, version, crc, length] = words.as_slice() else { return Err(InvalidCheckpoint::Foreign) };
    let version = version.parse().map_err(|_| damaged("its version is no number"))?;
    if version != VERSION {
        return Err(InvalidCheckpoint::Version(version));
    }
    let crc = u32::from_str_radix(crc, 16).map_err(|_| damaged("its checksum is no number"))?;
    let length: usize = length.parse().map_err(|_| damaged("its length is no number"))?;
    let body = bytes[end + 1..].strip_suffix(b"\n").filter(|body| body.len() == length);
    let body = body.ok_or_else(|| damaged("it is shorter or longer than it says"))?;
    if crc32fast::hash(body) != crc {
        return Err(damaged("its checksum is another"));
    }
    let rows: BTreeMap<String, Vec<Row>> =
        serde_json::from_slice(body).map_err(|error| InvalidCheckpoint::Damaged(error.to_string()))?;
    let entries = |rows: Vec<Row>| rows.into_iter().map(Entry::try_from).collect::<Result<Vec<_>, _>>();
    rows.into_iter().map(|(flow, rows)| Ok((flow, entries(rows)?))).collect()
}

#[cfg(test)]
mod tests;
