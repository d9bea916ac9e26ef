//! AddTagsToStream, RemoveTagsFromStream and ListTagsForStream.

use std::collections::BTreeMap;

use millstream_model::{StreamArn, limits};
use millstream_storage::Priority;

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
        let _control = self.inner.control.lock().await;
        let found = self.inner.find_active(arn)?;
        check_tags(arn, &tags)?;
        let mut all = found.meta.tags.clone();
        all.extend(tags);
        check_tag_count(arn, all.len())?;
        self.inner.change(&found, Priority::Normal, |meta| meta.tags = all).await
    }

    /// Removes tags; keys that no tag has are ignored.
    pub async fn remove_tags(&self, arn: &StreamArn, keys: &[String]) -> Result<()> {
        self.inner.admit(Call::RemoveTagsFromStream, arn)?;
        let _control = self.inner.control.lock().await;
        let found = self.inner.find_active(arn)?;
        check_characters(arn, keys.iter(), "remove tags from")?;
        let change = |meta: &mut crate::stream::StreamMeta| meta.tags.retain(|key, _| !keys.contains(key));
        self.inner.change(&found, Priority::Normal, change).await
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
    let is_allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_./=+-%@".contains(c);
    if !texts.clone().all(|text| text.chars().all(is_allowed)) {
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
