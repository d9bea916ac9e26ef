//! The partition keys of a container as it is filled: each is encoded once and found again by its text.
//!
//! A key is kept nowhere but in its encoded field, so a new one costs no allocation of its own.

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::wire::put_bytes_field;

#[derive(Clone, Debug, Default)]
pub(super) struct KeyTable {
    /// The fields of the message's table.
    encoded: Vec<u8>,
    entries: Vec<Entry>,
    /// Indexes of entries, by hash.
    index: HashTable<usize>,
    /// Keys may come from anybody: which of them collide is not to be foreseen, because it is seeded anew each time.
    hasher: RandomState,
}

#[derive(Clone, Debug)]
struct Entry {
    hash: u64,
    /// Where in `encoded` the key is.
    text: Range<usize>,
}

impl KeyTable {
    /// An empty one with room for so many keys, of so many bytes as they are encoded.
    pub(super) fn with_room(keys: usize, bytes: usize) -> Self {
        Self {
            encoded: Vec::with_capacity(bytes),
            entries: Vec::with_capacity(keys),
            index: HashTable::with_capacity(keys),
            hasher: RandomState::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    pub(super) fn first(&self) -> Option<&str> {
        std::str::from_utf8(self.text(self.entries.first()?)).ok()
    }

    /// The key's hash, for [`Self::insert`], and its index if it is there.
    pub(super) fn find(&self, key: &str) -> (u64, Option<usize>) {
        let hash = self.hasher.hash_one(key);
        let is_it = |&index: &usize| {
            let entry = &self.entries[index];
            entry.hash == hash && self.text(entry) == key.as_bytes()
        };
        (hash, self.index.find(hash, is_it).copied())
    }

    /// Adds a key that is not there, and gives its index.
    pub(super) fn insert(&mut self, hash: u64, key: &str) -> usize {
        put_bytes_field(1, key.as_bytes(), &mut self.encoded);
        let end = self.encoded.len();
        let index = self.entries.len();
        self.entries.push(Entry { hash, text: end - key.len()..end });
        let entries = &self.entries;
        self.index.insert_unique(hash, index, |&index| entries[index].hash);
        index
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        &self.encoded[entry.text.clone()]
    }
}
