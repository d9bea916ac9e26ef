//! TagResource, UntagResource and ListTagsOfResource.

use std::collections::BTreeMap;

use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::tables::{Found, Inner, Tables};

const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;
/// Of one page of ListTagsOfResource.
const PAGE_TAGS: usize = 10;

/// A page of tags, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagsPage {
    pub tags: Vec<(String, String)>,
    /// What to ask for the next page with, if more follow.
    pub next: Option<String>,
}

impl Tables {
    pub async fn tag_resource(&self, arn: &TableArn, tags: BTreeMap<String, String>) -> Result<()> {
        if tags.is_empty() {
            return Err(Error::Validation("Atleast one Tag needs to be provided as Input.".to_owned()));
        }
        self.change_tags(arn, move |present| {
            let mut changed = present;
            changed.extend(tags);
            check_tags(&changed).map(|()| changed)
        })
        .await
    }

    pub async fn untag_resource(&self, arn: &TableArn, keys: Vec<String>) -> Result<()> {
        if keys.is_empty() {
            return Err(Error::Validation("Atleast one Tag Key needs to be provided as Input.".to_owned()));
        }
        self.change_tags(arn, move |mut present| {
            present.retain(|key, _| !keys.contains(key));
            Ok(present)
        })
        .await
    }

    /// `next` is the one of the page before.
    pub fn list_tags(&self, arn: &TableArn, next: Option<&str>) -> Result<TagsPage> {
        let found = self.inner.find_resource(arn)?;
        let mut behind =
            found.meta.tags.iter().filter(|(key, _)| next.is_none_or(|next| key.as_str() > next));
        let tags: Vec<_> =
            behind.by_ref().take(PAGE_TAGS).map(|(key, value)| (key.clone(), value.clone())).collect();
        let next = behind.next().and_then(|_| tags.last().map(|(key, _)| key.clone()));
        Ok(TagsPage { tags, next })
    }

    async fn change_tags(
        &self,
        arn: &TableArn,
        change: impl FnOnce(BTreeMap<String, String>) -> Result<BTreeMap<String, String>> + Send + 'static,
    ) -> Result<()> {
        let arn = arn.clone();
        self.carry_through("change of tags", move |tables| async move {
            let inner = &tables.inner;
            let mut control = inner.control.lock().await;
            let found = inner.find_resource(&arn)?;
            let tags = change(found.meta.tags.clone())?;
            inner.change(&mut control, &found, |meta| meta.tags = tags).await
        })
        .await
    }
}

impl Inner {
    /// The table of an ARN, in the words for tags and policies.
    pub(super) fn find_resource(&self, arn: &TableArn) -> Result<Found> {
        self.find(arn).map_err(|_| {
            // AWS's spelling.
            Error::ResourceNotFound(format!("Requested resource not found: ResourcArn: {arn} not found"))
        })
    }
}

/// Whether a table may have these tags, all together.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            return Err(Error::Validation(format!(
                "Tag key {key} must have 1 to {KEY_CHARS_MAX} characters."
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::Validation(format!(
                "One or more parameter values were invalid: Tag keys starting with 'aws:' are reserved: {key}"
            )));
        }
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(Error::Validation(format!(
                "The value of tag {key} must have at most {VALUE_CHARS_MAX} characters."
            )));
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::Validation(
            "One or more parameter values were invalid: Too many tags: a resource has at most 50 tags"
                .to_owned(),
        ));
    }
    Ok(())
}
