//! Registering, deregistering, describing and listing consumers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use millstream_model::{ConsumerArn, ConsumerName, Span, StreamArn, Timestamp, limits as aws};
use millstream_storage::{Priority, WriteSet};
use prost::Message;

use super::tags::check_tags;
use crate::call_limits::Call;
use crate::consumer::{Consumer, ConsumerMeta, ConsumerPhase, ConsumerStatus};
use crate::engine::{Engine, Found, Inner, not_found};
use crate::error::{Error, Result};
use crate::keyspace::consumer_row::{self, consumer_key};
use crate::stream::StreamStatus;
use crate::token::{Page, invalid_page};

/// A RegisterStreamConsumer call.
#[derive(Clone, Debug)]
pub struct RegisterConsumer {
    pub stream: StreamArn,
    pub name: ConsumerName,
    pub tags: BTreeMap<String, String>,
}

/// How a caller names a consumer.
#[derive(Clone, Copy, Debug)]
pub enum ConsumerKey<'a> {
    /// This very one, not a later one of the same name.
    Arn(&'a ConsumerArn),
    Name(&'a StreamArn, &'a ConsumerName),
}

/// A consumer as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerDescription {
    pub arn: ConsumerArn,
    pub status: ConsumerStatus,
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub struct ConsumersPage {
    pub consumers: Vec<ConsumerDescription>,
    /// Absent at the end.
    pub next_token: Option<String>,
}

/// Where a listing of consumers goes on.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConsumersToken {
    #[prost(uint32, tag = "1")]
    stream_uid: u32,
    #[prost(string, tag = "2")]
    after: String,
}

/// A consumer as it was found at one moment.
#[derive(Debug)]
pub(crate) struct FoundConsumer {
    pub(crate) found: Found,
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) meta: Arc<ConsumerMeta>,
    pub(crate) status: ConsumerStatus,
}

impl Page for ConsumersToken {
    const KIND: &'static [u8] = b"ListStreamConsumers";
}

impl Engine {
    /// Registers a consumer. As on AWS the answer says CREATING, even where no delay is configured and the
    /// consumer can be used at once.
    pub async fn register_consumer(&self, call: RegisterConsumer) -> Result<ConsumerDescription> {
        self.inner.admit(Call::RegisterStreamConsumer, &call.stream)?;
        check_tags(&call.stream, &call.tags)?;
        self.carry_through("registration", |engine| async move { engine.inner.register(call).await }).await
    }

    /// Hides the consumer at once, or after the configured delay, and ends its subscriptions.
    pub async fn deregister_consumer(&self, key: ConsumerKey<'_>) -> Result<()> {
        self.inner.admit(Call::DeregisterStreamConsumer, key.stream())?;
        let arn = self.inner.find_consumer(key)?.consumer.arn.clone();
        self.carry_through("deregistration", |engine| async move { engine.inner.deregister(&arn).await })
            .await
    }

    pub fn describe_consumer(&self, key: ConsumerKey<'_>) -> Result<ConsumerDescription> {
        self.inner.admit(Call::DescribeStreamConsumer, key.stream())?;
        let FoundConsumer { consumer, meta, status, .. } = self.inner.find_consumer(key)?;
        Ok(ConsumerDescription { arn: consumer.arn.clone(), status, created: meta.created })
    }

    /// The consumers of a stream by name, from the start or from where a token says. A stream that was not
    /// created in the same second as `stream_created` is another one.
    pub fn list_consumers(
        &self,
        arn: &StreamArn,
        stream_created: Option<Timestamp>,
        token: Option<&str>,
        consumers_max: Option<usize>,
    ) -> Result<ConsumersPage> {
        let inner = &self.inner;
        inner.admit(Call::ListStreamConsumers, arn)?;
        let found = inner.find(arn)?;
        if stream_created.is_some_and(|named| named.as_secs() != found.meta.created.as_secs()) {
            return Err(not_found(arn));
        }
        if matches!(found.status, StreamStatus::Creating | StreamStatus::Deleting) {
            return Err(Error::stream_not_active(&found.stream.arn, found.status));
        }
        let after =
            token.map(|token| inner.sealer.open_page::<ConsumersToken>(token, found.now)).transpose()?;
        if after.as_ref().is_some_and(|after| after.stream_uid != found.stream.uid) {
            return Err(invalid_page());
        }
        let page = consumers_max.unwrap_or(aws::LIST_STREAM_CONSUMERS_PAGE_MAX);
        let page = page.min(aws::LIST_STREAM_CONSUMERS_PAGE_MAX);
        let all = found.stream.consumers.all();
        let mut rest = all.iter().filter_map(|consumer| {
            let is_after =
                after.as_ref().is_none_or(|token| consumer.arn.name.as_str() > token.after.as_str());
            let meta = consumer.meta();
            let status = meta.status(found.now).filter(|_| is_after)?;
            Some(ConsumerDescription { arn: consumer.arn.clone(), status, created: meta.created })
        });
        let consumers: Vec<_> = rest.by_ref().take(page).collect();
        let next_token = match (consumers.last(), rest.next()) {
            (Some(last), Some(_)) => {
                let token = ConsumersToken { stream_uid: found.stream.uid, after: last.arn.name.to_string() };
                Some(inner.sealer.seal_page(&token, found.now)?)
            }
            _ => None,
        };
        Ok(ConsumersPage { consumers, next_token })
    }
}

impl ConsumerKey<'_> {
    fn stream(&self) -> &StreamArn {
        match self {
            Self::Arn(arn) => &arn.stream,
            Self::Name(stream, _) => stream,
        }
    }
}

