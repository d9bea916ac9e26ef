//! One atomic batch of changes.

use bytes::Bytes;

/// What a key must hold for a batch to be written: the value, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// Whether a batch is let through when the disk is nearly full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    #[default]
    Normal,
    /// The batch leads to space being given back, so it may use the reserve kept for that.
    Reclaim,
}

/// Changes that are written all or not at all. Of several changes to one key the last one counts.
#[derive(Clone, Debug, Default)]
pub struct WriteSet {
    pub(crate) expects: Vec<Expect>,
    pub(crate) changes: Vec<Change>,
    pub(crate) marks: Vec<(Bytes, Bytes)>,
    pub(crate) priority: Priority,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The caller knows that the key holds nothing; saves the slot a look.
    Append {
        key: Bytes,
        value: Bytes,
    },
    Put {
        key: Bytes,
        value: Bytes,
    },
    Delete {
        key: Bytes,
    },
}

impl Change {
    pub(crate) fn key(&self) -> &Bytes {
        match self {
            Self::Append { key, .. } | Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    pub(crate) fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Append { value, .. } | Self::Put { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }
}

impl WriteSet {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Writes the batch only if `key` holds `value` (or nothing) when its turn comes.
    pub fn expect(&mut self, key: impl Into<Bytes>, value: Option<Bytes>) {
        self.expects.push(Expect { key: key.into(), value });
    }

    /// Sets a key that was never set before; a log's entries. Setting a key that exists this way is a
    /// programming error: the value is written, but readers may see nothing until it is durable.
    pub fn append(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.changes.push(Change::Append { key: key.into(), value: value.into() });
    }

    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.changes.push(Change::Put { key: key.into(), value: value.into() });
    }

    pub fn delete(&mut self, key: impl Into<Bytes>) {
        self.changes.push(Change::Delete { key: key.into() });
    }

    /// Notes, once the batch is durable, how far something has come (a shard's last record, say). The
    /// notes are kept apart from the data, so that data which went missing is noticed at the next open. An
    /// empty value forgets the note.
    pub fn mark(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.marks.push((name.into(), value.into()));
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expects.is_empty() && self.changes.is_empty()
    }

    /// Bytes of keys and values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.changes.iter().map(|change| change.key().len() + change.value().map_or(0, Bytes::len)).sum()
    }
}
