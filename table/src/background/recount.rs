//! Counts the items of tables anew whose counts are estimates, because the process before ended without saving them.
//!
//! Nobody waits for it, and it holds up no write: the count of a table that is written to meanwhile is about right, as
//! AWS's is, and is made again hours later.

use std::time::Duration;

use millstream_storage::{KeyRange, ScanOptions};

use crate::counts::{Count, Recount};
use crate::error::Result;
use crate::item::Item;
use crate::keyspace::{INDEX_ENTRY, ITEM, part_prefix, table_prefix};
use crate::live_table::LiveTable;
use crate::recovery::after;
use crate::tables::{Inner, Tables};

/// Of one read.
const PAGE: ScanOptions = ScanOptions { entries_max: 1000, bytes_max: 1024 * 1024, reverse: false };
/// As often as AWS counts.
const INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

impl Tables {
    pub(crate) async fn recount_until_stopped(&self) {
        let inner = &self.inner;
        loop {
            for table in inner.catalog.all() {
                if table.counts.is_estimate()
                    && let Err(error) = inner.recount(&table).await
                {
                    tracing::warn!(table = %table.arn, %error, "the items of a table could not be counted");
                }
            }
            tokio::select! {
                biased;
                () = inner.tasks.stopping() => return,
                () = inner.clock.sleep(INTERVAL) => {}
            }
        }
    }
}

impl Inner {
    /// It is exact if nobody was writing when it began, nor is at its end, and nothing was counted in between: a write
    /// is counted before it lets go of the gate. The gate is only tried, for whoever waits for it holds up others.
    async fn recount(&self, table: &LiveTable) -> Result<()> {
        let changes = table.gate.try_write().ok().map(|_alone| table.counts.changes());
        let mut counted = Recount::default();
        let Some(count) = self.sizes(KeyRange::prefix(&table_prefix(ITEM, table.uid))).await? else {
            return Ok(());
        };
        counted.table = count;
        for index in table.meta().indexes() {
            let entries = KeyRange::prefix(&part_prefix(INDEX_ENTRY, table.uid, index.uid));
            let Some(count) = self.sizes(entries).await? else { return Ok(()) };
            counted.indexes.insert(index.uid, count);
        }
        let alone = table.gate.try_write();
        let is_exact = alone.is_ok() && changes == Some(table.counts.changes());
        table.counts.correct(&counted, is_exact);
        Ok(())
    }

    /// Of the items in a range. `None` where the tables are closed before its end.
    async fn sizes(&self, mut range: KeyRange) -> Result<Option<Count>> {
        let mut count = Count::default();
        loop {
            if self.tasks.is_stopping() {
                return Ok(None);
            }
            let page = self.slot.scan(range.clone(), PAGE).await?;
            let Some(last) = page.entries.last() else { return Ok(Some(count)) };
            range.start = after(&last.key);
            for entry in &page.entries {
                count.add(Item::decode(&entry.value)?.size());
            }
            if !page.more {
                return Ok(Some(count));
            }
        }
    }
}
