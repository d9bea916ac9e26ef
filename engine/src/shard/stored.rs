//! Consecutive blocks of a shard in storage, page by page.
//!
//! Every step from block to block is checked for density: the next block's offset must be where the last one ended, and
//! storage must not end before the durable end of the log. A log with a hole is an error that names it, never a short
//! read.

use bytes::Bytes;
use millstream_storage::{Entry, ScanOptions, Slot};

use super::Shard;
use crate::error::{Error, Result};
use crate::keyspace::record_key;
use crate::keyspace::tail_row::{LogEnd, tail_key};
use crate::record_block::StoredBlock;
use crate::recovery::decode_block;

/// A place among the blocks of a shard in storage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredBlocks {
    /// Index from which the next page is read.
    from: u64,
    /// Offset that the next block must have, once a block has been seen.
    expected_offset: Option<u64>,
}

/// The last entry of a range.
pub(super) const LAST: ScanOptions = ScanOptions { entries_max: 1, bytes_max: usize::MAX, reverse: true };

impl StoredBlocks {
    pub(crate) fn starting_at(index: u64) -> Self {
        Self { from: index, expected_offset: None }
    }

    /// Reads the next page. The flag is false when it was the last one.
    pub(crate) async fn next_page(
        &mut self,
        slot: &dyn Slot,
        shard: &Shard,
        bytes_max: usize,
    ) -> Result<(Vec<StoredBlock>, bool)> {
        let options = ScanOptions { bytes_max, ..ScanOptions::default() };
        let found = slot.scan(record_key::from(shard.uid(), self.from), options).await?;
        let mut page = Vec::with_capacity(found.entries.len() + 1);
        let starts_here = found.entries.first().and_then(|entry| record_key::first_index(&entry.key));
        if self.expected_offset.is_none() && starts_here != Some(self.from) {
            // The reader stands inside a block, or in a gap between two.
            let before = slot.scan(record_key::up_to(shard.uid(), self.from), LAST).await?;
            if before.entries.is_empty() {
                // The log begins where it was trimmed to, or has lost what was before.
                self.expected_offset = found.entries.first().map(|_| 0);
            }
            for Entry { key, value } in before.entries {
                page.push(self.follow(slot, shard, &key, value).await?);
            }
        }
        for Entry { key, value } in found.entries {
            page.push(self.follow(slot, shard, &key, value).await?);
        }
        Ok((page, found.more))
    }

    async fn follow(
        &mut self,
        slot: &dyn Slot,
        shard: &Shard,
        key: &[u8],
        value: Bytes,
    ) -> Result<StoredBlock> {
        let block = decode_block(key, value)?;
        let first_offset = block.header().first_offset();
        match self.expected_offset {
            Some(expected)
                if expected != first_offset
                    && !Self::was_trimmed_up_to(slot, shard, first_offset).await? =>
            {
                return Err(Self::hole(shard, expected, first_offset));
            }
            _ => {}
        }
        self.expected_offset = Some(block.header().end_offset());
        self.from = block.header().end_index();
        Ok(block)
    }

    /// The log was durable up to `end` before reading began, so storage must have shown that much.
    pub(crate) async fn check_end(&self, slot: &dyn Slot, shard: &Shard, end: LogEnd) -> Result<()> {
        let expected = self.expected_offset.unwrap_or(0);
        if expected >= end.offset {
            return Ok(());
        }
        if Self::was_trimmed_up_to(slot, shard, end.offset).await? {
            return Ok(());
        }
        Err(Self::hole(shard, expected, end.offset))
    }

    /// Whether all records before this one were trimmed, be it only since the block before was read.
    async fn was_trimmed_up_to(slot: &dyn Slot, shard: &Shard, offset: u64) -> Result<bool> {
        let trimmed = slot.get(&tail_key(shard.uid())).await?;
        let trimmed = trimmed.and_then(|row| LogEnd::decode(&row));
        Ok(trimmed.is_some_and(|trimmed| trimmed.offset >= offset))
    }

    fn hole(shard: &Shard, expected: u64, found: u64) -> Error {
        let (shard, uid) = (shard.id(), shard.uid().0);
        Error::Internal(format!(
            "corrupt data: {shard} (uid {uid:#x}) has lost its records {expected} to {found}"
        ))
    }
}
