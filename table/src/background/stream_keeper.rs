//! Keeps the streams of tables, those of deleted ones included: begins new shards, and removes what is older than a
//! stream keeps, here and in what Kinesis streams have yet to get.
//!
//! The one writer of `keyspace/stream_row`. How far a stream is trimmed is stored before anything goes, so that
//! a reader never takes what is gone for what never was.

use bytes::Bytes;
use millstream_storage::{KeyRange, Priority, ScanOptions, WriteSet};

use crate::error::Result;
use crate::keyspace::change_row::{self, sequence_of};
use crate::keyspace::orphan_row::orphan_key;
use crate::keyspace::stream_row::{self, stream_key};
use crate::keyspace::{CHANGE, OUTBOX, Sequence, TableUid, corrupt, part_prefix, table_prefix};
use crate::live_table::LiveTable;
use crate::recovery::after;
use crate::stream::RETENTION;
use crate::stream::orphans::Orphan;
use crate::stream::shards::Shards;
use crate::tables::{Inner, Tables};

/// Between two looks. A shard, and a change, may live so much longer than they should.
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(60);
/// Of one step of the search for what has expired.
const PAGE: ScanOptions = ScanOptions { entries_max: 1_000, bytes_max: 1024 * 1024, reverse: false };

impl Tables {
    pub(crate) async fn keep_streams_until_stopped(&self) {
        let inner = &self.inner;
        loop {
            if let Err(error) = inner.keep_streams().await {
                tracing::warn!(%error, "the streams of tables could not be kept yet");
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
    /// One round over all streams.
    pub(crate) async fn keep_streams(&self) -> Result<()> {
        for table in self.catalog.all() {
            let meta = table.meta();
            for stream in &meta.streams {
                if self.tasks.is_stopping() {
                    return Ok(());
                }
                self.keep_stream(&table, stream.number).await?;
            }
            self.trim_outbox(&table).await?;
            if meta.streams.iter().any(|stream| stream.is_forgotten(self.now())) {
                self.forget_streams(&table).await?;
            }
        }
        for orphan in self.orphans.all() {
            if self.tasks.is_stopping() {
                return Ok(());
            }
            match orphan.stream.is_forgotten(self.now()) {
                true => self.forget_orphan(&orphan).await?,
                false => self.keep_orphan(&orphan).await?,
            }
        }
        Ok(())
    }

    async fn keep_stream(&self, table: &LiveTable, number: u32) -> Result<()> {
        let prefix = part_prefix(CHANGE, table.uid, number);
        let expired_below = self.expired_below(&prefix).await?;
        // Nobody else changes shards now, nor deletes the table or its stream.
        let control = self.control.lock().await;
        let Some(found) = self.find(&table.arn).ok().filter(|found| found.table.uid == table.uid) else {
            return Ok(());
        };
        let Some(stream) = found.meta.streams.iter().find(|stream| stream.number == number) else {
            return Ok(());
        };
        let before = self.shards(table.uid, stream).await?;
        let mut shards = before.clone();
        shards.trim(expired_below, found.now);
        let is_due = shards.is_roll_due(stream, found.now);
        // Nobody writes to the table meanwhile, so that each of its changes is in one shard or in the other.
        let alone = if is_due { Some(table.gate.write().await) } else { None };
        if is_due {
            shards.roll(self.sequences.next(), found.now);
        }
        if shards != before {
            self.store_shards(table.uid, number, &shards).await?;
        }
        drop((alone, control));
        if shards.trimmed_below > before.trimmed_below {
            self.trim_stream(table.uid, number, shards.trimmed_below).await?;
        }
        Ok(())
    }

    /// Nobody else changes the shards of a stream that has no table, and none begin.
    async fn keep_orphan(&self, orphan: &Orphan) -> Result<()> {
        let (table, number) = (orphan.table_uid, orphan.stream.number);
        let expired_below = self.expired_below(&part_prefix(CHANGE, table, number)).await?;
        let before = self.shards(table, &orphan.stream).await?;
        let mut shards = before.clone();
        shards.trim(expired_below, self.now());
        if shards != before {
            self.store_shards(table, number, &shards).await?;
            self.trim_stream(table, number, shards.trimmed_below).await?;
        }
        Ok(())
    }

    /// Its row goes last, so that what a stop interrupts is found again.
    async fn forget_orphan(&self, orphan: &Orphan) -> Result<()> {
        let (table, number) = (orphan.table_uid, orphan.stream.number);
        self.trim_stream(table, number, Sequence::MAX).await?;
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.delete(stream_key(table, number));
        writes.delete(orphan_key(table, number));
        self.store_repeatable(writes).await?;
        self.orphans.remove(orphan);
        Ok(())
    }

    async fn store_shards(&self, table: TableUid, stream: u32, shards: &Shards) -> Result<()> {
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.put(stream_key(table, stream), stream_row::encode(shards));
        self.store_repeatable(writes).await
    }

    async fn trim_stream(&self, table: TableUid, stream: u32, below: Sequence) -> Result<()> {
        let below = change_row::change_key(table, stream, below);
        Ok(self.slot.trim(&part_prefix(CHANGE, table, stream), &below).await?)
    }

    async fn trim_outbox(&self, table: &LiveTable) -> Result<()> {
        let prefix = table_prefix(OUTBOX, table.uid);
        if let Some(below) = self.expired_below(&prefix).await? {
            tracing::warn!(table = %table.arn, "changes expired that a Kinesis stream never got");
            self.slot.trim(&prefix, &change_row::outbox_key(table.uid, below)).await?;
        }
        Ok(())
    }

    /// The first sequence behind the changes that are too old to be kept, if there are any such changes.
    async fn expired_below(&self, prefix: &Bytes) -> Result<Option<Sequence>> {
        let oldest =
            self.now_micros().saturating_sub(u64::try_from(RETENTION.as_micros()).unwrap_or(u64::MAX));
        let mut range = KeyRange::prefix(prefix);
        let mut below = None;
        // Most often the first change is not too old, and then it alone is read.
        let mut options = ScanOptions { entries_max: 1, ..PAGE };
        loop {
            let page = self.slot.scan(range.clone(), options).await?;
            for entry in &page.entries {
                if change_row::decode(&entry.key, &entry.value)?.at_micros >= oldest {
                    return Ok(below);
                }
                let sequence =
                    sequence_of(&entry.key).ok_or_else(|| corrupt("a change's key", &entry.key))?;
                below = Some(sequence + 1);
            }
            match page.entries.last() {
                Some(last) if page.more && !self.tasks.is_stopping() => range.start = after(&last.key),
                _ => return Ok(below),
            }
            options = PAGE;
        }
    }

    /// Removes streams that were switched off so long ago that nothing is left in them.
    async fn forget_streams(&self, table: &LiveTable) -> Result<()> {
        let mut control = self.control.lock().await;
        let Some(found) = self.find(&table.arn).ok().filter(|found| found.table.uid == table.uid) else {
            return Ok(());
        };
        // First what it leaves: another stream may get its number as soon as the table does not know it any more.
        for stream in found.meta.streams.iter().filter(|stream| stream.is_forgotten(found.now)) {
            self.trim_stream(table.uid, stream.number, Sequence::MAX).await?;
            let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
            writes.delete(stream_key(table.uid, stream.number));
            self.store_repeatable(writes).await?;
        }
        let now = found.now;
        self.change(&mut control, &found, |meta| meta.streams.retain(|stream| !stream.is_forgotten(now)))
            .await
    }
}
