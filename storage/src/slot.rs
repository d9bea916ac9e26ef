//! The traits that every storage engine implements. Their promises are tested by [`crate::contract`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::commit::{Commit, Durable};
use crate::error::{Error, Result};
use crate::export::Export;
use crate::write_set::WriteSet;

/// The number of a slot. An embedded store has one, number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

/// A place that slots are opened in.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync {
    /// Opens a slot and becomes its only owner, under an epoch higher than any before. With
    /// `expected_epoch`, fails as [`crate::Error::Fenced`] when the last owner's epoch was another.
    async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>>;
}

/// One ordered key space with one writer. Keys starting with byte 0 belong to the storage engine.
#[async_trait]
pub trait Slot: fmt::Debug + Send + Sync {
    /// Rises with every open.
    fn epoch(&self) -> u64;

    /// Puts the batch behind all batches before it. Returns once its place is fixed and its expects held;
    /// waits while too much is queued. It is not durable yet, and no read shows it.
    async fn commit(&self, writes: WriteSet) -> Result<Commit>;

    /// As [`Self::commit`], and waits until the batch survives a power cut: for whoever does nothing between its order
    /// and its durability, which a slot may then not tell apart.
    async fn store(&self, writes: WriteSet) -> Result<()> {
        self.commit(writes).await?.durable().await
    }

    /// How far the order of commits has become durable. It changes with every commit, which is too often to wait for
    /// anything else by it.
    fn watch(&self) -> watch::Receiver<Durable>;

    /// Why the slot does nothing more, from then on.
    fn ended(&self) -> watch::Receiver<Option<Error>>;

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// Entries of the range in key order (or against it), as many as the options allow. An error anywhere
    /// in the range is an error of the scan: it never ends early in silence.
    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Entries>;

    /// Removes every key that starts with `prefix` and is below `below`, and gives the space back some
    /// time later. Durable when it returns. Works on a full disk as long as the reserve lasts.
    async fn trim(&self, prefix: &[u8], below: &[u8]) -> Result<()>;

    /// The marks that were durable when the slot was opened.
    fn marks_at_open(&self) -> &Marks;

    /// The marks that are durable now.
    fn marks(&self) -> Marks;

    /// Every durable entry as of one moment at or after the call, but those that belong to the storage engine.
    /// Commits and trims go on meanwhile and do not show in it.
    async fn export(&self) -> Result<Export>;

    /// Whether this process still owns the slot. Always so on an embedded store.
    async fn verify_owner(&self) -> Result<()>;

    /// Makes everything ordered so far durable and gives the slot up. Later calls fail.
    async fn close(&self) -> Result<()>;
}

/// Names and values from [`WriteSet::mark`], sorted by name.
pub type Marks = std::collections::BTreeMap<Bytes, Bytes>;

/// Keys from `start` (included) to `end` (excluded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Bytes,
    pub end: Bytes,
}

impl KeyRange {
    pub fn new(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Self {
        Self { start: start.into(), end: end.into() }
    }

    /// Every key that starts with `prefix`. The prefix must have a byte below 255.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self::new(prefix.to_vec(), after_prefix(prefix))
    }

    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_ref() <= key && key < self.end.as_ref()
    }
}

/// The key before all that are not the storage engine's.
pub(crate) const FIRST_KEY: &[u8] = &[1];

/// The first key after all keys that start with `prefix`; above every key if there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 64]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    /// Entries at the most; at least 1.
    pub entries_max: usize,
    /// Stop behind the entry that reaches this many bytes of keys and values.
    pub bytes_max: usize,
    /// From the end of the range to its start.
    pub reverse: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { entries_max: usize::MAX, bytes_max: 16 * 1024 * 1024, reverse: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Bytes,
    pub value: Bytes,
}

/// One page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    pub entries: Vec<Entry>,
    /// The limits of the options ended the page; the range may hold more.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(after_prefix(b"ab"), b"ac");
        assert_eq!(after_prefix(&[1, 255, 255]), [2]);
        assert!(after_prefix(&[255]).as_slice() > [255, 255, 255].as_slice());
    }
}
