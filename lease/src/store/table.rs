//! The few operations on rows that a lease store needs of a table, and where its rows are.

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::row::{Row, Value};

/// KCL's index from owners to the keys of their leases: hash key `leaseOwner`, range key `leaseKey`, keys only.
pub const OWNER_INDEX: &str = "LeaseOwnerToLeaseKeyIndex";

/// What an attribute must be for a write to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    Equals(Value),
    Absent,
}

impl Expect {
    /// Equal to what it was seen to be.
    pub(crate) fn as_seen(value: Option<Value>) -> Self {
        value.map_or(Self::Absent, Self::Equals)
    }
}

/// All of these must hold.
pub type Expected = Vec<(String, Expect)>;

/// What an update does to an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Put(Value),
    /// Adds to a number; a missing one is 0.
    Add(u64),
    /// Nothing where there is none.
    Remove,
}

pub type Changes = Vec<(String, Change)>;

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made. The row afterwards; that before for a deletion.
    Applied(Row),
    /// It was not. The row that stood in the way, if there is one.
    Refused(Option<Row>),
}

/// A table by name, and the name of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub key_attribute: &'static str,
}

/// One of `of` parts of a scan, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u32,
    pub of: u32,
}

/// Some rows, and the key from which the next ones are asked for; `None` at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub rows: Vec<Row>,
    pub next: Option<Row>,
}

/// Some keys of leases, and where the next ones begin; `None` at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    pub keys: Vec<String>,
    pub next: Option<Row>,
}

/// A table service. An update of a missing row is refused only by what it expects.
#[async_trait]
pub trait RowTable: fmt::Debug + Send + Sync {
    /// Makes a table, and the index from owners to keys if asked for, and waits until both can be used.
    async fn ensure(&self, table: &Table, owner_index: bool) -> Result<()>;

    /// As last written.
    async fn get(&self, table: &Table, key: &str) -> Result<Option<Row>>;

    async fn put(&self, table: &Table, row: Row, expected: Expected) -> Result<Outcome>;

    async fn update(&self, table: &Table, key: &str, expected: Expected, changes: Changes)
    -> Result<Outcome>;

    async fn delete(&self, table: &Table, key: &str, expected: Expected) -> Result<Outcome>;

    /// Into how many parts a scan of everything is best divided.
    async fn parts(&self, table: &Table) -> Result<u32>;

    async fn scan(&self, table: &Table, part: Part, after: Option<Row>) -> Result<Page>;

    async fn query_owner(&self, table: &Table, owner: &str, after: Option<Row>) -> Result<KeyPage>;
}

/// Where leases, reports and coordinator state are: since KCL 3.5 in one table, before in three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) leases: Table,
    pub(super) workers: Table,
    pub(super) state: Table,
}

impl Layout {
    /// Everything in the lease table, told apart by `entityType`.
    #[must_use]
    pub fn single(name: &str) -> Self {
        let table = Table { name: name.to_owned(), key_attribute: "leaseKey" };
        Self { leases: table.clone(), workers: table.clone(), state: table }
    }

    /// As KCL 3.0 to 3.4 have it.
    #[must_use]
    pub fn three(name: &str) -> Self {
        Self {
            leases: Table { name: name.to_owned(), key_attribute: "leaseKey" },
            workers: Table { name: format!("{name}-WorkerMetricStats"), key_attribute: "wid" },
            state: Table { name: format!("{name}-CoordinatorState"), key_attribute: "key" },
        }
    }

    /// The tables that there have to be, the lease table first.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let others = [&self.workers, &self.state].into_iter().filter(|table| **table != self.leases);
        std::iter::once(&self.leases).chain(others)
    }
}
