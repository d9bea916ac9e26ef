//! What carries tags and a policy, whatever it is: one way to read them, one way to change them.

use std::collections::BTreeMap;
use std::fmt;

use millstream_model::{ConsumerArn, StreamArn};
use millstream_storage::Priority;

use super::consumers::{ConsumerKey, FoundConsumer};
use crate::consumer::{ConsumerMeta, ConsumerStatus};
use crate::engine::{Engine, Inner};
use crate::error::{Error, Result};
use crate::stream::StreamMeta;

/// Something that can be tagged and shared with other accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    Stream(StreamArn),
    Consumer(ConsumerArn),
}

impl Resource {
    /// The stream, or the one that it belongs to.
    #[must_use]
    pub fn stream(&self) -> &StreamArn {
        match self {
            Self::Stream(arn) => arn,
            Self::Consumer(arn) => &arn.stream,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(arn) => arn.fmt(f),
            Self::Consumer(arn) => arn.fmt(f),
        }
    }
}

/// What is attached to a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policy: Option<String>,
}

impl Attached {
    fn of_stream(meta: &StreamMeta) -> Self {
        Self { tags: meta.tags.clone(), policy: meta.policy.clone() }
    }

    fn of_consumer(meta: &ConsumerMeta) -> Self {
        Self { tags: meta.tags.clone(), policy: meta.policy.clone() }
    }
}

impl Engine {
    /// Changes what is attached to a resource, unless `change` refuses it; the resource must be ACTIVE. `what` names
    /// the change.
    pub(crate) async fn change_attached(
        &self,
        what: &'static str,
        resource: &Resource,
        change: impl FnOnce(&mut Attached) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let resource = resource.clone();
        self.carry_through(
            what,
            |engine| async move { engine.inner.change_attached(&resource, change).await },
        )
        .await
    }
}

impl Inner {
    /// Whatever state the resource is in, as long as it is there.
    pub(crate) fn attached(&self, resource: &Resource) -> Result<Attached> {
        match resource {
            Resource::Stream(arn) => Ok(Attached::of_stream(&self.find(arn)?.meta)),
            Resource::Consumer(arn) => {
                Ok(Attached::of_consumer(&self.find_consumer(ConsumerKey::Arn(arn))?.meta))
            }
        }
    }

    /// Persists a change, unless `change` refuses it; the resource must be ACTIVE.
    async fn change_attached(
        &self,
        resource: &Resource,
        change: impl FnOnce(&mut Attached) -> Result<()>,
    ) -> Result<()> {
        let _control = self.control.lock().await;
        match resource {
            Resource::Stream(arn) => {
                let found = self.find_active(arn)?;
                let mut attached = Attached::of_stream(&found.meta);
                change(&mut attached)?;
                let Attached { tags, policy } = attached;
                let change = |meta: &mut StreamMeta| (meta.tags, meta.policy) = (tags, policy);
                self.change(&found, Priority::Normal, change).await
            }
            Resource::Consumer(arn) => {
                let found = self.find_active_consumer(arn)?;
                let mut attached = Attached::of_consumer(&found.meta);
                change(&mut attached)?;
                let Attached { tags, policy } = attached;
                let change = |meta: &mut ConsumerMeta| (meta.tags, meta.policy) = (tags, policy);
                self.change_consumer(&found, Priority::Normal, change).await
            }
        }
    }

    fn find_active_consumer(&self, arn: &ConsumerArn) -> Result<FoundConsumer> {
        let found = self.find_consumer(ConsumerKey::Arn(arn))?;
        if found.status == ConsumerStatus::Active {
            return Ok(found);
        }
        let ConsumerArn { stream: StreamArn { account, name: stream, .. }, name, created_secs } = arn;
        Err(Error::ResourceInUse(format!(
            "Consumer {name} with creation timestamp {created_secs} under stream {stream} and account {account} is \
             not in ACTIVE status."
        )))
    }
}
