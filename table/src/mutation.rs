//! From an item before and after to all that is written: the item, its entries in indexes, when it expires, and
//! the change that readers of the table's stream see.
//!
//! This is the one place that knows. Single writes, batches, transactions, expiry and the filling of new indexes
//! all come through here, so that what is derived from items never differs from them. The caller holds the
//! item's lock and the table's gate.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use millstream_storage::WriteSet;

use crate::capacity::{Capacity, Consistency, IndexChange};
use crate::change_log::{Cause, Change, ChangeKind};
use crate::consumed::{Access, Consumed};
use crate::counts::Count;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::item::Item;
use crate::key::Key;
use crate::keyspace::change_row::{self, change_key, outbox_key};
use crate::keyspace::entry_key::{expiry_key, index_entry_key, item_key};
use crate::keyspace::{IndexUid, Sequence};
use crate::live_table::LiveTable;
use crate::meta::TableMeta;
use crate::store::Evidence;
use crate::value::Value;

/// What becomes of one item.
#[derive(Debug)]
pub(crate) struct Mutation {
    pub(crate) table: Arc<LiveTable>,
    pub(crate) meta: Arc<TableMeta>,
    pub(crate) key: Key,
    pub(crate) before: Option<Item>,
    pub(crate) after: Option<Item>,
    /// Of the item before and after, 0 where there is none.
    bytes_before: usize,
    bytes_after: usize,
    /// Whether there is anything to write.
    changes: bool,
    cause: Cause,
    /// Of local indexes first, in the order of [`TableMeta::indexes`].
    entries: Vec<EntryChange>,
}

/// What becomes of an item's entry in one index.
#[derive(Debug, Default)]
struct EntryChange {
    before: Option<Entry>,
    after: Option<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    key: Bytes,
    shown: Item,
}

impl Mutation {
    /// # Errors
    ///
    /// When the item could not be in an index of which it sets a key attribute.
    pub(crate) fn new(
        table: Arc<LiveTable>,
        meta: Arc<TableMeta>,
        key: Key,
        before: Option<Item>,
        after: Option<Item>,
        cause: Cause,
    ) -> Result<Self> {
        let mut entries = Vec::with_capacity(meta.indexes().count());
        let mut refused: Option<(&str, Error)> = None;
        for index in meta.indexes() {
            let keys = match index_keys(index, before.as_ref(), after.as_ref()) {
                Ok(keys) => keys,
                Err(error) => {
                    // Of several that refuse the item, AWS names the first by name.
                    if refused.as_ref().is_none_or(|(name, _)| index.name.as_str() < *name) {
                        refused = Some((&index.name, error));
                    }
                    continue;
                }
            };
            let entry = |index_key: Option<Key>, item: &Option<Item>| {
                let (index_key, item) = (index_key?, item.as_ref()?);
                let key = index_entry_key(meta.uid, index.uid, &index_key, &key);
                Some(Entry { key, shown: index.project(item, &meta.keys) })
            };
            entries.push(EntryChange { before: entry(keys.0, &before), after: entry(keys.1, &after) });
        }
        if let Some((_, error)) = refused {
            return Err(error);
        }
        let changes = before != after;
        let [bytes_before, bytes_after] = [&before, &after].map(|item| item.as_ref().map_or(0, Item::size));
        Ok(Self { table, meta, key, before, after, bytes_before, bytes_after, changes, cause, entries })
    }

    /// Whether there is anything to write.
    pub(crate) fn changes_something(&self) -> bool {
        self.changes
    }

    /// What the write costs, if it is not part of a transaction.
    pub(crate) fn cost(&self) -> Consumed {
        let base = Capacity::write(self.bytes_before, self.bytes_after);
        let mut consumed = Consumed::new(self.table.arn.clone(), Access::Write, base);
        let local_count = self.meta.local_indexes.len();
        for (number, (index, entry)) in self.meta.indexes().zip(&self.entries).enumerate() {
            let cost = Capacity::index_write(entry.kind());
            if cost > Capacity::NONE {
                let costs = match number < local_count {
                    true => &mut consumed.local_indexes,
                    false => &mut consumed.global_indexes,
                };
                costs.insert(index.name.clone(), cost);
            }
        }
        consumed
    }

