//! The client's side of the Kinesis and DynamoDB wire: endpoint, TLS, signature, one HTTP/1.1 exchange at a time, and
//! subscriptions, whose replies are pushed over HTTP/1.1 or HTTP/2; and gRPC's calls that stream.
//!
//! It is written for a generator that shares the machine with the server it measures: a request is sent
//! from prepared bytes and a reply is read into one buffer that is used again. On loopback this costs half
//! of what a general HTTP client costs, and as much as `wrk`. Redirects, proxies and compression are
//! deliberately not here.

mod connection;
mod endpoint;
mod frames;
mod grpc;
mod heads;
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
pub(crate) use grpc::{GrpcCall, Method, framed};
pub(crate) use heads::Heads;
pub(crate) use http2::{Driver, Http2};
pub(crate) use signer::{BodyHash, Credentials, Signer};
pub(crate) use subscription::{Pushed, Subscribed, Subscription};
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

/// The two APIs that a benchmark calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Kinesis,
    DynamoDb,
}

impl Service {
    /// As it stands in a signature.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
        }
    }

    pub(crate) fn endpoint_variable(self) -> &'static str {
        match self {
            Self::Kinesis => "AWS_ENDPOINT_URL_KINESIS",
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
        }
    }

    /// DynamoDB is called in JSON, of a version of its own.
    pub(crate) fn content_type(self, protocol: Protocol) -> &'static str {
        match (self, protocol) {
            (Self::Kinesis, Protocol::Json) => "application/x-amz-json-1.1",
            (Self::Kinesis, Protocol::Cbor) => "application/x-amz-cbor-1.1",
            (Self::DynamoDb, _) => "application/x-amz-json-1.0",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Kinesis => "Kinesis_20131202",
            Self::DynamoDb => "DynamoDB_20120810",
        }
    }
}

/// The operations that a benchmark calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    BatchWriteItem,
    CreateStream,
    CreateTable,
    DeleteStream,
    DeleteTable,
    DeregisterStreamConsumer,
    DescribeStreamConsumer,
    DescribeStreamSummary,
    DescribeTable,
    GetRecords,
    GetShardIterator,
    ListShards,
    PutRecord,
    PutRecords,
    RegisterStreamConsumer,
    SubscribeToShard,
    UpdateItem,
}

impl Operation {
    pub(crate) fn service(self) -> Service {
        match self {
            Self::BatchWriteItem
            | Self::CreateTable
            | Self::DeleteTable
            | Self::DescribeTable
            | Self::UpdateItem => Service::DynamoDb,
            Self::CreateStream
            | Self::DeleteStream
            | Self::DeregisterStreamConsumer
            | Self::DescribeStreamConsumer
            | Self::DescribeStreamSummary
            | Self::GetRecords
            | Self::GetShardIterator
            | Self::ListShards
            | Self::PutRecord
            | Self::PutRecords
            | Self::RegisterStreamConsumer
            | Self::SubscribeToShard => Service::Kinesis,
        }
    }

    /// As it stands in `x-amz-target`.
    pub(crate) fn target(self) -> String {
        format!("{}.{}", self.service().version(), self.name())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BatchWriteItem => "BatchWriteItem",
            Self::CreateStream => "CreateStream",
            Self::CreateTable => "CreateTable",
            Self::DeleteStream => "DeleteStream",
            Self::DeleteTable => "DeleteTable",
            Self::DeregisterStreamConsumer => "DeregisterStreamConsumer",
            Self::DescribeStreamConsumer => "DescribeStreamConsumer",
            Self::DescribeStreamSummary => "DescribeStreamSummary",
            Self::DescribeTable => "DescribeTable",
            Self::GetRecords => "GetRecords",
            Self::GetShardIterator => "GetShardIterator",
            Self::ListShards => "ListShards",
            Self::PutRecord => "PutRecord",
            Self::PutRecords => "PutRecords",
            Self::RegisterStreamConsumer => "RegisterStreamConsumer",
            Self::SubscribeToShard => "SubscribeToShard",
            Self::UpdateItem => "UpdateItem",
        }
    }
}
