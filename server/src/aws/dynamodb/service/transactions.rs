//! Several items at once, all or none: TransactGetItems and TransactWriteItems.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::{
    Item, Tables, TransactAction as Action, TransactGet, TransactWrite, TransactWriteItems,
};

use super::names::Named;
use super::values::{attributes, item};
use super::{Answer, consumed, parameters, validation};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    Get, ItemCollectionMetrics, ItemResponse, TransactGetItemsInput, TransactGetItemsOutput,
    TransactWriteItem, TransactWriteItemsInput, TransactWriteItemsOutput,
};

pub(super) async fn get(
    tables: &Tables,
    caller: &Caller,
    input: TransactGetItemsInput,
) -> Answer<TransactGetItemsOutput> {
    let mut named = Named::default();
    let mut read = |Get { key, table_name, projection_expression, expression_attribute_names }| {
        Ok(TransactGet {
            table: named.table(caller, &table_name)?,
            key: item(key)?,
            projection: parameters::text(projection_expression),
            placeholders: parameters::placeholders(expression_attribute_names, None)?,
        })
    };
    let gets: Vec<_> = input.transact_items.into_iter().map(|wire| read(wire.get)).collect::<Answer<_>>()?;
    let got = tables.transact_get_items(gets).await?;
    // Where nothing was asked for that is there, this call shows no item.
    let shown = |item: Option<Item>| item.filter(|item| !item.is_empty()).map(attributes);
    let responses = got.items.into_iter().map(|item| ItemResponse { item: shown(item) });
    Ok(TransactGetItemsOutput {
        responses: Some(responses.collect()),
        consumed_capacity: consumed::of_transaction(input.return_consumed_capacity, &named, got.consumed),
    })
}

pub(super) async fn write(
    tables: &Tables,
    caller: &Caller,
    input: TransactWriteItemsInput,
) -> Answer<TransactWriteItemsOutput> {
    let mut named = Named::default();
    let writes = input.transact_items.into_iter().map(|wire| action(caller, &mut named, wire));
    let call = TransactWriteItems {
        writes: writes.collect::<Answer<_>>()?,
        token: parameters::text(input.client_request_token),
        with_collections: parameters::with_collections(input.return_item_collection_metrics),
    };
    let written = tables.transact_write_items(call).await?;
    let collections: BTreeMap<_, Vec<ItemCollectionMetrics>> =
        named.by_name(written.collections, |all| all.into_iter().map(consumed::collection).collect());
    Ok(TransactWriteItemsOutput {
        consumed_capacity: consumed::of_transaction(input.return_consumed_capacity, &named, written.consumed),
        item_collection_metrics: Some(collections).filter(|collections| !collections.is_empty()),
    })
}

/// One write of a transaction. The actions have members of the same names, and no type for these.
macro_rules! transact_write {
    ($table:ident, $wire:ident, $action:expr, $condition:expr) => {
        Ok(TransactWrite {
            table: $table(&$wire.table_name)?,
            action: $action,
            condition: $condition,
            placeholders: parameters::placeholders(
                $wire.expression_attribute_names,
                $wire.expression_attribute_values,
            )?,
            shows_failure: parameters::shows_failure($wire.return_values_on_condition_check_failure),
        })
    };
}

fn action(caller: &Caller, named: &mut Named, wire: TransactWriteItem) -> Answer<TransactWrite> {
    let mut table = |name: &ByteString| named.table(caller, name);
    let TransactWriteItem { condition_check, put, delete, update } = wire;
    match (condition_check, put, delete, update) {
        (Some(wire), None, None, None) => {
            let condition = wire.condition_expression.into();
            transact_write!(table, wire, Action::Check(item(wire.key)?), Some(condition))
        }
        (None, Some(wire), None, None) => {
            let condition = parameters::text(wire.condition_expression);
            transact_write!(table, wire, Action::Put(item(wire.item)?), condition)
        }
        (None, None, Some(wire), None) => {
            let condition = parameters::text(wire.condition_expression);
            transact_write!(table, wire, Action::Delete(item(wire.key)?), condition)
        }
        (None, None, None, Some(wire)) => {
            let condition = parameters::text(wire.condition_expression);
            let update = wire.update_expression.into();
            transact_write!(table, wire, Action::Update(item(wire.key)?, update), condition)
        }
        (None, None, None, None) => Err(validation(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        )),
        _ => Err(validation("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}
