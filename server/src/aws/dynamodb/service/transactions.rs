//! Several items at once, all or none: TransactGetItems and TransactWriteItems.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::{Tables, TransactAction as Action, TransactGet, TransactWrite, TransactWriteItems};

use super::values::{attributes, item};
use super::{Answer, consumed, names, parameters, validation};
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
    let read = |Get { key, table_name, projection_expression, expression_attribute_names }| {
        Ok(TransactGet {
            table: names::table(caller, &table_name)?,
            key: item(key)?,
            projection: parameters::text(projection_expression),
            placeholders: parameters::placeholders(expression_attribute_names, None)?,
        })
    };
    let gets: Vec<_> = input.transact_items.into_iter().map(|wire| read(wire.get)).collect::<Answer<_>>()?;
    let got = tables.transact_get_items(gets).await?;
    let responses = got.items.into_iter().map(|item| ItemResponse { item: item.map(attributes) });
    Ok(TransactGetItemsOutput {
        responses: Some(responses.collect()),
        consumed_capacity: consumed::of_transaction(input.return_consumed_capacity, got.consumed),
    })
}

pub(super) async fn write(
    tables: &Tables,
    caller: &Caller,
    input: TransactWriteItemsInput,
) -> Answer<TransactWriteItemsOutput> {
    let writes = input.transact_items.into_iter().map(|wire| action(caller, wire));
    let call = TransactWriteItems {
        writes: writes.collect::<Answer<_>>()?,
        token: parameters::text(input.client_request_token),
        with_collections: parameters::with_collections(input.return_item_collection_metrics),
    };
    let written = tables.transact_write_items(call).await?;
    let collections = written.collections.into_iter().map(|(table, all)| {
        let shown: Vec<ItemCollectionMetrics> = all.into_iter().map(consumed::collection).collect();
        (ByteString::from(table.name.as_str()), shown)
    });
    let collections: BTreeMap<_, _> = collections.collect();
    Ok(TransactWriteItemsOutput {
        consumed_capacity: consumed::of_transaction(input.return_consumed_capacity, written.consumed),
        item_collection_metrics: Some(collections).filter(|collections| !collections.is_empty()),
    })
}

/// One write of a transaction. The actions have members of the same names, and no type for these.
macro_rules! transact_write {
    ($caller:ident, $wire:ident, $action:expr, $condition:expr) => {
        Ok(TransactWrite {
            table: names::table($caller, &$wire.table_name)?,
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

fn action(caller: &Caller, wire: TransactWriteItem) -> Answer<TransactWrite> {
    let TransactWriteItem { condition_check, put, delete, update } = wire;
    match (condition_check, put, delete, update) {
        (Some(wire), None, None, None) => {
            let condition = wire.condition_expression.into();
            transact_write!(caller, wire, Action::Check(item(wire.key)?), Some(condition))
        }
        (None, Some(wire), None, None) => {
            let condition = parameters::text(wire.condition_expression);
            transact_write!(caller, wire, Action::Put(item(wire.item)?), condition)
        }
        (None, None, Some(wire), None) => {
            let condition = parameters::text(wire.condition_expression);
            transact_write!(caller, wire, Action::Delete(item(wire.key)?), condition)
        }
        (None, None, None, Some(wire)) => {
            let condition = parameters::text(wire.condition_expression);
            let update = wire.update_expression.into();
            transact_write!(caller, wire, Action::Update(item(wire.key)?, update), condition)
        }
        (None, None, None, None) => Err(validation(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        )),
        _ => Err(validation("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}
