//! A subscription to a shard of this server, for a worker in it.

use async_trait::async_trait;
use millstream_client::{Error, Record, Result, Subscription, SubscriptionEvent, Then};
use millstream_engine::{Event, Part};

use super::failure::to_client;
use super::streams::{child, number, record};
use crate::aws::codec::ApiError;
use crate::aws::kinesis::service::Audible;
use crate::faults::Cut;

#[derive(Debug)]
pub(super) struct LocalSubscription {
    events: Audible,
    cut: Option<Cut>,
    /// What was given so far.
    count: u64,
    bytes: u64,
}

impl LocalSubscription {
    pub(super) fn new(events: Audible, cut: Option<Cut>) -> Self {
        Self { events, cut, count: 0, bytes: 0 }
    }

    /// Whether it ends here on purpose. There are no bytes to break off in the middle of, so that is in front of an event.
    fn cut_off(&self) -> Option<Error> {
        let broken = || Error::ConnectionLost("a rule says so".to_owned());
        match self.cut.as_ref()? {
            Cut::AfterEvents(events) => (self.count >= *events).then(broken),
            Cut::AfterBytes(bytes) => (self.count > 0 && self.bytes >= *bytes).then(broken),
            Cut::Exception { events, exception, message } => {
                (self.count >= *events).then(|| to_client(&ApiError::new(*exception, message.clone())))
            }
        }
    }
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next_event(&mut self) -> Result<Option<SubscriptionEvent>> {
        if let Some(error) = self.cut_off() {
            return Err(error);
        }
        let event = match self.events.next().await {
            None => return Ok(None),
            Some(event) => event.map_err(|error| to_client(&error.into()))?,
        };
        self.count += 1;
        self.bytes += event.parts.iter().map(Part::bytes).sum::<u64>();
        told(&event).map(Some)
    }
}

fn told(event: &Event) -> Result<SubscriptionEvent> {
    let records = event.parts.iter().flat_map(Part::records).map(record).collect::<Result<Vec<Record>>>()?;
    let then = match event.continuation {
        Some(continuation) => Then::ContinueAfter(number(continuation)?),
        None => Then::ShardEnd { children: event.children.iter().map(child).collect() },
    };
    Ok(SubscriptionEvent { records, then, millis_behind_latest: event.millis_behind_latest })
}
