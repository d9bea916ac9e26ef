//! A table service in memory, for tests. Loses everything with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::TableStore;
use super::table::{
    Change, Changes, Expect, Expected, KeyPage, Layout, Outcome, Page, Part, RowTable, Table,
};
use crate::error::{Error, Result};
use crate::row::{Row, Value, attribute};

/// Small, so that tests meet more than one page.
const PAGE_ROWS: usize = 3;

/// A lease store in memory.
pub type MemoryStore = TableStore<MemoryTable>;

impl MemoryStore {
    /// With one table, which is there at once.
    #[must_use]
    pub fn new() -> Self {
        let (layout, table) = (Layout::single("leases"), MemoryTable::default());
        for wanted in layout.tables() {
            table.make(wanted);
        }
        Self::over(table, layout)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

/// Tables in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryTable(Arc<Mutex<HashMap<String, BTreeMap<String, Row>>>>);

impl MemoryTable {
    /// Makes a table, empty unless it is there.
    pub fn make(&self, table: &Table) {
        self.0.lock().entry(table.name.clone()).or_default();
    }

    fn with<T>(&self, table: &Table, work: impl FnOnce(&mut BTreeMap<String, Row>) -> T) -> Result<T> {
        match self.0.lock().get_mut(&table.name) {
            Some(rows) => Ok(work(rows)),
            None => Err(Error::TableMissing(table.name.clone())),
        }
    }
}

#[async_trait]
impl RowTable for MemoryTable {
    async fn ensure(&self, table: &Table, _: bool) -> Result<()> {
        self.make(table);
        Ok(())
    }

    async fn get(&self, table: &Table, key: &str) -> Result<Option<Row>> {
        self.with(table, |rows| rows.get(key).cloned())
    }

    async fn put(&self, table: &Table, row: Row, expected: Expected) -> Result<Outcome> {
        let Some(Value::S(key)) = row.get(table.key_attribute).cloned() else {
            return Err(Error::Misuse("a row to be put has no key"));
        };
        self.with(table, |rows| {
            let old = rows.get(&key);
            if !holds(old, &expected) {
                return Outcome::Refused(old.cloned());
            }
            rows.insert(key, row.clone());
            Outcome::Applied(row)
        })
    }

    async fn update(
        &self,
        table: &Table,
        key: &str,
        expected: Expected,
        changes: Changes,
    ) -> Result<Outcome> {
        self.with(table, |rows| {
            let old = rows.get(key);
            if !holds(old, &expected) {
                return Ok(Outcome::Refused(old.cloned()));
            }
            let mut row = old.cloned().unwrap_or_default();
            row.insert(table.key_attribute.to_owned(), Value::text(key));
            for (name, change) in changes {
                apply(&mut row, name, change)?;
            }
            rows.insert(key.to_owned(), row.clone());
            Ok(Outcome::Applied(row))
        })?
    }

    async fn delete(&self, table: &Table, key: &str, expected: Expected) -> Result<Outcome> {
        self.with(table, |rows| {
            if !holds(rows.get(key), &expected) {
                return Outcome::Refused(rows.get(key).cloned());
            }
            Outcome::Applied(rows.remove(key).unwrap_or_default())
        })
    }

    async fn parts(&self, _: &Table) -> Result<u32> {
        Ok(2)
    }

    async fn scan(&self, table: &Table, part: Part, after: Option<Row>) -> Result<Page> {
        let after = start(after.as_ref(), table.key_attribute);
        self.with(table, |rows| {
            let mine = |key: &str| key.bytes().map(u32::from).sum::<u32>() % part.of == part.number;
            let mut found = rows.iter().filter(|(key, _)| mine(key) && is_after(key, after.as_deref()));
            let page: Vec<_> = found.by_ref().take(PAGE_ROWS).collect();
            let next = page.last().filter(|_| page.len() == PAGE_ROWS);
            let next = next.map(|(key, _)| Row::from([(table.key_attribute.to_owned(), Value::text(key))]));
            Page { rows: page.into_iter().map(|(_, row)| row.clone()).collect(), next }
        })
    }

    async fn query_owner(&self, table: &Table, owner: &str, after: Option<Row>) -> Result<KeyPage> {
        let after = start(after.as_ref(), table.key_attribute);
        self.with(table, |rows| {
            let owned = |row: &Row| row.get(attribute::LEASE_OWNER) == Some(&Value::text(owner));
            let found = rows.iter().filter(|(key, row)| owned(row) && is_after(key, after.as_deref()));
            let keys: Vec<_> = found.map(|(key, _)| key.clone()).take(PAGE_ROWS).collect();
            let next = keys.last().filter(|_| keys.len() == PAGE_ROWS);
            let next = next.map(|key| Row::from([(table.key_attribute.to_owned(), Value::text(key))]));
            KeyPage { keys, next }
        })
    }
}

fn start(after: Option<&Row>, key_attribute: &str) -> Option<String> {
    match after?.get(key_attribute) {
        Some(Value::S(key)) => Some(key.clone()),
        _ => None,
    }
}

fn is_after(key: &str, after: Option<&str>) -> bool {
    after.is_none_or(|after| key > after)
}

fn holds(row: Option<&Row>, expected: &Expected) -> bool {
    expected.iter().all(|(name, expect)| match (expect, row.and_then(|row| row.get(name))) {
        (Expect::Equals(wanted), Some(found)) => wanted == found,
        (Expect::Absent, None) => true,
        _ => false,
    })
}

fn apply(row: &mut Row, name: String, change: Change) -> Result<()> {
    match change {
        Change::Put(value) => {
            row.insert(name, value);
        }
        Change::Remove => {
            row.remove(&name);
        }
        Change::Add(more) => {
            let sum = match row.get(&name) {
                None => Some(more),
                Some(Value::N(text)) => text.parse::<u64>().ok().and_then(|number| number.checked_add(more)),
                Some(_) => None,
            };
            row.insert(name, Value::number(sum.ok_or(Error::Misuse("only to numbers can be added"))?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(Arc::new(MemoryStore::new())).await;
    }

    #[tokio::test]
    async fn keeps_the_contract_in_three_tables() {
        contract::run(Arc::new(MemoryStore::over(MemoryTable::default(), Layout::three("leases")))).await;
    }

    #[tokio::test]
    async fn a_table_that_is_missing_is_named() {
        let store = MemoryStore::over(MemoryTable::default(), Layout::single("nowhere"));
        let error = super::super::LeaseStore::list(&store).await.unwrap_err();
        assert_eq!(error, Error::TableMissing("nowhere".to_owned()));
    }
}
