//! The keys of a container, each written once and named by its index from then on.

use bytes::Bytes;
use bytestring::ByteString;

use super::hash::Place;

/// Keys as they lie in a message. One is read when a member first names it, and kept: a long key that many members
/// share is neither checked nor hashed again for each of them.
#[derive(Clone, Debug)]
pub(super) struct Table {
    entries: Vec<Entry>,
    place: fn(&str) -> Place,
}

/// Small, because a message of nothing but empty keys has one in every two bytes.
#[derive(Clone, Debug)]
enum Entry {
    Unread { start: u32, length: u32 },
    Read(Box<Key>),
}

#[derive(Clone, Debug)]
struct Key {
    text: ByteString,
    place: Option<Place>,
}

impl Table {
    /// An empty table of keys whose places `place` tells.
    pub(super) fn new(place: fn(&str) -> Place) -> Self {
        Self { entries: Vec::new(), place }
    }

    /// Adds the key that lies at `start` of the message.
    pub(super) fn push(&mut self, start: u32, length: u32) {
        self.entries.push(Entry::Unread { start, length });
    }

    /// The key at an index, `None` where the table ends before it. What is not UTF-8 is replaced, as in Java.
    pub(super) fn text(&mut self, message: &Bytes, index: u64) -> Option<ByteString> {
        self.key(message, index).map(|key| key.text.clone())
    }

    /// Where the key at an index belongs.
    pub(super) fn place(&mut self, message: &Bytes, index: u64) -> Option<Place> {
        let place = self.place;
        let key = self.key(message, index)?;
        Some(*key.place.get_or_insert_with(|| place(&key.text)))
    }

    fn key(&mut self, message: &Bytes, index: u64) -> Option<&mut Key> {
        let entry = self.entries.get_mut(usize::try_from(index).ok()?)?;
        if let &mut Entry::Unread { start, length } = entry {
            let start = start as usize;
            let bytes = message.slice(start..start + length as usize);
            let text = ByteString::try_from(bytes.clone())
                .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
            *entry = Entry::Read(Box::new(Key { text, place: None }));
        }
        match entry {
            Entry::Read(key) => Some(key),
            Entry::Unread { .. } => None,
        }
    }
}
