//! The client's side of the Kinesis wire: endpoint, TLS, signature, one HTTP/1.1 exchange at a time, and
//! subscriptions, whose replies are pushed over HTTP/1.1 or HTTP/2.
//!
//! It is written for a generator that shares the machine with the server it measures: a request is sent
//! from prepared bytes and a reply is read into one buffer that is used again. On loopback this costs half
//! of what a general HTTP client costs, and as much as `wrk`. Redirects, proxies and compression are
//! deliberately not here.

mod connection;
mod endpoint;
mod frames;
mod http2;
mod inbox;
mod signer;
mod subscription;
mod tls;

pub(crate) use connection::{Connection, Message, Reply};
pub(crate) use endpoint::Endpoint;
#[cfg(test)]
pub(crate) use frames::sent;
pub(crate) use frames::{Frame, Frames};
pub(crate) use http2::{Driver, Http2};
pub(crate) use signer::{BodyHash, Credentials, Signer};
pub(crate) use subscription::{Subscribed, Subscription};
pub(crate) use tls::Trust;

/// The two encodings of Kinesis's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// `application/x-amz-json-1.1`, as most SDKs speak it.
    Json,
    /// `application/x-amz-cbor-1.1`, as the SDK for Java speaks it.
    Cbor,
}

impl Protocol {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }
}

/// The operations that a benchmark calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateStream,
    DeleteStream,
    DeregisterStreamConsumer,
    DescribeStreamConsumer,
    DescribeStreamSummary,
    GetRecords,
    GetShardIterator,
    ListShards,
    PutRecord,
    PutRecords,
    RegisterStreamConsumer,
    SubscribeToShard,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateStream => "CreateStream",
            Self::DeleteStream => "DeleteStream",
            Self::DeregisterStreamConsumer => "DeregisterStreamConsumer",
            Self::DescribeStreamConsumer => "DescribeStreamConsumer",
            Self::DescribeStreamSummary => "DescribeStreamSummary",
            Self::GetRecords => "GetRecords",
            Self::GetShardIterator => "GetShardIterator",
            Self::ListShards => "ListShards",
            Self::PutRecord => "PutRecord",
            Self::PutRecords => "PutRecords",
            Self::RegisterStreamConsumer => "RegisterStreamConsumer",
            Self::SubscribeToShard => "SubscribeToShard",
        }
    }
}
