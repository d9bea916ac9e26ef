//! Making tables and the index, and waiting until they can be used.

use std::time::Duration;

use millstream_table::{
    BillingMode, CreateTable, Error as TableError, GlobalIndexSpec, GlobalIndexUpdate, IndexSpec, KeyElement,
    KeyPart, KeySchemaElement, KeyType, OnDemandThroughput, ProjectionType, Status, TableDescription,
    UpdateTable,
};

use super::{EmbeddedTable, failure};
use crate::error::{Error, Result};
use crate::row::attribute::{LEASE_KEY, LEASE_OWNER};
use crate::store::table::{OWNER_INDEX, Table};

/// Between two looks at a table that is being made.
const WAIT: Duration = Duration::from_millis(50);
/// KCL's patience with a new index, which is filled from the rows that are there.
const PATIENCE: Duration = Duration::from_secs(3_600);

impl EmbeddedTable {
    pub(super) async fn ensure_table(&self, table: &Table, owner_index: bool) -> Result<()> {
        match self.describe(table)? {
            None => self.create(table, owner_index).await?,
            Some(described) if owner_index && index_status(&described).is_none() => {
                self.add_index(table).await?;
            }
            Some(_) => {}
        }
        let begun_at = self.clock.monotonic();
        while !self.describe(table)?.is_some_and(|described| is_usable(&described, owner_index)) {
            if self.clock.monotonic().saturating_sub(begun_at) > PATIENCE {
                return Err(Error::Unavailable(format!("table {} does not become active", table.name)));
            }
            self.clock.sleep(WAIT).await;
        }
        Ok(())
    }

    /// `None` for a table that is not there.
    fn describe(&self, table: &Table) -> Result<Option<TableDescription>> {
        match self.tables.describe_table(&self.arn(table)?) {
            Ok(described) => Ok(Some(described)),
            Err(TableError::ResourceNotFound(_)) => Ok(None),
            Err(error) => Err(failure::of_table(table, &error)),
        }
    }

    async fn create(&self, table: &Table, owner_index: bool) -> Result<()> {
        let mut attributes = vec![text(table.key_attribute)];
        attributes.extend(owner_index.then(|| text(LEASE_OWNER)));
        let keys = vec![key(table.key_attribute, KeyPart::Hash)];
        let mut call = CreateTable::on_demand(self.arn(table)?, attributes, keys);
        call.global_indexes = owner_index.then(|| vec![owner_index_spec()]);
        match self.tables.create_table(call).await {
            // Another worker made it.
            Ok(_) | Err(TableError::ResourceInUse(_)) => Ok(()),
            Err(error) => Err(failure::of_table(table, &error)),
        }
    }

    /// For a table that was made by somebody who did not need the index, as KCL 1.x and 2.x do not.
    async fn add_index(&self, table: &Table) -> Result<()> {
        let mut call = UpdateTable::new(self.arn(table)?);
        call.attributes = vec![text(LEASE_OWNER), text(LEASE_KEY)];
        let mut index = owner_index_spec();
        let described = self.describe(table)?;
        let provisioned = described.filter(|described| described.meta.billing == BillingMode::Provisioned);
        index.throughput = provisioned.map(|described| described.meta.throughput.units);
        call.global_indexes = vec![GlobalIndexUpdate { create: Some(index), ..GlobalIndexUpdate::default() }];
        match self.tables.update_table(call).await {
            // Another worker makes it.
            Ok(_) | Err(TableError::ResourceInUse(_) | TableError::LimitExceeded(_)) => Ok(()),
            Err(error) => Err(failure::of_table(table, &error)),
        }
    }
}

/// A table that is being changed can be used, an index that is being filled cannot.
fn is_usable(described: &TableDescription, owner_index: bool) -> bool {
    matches!(described.status, Status::Active | Status::Updating)
        && (!owner_index || index_status(described) == Some(Status::Active))
}

fn index_status(described: &TableDescription) -> Option<Status> {
    let indexes = &described.meta.global_indexes;
    indexes.iter().find(|global| global.index.name == OWNER_INDEX)?.status(described.now)
}

fn owner_index_spec() -> GlobalIndexSpec {
    GlobalIndexSpec {
        index: IndexSpec {
            name: OWNER_INDEX.to_owned(),
            keys: vec![key(LEASE_OWNER, KeyPart::Hash), key(LEASE_KEY, KeyPart::Range)],
            projection: Some(ProjectionType::KeysOnly),
            non_key_attributes: None,
        },
        throughput: None,
        limits: OnDemandThroughput::default(),
        warm: None,
    }
}

fn text(name: &str) -> KeyElement {
    KeyElement { name: name.to_owned(), kind: KeyType::S }
}

fn key(name: &str, part: KeyPart) -> KeySchemaElement {
    KeySchemaElement { name: name.to_owned(), part }
}
