//! Deletes items whose time has come.
//!
//! What says when is kept in the order of time, so a round looks at nothing that stays. Whether an item is to
//! go is decided once more under its lock, by what it is then.

use std::sync::Arc;

use bytes::Bytes;
use millstream_model::Timestamp;
use millstream_storage::{KeyRange, ScanOptions};

use crate::change_log::Cause;
use crate::error::Result;
use crate::item::Item;
use crate::keyspace::entry_key::item_key_of_expiry;
use crate::keyspace::{EXPIRY, corrupt, part_prefix};
use crate::live_table::LiveTable;
use crate::meta::ExpiryStatus;
use crate::mutation::{Mutation, expiry_seconds};
use crate::recovery::after;
use crate::tables::Tables;
use crate::write::{Besides, lock_name};

/// Of one batch.
const PAGE: ScanOptions = ScanOptions { entries_max: 100, bytes_max: 1024 * 1024, reverse: false };
/// Batches of one table before it is the next one's turn.
const PAGES_MAX: usize = 10;
/// What lies further back is taken for a mistake and stays: five years, of 365.25 days.
const OLDEST_SECONDS: u64 = 5 * 31_557_600;

impl Tables {
    pub(crate) async fn expire_until_stopped(&self) {
        let inner = &self.inner;
        loop {
            tokio::select! {
                biased;
                () = inner.tasks.stopping() => return,
                () = inner.clock.sleep(inner.settings.sweep_interval) => {}
            }
            if let Err(error) = self.expire().await {
                tracing::warn!(%error, "expired items could not be deleted yet");
            }
        }
    }

    /// One round over all tables, until nothing is left that has expired.
    pub(crate) async fn expire(&self) -> Result<()> {
        let now = self.inner.now();
        let mut left = self.inner.catalog.all();
        while !left.is_empty() && !self.inner.tasks.is_stopping() {
            let mut unfinished = Vec::new();
            for table in left {
                if !self.expire_in(&table, now).await? {
                    unfinished.push(table);
                }
            }
            left = unfinished;
        }
        Ok(())
    }

    /// True if nothing is left.
    async fn expire_in(&self, table: &Arc<LiveTable>, now: Timestamp) -> Result<bool> {
        let meta = table.meta();
        let Some(expiry) = &meta.expiry else { return Ok(true) };
        if expiry.status(now) != ExpiryStatus::Enabled {
            return Ok(true);
        }
        let prefix = part_prefix(EXPIRY, meta.uid, expiry.uid);
        let at = |seconds: u64| Bytes::from([&prefix[..], &seconds.to_be_bytes()].concat());
        let oldest = now.as_secs().saturating_sub(OLDEST_SECONDS);
        let mut range = KeyRange::new(at(oldest), at(now.as_secs()));
        for _ in 0..PAGES_MAX {
            let page = self.inner.slot.scan(range.clone(), PAGE).await?;
            let Some(last) = page.entries.last() else { return Ok(true) };
            range.start = after(&last.key);
            let keys = page.entries.into_iter().map(|entry| entry.key).collect();
            if !self.expire_page(table, keys, now).await? || !page.more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// False if the table is gone.
    async fn expire_page(&self, table: &Arc<LiveTable>, keys: Vec<Bytes>, now: Timestamp) -> Result<bool> {
        let inner = &self.inner;
        let Ok(entered) = inner.enter(&table.arn).await else { return Ok(false) };
        let meta = entered.found.meta.clone();
        let Some(expiry) = meta.expiry.clone().filter(|_| meta.uid == table.uid) else { return Ok(false) };
        let mut items = Vec::with_capacity(keys.len());
        for key in keys {
            let stored_at = item_key_of_expiry(table.uid, &key).ok_or_else(|| corrupt("an expiry", &key))?;
            if let Some(item) = inner.slot.get(&stored_at).await? {
                items.push((stored_at, meta.keys.key_of_item(&Item::decode(&item)?)?));
            }
        }
        let names: Vec<_> = items.iter().map(|(_, key)| lock_name(&meta, key)).collect();
        let (_, held) = inner.hold(vec![entered], names).await;
        let mut mutations = Vec::with_capacity(items.len());
        for (stored_at, key) in items {
            let Some(item) = inner.slot.get(&stored_at).await? else { continue };
            let item = Item::decode(&item)?;
            if is_expired(&item, &expiry.attribute, now) {
                let (table, meta) = (table.clone(), meta.clone());
                mutations.push(Mutation::new(table, meta, key, Some(item), None, Cause::Expiry)?);
            }
        }
        self.carry_out(held, mutations, Besides::default()).await?;
        Ok(true)
    }
}

fn is_expired(item: &Item, attribute: &str, now: Timestamp) -> bool {
    let seconds = item.get(attribute).and_then(expiry_seconds);
    let oldest = now.as_secs().saturating_sub(OLDEST_SECONDS);
    seconds.is_some_and(|seconds| (oldest..now.as_secs()).contains(&seconds))
}