impl Inner {
    async fn register(&self, call: RegisterConsumer) -> Result<ConsumerDescription> {
        let _control = self.control.lock().await;
        let found = self.find_active(&call.stream)?;
        let before = found.stream.consumers.get(&call.name).map(|consumer| consumer.meta());
        if before.as_ref().is_some_and(|before| before.status(found.now).is_some()) {
            let (name, StreamArn { account, name: stream, .. }) = (&call.name, &call.stream);
            return Err(Error::ResourceInUse(format!(
                "Consumer {name} under stream {stream} already exists for account {account}."
            )));
        }
        self.check_consumer_quotas(&found)?;
        let delay = self.settings.delays.create;
        let meta = ConsumerMeta {
            created: creation(found.now, before.as_deref()),
            phase: Span::starting(found.now, delay).map_or(ConsumerPhase::Steady, ConsumerPhase::Creating),
            tags: call.tags,
            policy: None,
        };
        let mut writes = WriteSet::new();
        writes.put(consumer_key(found.stream.uid, &call.name), consumer_row::encode(&meta));
        self.store_change(writes).await?;
        let created = meta.created;
        let consumer = found.stream.consumers.insert(Consumer::new(call.stream, call.name, meta));
        Ok(ConsumerDescription { arn: consumer.arn.clone(), status: ConsumerStatus::Creating, created })
    }

    async fn deregister(&self, arn: &ConsumerArn) -> Result<()> {
        let _control = self.control.lock().await;
        let found = self.find_consumer(ConsumerKey::Arn(arn))?;
        if found.status == ConsumerStatus::Deleting {
            return Ok(());
        }
        let span = Span::of(found.found.now, self.settings.delays.delete);
        let change = |meta: &mut ConsumerMeta| meta.phase = ConsumerPhase::Deleting(span);
        self.change_consumer(&found, Priority::Reclaim, change).await?;
        let gone = consumer_not_found(&arn.name, &arn.stream);
        found.consumer.places.close(&gone, &Some(gone.clone()));
        self.janitor.notify_one();
        Ok(())
    }

    /// The consumer, in whatever state it is, as long as it is not gone.
    pub(crate) fn find_consumer(&self, key: ConsumerKey<'_>) -> Result<FoundConsumer> {
        let found = self.find(key.stream())?;
        let (name, arn) = match key {
            ConsumerKey::Arn(arn) => (&arn.name, Some(arn)),
            ConsumerKey::Name(_, name) => (name, None),
        };
        let consumer = found.stream.consumers.get(name);
        let consumer = consumer.filter(|consumer| arn.is_none_or(|arn| *arn == consumer.arn));
        let present = consumer.and_then(|consumer| {
            let meta = consumer.meta();
            let status = meta.status(found.now)?;
            Some((consumer, meta, status))
        });
        let (consumer, meta, status) = present.ok_or_else(|| {
            let named: &dyn fmt::Display = match arn {
                Some(arn) => arn,
                None => name,
            };
            consumer_not_found(named, key.stream())
        })?;
        // Consumers go with their stream.
        let is_going = found.status == StreamStatus::Deleting;
        let status = if is_going { ConsumerStatus::Deleting } else { status };
        Ok(FoundConsumer { found, consumer, meta, status })
    }

    /// Persists a change of a consumer and shows it. The caller holds the lock on changes.
    pub(crate) async fn change_consumer(
        &self,
        found: &FoundConsumer,
        priority: Priority,
        change: impl FnOnce(&mut ConsumerMeta),
    ) -> Result<()> {
        let mut meta = ConsumerMeta::clone(&found.meta);
        change(&mut meta);
        let key = consumer_key(found.found.stream.uid, &found.consumer.arn.name);
        let mut writes = WriteSet::new().with_priority(priority);
        writes.put(key, consumer_row::encode(&meta));
        self.store_change(writes).await?;
        found.consumer.set_meta(meta);
        Ok(())
    }

    /// How many consumers the stream may have, if there is a limit.
    fn consumers_max(&self, found: &Found) -> Option<u32> {
        let limits = &self.settings.limits;
        let StreamArn { account, region, .. } = &found.stream.arn;
        match found.stream.is_on_demand() && self.is_advantage(account, region) {
            true => limits.consumers_per_advantage_stream,
            false => limits.consumers_per_stream,
        }
    }

    fn check_consumer_quotas(&self, found: &Found) -> Result<()> {
        let Some(limit) = self.consumers_max(found) else { return Ok(()) };
        let StreamArn { account, name, .. } = &found.stream.arn;
        let consumers = found.stream.consumers.all();
        let states = consumers.iter().filter_map(|consumer| consumer.meta().status(found.now));
        let (creating, all) = states.fold((0, 0), |(creating, all), status| {
            (creating + usize::from(status == ConsumerStatus::Creating), all + 1)
        });
        if all >= limit as usize {
            return Err(Error::LimitExceeded(format!(
                "Stream {name} under account {account} has {all} consumers. Limit: {limit}."
            )));
        }
        if creating >= aws::CONSUMERS_CREATING_MAX {
            return Err(Error::LimitExceeded(format!(
                "Only {} consumers of stream {name} under account {account} can be in the CREATING state at once.",
                aws::CONSUMERS_CREATING_MAX
            )));
        }
        Ok(())
    }
}

/// The ARN of a consumer ends in the second of its registration, and that of a namesake must end in another.
fn creation(now: Timestamp, before: Option<&ConsumerMeta>) -> Timestamp {
    let free_from = before.map_or(0, |before| (before.created.as_secs() + 1).saturating_mul(1000));
    now.max(Timestamp::from_millis(free_from))
}

fn consumer_not_found(consumer: &dyn fmt::Display, stream: &StreamArn) -> Error {
    Error::ResourceNotFound(format!("Consumer {consumer}, account {} not found.", stream.account))
}
