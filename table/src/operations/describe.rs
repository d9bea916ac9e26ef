//! DescribeTable, ListTables and DescribeLimits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::{AccountId, Region, Span, Timestamp};

use crate::arn::{TableArn, TableName};
use crate::counts::Count;
use crate::error::Result;
use crate::index::Index;
use crate::keyspace::IndexUid;
use crate::meta::{Status, TableMeta};
use crate::tables::{Found, Tables};

/// What is told to be under way is so at the moment of telling.
const MOMENT: Duration = Duration::from_millis(1);

/// A table at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    pub arn: TableArn,
    pub meta: Arc<TableMeta>,
    pub status: Status,
    /// The moment: what [`crate::GlobalIndex::status`] and others want to know.
    pub now: Timestamp,
    /// About how many items there are.
    pub items: u64,
    /// About how many bytes they have.
    pub bytes: u64,
    pub(crate) indexes: BTreeMap<IndexUid, Count>,
}

impl TableDescription {
    pub(crate) fn of(found: &Found) -> Self {
        Self {
            arn: found.table.arn.clone(),
            meta: found.meta.clone(),
            status: found.status,
            now: found.now,
            items: found.table.counts.items(),
            bytes: found.table.counts.bytes(),
            indexes: found.table.counts.indexes(),
        }
    }

    /// As the answer to a call tells of what the call began: it is under way, even where that takes no time.
    pub(crate) fn begun(self, show: impl FnOnce(&mut TableMeta, Span)) -> Self {
        let mut meta = TableMeta::clone(&self.meta);
        show(&mut meta, Span::of(self.now, MOMENT));
        Self { status: meta.status(self.now).unwrap_or(self.status), meta: Arc::new(meta), ..self }
    }

    /// About how many items there are in an index.
    pub fn index_items(&self, index: &Index) -> u64 {
        self.indexes.get(&index.uid).and_then(|count| count.items.try_into().ok()).unwrap_or(0)
    }

    /// About how many bytes an index has.
    pub fn index_bytes(&self, index: &Index) -> u64 {
        self.indexes.get(&index.uid).and_then(|count| count.bytes.try_into().ok()).unwrap_or(0)
    }

    pub fn index_arn(&self, index: &Index) -> String {
        self.arn.index(&index.name)
    }
}

/// A page of the names of tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableNames {
    pub names: Vec<TableName>,
    /// The last name of the page, if more follow.
    pub last: Option<TableName>,
}

/// The most names of one page.
pub const NAMES_MAX: usize = 100;

/// What DescribeLimits tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    pub account_units_max: u64,
    pub table_units_max: u64,
}

impl Tables {
    pub fn describe_table(&self, arn: &TableArn) -> Result<TableDescription> {
        Ok(TableDescription::of(&self.inner.find(arn)?))
    }

    /// The names behind `start`, which need not be there; at most [`NAMES_MAX`].
    pub fn list_tables(
        &self,
        account: &AccountId,
        region: &Region,
        start: Option<&str>,
        limit: usize,
    ) -> TableNames {
        let now = self.inner.now();
        let tables = self.inner.catalog.of(account, region);
        let there = tables.iter().filter(|table| table.meta().status(now).is_some());
        let mut behind = there
            .map(|table| table.arn.name.clone())
            .filter(|name| start.is_none_or(|start| name.as_str() > start));
        let names: Vec<_> = behind.by_ref().take(limit.clamp(1, NAMES_MAX)).collect();
        let last = behind.next().and_then(|_| names.last().cloned());
        TableNames { names, last }
    }

    /// What AWS gives an account, whoever asks.
    pub fn describe_limits(&self) -> AccountLimits {
        AccountLimits { account_units_max: 80_000, table_units_max: 40_000 }
    }
}
