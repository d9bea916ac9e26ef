//! Tags of tables.

use millstream_table::Tables;

use super::{Answer, names, parameters};
use crate::aws::dynamodb::generated::{
    ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag, TagResourceInput, UntagResourceInput,
};

pub(super) async fn add(tables: &Tables, input: TagResourceInput) -> Answer<()> {
    let table = names::resource(&input.resource_arn)?;
    let tags = input.tags.into_iter().map(|tag| (tag.key.into(), tag.value.into()));
    Ok(tables.tag_resource(&table, tags.collect()).await?)
}

pub(super) async fn remove(tables: &Tables, input: UntagResourceInput) -> Answer<()> {
    let table = names::resource(&input.resource_arn)?;
    Ok(tables.untag_resource(&table, parameters::texts(input.tag_keys)).await?)
}

pub(super) fn list(tables: &Tables, input: &ListTagsOfResourceInput) -> Answer<ListTagsOfResourceOutput> {
    let table = names::resource(&input.resource_arn)?;
    let page = tables.list_tags(&table, input.next_token.as_deref())?;
    let tags = page.tags.into_iter().map(|(key, value)| Tag { key: key.into(), value: value.into() });
    Ok(ListTagsOfResourceOutput { tags: Some(tags.collect()), next_token: page.next.map(Into::into) })
}
