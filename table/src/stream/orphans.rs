//! Streams whose tables are gone: they can be read until the last of their records expires.
//!
//! Each is in here as long as its row is persisted (`keyspace/orphan_row`), and is shown as long as it can be read.
//! They come with the deletion of their table and go by the keeper of streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_model::Timestamp;
use parking_lot::RwLock;

use super::arn::StreamArn;
use crate::arn::TableArn;
use crate::key::KeySchema;
use crate::keyspace::TableUid;
use crate::meta::{TableMeta, TableStream};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Orphan {
    /// The name may be another table's by now.
    pub(crate) table: TableArn,
    pub(crate) table_uid: TableUid,
    pub(crate) keys: KeySchema,
    /// Is disabled.
    pub(crate) stream: TableStream,
}

impl Orphan {
    /// What a table that goes now leaves.
    pub(crate) fn all_of(table: &TableArn, mut meta: TableMeta, now: Timestamp) -> Vec<Self> {
        meta.end_stream(now);
        let orphan =
            |stream| Self { table: table.clone(), table_uid: meta.uid, keys: meta.keys.clone(), stream };
        meta.streams.iter().copied().map(orphan).collect()
    }

    fn arn(&self) -> StreamArn {
        StreamArn { table: self.table.clone(), label: self.stream.label() }
    }
}

/// All of a store, by ARN.
#[derive(Debug, Default)]
pub(crate) struct Orphans(RwLock<BTreeMap<StreamArn, Arc<Orphan>>>);

impl Orphans {
    pub(crate) fn insert(&self, orphans: impl IntoIterator<Item = Orphan>) {
        self.0.write().extend(orphans.into_iter().map(|orphan| (orphan.arn(), Arc::new(orphan))));
    }

    pub(crate) fn remove(&self, orphan: &Orphan) {
        self.0.write().remove(&orphan.arn());
    }

    /// Whether or not they can still be read.
    pub(crate) fn all(&self) -> Vec<Arc<Orphan>> {
        self.0.read().values().cloned().collect()
    }

    pub(crate) fn has_of(&self, table: TableUid) -> bool {
        self.0.read().values().any(|orphan| orphan.table_uid == table)
    }

    pub(crate) fn readable(&self, arn: &StreamArn, now: Timestamp) -> Option<Arc<Orphan>> {
        self.0.read().get(arn).filter(|orphan| !orphan.stream.is_forgotten(now)).cloned()
    }

    pub(crate) fn all_readable(&self, now: Timestamp) -> Vec<StreamArn> {
        let all = self.0.read();
        let readable = all.iter().filter(|(_, orphan)| !orphan.stream.is_forgotten(now));
        readable.map(|(arn, _)| arn.clone()).collect()
    }

    /// When the newest stream was made of those that tables of this name have left.
    pub(crate) fn last_created(&self, table: &TableArn) -> Option<Timestamp> {
        let all = self.0.read();
        let of_table = all.values().filter(|orphan| orphan.table == *table);
        of_table.map(|orphan| orphan.stream.created).max()
    }
}
