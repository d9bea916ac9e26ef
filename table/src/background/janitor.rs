//! The janitor: ends deletions, and removes what deleted tables and indexes and forgotten tokens have left.
//!
//! Nobody waits for it. What it has yet to remove is hidden already, and what a stop interrupts is found again
//! by its row. The streams of deleted tables stay: `stream_keeper` removes them.

use std::time::Duration;

use bytes::Bytes;
use millstream_storage::{KeyRange, Priority, ScanOptions, WriteSet};

use crate::error::Result;
use crate::keyspace::count_row::count_key;
use crate::keyspace::token_row::split_expiry_key;
use crate::keyspace::{
    CHANGE, COLLECTION, EXPIRY, INDEX_ENTRY, ITEM, OUTBOX, STREAM, TOKEN_EXPIRY, part_prefix, table_prefix,
};
use crate::live_table::LiveTable;
use crate::tables::{Inner, Tables};

/// Above every key.
const KEYS_END: &[u8] = &[u8::MAX; 32];
/// Tokens that are forgotten with one batch.
const TOKENS_MAX: usize = 500;
/// Between two times at which the counts of items are saved.
const COUNTS_INTERVAL: Duration = Duration::from_secs(60);

impl Tables {
    pub(crate) async fn tidy_up_until_stopped(&self) {
        let inner = &self.inner;
        let mut counts_saved = inner.clock.monotonic();
        loop {
            tokio::select! {
                biased;
                () = inner.tasks.stopping() => return,
                () = inner.janitor.notified() => {}
                () = inner.clock.sleep(inner.settings.sweep_interval) => {}
            }
            if let Err(error) = inner.tidy_up().await {
                tracing::warn!(%error, "what was deleted could not be removed yet");
            }
            if inner.clock.monotonic() >= counts_saved + COUNTS_INTERVAL {
                counts_saved = inner.clock.monotonic();
                if let Err(error) = inner.save_counts().await {
                    tracing::debug!(%error, "the counts of items could not be saved yet");
                }
            }
        }
    }
}

impl Inner {
    /// One round.
    pub(crate) async fn tidy_up(&self) -> Result<()> {
        self.bury_the_gone().await?;
        self.remove_buried().await?;
        self.forget_tokens().await
    }

    async fn bury_the_gone(&self) -> Result<()> {
        let now = self.now();
        for table in self.catalog.all() {
            let meta = table.meta();
            let is_gone = meta.status(now).is_none();
            if !is_gone && meta.global_indexes.iter().all(|global| global.status(now).is_some()) {
                continue;
            }
            let mut control = self.control.lock().await;
            // It may be another table of that name by now, or none.
            if self.catalog.by_arn(&table.arn).is_none_or(|present| present.uid != table.uid) {
                continue;
            }
            match is_gone {
                true => self.bury(&mut control, &table).await?,
                false => self.bury_indexes(&mut control, &table, now).await?,
            }
        }
        Ok(())
    }

    async fn remove_buried(&self) -> Result<()> {
        let graves = self.control.lock().await.graves.clone();
        for grave in graves {
            let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
            match grave.index {
                0 => {
                    // Tables that an earlier version deleted left no orphans.
                    let streams = if self.orphans.has_of(grave.table) { &[][..] } else { &[CHANGE, STREAM] };
                    for tag in [ITEM, INDEX_ENTRY, OUTBOX, EXPIRY, COLLECTION].iter().chain(streams) {
                        self.slot.trim(&table_prefix(*tag, grave.table), KEYS_END).await?;
                    }
                    writes.delete(count_key(grave.table));
                }
                index => {
                    for tag in [INDEX_ENTRY, EXPIRY] {
                        self.slot.trim(&part_prefix(tag, grave.table, index), KEYS_END).await?;
                    }
                }
            }
            writes.delete(grave.key());
            self.store_repeatable(writes).await?;
            self.control.lock().await.graves.retain(|other| *other != grave);
        }
        Ok(())
    }

    async fn forget_tokens(&self) -> Result<()> {
        let range = KeyRange::new(
            Bytes::from_static(&[TOKEN_EXPIRY]),
            [&[TOKEN_EXPIRY][..], &self.now().as_millis().to_be_bytes()].concat(),
        );
        let options = ScanOptions { entries_max: TOKENS_MAX, ..ScanOptions::default() };
        loop {
            let page = self.slot.scan(range.clone(), options).await?;
            let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
            for entry in page.entries {
                if let Some((_, token)) = split_expiry_key(&entry.key) {
                    writes.delete(token);
                }
                writes.delete(entry.key);
            }
            if writes.is_empty() {
                return Ok(());
            }
            self.store_repeatable(writes).await?;
            if !page.more || self.tasks.is_stopping() {
                return Ok(());
            }
        }
    }

    /// Behind the last write of this opening: at the next one they are known to be right.
    pub(crate) async fn save_last_counts(&self) -> Result<()> {
        let opening = self.control.lock().await.store.openings;
        let mut writes = WriteSet::new();
        for table in self.catalog.all() {
            writes.put(count_key(table.uid), table.counts.at_close(&table.meta(), opening));
        }
        if writes.is_empty() { Ok(()) } else { self.store_repeatable(writes).await }
    }

    pub(crate) async fn save_counts(&self) -> Result<()> {
        let tables = self.catalog.all();
        let mut writes = WriteSet::new();
        let mut saved: Vec<&LiveTable> = Vec::new();
        for table in &tables {
            if let Some(row) = table.counts.take_unsaved(&table.meta()) {
                writes.put(count_key(table.uid), row);
                saved.push(table);
            }
        }
        if saved.is_empty() {
            return Ok(());
        }
        let outcome = self.store_repeatable(writes).await;
        if outcome.is_err() {
            saved.iter().for_each(|table| table.counts.set_unsaved());
        }
        outcome
    }
}
