//! Replaces a store's content as a whole, in a way that a crash at any moment does no harm.
//!
//! What is to come waits in keys of its own until all of it is durable. Then a row says that the replacement
//! is under way; from there on there is no way back, and whoever opens the store goes on with it. The row's
//! number, which is among the marks too, tells marks of the old content from those of the new one.

use bytes::Bytes;
use futures_util::future::join_all;
use millstream_storage::{Commit, Entry, KeyRange, Marks, ScanOptions, Slot, WriteSet};
use prost::Message;

use crate::error::{Error, Result};
use crate::keyspace::replacement_row::{
    Replacement, is_content, mark, replacement_key, split_marks, staged_key,
};
use crate::keyspace::store_row::{StoreRow, store_key};
use crate::keyspace::{self, STAGED};

/// Above every key.
const KEYS_END: &[u8] = &[u8::MAX; 64];
/// Bytes that are read, and then written, at once.
const PAGE: ScanOptions = ScanOptions { entries_max: 10_000, bytes_max: 4 * 1024 * 1024, reverse: false };

/// Prepares a store for its first engine: goes on with a replacement that a crash interrupted, or clears away
/// what waited for one that never began. Gives the marks of the content.
pub(super) async fn resume(slot: &dyn Slot, is_stopping: &(dyn Fn() -> bool + Sync)) -> Result<Marks> {
    let row = read_row(slot).await?;
    if row.under_way {
        tracing::warn!("a replacement of the store's content was interrupted; going on with it");
        return complete(slot, &row, is_stopping).await;
    }
    clear_staged(slot).await?;
    let (marks, number) = split_marks(slot.marks_at_open().clone());
    if number > row.number {
        let present = row.number;
        return Err(Error::Internal(format!(
            "durable data is missing: the content was replaced {number} times, but that of {present} is there"
        )));
    }
    // Noted last before the present content was there, they would miss what it never had.
    Ok(if number == row.number { marks } else { Marks::new() })
}

/// Says that the content is being replaced, by what is staged or by nothing. If this fails, it is not.
pub(super) async fn begin(slot: &dyn Slot, staged: bool) -> Result<()> {
    let row = read_row(slot).await?;
    // One that failed half-way is replaced in turn.
    let row = Replacement { number: row.number + 1, under_way: true, staged };
    let mut writes = WriteSet::new();
    if staged {
        keep_uids_apart(slot, &mut writes).await?;
    }
    writes.put(replacement_key(), row.encode_to_vec());
    slot.commit(writes).await?.durable().await?;
    Ok(())
}

/// Does what [`begin`] said. Gives the marks of the new content.
pub(super) async fn finish(slot: &dyn Slot, is_stopping: &(dyn Fn() -> bool + Sync)) -> Result<Marks> {
    let row = read_row(slot).await?;
    complete(slot, &row, is_stopping).await
}

async fn complete(
    slot: &dyn Slot,
    row: &Replacement,
    is_stopping: &(dyn Fn() -> bool + Sync),
) -> Result<Marks> {
    trim_content(slot).await?;
    let marks = if row.staged { move_staged(slot, is_stopping).await? } else { Marks::new() };
    let mut writes = WriteSet::new();
    slot.marks().into_keys().for_each(|name| writes.mark(name, Bytes::new()));
    marks.iter().for_each(|(name, value)| writes.mark(name.clone(), value.clone()));
    let (name, value) = mark(row.number);
    writes.mark(name, value);
    let done = Replacement { number: row.number, ..Replacement::default() };
    writes.put(replacement_key(), done.encode_to_vec());
    slot.commit(writes).await?.durable().await?;
    clear_staged(slot).await?;
    Ok(marks)
}

/// Removes what is staged.
pub(super) async fn clear_staged(slot: &dyn Slot) -> Result<()> {
    let first = ScanOptions { entries_max: 1, ..PAGE };
    if !slot.scan(KeyRange::prefix(&[STAGED]), first).await?.entries.is_empty() {
        slot.trim(&[STAGED], KEYS_END).await?;
    }
    Ok(())
}

async fn read_row(slot: &dyn Slot) -> Result<Replacement> {
    match slot.get(&replacement_key()).await? {
        Some(row) => Replacement::decode(row)
            .map_err(|_| keyspace::corrupt("the row of the store's replacement", &replacement_key())),
        None => Ok(Replacement::default()),
    }
}

/// Iterators for streams of the old content must not fit streams that are made in the new one, whose key for
/// iterators may be the same: no uid is given a second time.
async fn keep_uids_apart(slot: &dyn Slot, writes: &mut WriteSet) -> Result<()> {
    let row = |row: Option<Bytes>| row.and_then(|row| StoreRow::decode(row).ok());
    let present = row(slot.get(&store_key()).await?);
    let staged = row(slot.get(&staged_key(&store_key())).await?);
    if let (Some(present), Some(staged)) = (present, staged) {
        let next_stream_uid = present.next_stream_uid.max(staged.next_stream_uid);
        let store = StoreRow { next_stream_uid, ..staged };
        writes.put(staged_key(&store_key()), store.encode_to_vec());
    }
    Ok(())
}

/// Removes everything that belongs to the content, whatever it is: tag by tag, all at once.
async fn trim_content(slot: &dyn Slot) -> Result<()> {
    let mut tags = Vec::new();
    let mut from = Some(1);
    while let Some(start) = from {
        let range = KeyRange::new(vec![start], KEYS_END);
        let page = slot.scan(range, ScanOptions { entries_max: 1, ..PAGE }).await?;
        let Some(tag) = page.entries.first().and_then(|entry| entry.key.first().copied()) else { break };
        if is_content(&[tag]) {
            tags.push([tag]);
        }
        from = tag.checked_add(1);
    }
    let trims = tags.iter().map(|tag| slot.trim(tag, KEYS_END));
    Ok(join_all(trims).await.into_iter().collect::<millstream_storage::Result<()>>()?)
}

/// Writes what is staged where it belongs. Gives the marks that came with it.
async fn move_staged(slot: &dyn Slot, is_stopping: &(dyn Fn() -> bool + Sync)) -> Result<Marks> {
    let mut marks = Marks::new();
    let mut range = KeyRange::prefix(&[STAGED]);
    let mut last: Option<Commit> = None;
    loop {
        if is_stopping() {
            return Err(Error::Unavailable("the server is shutting down".to_owned()));
        }
        let page = slot.scan(range.clone(), PAGE).await?;
        if let Some(Entry { key, .. }) = page.entries.last() {
            range.start = [key, &[0][..]].concat().into();
        }
        let mut writes = WriteSet::new();
        for Entry { key, value } in page.entries {
            match key.slice(1..) {
                name if name.first() == Some(&0) => drop(marks.insert(name.slice(1..), value)),
                // What stood there was trimmed, and that is durable.
                key => writes.append(key, value),
            }
        }
        // While one batch is on its way to the disk, the next is read.
        if let Some(last) = last.take() {
            last.durable().await?;
        }
        if !writes.is_empty() {
            last = Some(slot.commit(writes).await?);
        }
        if !page.more {
            break;
        }
    }
    if let Some(last) = last {
        last.durable().await?;
    }
    Ok(marks)
}
