//! Fills indexes that are younger than their table's items, while items are written.
//!
//! Writes have known of the index from its beginning. Items of before are put into it page by page, each item
//! under its lock and as it is then; so both come to the same, whichever is first. After a restart it begins
//! anew.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_storage::{KeyRange, ScanOptions, WriteSet};

use crate::change_log::Cause;
use crate::error::Result;
use crate::index::IndexPhase;
use crate::item::Item;
use crate::keyspace::{ITEM, IndexUid, table_prefix};
use crate::live_table::LiveTable;
use crate::meta::{ExpiryPhase, TableMeta};
use crate::mutation::Mutation;
use crate::recovery::after;
use crate::tables::{Inner, Tables};
use crate::write::lock_name;

/// Of one batch.
const PAGE: ScanOptions = ScanOptions { entries_max: 100, bytes_max: 1024 * 1024, reverse: false };
/// After a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

impl Tables {
    pub(crate) async fn fill_until_stopped(&self) {
        let inner = &self.inner;
        loop {
            match inner.fill_all().await {
                Ok(()) => tokio::select! {
                    biased;
                    () = inner.tasks.stopping() => return,
                    () = inner.filler.notified() => {}
                },
                Err(error) => {
                    tracing::warn!(%error, "an index could not be filled yet");
                    tokio::select! {
                        biased;
                        () = inner.tasks.stopping() => return,
                        () = inner.clock.sleep(RETRY_INTERVAL) => {}
                    }
                }
            }
        }
    }
}

/// The indexes, and the times of expiry, that have yet to be filled.
fn unfilled(meta: &TableMeta) -> Vec<IndexUid> {
    let indexes = meta.global_indexes.iter().filter(|global| global.is_filling());
    let expiry = meta.expiry.iter().filter(|expiry| expiry.phase == ExpiryPhase::Enabling);
    indexes.map(|global| global.index.uid).chain(expiry.map(|expiry| expiry.uid)).collect()
}

impl Inner {
    async fn fill_all(&self) -> Result<()> {
        for table in self.catalog.all() {
            let wanted = unfilled(&table.meta());
            if !wanted.is_empty() {
                self.fill(&table, &wanted).await?;
            }
        }
        Ok(())
    }

    async fn fill(&self, table: &Arc<LiveTable>, wanted: &[IndexUid]) -> Result<()> {
        let mut range = KeyRange::prefix(&table_prefix(ITEM, table.uid));
        loop {
            let page = self.slot.scan(range.clone(), PAGE).await?;
            let Some(last) = page.entries.last() else { break };
            range.start = after(&last.key);
            let items = page.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
            if !self.fill_page(table, wanted, items).await? || self.tasks.is_stopping() {
                return Ok(());
            }
            if !page.more {
                break;
            }
        }
        self.end_filling(table, wanted).await
    }

    /// False if the table is gone.
    async fn fill_page(
        &self,
        table: &Arc<LiveTable>,
        wanted: &[IndexUid],
        items: Vec<(Bytes, Bytes)>,
    ) -> Result<bool> {
        let Ok(entered) = self.enter(&table.arn).await else { return Ok(false) };
        if entered.found.table.uid != table.uid {
            return Ok(false);
        }
        let meta = entered.found.meta.clone();
        let keyed = items.into_iter().map(|(stored_at, item)| {
            let item = Item::decode(&item)?;
            Ok((stored_at, meta.keys.key_of_item(&item)?))
        });
        let keyed = keyed.collect::<Result<Vec<_>>>()?;
        let names: Vec<_> = keyed.iter().map(|(_, key)| lock_name(&meta, key)).collect();
        let (_, _held) = self.hold(vec![entered], names).await;
        let mut mutations = Vec::with_capacity(keyed.len());
        for (stored_at, key) in keyed {
            // As it is now, which may be another item than the page has, or none.
            let Some(item) = self.slot.get(&stored_at).await? else { continue };
            let item = Some(Item::decode(&item)?);
            let (table, meta) = (table.clone(), meta.clone());
            mutations.push(Mutation::new(table, meta, key, item.clone(), item, Cause::Caller)?);
        }
        let missing = self.missing_entries(&mutations).await?;
        let mut writes = WriteSet::new();
        mutations.iter().for_each(|mutation| mutation.write_derived(&mut writes, wanted));
        if !writes.is_empty() {
            self.store_repeatable(writes).await?;
            mutations.iter().for_each(|mutation| mutation.count(&missing));
        }
        Ok(true)
    }

    async fn end_filling(&self, table: &LiveTable, wanted: &[IndexUid]) -> Result<()> {
        let mut control = self.control.lock().await;
        let Some(found) = self.find(&table.arn).ok().filter(|found| found.table.uid == table.uid) else {
            return Ok(());
        };
        self.change(&mut control, &found, |meta| {
            for global in &mut meta.global_indexes {
                if let IndexPhase::Filling(span) = global.phase
                    && wanted.contains(&global.index.uid)
                {
                    global.phase = IndexPhase::Creating(span);
                }
            }
            if let Some(expiry) = &mut meta.expiry
                && expiry.phase == ExpiryPhase::Enabling
                && wanted.contains(&expiry.uid)
            {
                expiry.phase = ExpiryPhase::Enabled;
            }
        })
        .await
    }
}
