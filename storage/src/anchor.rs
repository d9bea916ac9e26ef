//! Remembers outside RocksDB how far its write-ahead log was durable.
//!
//! RocksDB cannot tell a write-ahead log that lost its end (or all of itself) from one that never was
//! longer. The anchor can: two small files, written in turn and each with a checksum, so that a torn write
//! of one leaves the other. It is synced at most a second after the data it speaks of, and never before.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, Bytes};

use crate::slot::Marks;

const FILES: [&str; 2] = ["ANCHOR-A", "ANCHOR-B"];
const MAGIC: &[u8; 8] = b"MSANCHOR";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 4;

/// What is known to have been durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Rises with every write of the anchor; the higher of the two files counts.
    pub(crate) generation: u64,
    /// Random, made with the store; tells another store's anchor from ours.
    pub(crate) store: [u8; 16],
    pub(crate) epoch: u64,
    /// RocksDB's sequence number behind the last durable batch.
    pub(crate) sequence: u64,
    pub(crate) marks: Marks,
}

/// The two files in their directory.
#[derive(Debug)]
pub(crate) struct AnchorFiles {
    paths: [PathBuf; 2],
}

impl AnchorFiles {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { paths: FILES.map(|name| directory.join(name)) }
    }

    /// The newest valid anchor, or `None` when no valid one is there.
    pub(crate) fn read(&self) -> io::Result<Option<Anchor>> {
        let mut newest: Option<Anchor> = None;
        for path in &self.paths {
            let mut bytes = Vec::new();
            match File::open(path) {
                Ok(mut file) => file.read_to_end(&mut bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match Anchor::decode(&bytes) {
                Some(anchor) if newest.as_ref().is_none_or(|n| n.generation < anchor.generation) => {
                    newest = Some(anchor);
                }
                Some(_) => {}
                None => {
                    tracing::warn!(path = %path.display(), "an anchor file is damaged; the other is used");
                }
            }
        }
        Ok(newest)
    }

    /// Writes and syncs the file whose turn it is by the anchor's generation.
    pub(crate) fn write(&self, anchor: &Anchor) -> io::Result<()> {
        let path = &self.paths[usize::from(anchor.generation % 2 == 1)];
        let is_new = !path.exists();
        let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
        let bytes = anchor.encode();
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_data()?;
        if let Some(directory) = path.parent().filter(|_| is_new) {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

impl Anchor {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.marks.len() * 40);
        bytes.put_slice(MAGIC);
        bytes.put_u16(VERSION);
        bytes.put_u64(self.generation);
        bytes.put_slice(&self.store);
        bytes.put_u64(self.epoch);
        bytes.put_u64(self.sequence);
        bytes.put_u64(self.marks.len() as u64);
        for (name, value) in &self.marks {
            put_sized(&mut bytes, name);
            put_sized(&mut bytes, value);
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.put_u32(checksum);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut body, mut checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if crc32fast::hash(body) != checksum.try_get_u32().ok()? {
            return None;
        }
        let mut magic = [0; MAGIC.len()];
        body.try_copy_to_slice(&mut magic).ok()?;
        if &magic != MAGIC || body.try_get_u16().ok()? != VERSION {
            return None;
        }
        let mut anchor = Self { generation: body.try_get_u64().ok()?, ..Self::default() };
        body.try_copy_to_slice(&mut anchor.store).ok()?;
        anchor.epoch = body.try_get_u64().ok()?;
        anchor.sequence = body.try_get_u64().ok()?;
        for _ in 0..body.try_get_u64().ok()? {
            let name = get_sized(&mut body)?;
            anchor.marks.insert(name, get_sized(&mut body)?);
        }
        body.is_empty().then_some(anchor)
    }
}

fn put_sized(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
    bytes.put_slice(part);
}

fn get_sized(bytes: &mut &[u8]) -> Option<Bytes> {
    let length = bytes.try_get_u32().ok()? as usize;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Bytes::copy_from_slice(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anchor(generation: u64) -> Anchor {
        let marks = [("shard-1", "17"), ("shard-2", "")].map(|(n, v)| (n.into(), v.into()));
        Anchor { generation, store: [7; 16], epoch: 3, sequence: 900 + generation, marks: marks.into() }
    }

    #[test]
    fn the_newest_valid_file_counts() {
        let directory = tempfile::tempdir().unwrap();
        let files = AnchorFiles::new(directory.path());
        assert_eq!(files.read().unwrap(), None);
        for generation in 1..=4 {
            files.write(&anchor(generation)).unwrap();
        }
        assert_eq!(files.read().unwrap(), Some(anchor(4)));
        std::fs::write(directory.path().join(FILES[0]), b"torn").unwrap();
        assert_eq!(files.read().unwrap(), Some(anchor(3)));
        std::fs::write(directory.path().join(FILES[1]), b"").unwrap();
        assert_eq!(files.read().unwrap(), None);
    }

    #[test]
    fn a_shorter_anchor_replaces_a_longer_one() {
        let directory = tempfile::tempdir().unwrap();
        let files = AnchorFiles::new(directory.path());
        files.write(&anchor(2)).unwrap();
        let short = Anchor { marks: Marks::new(), ..anchor(4) };
        files.write(&short).unwrap();
        assert_eq!(files.read().unwrap(), Some(short));
    }

    proptest! {
        #[test]
        fn round_trips(generation: u64, store: [u8; 16], epoch: u64, sequence: u64,
                       marks in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..9)) {
            let marks = marks.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
            let anchor = Anchor { generation, store, epoch, sequence, marks };
            prop_assert_eq!(Anchor::decode(&anchor.encode()), Some(anchor));
        }

        #[test]
        fn one_changed_bit_is_noticed(bit in 0_usize..1000) {
            let mut bytes = anchor(5).encode();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Anchor::decode(&bytes), None);
        }

        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Anchor::decode(&bytes), None);
        }
    }
}
