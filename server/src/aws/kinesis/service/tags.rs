//! Tags of streams.

use bytestring::ByteString;
use millstream_engine::Engine;

use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    AddTagsToStreamInput, ListTagsForStreamInput, ListTagsForStreamOutput, RemoveTagsFromStreamInput, Tag,
};

pub(super) async fn add(engine: &Engine, caller: &Caller, input: AddTagsToStreamInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    let tags = input.tags.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Ok(engine.add_tags(&stream, tags.collect()).await?)
}

pub(super) async fn remove(engine: &Engine, caller: &Caller, input: RemoveTagsFromStreamInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    let keys: Vec<_> = input.tag_keys.iter().map(ToString::to_string).collect();
    Ok(engine.remove_tags(&stream, &keys).await?)
}

pub(super) fn list(
    engine: &Engine,
    caller: &Caller,
    input: &ListTagsForStreamInput,
) -> Answer<ListTagsForStreamOutput> {
    let stream = names::stream_of!(caller, input)?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok());
    let page = engine.list_tags(&stream, input.exclusive_start_tag_key.as_deref(), limit)?;
    let tags = page.tags.into_iter();
    let tags = tags.map(|(key, value)| Tag { key: key.into(), value: Some(ByteString::from(value)) });
    Ok(ListTagsForStreamOutput { tags: tags.collect(), has_more_tags: page.has_more })
}
