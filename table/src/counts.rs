//! How many items a table and its indexes have and how large they are: what DescribeTable tells, and nothing else asks.
//!
//! Writes add to it when they are durable, and it is saved now and then and at a close. So it is right until the process
//! ends otherwise; then it is an estimate until [`crate::background`] has counted anew. It never holds up a write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

use crate::keyspace::IndexUid;
use crate::keyspace::count_row::{CountRow, IndexCountRow};
use crate::meta::TableMeta;

/// Of one table.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    items: AtomicI64,
    bytes: AtomicI64,
    indexes: Mutex<BTreeMap<IndexUid, Count>>,
    /// How often anything was added.
    changes: AtomicU64,
    /// Of these, how many are saved, or will be in a moment.
    saved: AtomicU64,
    is_estimate: AtomicBool,
}

/// Of a table or an index; also by how much it grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) items: i64,
    pub(crate) bytes: i64,
}

/// All of a table, as it was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recount {
    pub(crate) table: Count,
    pub(crate) indexes: BTreeMap<IndexUid, Count>,
}

impl Count {
    pub(crate) fn add(&mut self, size: usize) {
        self.items += 1;
        self.bytes += i64::try_from(size).unwrap_or(i64::MAX);
    }
}

impl Counts {
    /// As they were saved. `opening` is the present one: they are right if they were saved at the end of the one before.
    pub(crate) fn of(row: CountRow, opening: u32) -> Self {
        let count = |index: IndexCountRow| (index.uid, Count { items: index.items, bytes: index.bytes });
        Self {
            items: AtomicI64::new(row.items),
            bytes: AtomicI64::new(row.bytes),
            is_estimate: AtomicBool::new(
                row.closed_in.is_none_or(|closed_in| closed_in.checked_add(1) != Some(opening)),
            ),
            indexes: Mutex::new(row.indexes.into_iter().map(count).collect()),
            ..Self::default()
        }
    }

    pub(crate) fn add(&self, growth: Count) {
        self.items.fetch_add(growth.items, Ordering::Relaxed);
        self.bytes.fetch_add(growth.bytes, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_to_index(&self, index: IndexUid, growth: Count) {
        if growth == Count::default() {
            return;
        }
        let mut indexes = self.indexes.lock();
        let count = indexes.entry(index).or_default();
        count.items += growth.items;
        count.bytes += growth.bytes;
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn indexes(&self) -> BTreeMap<IndexUid, Count> {
        self.indexes.lock().clone()
    }

    pub(crate) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed).try_into().unwrap_or(0)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed).try_into().unwrap_or(0)
    }

    /// Whether writes were lost to it.
    pub(crate) fn is_estimate(&self) -> bool {
        self.is_estimate.load(Ordering::Relaxed)
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Puts what was counted in place of what was known. Unless it is exact, what was added while it was counted may be
    /// in it or not.
    pub(crate) fn correct(&self, counted: &Recount, is_exact: bool) {
        self.items.store(counted.table.items, Ordering::Relaxed);
        self.bytes.store(counted.table.bytes, Ordering::Relaxed);
        self.indexes.lock().extend(counted.indexes.iter().map(|(uid, count)| (*uid, *count)));
        self.is_estimate.store(!is_exact, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// What is to be saved, if it has changed since it was last asked for.
    pub(crate) fn take_unsaved(&self, meta: &TableMeta) -> Option<Bytes> {
        let changes = self.changes();
        (self.saved.swap(changes, Ordering::Relaxed) != changes).then(|| self.row(meta, None))
    }

    /// What is to be saved behind the last write of an opening.
    pub(crate) fn at_close(&self, meta: &TableMeta, opening: u32) -> Bytes {
        self.row(meta, (!self.is_estimate()).then_some(opening))
    }

    /// Indexes that are gone are forgotten.
    fn row(&self, meta: &TableMeta, closed_in: Option<u32>) -> Bytes {
        let mut indexes = self.indexes.lock();
        indexes.retain(|uid, _| meta.indexes().any(|index| index.uid == *uid));
        let indexes = indexes
            .iter()
            .map(|(uid, count)| IndexCountRow { uid: *uid, items: count.items, bytes: count.bytes })
            .collect();
        let (items, bytes) = (self.items.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        CountRow { items, bytes, indexes, closed_in }.encode_to_vec().into()
    }

    /// It was not saved after all.
    pub(crate) fn set_unsaved(&self) {
        self.saved.store(u64::MAX, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_saved_at_the_end_of_the_last_opening_is_right() {
        let counts = |closed_in| Counts::of(CountRow { closed_in, items: 3, ..CountRow::default() }, 7);
        assert!(!counts(Some(6)).is_estimate());
        assert!(counts(Some(5)).is_estimate() && counts(None).is_estimate());
        assert_eq!(counts(None).items(), 3);
    }

    #[test]
    fn a_count_stands_for_what_was_known_and_grows_again() {
        let counts = Counts::of(CountRow::default(), 7);
        let one = Count { items: 1, bytes: 10 };
        let counted = Recount { table: Count { items: 5, bytes: 50 }, indexes: BTreeMap::from([(2, one)]) };
        counts.add(one);
        counts.correct(&counted, false);
        assert!(counts.is_estimate());
        counts.correct(&counted, true);
        assert!(!counts.is_estimate());
        counts.add(one);
        assert_eq!((counts.items(), counts.bytes(), counts.indexes()), (6, 60, counted.indexes));
    }
}
