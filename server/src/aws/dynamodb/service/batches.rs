//! Several items at once, each for itself: BatchGetItem and BatchWriteItem.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::{
    BatchGet, BatchGetItems, BatchWrite, Item, Placeholders, ProjectionSpec, Tables, WriteRequest as Write,
};

use super::names::Named;
use super::values::{attributes, item};
use super::{Answer, consumed, parameters, validation};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    BatchGetItemInput, BatchGetItemOutput, BatchWriteItemInput, BatchWriteItemOutput, DeleteRequest,
    ItemCollectionMetrics, KeysAndAttributes, PutRequest, WriteRequest,
};

pub(super) async fn get(
    tables: &Tables,
    caller: &Caller,
    input: BatchGetItemInput,
) -> Answer<BatchGetItemOutput> {
    let (named, asked) = Named::tables(caller, input.request_items, keys)?;
    let got = tables.batch_get_items(BatchGetItems { tables: asked }).await?;
    let items = |items: Vec<Item>| items.into_iter().map(attributes).collect::<Vec<_>>();
    Ok(BatchGetItemOutput {
        responses: Some(named.by_name(got.items, items)),
        unprocessed_keys: Some(named.by_name(got.unprocessed, unprocessed)),
        consumed_capacity: consumed::capacities(input.return_consumed_capacity, &named, got.consumed),
    })
}

fn keys(wire: KeysAndAttributes) -> Answer<BatchGet> {
    Ok(BatchGet {
        keys: wire.keys.into_iter().map(item).collect::<Result<_, _>>()?,
        projection: ProjectionSpec {
            expression: parameters::text(wire.projection_expression),
            attributes: wire.attributes_to_get.map(parameters::texts),
        },
        placeholders: parameters::placeholders(wire.expression_attribute_names, None)?,
        is_consistent: wire.consistent_read.unwrap_or_default(),
    })
}

/// What is to be asked again, as it was asked.
fn unprocessed(left: BatchGet) -> KeysAndAttributes {
    let Placeholders { names, .. } = left.placeholders;
    let names = names.map(|names| names.into_iter().map(|(key, name)| (key.into(), name.into())).collect());
    let texts = |texts: Vec<String>| texts.into_iter().map(ByteString::from).collect();
    KeysAndAttributes {
        keys: left.keys.into_iter().map(attributes).collect(),
        attributes_to_get: left.projection.attributes.map(texts),
        consistent_read: left.is_consistent.then_some(true),
        projection_expression: left.projection.expression.map(Into::into),
        expression_attribute_names: names,
    }
}

pub(super) async fn write(
    tables: &Tables,
    caller: &Caller,
    input: BatchWriteItemInput,
) -> Answer<BatchWriteItemOutput> {
    let requests = |wire: Vec<WriteRequest>| wire.into_iter().map(request).collect::<Answer<Vec<_>>>();
    let (named, asked) = Named::tables(caller, input.request_items, requests)?;
    let with_collections = parameters::with_collections(input.return_item_collection_metrics);
    let written = tables.batch_write_items(BatchWrite { tables: asked, with_collections }).await?;
    let collections: BTreeMap<_, Vec<ItemCollectionMetrics>> =
        named.by_name(written.collections, |all| all.into_iter().map(consumed::collection).collect());
    let left = |left: Vec<Write>| left.into_iter().map(unwritten).collect::<Vec<_>>();
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(named.by_name(written.unprocessed, left)),
        item_collection_metrics: Some(collections).filter(|collections| !collections.is_empty()),
        consumed_capacity: consumed::capacities(input.return_consumed_capacity, &named, written.consumed),
    })
}

fn request(wire: WriteRequest) -> Answer<Write> {
    match (wire.put_request, wire.delete_request) {
        (Some(put), None) => Ok(Write::Put(item(put.item)?)),
        (None, Some(delete)) => Ok(Write::Delete(item(delete.key)?)),
        (None, None) => Err(validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
        (Some(_), Some(_)) => Err(validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes",
        )),
    }
}

fn unwritten(left: Write) -> WriteRequest {
    match left {
        Write::Put(item) => {
            WriteRequest { put_request: Some(PutRequest { item: attributes(item) }), delete_request: None }
        }
        Write::Delete(key) => {
            WriteRequest { put_request: None, delete_request: Some(DeleteRequest { key: attributes(key) }) }
        }
    }
}
