//! A table that is there: what is known of it, and what must not happen to it at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use prost::Message;
use tokio::sync::Notify;

use crate::arn::TableArn;
use crate::keyspace::count_row::{CountRow, IndexCountRow};
use crate::keyspace::{IndexUid, TableUid};
use crate::meta::TableMeta;
use crate::throttle::Buckets;

#[derive(Debug)]
pub(crate) struct LiveTable {
    pub(crate) uid: TableUid,
    pub(crate) arn: TableArn,
    meta: RwLock<Arc<TableMeta>>,
    /// Whoever writes items holds it shared, from the look at `meta` until the write is durable. Whoever changes
    /// what such a write consists of holds it alone, and so knows that all writes after the change are as it wants.
    pub(crate) gate: Arc<tokio::sync::RwLock<()>>,
    pub(crate) buckets: Buckets,
    pub(crate) counts: Counts,
    /// Somebody waits for changes.
    pub(crate) grown: Notify,
}

/// How many items there are and how large they are, about; in the table and in each index.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    items: AtomicI64,
    bytes: AtomicI64,
    indexes: Mutex<BTreeMap<IndexUid, Count>>,
    is_unsaved: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) items: i64,
    pub(crate) bytes: i64,
}

impl LiveTable {
    pub(crate) fn new(arn: TableArn, meta: TableMeta, counts: CountRow) -> Self {
        Self {
            uid: meta.uid,
            arn,
            meta: RwLock::new(Arc::new(meta)),
            gate: Arc::default(),
            buckets: Buckets::default(),
            counts: Counts::of(counts),
            grown: Notify::new(),
        }
    }

    pub(crate) fn meta(&self) -> Arc<TableMeta> {
        self.meta.read().clone()
    }

    /// To be called when it is persisted.
    pub(crate) fn set_meta(&self, meta: TableMeta) {
        *self.meta.write() = Arc::new(meta);
    }
}

impl Counts {
    fn of(row: CountRow) -> Self {
        let count = |index: IndexCountRow| (index.uid, Count { items: index.items, bytes: index.bytes });
        Self {
            items: AtomicI64::new(row.items),
            bytes: AtomicI64::new(row.bytes),
            indexes: Mutex::new(row.indexes.into_iter().map(count).collect()),
            is_unsaved: AtomicBool::new(false),
        }
    }

    pub(crate) fn add(&self, items: i64, bytes: i64) {
        self.items.fetch_add(items, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.is_unsaved.store(true, Ordering::Relaxed);
    }

    pub(crate) fn add_to_index(&self, index: IndexUid, growth: Count) {
        if growth == Count::default() {
            return;
        }
        let mut indexes = self.indexes.lock();
        let count = indexes.entry(index).or_default();
        count.items += growth.items;
        count.bytes += growth.bytes;
        self.is_unsaved.store(true, Ordering::Relaxed);
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

    /// What is to be saved, if it has changed since it was last asked for. Indexes that are gone are forgotten.
    pub(crate) fn take_unsaved(&self, meta: &TableMeta) -> Option<Bytes> {
        self.is_unsaved.swap(false, Ordering::Relaxed).then(|| {
            let mut indexes = self.indexes.lock();
            indexes.retain(|uid, _| meta.indexes().any(|index| index.uid == *uid));
            let row = CountRow {
                items: self.items.load(Ordering::Relaxed),
                bytes: self.bytes.load(Ordering::Relaxed),
                indexes: indexes
                    .iter()
                    .map(|(uid, count)| IndexCountRow { uid: *uid, items: count.items, bytes: count.bytes })
                    .collect(),
            };
            row.encode_to_vec().into()
        })
    }

    /// It was not saved after all.
    pub(crate) fn set_unsaved(&self) {
        self.is_unsaved.store(true, Ordering::Relaxed);
    }
}
