//! Single items: get, put, update, delete.

use millstream_table::{DeleteItem, GetItem, ProjectionSpec, PutItem, Tables, UpdateItem, UpdateSpec};

use super::values::{attributes, item};
use super::{Answer, consumed, names, parameters};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    DeleteItemInput, DeleteItemOutput, GetItemInput, GetItemOutput, PutItemInput, PutItemOutput,
    UpdateItemInput, UpdateItemOutput,
};

/// Sets in a call what puts, updates and deletions have in common. Their inputs have members of the same names, and no
/// type for these.
macro_rules! set_common {
    ($call:ident, $input:ident) => {
        $call.condition =
            parameters::condition($input.condition_expression, $input.expected, $input.conditional_operator)?;
        $call.placeholders =
            parameters::placeholders($input.expression_attribute_names, $input.expression_attribute_values)?;
        $call.return_values = parameters::return_values($input.return_values);
        $call.shows_failure = parameters::shows_failure($input.return_values_on_condition_check_failure);
        $call.with_collection = parameters::with_collections($input.return_item_collection_metrics);
    };
}

/// The output of a put, an update or a deletion: again, types with members of the same names.
macro_rules! output {
    ($output:ident, $written:ident, $input:ident) => {
        $output {
            attributes: $written.attributes.map(attributes),
            consumed_capacity: consumed::capacity(
                $input.return_consumed_capacity,
                $input.table_name,
                $written.consumed,
            ),
            item_collection_metrics: $written.collection.map(consumed::collection),
        }
    };
}

pub(super) async fn get(tables: &Tables, caller: &Caller, input: GetItemInput) -> Answer<GetItemOutput> {
    let call = GetItem {
        table: names::table(caller, &input.table_name)?,
        key: item(input.key)?,
        projection: ProjectionSpec {
            expression: parameters::text(input.projection_expression),
            attributes: input.attributes_to_get.map(parameters::texts),
        },
        placeholders: parameters::placeholders(input.expression_attribute_names, None)?,
        is_consistent: input.consistent_read.unwrap_or_default(),
    };
    let got = tables.get_item(call).await?;
    Ok(GetItemOutput {
        item: got.item.map(attributes),
        consumed_capacity: consumed::capacity(input.return_consumed_capacity, input.table_name, got.consumed),
    })
}

pub(super) async fn put(tables: &Tables, caller: &Caller, input: PutItemInput) -> Answer<PutItemOutput> {
    let mut call = PutItem::new(names::table(caller, &input.table_name)?, item(input.item)?);
    set_common!(call, input);
    let written = tables.put_item(call).await?;
    Ok(output!(PutItemOutput, written, input))
}

pub(super) async fn update(
    tables: &Tables,
    caller: &Caller,
    input: UpdateItemInput,
) -> Answer<UpdateItemOutput> {
    let (table, key) = (names::table(caller, &input.table_name)?, item(input.key)?);
    let update = UpdateSpec {
        expression: parameters::text(input.update_expression),
        attributes: input.attribute_updates.map(parameters::updates).transpose()?,
    };
    let mut call = UpdateItem::new(table, key, update);
    set_common!(call, input);
    let written = tables.update_item(call).await?;
    Ok(output!(UpdateItemOutput, written, input))
}

pub(super) async fn delete(
    tables: &Tables,
    caller: &Caller,
    input: DeleteItemInput,
) -> Answer<DeleteItemOutput> {
    let mut call = DeleteItem::new(names::table(caller, &input.table_name)?, item(input.key)?);
    set_common!(call, input);
    let written = tables.delete_item(call).await?;
    Ok(output!(DeleteItemOutput, written, input))
}
