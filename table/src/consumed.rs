//! What an operation cost, and whom: the table itself, its local and its global indexes.

use std::collections::BTreeMap;

use crate::arn::TableArn;
use crate::capacity::Capacity;

/// Whether items were read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// The capacity that an operation consumed in one table. How much of it is shown is the caller's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    pub table: TableArn,
    pub access: Access,
    /// Of the table itself.
    pub base: Capacity,
    /// By the index's name.
    pub local_indexes: BTreeMap<String, Capacity>,
    pub global_indexes: BTreeMap<String, Capacity>,
}

impl Consumed {
    pub fn new(table: TableArn, access: Access, base: Capacity) -> Self {
        Self { table, access, base, local_indexes: BTreeMap::new(), global_indexes: BTreeMap::new() }
    }

    /// All of it together.
    pub fn total(&self) -> Capacity {
        self.base + self.local_indexes.values().copied().sum() + self.global_indexes.values().copied().sum()
    }

    /// Adds what another operation on the same table consumed.
    pub fn add(&mut self, other: &Self) {
        self.base += other.base;
        for (name, capacity) in &other.local_indexes {
            *self.local_indexes.entry(name.clone()).or_default() += *capacity;
        }
        for (name, capacity) in &other.global_indexes {
            *self.global_indexes.entry(name.clone()).or_default() += *capacity;
        }
    }

    /// The same for the price that transactions have. What becomes of indexes costs as much as outside of one.
    pub(crate) fn in_transaction(mut self) -> Self {
        self.base += self.base;
        self
    }

    /// The table's bucket pays for its local indexes; global ones have their own.
    pub(crate) fn of_table(&self) -> Capacity {
        self.base + self.local_indexes.values().copied().sum()
    }
}

/// What several operations consumed, a sum for each table, in the order of their names.
pub(crate) fn by_table(all: impl IntoIterator<Item = Consumed>) -> Vec<Consumed> {
    let mut sums: BTreeMap<TableArn, Consumed> = BTreeMap::new();
    for consumed in all {
        match sums.get_mut(&consumed.table) {
            Some(sum) => sum.add(&consumed),
            None => {
                sums.insert(consumed.table.clone(), consumed);
            }
        }
    }
    sums.into_values().collect()
}
