//! Reads what the slot holds of tables.

use bytes::Bytes;
use millstream_storage::{Entry, KeyRange, Priority, ScanOptions, Slot, WriteSet};
use prost::Message;

use crate::counts::Counts;
use crate::error::Result;
use crate::keyspace::count_row::{self, CountRow, count_key};
use crate::keyspace::store_row::{self, StoreRow, store_key};
use crate::keyspace::{GRAVE, IndexUid, TableUid, corrupt, orphan_row, part_prefix, table_row};
use crate::live_table::LiveTable;
use crate::stream::orphans::Orphan;

/// Of one page of a scan.
const PAGE_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) store: StoreRow,
    pub(crate) tables: Vec<LiveTable>,
    pub(crate) graves: Vec<Grave>,
    pub(crate) orphans: Vec<Orphan>,
}

/// What is to be removed: an index's entries, or for index 0 all of a table but its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grave {
    pub(crate) table: TableUid,
    pub(crate) index: IndexUid,
}

impl Grave {
    pub(crate) fn key(self) -> Bytes {
        part_prefix(GRAVE, self.table, self.index)
    }

    fn of_key(key: &[u8]) -> Option<Self> {
        let (table, index) = key.get(1..)?.split_first_chunk::<4>()?;
        let index = index.try_into().ok()?;
        Some(Self { table: TableUid::from_be_bytes(*table), index: IndexUid::from_be_bytes(index) })
    }
}

pub(crate) async fn recover(slot: &dyn Slot) -> Result<Recovered> {
    let mut store = match slot.get(&store_key()).await? {
        Some(row) => store_row::decode(&row)?,
        None => StoreRow::default(),
    };
    store.openings += 1;
    // It may use the reserve: who cannot open the tables on a full disk cannot delete anything from them.
    let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
    writes.put(store_key(), store.encode_to_vec());
    slot.commit(writes).await?.durable().await?;
    let mut tables = Vec::new();
    for Entry { key, value } in scan_all(slot, table_row::all()).await? {
        let (arn, meta) = table_row::decode(&key, &value)?;
        let key = count_key(meta.uid);
        let counts = match slot.get(&key).await? {
            Some(row) => count_row::decode(&key, &row)?,
            None => CountRow::default(),
        };
        tables.push(LiveTable::new(arn, meta, Counts::of(counts, store.openings)));
    }
    let mut graves = Vec::new();
    for Entry { key, .. } in scan_all(slot, KeyRange::prefix(&[GRAVE])).await? {
        graves.push(Grave::of_key(&key).ok_or_else(|| corrupt("what is to be removed", &key))?);
    }
    let mut orphans = Vec::new();
    for Entry { key, value } in scan_all(slot, orphan_row::all()).await? {
        orphans.push(orphan_row::decode(&key, &value)?);
    }
    Ok(Recovered { store, tables, graves, orphans })
}

/// Every entry of a range that is known to be small.
pub(crate) async fn scan_all(slot: &dyn Slot, mut range: KeyRange) -> Result<Vec<Entry>> {
    let options = ScanOptions { bytes_max: PAGE_BYTES, ..ScanOptions::default() };
    let mut all = Vec::new();
    loop {
        let page = slot.scan(range.clone(), options).await?;
        if let Some(last) = page.entries.last() {
            range.start = after(&last.key);
        }
        all.extend(page.entries);
        if !page.more {
            return Ok(all);
        }
    }
}

/// The first key behind a key.
pub(crate) fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graves_are_found_again() {
        let grave = Grave { table: 7, index: 3 };
        assert_eq!(Grave::of_key(&grave.key()), Some(grave));
        assert_eq!(Grave::of_key(&[GRAVE, 1]), None);
    }
}
