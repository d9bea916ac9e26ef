//! Tags in both generations of calls: those of streams alone, and those of any resource.
//!
//! Both see the same tags of a stream. They differ in which characters they take and in how they refuse.

use std::collections::BTreeMap;

use millstream_model::{StreamArn, limits};

use super::resource::Resource;
use crate::call_limits::Call;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Tags in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsPage {
    pub tags: Vec<(String, String)>,
    pub has_more: bool,
}

impl Engine {
    /// Adds tags, and overwrites those that are there.
    pub async fn add_tags(&self, arn: &StreamArn, tags: BTreeMap<String, String>) -> Result<()> {
        self.inner.admit(Call::AddTagsToStream, arn)?;
        let arn = arn.clone();
        self.change_attached("change of tags", &Resource::Stream(arn.clone()), move |attached| {
            check_tags(&arn, &tags)?;
            attached.tags.extend(tags);
            check_tag_count(&arn, attached.tags.len())
        })
        .await
    }

    /// Removes tags; keys that no tag has are ignored.
    pub async fn remove_tags(&self, arn: &StreamArn, keys: Vec<String>) -> Result<()> {
        self.inner.admit(Call::RemoveTagsFromStream, arn)?;
        let arn = arn.clone();
        self.change_attached("removal of tags", &Resource::Stream(arn.clone()), move |attached| {
            check_characters(&arn, keys.iter(), "remove tags from")?;
            attached.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }

    /// Tags with keys after `after`.
    pub fn list_tags(
        &self,
        arn: &StreamArn,
        after: Option<&str>,
        tags_max: Option<usize>,
    ) -> Result<TagsPage> {
        self.inner.admit(Call::ListTagsForStream, arn)?;
        let found = self.inner.find(arn)?;
        let page = tags_max.unwrap_or(limits::LIST_TAGS_PAGE_MAX).min(limits::LIST_TAGS_PAGE_MAX);
        let mut rest =
            found.meta.tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let tags = rest.by_ref().take(page).map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(TagsPage { tags, has_more: rest.next().is_some() })
    }

    /// As [`Self::add_tags`], for any resource.
    pub async fn tag_resource(&self, resource: &Resource, tags: BTreeMap<String, String>) -> Result<()> {
        self.inner.admit(Call::TagResource, resource.stream())?;
        let shown = resource.to_string();
        self.change_attached("change of tags", resource, move |attached| {
            check_resource_keys(tags.keys())?;
            check_resource_characters(tags.values())?;
            attached.tags.extend(tags);
            check_resource_tag_count(&shown, attached.tags.len())
        })
        .await
    }

    /// As [`Self::remove_tags`], for any resource.
    pub async fn untag_resource(&self, resource: &Resource, keys: Vec<String>) -> Result<()> {
        self.inner.admit(Call::UntagResource, resource.stream())?;
        self.change_attached("removal of tags", resource, move |attached| {
            check_resource_keys(keys.iter())?;
            attached.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }

    /// All tags of a resource, in the order of their keys.
    pub fn list_resource_tags(&self, resource: &Resource) -> Result<Vec<(String, String)>> {
        self.inner.admit(Call::ListTagsForResource, resource.stream())?;
        Ok(self.inner.attached(resource)?.tags.into_iter().collect())
    }
}

pub(crate) fn check_tags(arn: &StreamArn, tags: &BTreeMap<String, String>) -> Result<()> {
    check_characters(arn, tags.keys().chain(tags.values()), "add tags to")?;
    check_tag_count(arn, tags.len())
}

fn check_tag_count(arn: &StreamArn, count: usize) -> Result<()> {
    if count <= limits::TAGS_MAX {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!(
        "Failed to add tags to stream {} under account {} because a given stream cannot have more than {} tags \
         associated with it.",
        arn.name,
        arn.account,
        limits::TAGS_MAX
    )))
}

/// AWS looks twice: a `%` passes the first rule and falls to the second.
fn check_characters<'a>(
    arn: &StreamArn,
    mut texts: impl Iterator<Item = &'a String> + Clone,
    what: &str,
) -> Result<()> {
    if !texts.clone().all(|text| text.chars().all(|c| is_allowed(c, "_./=+-%@"))) {
        return Err(Error::InvalidArgument(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, \
             _ . / = + - % @."
                .to_owned(),
        ));
    }
    if texts.any(|text| text.contains('%')) {
        return Err(Error::InvalidArgument(format!(
            "Failed to {what} stream {} under account {} because some tags contained illegal characters. The \
             allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
            arn.name, arn.account
        )));
    }
    Ok(())
}

/// Tags of resources may have a `:`, so that the prefix of AWS's own tags is a rule of its own here.
fn check_resource_keys<'a>(keys: impl Iterator<Item = &'a String> + Clone) -> Result<()> {
    const RESERVED: &str = "aws:";
    check_resource_characters(keys.clone())?;
    let is_reserved =
        |key: &String| key.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED));
    if keys.into_iter().any(is_reserved) {
        return Err(Error::InvalidArgument(format!("Tag keys that begin with {RESERVED} are reserved.")));
    }
    Ok(())
}

fn check_resource_characters<'a>(mut texts: impl Iterator<Item = &'a String>) -> Result<()> {
    if texts.all(|text| text.chars().all(|c| is_allowed(c, "_.:/=+-@"))) {
        return Ok(());
    }
    Err(Error::InvalidArgument(
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, \
         _ . : / = + - @."
            .to_owned(),
    ))
}

fn check_resource_tag_count(resource: &str, count: usize) -> Result<()> {
    if count <= limits::TAGS_MAX {
        return Ok(());
    }
    let max = limits::TAGS_MAX;
    Err(Error::LimitExceeded(format!("{resource} would have {count} tags, of which there may be {max}.")))
}

fn is_allowed(c: char, marks: &str) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || marks.contains(c)
}