    /// What it costs to ask once more for the transaction that this was part of.
    pub(crate) fn cost_again(&self) -> Capacity {
        Capacity::read(self.bytes_before.max(self.bytes_after), Consistency::Transactional)
    }

    /// Bytes by which the item and its entries in local indexes grow.
    pub(crate) fn collection_growth(&self) -> i64 {
        let local = self.entries.iter().take(self.meta.local_indexes.len());
        let of = |entry: &Option<Entry>| entry.as_ref().map_or(0, |entry| entry.shown.size());
        let grown = |before: usize, after: usize| signed(after) - signed(before);
        let entries = local.map(|entry| grown(of(&entry.before), of(&entry.after))).sum::<i64>();
        entries + self.growth()
    }

    /// Bytes by which the item grows.
    fn growth(&self) -> i64 {
        signed(self.bytes_after) - signed(self.bytes_before)
    }

    /// By how many items the table grows.
    fn item_growth(&self) -> i64 {
        i64::from(self.after.is_some()) - i64::from(self.before.is_some())
    }

    /// Where the item had its entries in indexes that are being filled, if these had got to it.
    pub(crate) fn doubtful_entries(&self) -> impl Iterator<Item = &Bytes> {
        let globals = self.entries.iter().skip(self.meta.local_indexes.len());
        let filling = globals.zip(&self.meta.global_indexes).filter(|(_, global)| global.is_filling());
        filling.filter_map(|(entry, _)| Some(&entry.before.as_ref()?.key))
    }

    /// Counts the mutation when it is durable. `missing` are the doubtful entries that were not there.
    pub(crate) fn count(&self, missing: &HashSet<Bytes>) {
        self.table.counts.add(Count { items: self.item_growth(), bytes: self.growth() });
        for (index, entry) in self.meta.indexes().zip(&self.entries) {
            let before = entry.before.as_ref().filter(|before| !missing.contains(&before.key));
            let (before, after) = (Entry::count(before), Entry::count(entry.after.as_ref()));
            let growth = Count { items: after.items - before.items, bytes: after.bytes - before.bytes };
            self.table.counts.add_to_index(index.uid, growth);
        }
    }

    /// Whether readers of a stream are to see the change.
    pub(crate) fn is_logged(&self) -> bool {
        self.meta.stream().is_some() || self.meta.is_fed_to_kinesis()
    }

    /// Adds everything to a batch, and tells of what it will be known. `sequence` is for the change, if it is logged.
    pub(crate) fn write(&self, writes: &mut WriteSet, sequence: Sequence, now_micros: u64) -> Evidence {
        let key = item_key(self.meta.uid, &self.key);
        let value: Option<Bytes> = self.after.as_ref().map(|item| item.encode().into());
        put_or_delete(writes, key.clone(), value.clone());
        for entry in &self.entries {
            entry.write(writes);
        }
        self.write_expiry(writes);
        self.write_change(writes, sequence, now_micros);
        Evidence { key, value }
    }

    /// Adds the entries that the item as it is has to have in these indexes, or among expiries; for those that
    /// began after it was written.
    pub(crate) fn write_derived(&self, writes: &mut WriteSet, wanted: &[IndexUid]) {
        for (index, entry) in self.meta.indexes().zip(&self.entries) {
            if let Some(after) = entry.after.as_ref().filter(|_| wanted.contains(&index.uid)) {
                writes.put(after.key.clone(), after.shown.encode());
            }
        }
        let is_wanted = self.meta.expiry.as_ref().is_some_and(|expiry| wanted.contains(&expiry.uid));
        if let Some(key) = self.expiry_of(self.after.as_ref()).filter(|_| is_wanted) {
            writes.put(key, Bytes::new());
        }
    }

