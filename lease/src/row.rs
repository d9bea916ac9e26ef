//! Rows of the lease table: attribute values, and what kind of row one is.
//!
//! A row is what the table holds, with KCL's attribute names. Reading is tolerant of what any version of KCL writes,
//! keeps what it does not know, and names what is wrong; nothing here talks to a table.

pub(crate) mod lease;
pub(crate) mod lock;
mod reader;
pub(crate) mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub(crate) use self::reader::Reader;

/// A row, by attribute name.
pub type Row = BTreeMap<String, Value>;

/// A value of an attribute, as DynamoDB types them. Numbers are kept as the text that they came as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    S(String),
    N(String),
    B(Vec<u8>),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<String>),
    Bs(BTreeSet<Vec<u8>>),
    L(Vec<Value>),
    M(BTreeMap<String, Value>),
    Bool(bool),
    Null,
}

impl Value {
    pub fn text(text: impl fmt::Display) -> Self {
        Self::S(text.to_string())
    }

    pub fn number(number: impl Into<u64>) -> Self {
        Self::N(number.into().to_string())
    }

    /// A number with a fraction. What DynamoDB cannot hold (not a number, or absurdly small or great) becomes 0.
    #[must_use]
    pub fn fraction(number: f64) -> Self {
        let holds = number.is_finite() && (number.abs() > 1e-30 && number.abs() < 1e30);
        Self::N(if holds { number.to_string() } else { "0".to_owned() })
    }

    /// DynamoDB's name of the type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
        }
    }
}

/// Names of attributes that more than one kind of row has.
pub(crate) mod attribute {
    pub(crate) const LEASE_KEY: &str = "leaseKey";
    pub(crate) const ENTITY_TYPE: &str = "entityType";
    pub(crate) const LEASE_OWNER: &str = "leaseOwner";
    pub(crate) const CHECKPOINT_OWNER: &str = "checkpointOwner";
    pub(crate) const LEASE_COUNTER: &str = "leaseCounter";
}

/// What a row of the lease table is about. KCL 1.x to 3.4 write leases without saying so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityType {
    Lease,
    Stream,
    Leader,
    ClientVersionMigration,
    TableMigration,
    WorkerMetricStats,
    /// Of a version to come; whoever reads leases skips it.
    Other(String),
}

impl EntityType {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Lease => "LEASE",
            Self::Stream => "STREAM",
            Self::Leader => "LEADER",
            Self::ClientVersionMigration => "CLIENT_VERSION_MIGRATION",
            Self::TableMigration => "TABLE_MIGRATION",
            Self::WorkerMetricStats => "WORKER_METRIC_STATS",
            Self::Other(name) => name,
        }
    }

    /// What `row` is about.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let Some(Value::S(name)) = row.get(attribute::ENTITY_TYPE) else { return Self::Lease };
        let known = [
            Self::Lease,
            Self::Stream,
            Self::Leader,
            Self::ClientVersionMigration,
            Self::TableMigration,
            Self::WorkerMetricStats,
        ];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| Self::Other(name.clone()))
    }
}

/// A row that cannot be what it should be, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {key}: {attribute} {problem}")]
pub struct BadRow {
    /// The row's key, as far as it has one.
    pub key: String,
    pub attribute: String,
    /// Continues a sentence that begins with the attribute's name.
    pub problem: String,
}
