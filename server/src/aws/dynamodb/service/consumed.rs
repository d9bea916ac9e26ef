//! What operations cost, as far as a request asks to be told, and how large collections of items are.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::{Access, Capacity as Units, CollectionMetrics, Consumed};

use super::names::Named;
use super::values::attributes;
use crate::aws::dynamodb::generated::{
    Capacity, ConsumedCapacity, ItemCollectionMetrics, ReturnConsumedCapacity,
};

/// Nothing unless it was asked for. The table is called as the request calls it.
pub(super) fn capacity(
    asked: Option<ReturnConsumedCapacity>,
    table: ByteString,
    consumed: Consumed,
) -> Option<ConsumedCapacity> {
    let with_indexes = match asked {
        None | Some(ReturnConsumedCapacity::None) => return None,
        Some(ReturnConsumedCapacity::Total) => false,
        Some(ReturnConsumedCapacity::Indexes) => true,
    };
    let mut shown = ConsumedCapacity {
        table_name: Some(table),
        capacity_units: Some(consumed.total().as_f64()),
        ..ConsumedCapacity::default()
    };
    if with_indexes {
        shown.table = Some(of_units(consumed.base));
        shown.local_secondary_indexes = by_index(consumed.local_indexes);
        shown.global_secondary_indexes = by_index(consumed.global_indexes);
    }
    Some(shown)
}

/// As a transaction tells it: also as what was read or written.
pub(super) fn of_transaction(
    asked: Option<ReturnConsumedCapacity>,
    named: &Named,
    consumed: Vec<Consumed>,
) -> Option<Vec<ConsumedCapacity>> {
    let mut all = Vec::new();
    for consumed in consumed {
        let (access, units) = (consumed.access, Some(consumed.total().as_f64()));
        let mut shown = capacity(asked, named.name(&consumed.table), consumed)?;
        match access {
            Access::Read => shown.read_capacity_units = units,
            Access::Write => shown.write_capacity_units = units,
        }
        if let Some(table) = &mut shown.table {
            match access {
                Access::Read => table.read_capacity_units = table.capacity_units,
                Access::Write => table.write_capacity_units = table.capacity_units,
            }
        }
        all.push(shown);
    }
    Some(all).filter(|all| !all.is_empty())
}

/// One for each table.
pub(super) fn capacities(
    asked: Option<ReturnConsumedCapacity>,
    named: &Named,
    consumed: Vec<Consumed>,
) -> Option<Vec<ConsumedCapacity>> {
    consumed
        .into_iter()
        .map(|consumed| capacity(asked, named.name(&consumed.table), consumed))
        .collect::<Option<Vec<_>>>()
        .filter(|all| !all.is_empty())
}

fn by_index(indexes: BTreeMap<String, Units>) -> Option<BTreeMap<ByteString, Capacity>> {
    let shown: BTreeMap<_, _> =
        indexes.into_iter().map(|(name, units)| (name.into(), of_units(units))).collect();
    Some(shown).filter(|shown| !shown.is_empty())
}

fn of_units(units: Units) -> Capacity {
    Capacity { capacity_units: Some(units.as_f64()), ..Capacity::default() }
}

pub(super) fn collection(metrics: CollectionMetrics) -> ItemCollectionMetrics {
    let range = metrics.range_gb();
    ItemCollectionMetrics {
        item_collection_key: Some(attributes(metrics.key)),
        size_estimate_range_gb: Some(range.to_vec()),
    }
}
