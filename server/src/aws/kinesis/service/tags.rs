//! Tags of streams, and of any resource.

use bytestring::ByteString;
use millstream_engine::Engine;

use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    AddTagsToStreamInput, ListTagsForResourceInput, ListTagsForResourceOutput, ListTagsForStreamInput,
    ListTagsForStreamOutput, RemoveTagsFromStreamInput, Tag, TagResourceInput, UntagResourceInput,
};

pub(super) async fn add(engine: &Engine, caller: &Caller, input: AddTagsToStreamInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    let tags = input.tags.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Ok(engine.add_tags(&stream, tags.collect()).await?)
}

pub(super) async fn remove(engine: &Engine, caller: &Caller, input: RemoveTagsFromStreamInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    let keys = input.tag_keys.iter().map(ToString::to_string).collect();
    Ok(engine.remove_tags(&stream, keys).await?)
}

pub(super) fn list(
    engine: &Engine,
    caller: &Caller,
    input: &ListTagsForStreamInput,
) -> Answer<ListTagsForStreamOutput> {
    let stream = names::stream_of!(caller, input)?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok());
    let page = engine.list_tags(&stream, input.exclusive_start_tag_key.as_deref(), limit)?;
    Ok(ListTagsForStreamOutput { tags: listed(page.tags), has_more_tags: page.has_more })
}

pub(super) async fn tag_resource(engine: &Engine, caller: &Caller, input: TagResourceInput) -> Answer<()> {
    let resource = names::resource(caller, &input.resource_arn)?;
    let tags = input.tags.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Ok(engine.tag_resource(&resource, tags.collect()).await?)
}

pub(super) async fn untag_resource(
    engine: &Engine,
    caller: &Caller,
    input: UntagResourceInput,
) -> Answer<()> {
    let resource = names::resource(caller, &input.resource_arn)?;
    let keys = input.tag_keys.iter().map(ToString::to_string).collect();
    Ok(engine.untag_resource(&resource, keys).await?)
}

pub(super) fn list_of_resource(
    engine: &Engine,
    caller: &Caller,
    input: &ListTagsForResourceInput,
) -> Answer<ListTagsForResourceOutput> {
    let resource = names::resource(caller, &input.resource_arn)?;
    Ok(ListTagsForResourceOutput { tags: Some(listed(engine.list_resource_tags(&resource)?)) })
}

fn listed(tags: Vec<(String, String)>) -> Vec<Tag> {
    let tags = tags.into_iter();
    tags.map(|(key, value)| Tag { key: key.into(), value: Some(ByteString::from(value)) }).collect()
}
