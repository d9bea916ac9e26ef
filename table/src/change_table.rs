//! Changes what is known of a table, in storage first and then in memory.
//!
//! The caller has locked [`Control`], so that changes come one after the other. Each waits for the writes of
//! items that are under way, which have to do with the table as it was; those that follow see what it became.

use std::time::Duration;

use bytes::Bytes;
use millstream_model::{Span, Timestamp};
use millstream_storage::{Priority, WriteSet};

use crate::error::Result;
use crate::keyspace::orphan_row::{self, orphan_key};
use crate::keyspace::table_row::{self, table_key};
use crate::live_table::LiveTable;
use crate::meta::{Phase, TableMeta};
use crate::recovery::Grave;
use crate::store::Evidence;
use crate::stream::orphans::Orphan;
use crate::tables::{Control, Found, Inner};

impl Inner {
    /// Persists a change of a table and shows it.
    pub(crate) async fn change(
        &self,
        control: &mut Control,
        found: &Found,
        change: impl FnOnce(&mut TableMeta),
    ) -> Result<()> {
        self.change_and_bury(control, &found.table, Vec::new(), change).await
    }

    /// Removes the table and notes that its items have yet to go. Its streams stay, as orphans.
    pub(crate) async fn bury(&self, control: &mut Control, table: &LiveTable) -> Result<()> {
        let _alone = table.gate.write().await;
        let grave = Grave { table: table.uid, index: 0 };
        let orphans = Orphan::all_of(&table.arn, TableMeta::clone(&table.meta()), self.now());
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.delete(table_key(&table.arn));
        writes.put(grave.key(), Bytes::new());
        for orphan in &orphans {
            writes.put(orphan_key(orphan.table_uid, orphan.stream.number), orphan_row::encode(orphan));
        }
        self.store(writes, Evidence { key: table_key(&table.arn), value: None }).await?;
        // First: whoever looks for a stream looks for tables before orphans.
        self.orphans.insert(orphans);
        self.catalog.remove(table);
        // Whoever waited for the gate finds that it leads nowhere.
        let mut meta = TableMeta::clone(&table.meta());
        meta.phase = Phase::Deleting(Span::of(self.now(), Duration::ZERO));
        table.set_meta(meta);
        table.grown.notify_waiters();
        control.graves.push(grave);
        self.janitor.notify_one();
        Ok(())
    }

    /// Removes the indexes whose deletion is over.
    pub(crate) async fn bury_indexes(
        &self,
        control: &mut Control,
        table: &LiveTable,
        now: Timestamp,
    ) -> Result<()> {
        let meta = table.meta();
        let over = meta.global_indexes.iter().filter(|global| global.status(now).is_none());
        let graves: Vec<_> = over.map(|global| Grave { table: table.uid, index: global.index.uid }).collect();
        self.change_and_bury(control, table, graves, |meta| {
            meta.global_indexes.retain(|global| global.status(now).is_some());
        })
        .await
    }

    pub(crate) async fn change_and_bury(
        &self,
        control: &mut Control,
        table: &LiveTable,
        graves: Vec<Grave>,
        change: impl FnOnce(&mut TableMeta),
    ) -> Result<()> {
        let _alone = table.gate.write().await;
        let before = table.meta();
        let mut meta = TableMeta::clone(&before);
        change(&mut meta);
        if meta == *before {
            return Ok(());
        }
        let (key, row) = (table_key(&table.arn), table_row::encode(&meta));
        let mut writes = WriteSet::new();
        writes.put(key.clone(), row.clone());
        graves.iter().for_each(|grave| writes.put(grave.key(), Bytes::new()));
        self.store(writes, Evidence { key, value: Some(row) }).await?;
        table.set_meta(meta);
        if !graves.is_empty() {
            control.graves.extend(graves);
            self.janitor.notify_one();
        }
        Ok(())
    }
}
