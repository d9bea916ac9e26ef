//! What bad disks, bad operators and bad restores do to a file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::random::Random;

const BLOCK: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    FlipBit,
    /// A run of bytes anywhere.
    ZeroRange,
    /// Whole blocks, as a lost write leaves them.
    ZeroBlocks,
    ZeroAll,
    Truncate,
    /// At a multiple of the block size.
    TruncateAtBlock,
    Empty,
    Delete,
    /// Two blocks of the file change places.
    SwapBlocks,
    /// It changes places with another file of its kind.
    SwapFiles,
    /// It becomes what it was in an older copy.
    Stale,
    /// Bytes are added at its end.
    Extend,
}

impl Damage {
    pub const ALL: [Self; 12] = [
        Self::FlipBit,
        Self::ZeroRange,
        Self::ZeroBlocks,
        Self::ZeroAll,
        Self::Truncate,
        Self::TruncateAtBlock,
        Self::Empty,
        Self::Delete,
        Self::SwapBlocks,
        Self::SwapFiles,
        Self::Stale,
        Self::Extend,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FlipBit => "flipped bit",
            Self::ZeroRange => "zeroed range",
            Self::ZeroBlocks => "zeroed blocks",
            Self::ZeroAll => "zeroed file",
            Self::Truncate => "truncation",
            Self::TruncateAtBlock => "block truncation",
            Self::Empty => "emptied file",
            Self::Delete => "deleted file",
            Self::SwapBlocks => "swapped blocks",
            Self::SwapFiles => "swapped files",
            Self::Stale => "stale file",
            Self::Extend => "extended file",
        }
    }

    /// Damages the file. False when it cannot be damaged so, and nothing was done.
    ///
    /// # Panics
    /// When the file cannot be read or written.
    pub fn apply(self, file: &Path, older: &Path, random: &mut Random) -> bool {
        let before = fs::read(file).expect("a file to damage");
        let mut bytes = before.clone();
        match self {
            Self::Delete => {
                fs::remove_file(file).expect("a file that goes");
                return true;
            }
            Self::SwapFiles => return swap_with_another(file, random),
            Self::Stale => match fs::read(older) {
                Ok(older) => bytes = older,
                Err(_) => return false,
            },
            Self::Extend => {
                let end = bytes.len();
                bytes.resize(end + place(random, BLOCK), 0);
                random.fill(&mut bytes[end..]);
            }
            _ if bytes.is_empty() => return false,
            Self::FlipBit => {
                let at = place(random, bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            Self::ZeroRange => {
                let start = place(random, bytes.len());
                let end = bytes.len().min(start + 1 + place(random, BLOCK));
                bytes[start..end].fill(0);
            }
            Self::ZeroBlocks => {
                let start = place(random, bytes.len()) / BLOCK * BLOCK;
                let end = bytes.len().min(start + BLOCK * (1 + place(random, 16)));
                bytes[start..end].fill(0);
            }
            Self::ZeroAll => bytes.fill(0),
            Self::Truncate => bytes.truncate(place(random, before.len())),
            Self::TruncateAtBlock => bytes.truncate(place(random, before.len()) / BLOCK * BLOCK),
            Self::Empty => bytes.clear(),
            Self::SwapBlocks => swap_blocks(&mut bytes, random),
        }
        fs::write(file, &bytes).expect("a file that is damaged");
        bytes != before
    }
}

fn place(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end.max(1) as u64)).unwrap_or(0)
}

fn swap_blocks(bytes: &mut [u8], random: &mut Random) {
    let blocks = bytes.len() / BLOCK;
    if blocks < 2 {
        return;
    }
    let (first, second) = (place(random, blocks), place(random, blocks));
    let (first, second) = (first.min(second) * BLOCK, first.max(second) * BLOCK);
    if first < second {
        let (low, high) = bytes.split_at_mut(second);
        low[first..first + BLOCK].swap_with_slice(&mut high[..BLOCK]);
    }
}

fn swap_with_another(file: &Path, random: &mut Random) -> bool {
    let directory = file.parent().expect("a file in a directory");
    let mut others = files_of(directory);
    others.retain(|other| other != file && kind_of(other) == kind_of(file));
    if others.is_empty() {
        return false;
    }
    let other = random.pick(&others);
    let (mine, theirs) = (fs::read(file).expect("a file"), fs::read(other).expect("a file"));
    fs::write(file, &theirs).expect("a file");
    fs::write(other, &mine).expect("a file");
    mine != theirs
}

/// All files below a directory, in order.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn files_of(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_of(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// What the file is to the server.
#[must_use]
pub fn kind_of(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let directory = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match file.extension().and_then(|end| end.to_str()) {
        Some("log") => "WAL".to_owned(),
        _ if directory == Some("tls") => "tls".to_owned(),
        Some(end @ ("sst" | "blob")) => end.to_owned(),
        _ => name.split(['-', '.']).next().unwrap_or(name).to_owned(),
    }
}
