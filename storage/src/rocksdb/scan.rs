//! The one place that iterates over RocksDB.
//!
//! A RocksDB iterator that meets corruption just stops being valid, which looks like the end of the range
//! (measured: 60 of 60 flipped files). So every page ends with a look at the iterator's status, and raw
//! iterators are banned elsewhere by lint. Density inside a log, which only its owner knows, is checked by
//! the owner.

use std::collections::BTreeMap;

use bytes::Bytes;
use rocksdb::{DB, ReadOptions};

use super::database::read_error;
use super::pending::Pending;
use crate::error::Result;
use crate::export::PAGE_BYTES;
use crate::slot::{Entries, Entry, FIRST_KEY, KeyRange, ScanOptions};

/// One page of the durable entries in `range`.
pub(super) fn scan(db: &DB, pending: &Pending, range: &KeyRange, options: ScanOptions) -> Result<Entries> {
    if range.start >= range.end {
        return Ok(Entries::default());
    }
    let mut read = ReadOptions::default();
    read.set_iterate_lower_bound(range.start.to_vec());
    read.set_iterate_upper_bound(range.end.to_vec());
    read.set_verify_checksums(true);
    #[allow(clippy::disallowed_methods)] // the status is checked below
    let mut iterator = db.raw_iterator_opt(read);
    // The iterator stands on a snapshot from here on; what is in flight must be asked after that.
    if options.reverse {
        iterator.seek_to_last();
    } else {
        iterator.seek_to_first();
    }
    let mut in_flight = InFlight { values: pending.durable_values(range), reverse: options.reverse };

    let mut page = Page::new(options);
    while let Some((key, value)) = iterator.item() {
        if !in_flight.values.is_empty() {
            while let Some((key, value)) = in_flight.pop_before(key) {
                if !page.push(key, value) {
                    return Ok(page.full());
                }
            }
        }
        let entry = match in_flight.values.remove(key) {
            Some(durable) => durable,
            None => Some(Bytes::copy_from_slice(value)),
        };
        if let Some(value) = entry
            && !page.push(Bytes::copy_from_slice(key), value)
        {
            return Ok(page.full());
        }
        if options.reverse { iterator.prev() } else { iterator.next() }
    }
    iterator.status().map_err(|error| read_error(&error, &range.start))?;
    while let Some((key, value)) = in_flight.pop() {
        if !page.push(key, value) {
            return Ok(page.full());
        }
    }
    Ok(page.entries)
}

/// Goes over every durable entry of one moment, but those of the storage engine, and gives them to `take` in
/// pages until it wants no more. Says when that moment has come, and in the end whether all was taken.
pub(super) fn walk(
    db: &DB,
    pending: &Pending,
    stands: impl FnOnce(),
    mut take: impl FnMut(Vec<Entry>) -> bool,
) -> Result<bool> {
    let mut read = ReadOptions::default();
    read.set_iterate_lower_bound(FIRST_KEY);
    read.set_verify_checksums(true);
    read.fill_cache(false);
    read.set_readahead_size(PAGE_BYTES);
    #[allow(clippy::disallowed_methods)] // the status is checked below
    let mut iterator = db.raw_iterator_opt(read);
    iterator.seek_to_first();
    let range = KeyRange::new(FIRST_KEY, vec![u8::MAX; 64]);
    let mut in_flight = InFlight { values: pending.durable_values(&range), reverse: false };
    stands();
    let options = ScanOptions { bytes_max: PAGE_BYTES, ..ScanOptions::default() };
    let mut page = Page::new(options);
    let mut push = |key: Bytes, value: Bytes| {
        if page.push(key.clone(), value.clone()) {
            return true;
        }
        let full = std::mem::replace(&mut page, Page::new(options));
        page.push(key, value);
        take(full.entries.entries)
    };
    while let Some((key, value)) = iterator.item() {
        while let Some((key, value)) = in_flight.pop_before(key) {
            if !push(key, value) {
                return Ok(false);
            }
        }
        let entry = match in_flight.values.remove(key) {
            Some(durable) => durable,
            None => Some(Bytes::copy_from_slice(value)),
        };
        if let Some(value) = entry
            && !push(Bytes::copy_from_slice(key), value)
        {
            return Ok(false);
        }
        iterator.next();
    }
    iterator.status().map_err(|error| read_error(&error, FIRST_KEY))?;
    while let Some((key, value)) = in_flight.pop() {
        if !push(key, value) {
            return Ok(false);
        }
    }
    let last = page.entries.entries;
    Ok(last.is_empty() || take(last))
}

/// Durable values of keys in flight, merged into the scan: RocksDB may no longer show a key whose
/// deletion is not durable.
struct InFlight {
    values: BTreeMap<Bytes, Option<Bytes>>,
    reverse: bool,
}

impl InFlight {
    /// The next key and value that come before `key` in scan order.
    fn pop_before(&mut self, key: &[u8]) -> Option<(Bytes, Bytes)> {
        loop {
            let next = if self.reverse { self.values.keys().next_back() } else { self.values.keys().next() };
            let next = next?;
            let before = if self.reverse { next.as_ref() > key } else { next.as_ref() < key };
            if !before {
                return None;
            }
            if let Some(found) = self.pop_first() {
                return Some(found);
            }
        }
    }

    fn pop(&mut self) -> Option<(Bytes, Bytes)> {
        while !self.values.is_empty() {
            if let Some(found) = self.pop_first() {
                return Some(found);
            }
        }
        None
    }

    /// Takes the first key in scan order; gives it only if it holds something.
    fn pop_first(&mut self) -> Option<(Bytes, Bytes)> {
        let (key, value) = if self.reverse { self.values.pop_last()? } else { self.values.pop_first()? };
        value.map(|value| (key, value))
    }
}

/// Collects entries until the options' limits are reached.
struct Page {
    entries: Entries,
    bytes: usize,
    options: ScanOptions,
}

impl Page {
    fn new(options: ScanOptions) -> Self {
        Self { entries: Entries::default(), bytes: 0, options }
    }

    /// False, with nothing added, when the page was full before.
    fn push(&mut self, key: Bytes, value: Bytes) -> bool {
        if self.entries.entries.len() >= self.options.entries_max.max(1)
            || self.bytes >= self.options.bytes_max
        {
            return false;
        }
        self.bytes += key.len() + value.len();
        self.entries.entries.push(Entry { key, value });
        true
    }

    fn full(self) -> Entries {
        Entries { more: true, ..self.entries }
    }
}
