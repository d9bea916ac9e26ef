//! PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy.
//!
//! A policy is kept as the text that it was given as. What it may say is checked by whoever knows its grammar,
//! and what it allows is decided by whoever knows the caller.

use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::meta::Policy;
use crate::tables::Tables;

/// What stands for "no policy" where a revision is expected.
const NO_POLICY: &str = "NO_POLICY";

impl Tables {
    /// Attaches a policy to the table in place of the one that it has, if that has the expected revision; returns the
    /// new one's revision. The same text again changes nothing.
    pub async fn put_policy(
        &self,
        arn: &TableArn,
        text: String,
        expected_revision: Option<String>,
    ) -> Result<String> {
        let arn = arn.clone();
        self.carry_through("change of a policy", move |tables| async move {
            let inner = &tables.inner;
            let mut control = inner.control.lock().await;
            let found = inner.find_resource(&arn)?;
            let present = found.meta.policy.as_ref();
            check_revision(&arn, present, expected_revision.as_deref())?;
            if let Some(present) = present.filter(|present| present.text == text) {
                return Ok(present.revision.clone());
            }
            let policy = Policy { text, revision: inner.revision() };
            let revision = policy.revision.clone();
            inner.change(&mut control, &found, |meta| meta.policy = Some(policy)).await?;
            Ok(revision)
        })
        .await
    }

    /// # Errors
    ///
    /// When the table has no policy.
    pub fn policy(&self, arn: &TableArn) -> Result<Policy> {
        let found = self.inner.find_resource(arn)?;
        found.meta.policy.clone().ok_or_else(|| no_policy(arn))
    }

    /// Removes the policy, if it has the expected revision, and returns that; `None` if there was none.
    pub async fn delete_policy(
        &self,
        arn: &TableArn,
        expected_revision: Option<String>,
    ) -> Result<Option<String>> {
        let arn = arn.clone();
        self.carry_through("deletion of a policy", move |tables| async move {
            let inner = &tables.inner;
            let mut control = inner.control.lock().await;
            let found = inner.find_resource(&arn)?;
            check_revision(&arn, found.meta.policy.as_ref(), expected_revision.as_deref())?;
            inner.change(&mut control, &found, |meta| meta.policy = None).await?;
            Ok(found.meta.policy.as_ref().map(|policy| policy.revision.clone()))
        })
        .await
    }
}

fn check_revision(arn: &TableArn, present: Option<&Policy>, expected: Option<&str>) -> Result<()> {
    let present = present.map_or(NO_POLICY, |policy| policy.revision.as_str());
    match expected {
        Some(expected) if expected != present => Err(no_policy(arn)),
        _ => Ok(()),
    }
}

fn no_policy(arn: &TableArn) -> Error {
    Error::PolicyNotFound(format!("Resource-based policy not found for the provided ResourceArn: {arn}"))
}
