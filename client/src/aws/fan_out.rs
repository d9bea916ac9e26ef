//! Subscriptions over the AWS wire: an answer that goes on for minutes, event by event.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types;
use aws_sdk_kinesis::types::SubscribeToShardEventStream as Pushed;

use super::{convert, failure};
use crate::api::{ConsumerStatus, StreamConsumer, Subscription, SubscriptionEvent, Then};
use crate::error::{Error, Result};

/// The answer to one SubscribeToShard.
pub(super) struct WireSubscription(pub(super) SubscribeToShardOutput);

impl fmt::Debug for WireSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireSubscription").finish_non_exhaustive()
    }
}

#[async_trait]
impl Subscription for WireSubscription {
    async fn next_event(&mut self) -> Result<Option<SubscriptionEvent>> {
        loop {
            match self.0.event_stream.recv().await.map_err(failure::of_event)? {
                None => return Ok(None),
                Some(Pushed::SubscribeToShardEvent(pushed)) => return event(pushed).map(Some),
                // Kinds of events that came later than this client say nothing that it could act on.
                Some(_) => {}
            }
        }
    }
}

fn event(wire: types::SubscribeToShardEvent) -> Result<SubscriptionEvent> {
    let children = wire.child_shards.unwrap_or_default();
    // The SDK shows a missing number as an empty one. Either sign of the end is enough.
    let then = if wire.continuation_sequence_number.is_empty() || !children.is_empty() {
        Then::ShardEnd { children: children.iter().map(convert::child_shard).collect::<Result<_>>()? }
    } else {
        let number = &wire.continuation_sequence_number;
        Then::ContinueAfter(convert::parsed("ContinuationSequenceNumber", number)?)
    };
    Ok(SubscriptionEvent {
        records: wire.records.into_iter().map(convert::record).collect::<Result<_>>()?,
        then,
        millis_behind_latest: u64::try_from(wire.millis_behind_latest).unwrap_or(0),
    })
}

pub(super) fn consumer(arn: &str, status: &types::ConsumerStatus) -> Result<StreamConsumer> {
    let status = match status {
        types::ConsumerStatus::Active => ConsumerStatus::Active,
        types::ConsumerStatus::Creating => ConsumerStatus::Creating,
        types::ConsumerStatus::Deleting => ConsumerStatus::Deleting,
        other => return Err(Error::UnreadableReply(format!("ConsumerStatus is {:?}", other.as_str()))),
    };
    Ok(StreamConsumer { arn: convert::parsed("ConsumerARN", arn)?, status })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(continuation: &str) -> types::SubscribeToShardEvent {
        types::SubscribeToShardEvent::builder()
            .set_records(Some(Vec::new()))
            .continuation_sequence_number(continuation)
            .millis_behind_latest(-1)
            .build()
            .unwrap()
    }

    #[test]
    fn an_event_goes_on_or_ends_its_shard() {
        let on = event(pushed("17")).unwrap();
        assert_eq!(on.then, Then::ContinueAfter("17".parse().unwrap()));
        assert_eq!(on.millis_behind_latest, 0);
        assert_eq!(event(pushed("")).unwrap().then, Then::ShardEnd { children: Vec::new() });
        assert!(event(pushed("LATEST")).is_err());
    }

    #[test]
    fn consumers_are_told_by_their_arn() {
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/app:1700000000";
        let active = consumer(arn, &types::ConsumerStatus::Active).unwrap();
        assert_eq!((active.arn.to_string().as_str(), active.status), (arn, ConsumerStatus::Active));
        assert!(consumer("orders", &types::ConsumerStatus::Active).is_err());
    }
}
