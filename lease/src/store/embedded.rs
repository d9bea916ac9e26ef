//! Lease tables of a table service in this process: no wire, no endpoint, the same rows.
//!
//! Conditions and changes are what KCL sends, handed over as the trees that the wire's words become, so that a table
//! can be had by workers in this process and by KCL's at once. Whose tables they are (account and region) is fixed with
//! the store. What the service keeps them on is not known.

mod convert;
mod failure;
mod tables;

use async_trait::async_trait;
use millstream_model::{AccountId, Region};
use millstream_runtime::SharedClock;
use millstream_table::{
    ConditionSpec, DeleteItem, Error as TableError, GetItem, Item, Placeholders, ProjectionSpec, PutItem,
    Query, ReadSpec, ReturnValues, Scan, TableArn, Tables, UpdateItem, UpdateSpec, WrittenItem,
};

use self::convert::{changes, expected, item, row};
use super::table::{Changes, Expected, KeyPage, OWNER_INDEX, Outcome, Page, Part, RowTable, Table};
use super::{Layout, TableStore};
use crate::error::{Error, Result};
use crate::row::attribute::{LEASE_KEY, LEASE_OWNER};
use crate::row::{Row, Value};

/// A lease store in this process.
pub type EmbeddedStore = TableStore<EmbeddedTable>;

impl EmbeddedStore {
    /// The lease tables of an account in a region. Closing `tables` is up to whoever opened them.
    #[must_use]
    pub fn new(tables: Tables, place: Place, layout: Layout, clock: SharedClock) -> Self {
        Self::over(EmbeddedTable { tables, place, clock }, layout)
    }
}

/// Whose tables are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub account: AccountId,
    pub region: Region,
}

/// The tables of one account in one region.
#[derive(Debug)]
pub struct EmbeddedTable {
    tables: Tables,
    place: Place,
    clock: SharedClock,
}

impl EmbeddedTable {
    fn arn(&self, table: &Table) -> Result<TableArn> {
        let name =
            table.name.parse().map_err(|_| Error::Misuse("a lease table's name is none of a table"))?;
        let Place { account, region } = self.place.clone();
        Ok(TableArn { account, region, name })
    }
}

/// The item's key.
fn key_item(table: &Table, key: &str) -> Item {
    [(table.key_attribute, key.into())].into_iter().collect()
}

fn condition(wanted: Expected) -> Result<ConditionSpec> {
    // Nothing expected is no condition; an empty one would be refused.
    let expected = if wanted.is_empty() { None } else { Some(expected(wanted)?) };
    Ok(ConditionSpec { expected, ..ConditionSpec::default() })
}

/// What became of a write. `made` is the row to tell of if the service tells none.
fn outcome(table: &Table, written: Result<WrittenItem, TableError>, made: Row) -> Result<Outcome> {
    match written {
        Ok(written) => Ok(Outcome::Applied(written.attributes.map_or(made, row))),
        Err(TableError::ConditionalCheckFailed { item }) => {
            Ok(Outcome::Refused(item.map(|found| row(*found)).filter(|found| !found.is_empty())))
        }
        Err(error) => Err(failure::of_table(table, &error)),
    }
}

#[async_trait]
impl RowTable for EmbeddedTable {
    async fn ensure(&self, table: &Table, owner_index: bool) -> Result<()> {
        self.ensure_table(table, owner_index).await
    }

    async fn get(&self, table: &Table, key: &str) -> Result<Option<Row>> {
        let call = GetItem {
            table: self.arn(table)?,
            key: key_item(table, key),
            projection: ProjectionSpec::default(),
            placeholders: Placeholders::default(),
            is_consistent: true,
        };
        let got = self.tables.get_item(call).await.map_err(|error| failure::of_table(table, &error))?;
        Ok(got.item.map(row))
    }

    async fn put(&self, table: &Table, new: Row, wanted: Expected) -> Result<Outcome> {
        if !matches!(new.get(table.key_attribute), Some(Value::S(_))) {
            return Err(Error::Misuse("a row to be put has no key"));
        }
        let mut call = PutItem::new(self.arn(table)?, item(new.clone())?);
        call.condition = condition(wanted)?;
        call.shows_failure = true;
        outcome(table, self.tables.put_item(call).await, new)
    }

    async fn update(&self, table: &Table, key: &str, wanted: Expected, made: Changes) -> Result<Outcome> {
        let call = UpdateItem {
            table: self.arn(table)?,
            key: key_item(table, key),
            update: UpdateSpec { expression: None, attributes: Some(changes(made)?) },
            condition: condition(wanted)?,
            placeholders: Placeholders::default(),
            return_values: ReturnValues::AllNew,
            shows_failure: true,
            with_collection: false,
        };
        outcome(table, self.tables.update_item(call).await, Row::new())
    }

    async fn delete(&self, table: &Table, key: &str, wanted: Expected) -> Result<Outcome> {
        let mut call = DeleteItem::new(self.arn(table)?, key_item(table, key));
        call.condition = condition(wanted)?;
        call.return_values = ReturnValues::AllOld;
        call.shows_failure = true;
        outcome(table, self.tables.delete_item(call).await, Row::new())
    }

    /// Parts of a scan would only wait for each other here.
    async fn parts(&self, _: &Table) -> Result<u32> {
        Ok(1)
    }

    async fn scan(&self, table: &Table, part: Part, after: Option<Row>) -> Result<Page> {
        let mut read = ReadSpec::new(self.arn(table)?);
        read.start = after.map(item).transpose()?;
        let mut call = Scan::new(read);
        if part.of > 1 {
            (call.segment, call.total_segments) = (Some(part.number), Some(part.of));
        }
        let page = self.tables.scan(call).await.map_err(|error| failure::of_table(table, &error))?;
        Ok(Page {
            rows: page.items.unwrap_or_default().into_iter().map(row).collect(),
            next: page.last.map(row),
        })
    }

    async fn query_owner(&self, table: &Table, owner: &str, after: Option<Row>) -> Result<KeyPage> {
        let mut read = ReadSpec::new(self.arn(table)?);
        read.index = Some(OWNER_INDEX.to_owned());
        read.start = after.map(item).transpose()?;
        let values = [(":owner".to_owned(), owner.into())].into_iter().collect();
        read.placeholders = Placeholders { names: None, values: Some(values) };
        let call = Query::new(read, format!("{LEASE_OWNER} = :owner"));
        let page = self.tables.query(call).await.map_err(|error| failure::of_table(table, &error))?;
        let key = |found: &Item| match found.get(LEASE_KEY) {
            Some(millstream_table::Value::S(key)) => Some(key.clone()),
            _ => None,
        };
        let keys = page.items.iter().flatten().filter_map(key).collect();
        Ok(KeyPage { keys, next: page.last.map(row) })
    }
}

#[cfg(test)]
mod tests;
