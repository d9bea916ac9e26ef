//! Subscriptions over gRPC: an answer that goes on until the shard ends.

use std::fmt;

use async_trait::async_trait;
use millstream_proto::v1;
use tonic::Streaming;

use super::{convert, failure};
use crate::api::{Subscription, SubscriptionEvent, Then};
use crate::error::Result;

/// The answer to one Subscribe.
pub(super) struct GrpcSubscription(pub(super) Streaming<v1::SubscribeResponse>);

impl fmt::Debug for GrpcSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcSubscription").finish_non_exhaustive()
    }
}

#[async_trait]
impl Subscription for GrpcSubscription {
    async fn next_event(&mut self) -> Result<Option<SubscriptionEvent>> {
        let message = self.0.message().await.map_err(|status| failure::of_status(&status))?;
        message.map(event).transpose()
    }
}

fn event(message: v1::SubscribeResponse) -> Result<SubscriptionEvent> {
    let then = match message.continuation_sequence_number.as_deref().filter(|number| !number.is_empty()) {
        Some(number) => Then::ContinueAfter(convert::parsed("continuation_sequence_number", number)?),
        None => Then::ShardEnd {
            children: message.child_shards.iter().map(convert::child_shard).collect::<Result<_>>()?,
        },
    };
    Ok(SubscriptionEvent {
        records: message.records.into_iter().map(convert::record).collect::<Result<_>>()?,
        then,
        millis_behind_latest: u64::try_from(message.millis_behind_latest).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_on_or_ends_its_shard() {
        let message = |number: Option<&str>| v1::SubscribeResponse {
            continuation_sequence_number: number.map(str::to_owned),
            millis_behind_latest: -1,
            ..Default::default()
        };
        let on = event(message(Some("17"))).unwrap();
        assert_eq!(on.then, Then::ContinueAfter("17".parse().unwrap()));
        assert_eq!(on.millis_behind_latest, 0);
        for none in [None, Some("")] {
            assert_eq!(event(message(none)).unwrap().then, Then::ShardEnd { children: Vec::new() });
        }
        assert!(event(message(Some("LATEST"))).is_err());
    }
}
