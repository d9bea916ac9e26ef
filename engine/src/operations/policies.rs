//! PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy.
//!
//! A policy is kept as the text that it was given as. What it may say is checked by whoever knows its grammar,
//! and what it allows is decided by whoever knows the caller.

use super::resource::Resource;
use crate::call_limits::Call;
use crate::engine::Engine;
use crate::error::{Error, Result};

impl Engine {
    /// Attaches a policy to the resource, in place of the one that it has.
    pub async fn put_policy(&self, resource: &Resource, policy: String) -> Result<()> {
        self.inner.admit(Call::PutResourcePolicy, resource.stream())?;
        self.change_attached("change of a policy", resource, |attached| {
            attached.policy = Some(policy);
            Ok(())
        })
        .await
    }

    /// The policy of the resource, if it has one.
    pub fn policy(&self, resource: &Resource) -> Result<Option<String>> {
        self.inner.admit(Call::GetResourcePolicy, resource.stream())?;
        Ok(self.inner.attached(resource)?.policy)
    }

    /// Fails if the resource has no policy.
    pub async fn delete_policy(&self, resource: &Resource) -> Result<()> {
        self.inner.admit(Call::DeleteResourcePolicy, resource.stream())?;
        let none = format!("No policy is attached to {resource}.");
        self.change_attached("deletion of a policy", resource, |attached| match attached.policy.take() {
            Some(_) => Ok(()),
            None => Err(Error::ResourceNotFound(none)),
        })
        .await
    }
}
