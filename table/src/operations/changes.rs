//! The changes of a table's items, as they were logged for a stream of the table.

use millstream_storage::{KeyRange, ScanOptions};

use crate::arn::TableArn;
use crate::change_log::Change;
use crate::error::{Error, Result};
use crate::keyspace::change_row::{change_key, decode, sequence_of};
use crate::keyspace::corrupt;
use crate::tables::Tables;

/// A page of changes, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesPage {
    /// Each with its sequence, which rises.
    pub changes: Vec<(u64, Change)>,
    /// Where to go on: no change with a lower sequence will come.
    pub next: u64,
}

impl Tables {
    /// Changes from a sequence on that are in the table's stream of this label, as many as the options allow.
    pub async fn read_changes(
        &self,
        arn: &TableArn,
        label: &str,
        from: u64,
        options: ScanOptions,
    ) -> Result<ChangesPage> {
        let found = self.inner.find(arn)?;
        let stream = found.meta.streams.iter().find(|stream| stream.label() == label).ok_or_else(|| {
            let stream = arn.stream(label);
            Error::ResourceNotFound(format!("Requested resource not found: Stream: {stream} not found"))
        })?;
        // Before the scan: what becomes durable after it was asked for may have a place that was passed already.
        let end = self.inner.sequences.end().max(from);
        let at = |sequence| change_key(found.meta.uid, stream.number, sequence);
        let page = self.inner.slot.scan(KeyRange::new(at(from), at(end)), options).await?;
        let mut changes = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            let sequence = sequence_of(&entry.key).ok_or_else(|| corrupt("a change's key", &entry.key))?;
            changes.push((sequence, decode(&entry.key, &entry.value)?));
        }
        let next = match (page.more, changes.last()) {
            (true, Some((last, _))) => last + 1,
            _ => end,
        };
        Ok(ChangesPage { changes, next })
    }
}
