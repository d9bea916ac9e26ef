//! A table that is there: what is known of it, and what must not happen to it at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use prost::Message;
use tokio::sync::Notify;

use crate::arn::TableArn;
use crate::keyspace::TableUid;
use crate::keyspace::count_row::CountRow;
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

/// How many items there are and how large they are, about.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    items: AtomicI64,
    bytes: AtomicI64,
    is_unsaved: AtomicBool,
}

impl LiveTable {
    pub(crate) fn new(arn: TableArn, meta: TableMeta, counts: CountRow) -> Self {
        Self {
            uid: meta.uid,
            arn,
            meta: RwLock::new(Arc::new(meta)),
            gate: Arc::default(),
            buckets: Buckets::default(),
            counts: Counts {
                items: AtomicI64::new(counts.items),
                bytes: AtomicI64::new(counts.bytes),
                is_unsaved: AtomicBool::new(false),
            },
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
    pub(crate) fn add(&self, items: i64, bytes: i64) {
        self.items.fetch_add(items, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.is_unsaved.store(true, Ordering::Relaxed);
    }

    pub(crate) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed).try_into().unwrap_or(0)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed).try_into().unwrap_or(0)
    }

    /// What is to be saved, if it has changed since it was last asked for.
    pub(crate) fn take_unsaved(&self) -> Option<Bytes> {
        self.is_unsaved.swap(false, Ordering::Relaxed).then(|| {
            let items = self.items.load(Ordering::Relaxed);
            let row = CountRow { items, bytes: self.bytes.load(Ordering::Relaxed) };
            row.encode_to_vec().into()
        })
    }

    /// It was not saved after all.
    pub(crate) fn set_unsaved(&self) {
        self.is_unsaved.store(true, Ordering::Relaxed);
    }
}
