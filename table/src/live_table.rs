//! A table that is there: what is known of it, and what must not happen to it at the same time.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::arn::TableArn;
use crate::counts::Counts;
use crate::keyspace::TableUid;
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

impl LiveTable {
    pub(crate) fn new(arn: TableArn, meta: TableMeta, counts: Counts) -> Self {
        Self {
            uid: meta.uid,
            arn,
            meta: RwLock::new(Arc::new(meta)),
            gate: Arc::default(),
            buckets: Buckets::default(),
            counts,
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
