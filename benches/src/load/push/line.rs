//! A worker's way to the target, and where its subscriptions begin.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use millstream_proto::v1::{ShardIteratorType, StartingPosition, SubscribeRequest};
use prost::Message;
use serde_json::json;

use crate::error::Error;
use crate::scan::Refusal;
use crate::streams::{ATTEMPTS_MAX, Caller};
use crate::wire::{Driver, Http2, Operation, Protocol, Reply, Subscribed, Subscription};

/// A consumer and a shard, which can have one subscription at a time.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) consumer_arn: String,
    pub(crate) shard_id: String,
    /// Counts the bytes of record data that the consumer is brought while it is measured.
    pub(crate) brought_bytes: Arc<AtomicU64>,
}

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Latest,
    TrimHorizon,
    After(String),
    /// The shard is closed and was read to its end.
    End,
}

impl Position {
    /// The request of a Subscribe call that begins here.
    fn request(&self, place: &Place) -> Vec<u8> {
        let (kind, sequence_number) = match self {
            Self::Latest | Self::End => (ShardIteratorType::Latest, None),
            Self::TrimHorizon => (ShardIteratorType::TrimHorizon, None),
            Self::After(number) => (ShardIteratorType::AfterSequenceNumber, Some(number.clone())),
        };
        let request = SubscribeRequest {
            consumer_arn: Some(place.consumer_arn.clone()),
            shard_id: Some(place.shard_id.clone()),
            starting_position: Some(StartingPosition {
                r#type: Some(kind.into()),
                sequence_number,
                timestamp: None,
            }),
            dry_run: None,
        };
        request.encode_to_vec()
    }

    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Latest | Self::End => json!({ "Type": "LATEST" }),
            Self::TrimHorizon => json!({ "Type": "TRIM_HORIZON" }),
            Self::After(number) => json!({ "Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number }),
        }
    }
}

/// What subscriptions go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Each has a connection of its own.
    Http1,
    /// Many on one connection, as all that follow.
    Http2,
    Grpc,
}

/// How subscriptions are made.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    pub(crate) caller: Caller,
    pub(crate) wire: Wire,
    /// Compare the checksum of every frame.
    pub(crate) verify: bool,
}

/// The connection that a worker's subscriptions share, or none.
#[derive(Debug)]
pub(super) struct Line<'a> {
    transport: &'a Transport,
    http2: Option<Http2>,
}

impl Transport {
    /// The driver has to be polled beside everything that the line is used for.
    pub(super) async fn line(&self) -> Result<(Line<'_>, Driver), Error> {
        if self.wire != Wire::Http1 {
            let (http2, driver) = Http2::connect(&self.caller.endpoint).await?;
            return Ok((Line { transport: self, http2: Some(http2) }, driver));
        }
        Ok((Line { transport: self, http2: None }, Box::pin(std::future::pending())))
    }
}

impl Line<'_> {
    /// Subscribes, again and again for as long as the target only asks for patience. It does so for some seconds
    /// if another subscription to the place was made shortly before.
    pub(super) async fn subscribe(
        &self,
        place: &Place,
        position: &Position,
        mut on_refusal: impl FnMut(&str),
    ) -> Result<Box<Subscription>, Error> {
        let Transport { caller, verify, wire } = self.transport;
        if let (Wire::Grpc, Some(http2)) = (wire, &self.http2) {
            return Subscription::over_grpc(http2, &caller.endpoint, &position.request(place)).await;
        }
        let request = serde_json::to_vec(&json!({
            "ConsumerARN": place.consumer_arn,
            "ShardId": place.shard_id,
            "StartingPosition": position.to_json(),
        }))?;
        for attempt in 0.. {
            let (signer, request) = (&caller.signer, request.clone());
            let subscribed = match &self.http2 {
                Some(http2) => Subscription::over_http2(http2, signer, request, *verify).await?,
                None => Subscription::over_http1(&caller.endpoint, signer, request, *verify).await?,
            };
            let (status, body) = match subscribed {
                Subscribed::Open(subscription) => return Ok(subscription),
                Subscribed::Refused { status, body } => (status, body),
            };
            let reply = Reply { status, body: &body, wire_bytes: body.len() };
            let Some(refusal) = Refusal::of(reply, Protocol::Json) else { break };
            let is_passing = refusal.is_throttle() || refusal.kind == "ResourceInUseException";
            if !is_passing || attempt >= ATTEMPTS_MAX {
                let Refusal { kind, message } = refusal;
                return Err(Error::Refused { operation: Operation::SubscribeToShard.name(), kind, message });
            }
            on_refusal(&refusal.kind);
            caller.be_patient(attempt).await;
        }
        Err(Error::Interrupted)
    }
}
