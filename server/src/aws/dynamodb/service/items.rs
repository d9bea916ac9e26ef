//! Single items: get, put, update, delete.

use millstream_table::{DeleteItem, GetItem, ProjectionSpec, PutItem, Tables, UpdateItem, UpdateSpec};

use super::values::{attributes, item};
use super::{Answer, consumed, names, parameters};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    DeleteItemInput, DeleteItemOutput, GetItemInput, GetItemOutput, PutItemInput, PutItemOutput,
    UpdateItemInput, UpdateItemOutput,
};

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
        consumed_capacity: consumed::capacity(input.return_consumed_capacity, got.consumed),
    })
}

pub(super) async fn put(tables: &Tables, caller: &Caller, input: PutItemInput) -> Answer<PutItemOutput> {
    let call = PutItem {
        table: names::table(caller, &input.table_name)?,
        item: item(input.item)?,
        condition: parameters::condition(
            input.condition_expression,
            input.expected,
            input.conditional_operator,
        )?,
        placeholders: parameters::placeholders(
            input.expression_attribute_names,
            input.expression_attribute_values,
        )?,
        return_values: parameters::return_values(input.return_values),
        shows_failure: parameters::shows_failure(input.return_values_on_condition_check_failure),
        with_collection: parameters::with_collections(input.return_item_collection_metrics),
    };
    let written = tables.put_item(call).await?;
    Ok(PutItemOutput {
        attributes: written.attributes.map(attributes),
        consumed_capacity: consumed::capacity(input.return_consumed_capacity, written.consumed),
        item_collection_metrics: written.collection.map(consumed::collection),
    })
}

pub(super) async fn update(
    tables: &Tables,
    caller: &Caller,
    input: UpdateItemInput,
) -> Answer<UpdateItemOutput> {
    let call = UpdateItem {
        table: names::table(caller, &input.table_name)?,
        key: item(input.key)?,
        update: UpdateSpec {
            expression: parameters::text(input.update_expression),
            attributes: input.attribute_updates.map(parameters::updates).transpose()?,
        },
        condition: parameters::condition(
            input.condition_expression,
            input.expected,
            input.conditional_operator,
        )?,
        placeholders: parameters::placeholders(
            input.expression_attribute_names,
            input.expression_attribute_values,
        )?,
        return_values: parameters::return_values(input.return_values),
        shows_failure: parameters::shows_failure(input.return_values_on_condition_check_failure),
        with_collection: parameters::with_collections(input.return_item_collection_metrics),
    };
    let written = tables.update_item(call).await?;
    Ok(UpdateItemOutput {
        attributes: written.attributes.map(attributes),
        consumed_capacity: consumed::capacity(input.return_consumed_capacity, written.consumed),
        item_collection_metrics: written.collection.map(consumed::collection),
    })
}

pub(super) async fn delete(
    tables: &Tables,
    caller: &Caller,
    input: DeleteItemInput,
) -> Answer<DeleteItemOutput> {
    let call = DeleteItem {
        table: names::table(caller, &input.table_name)?,
        key: item(input.key)?,
        condition: parameters::condition(
            input.condition_expression,
            input.expected,
            input.conditional_operator,
        )?,
        placeholders: parameters::placeholders(
            input.expression_attribute_names,
            input.expression_attribute_values,
        )?,
        return_values: parameters::return_values(input.return_values),
        shows_failure: parameters::shows_failure(input.return_values_on_condition_check_failure),
        with_collection: parameters::with_collections(input.return_item_collection_metrics),
    };
    let written = tables.delete_item(call).await?;
    Ok(DeleteItemOutput {
        attributes: written.attributes.map(attributes),
        consumed_capacity: consumed::capacity(input.return_consumed_capacity, written.consumed),
        item_collection_metrics: written.collection.map(consumed::collection),
    })
}