    fn write_expiry(&self, writes: &mut WriteSet) {
        let (before, after) = (self.expiry_of(self.before.as_ref()), self.expiry_of(self.after.as_ref()));
        if before == after {
            return;
        }
        before.into_iter().for_each(|key| writes.delete(key));
        after.into_iter().for_each(|key| writes.put(key, Bytes::new()));
    }

    fn expiry_of(&self, item: Option<&Item>) -> Option<Bytes> {
        let expiry = self.meta.expiry.as_ref().filter(|expiry| expiry.is_kept())?;
        let seconds = expiry_seconds(item?.get(&expiry.attribute)?)?;
        Some(expiry_key(self.meta.uid, expiry.uid, seconds, &self.key))
    }

    fn write_change(&self, writes: &mut WriteSet, sequence: Sequence, now_micros: u64) {
        let Some(kind) = ChangeKind::of(self.before.as_ref(), self.after.as_ref()) else { return };
        let change = |shows_old: bool, shows_new: bool| {
            change_row::encode(&Change {
                at_micros: now_micros,
                kind,
                keys: self.key.to_item(&self.meta.keys),
                old: self.before.clone().filter(|_| shows_old),
                new: self.after.clone().filter(|_| shows_new),
                cause: self.cause,
            })
        };
        if let Some(stream) = self.meta.stream() {
            let row = change(stream.view.shows_old(), stream.view.shows_new());
            writes.append(change_key(self.meta.uid, stream.number, sequence), row);
        }
        if self.meta.is_fed_to_kinesis() {
            writes.append(outbox_key(self.meta.uid, sequence), change(true, true));
        }
    }
}

impl Entry {
    fn count(entry: Option<&Self>) -> Count {
        entry.map_or(Count::default(), |entry| Count { items: 1, bytes: signed(entry.shown.size()) })
    }
}

impl EntryChange {
    fn kind(&self) -> IndexChange {
        match (&self.before, &self.after) {
            (None, Some(after)) => IndexChange::Put { after: after.shown.size() },
            (Some(before), None) => IndexChange::Remove { before: before.shown.size() },
            (Some(before), Some(after)) if before.key != after.key => {
                IndexChange::Move { before: before.shown.size(), after: after.shown.size() }
            }
            (Some(before), Some(after)) if before.shown != after.shown => {
                IndexChange::Replace { before: before.shown.size(), after: after.shown.size() }
            }
            _ => IndexChange::None,
        }
    }

    fn write(&self, writes: &mut WriteSet) {
        if self.before == self.after {
            return;
        }
        let has_same_key = |entry: &&Entry| self.after.as_ref().is_some_and(|after| after.key == entry.key);
        if let Some(before) = self.before.as_ref().filter(|before| !has_same_key(before)) {
            writes.delete(before.key.clone());
        }
        if let Some(after) = &self.after {
            writes.put(after.key.clone(), after.shown.encode());
        }
    }
}

/// The keys of an item in an index before and after. An attribute that is set must be able to be a key; one that
/// was there before the index was, and is not touched, only keeps the item out.
fn index_keys(
    index: &Index,
    before: Option<&Item>,
    after: Option<&Item>,
) -> Result<(Option<Key>, Option<Key>)> {
    let key_before = before.and_then(|item| index.keys.stored_key_of(item));
    let Some(after) = after else { return Ok((key_before, None)) };
    let is_same = before.is_some_and(|before| {
        index.keys.elements().all(|element| before.get(&element.name) == after.get(&element.name))
    });
    let key_after = match is_same {
        true => key_before.clone(),
        false => index.keys.index_key_of_item(after, &index.name)?,
    };
    Ok((key_before, key_after))
}

/// The second after which an item expires, by the value of the attribute that tells. No number, or one below
/// zero, is no time.
pub(crate) fn expiry_seconds(value: &Value) -> Option<u64> {
    let Value::N(number) = value else { return None };
    let text = number.to_string();
    text.split('.').next()?.parse().ok()
}

fn put_or_delete(writes: &mut WriteSet, key: Bytes, value: Option<Bytes>) {
    match value {
        Some(value) => writes.put(key, value),
        None => writes.delete(key),
    }
}

/// Sizes of items are far below the limit.
fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
