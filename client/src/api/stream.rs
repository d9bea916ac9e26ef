//! Streams: how to name one, create one, and what the service says about one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use millstream_model::{StreamArn, StreamName, Timestamp};

/// A stream named within the caller's account and region, or anywhere by its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StreamRef {
    Name(StreamName),
    Arn(StreamArn),
}

impl StreamRef {
    #[must_use]
    pub fn name(&self) -> &StreamName {
        match self {
            Self::Name(name) => name,
            Self::Arn(arn) => &arn.name,
        }
    }
}

/// Neither the name nor the ARN of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidStreamRef(String);

impl FromStr for StreamRef {
    type Err = InvalidStreamRef;

    fn from_str(text: &str) -> Result<Self, InvalidStreamRef> {
        // A name cannot hold a colon, so nothing that looks like an ARN could be one.
        if text.starts_with("arn:") {
            text.parse().map(Self::Arn).map_err(|error| InvalidStreamRef(error.to_string()))
        } else {
            text.parse().map(Self::Name).map_err(|error| InvalidStreamRef(error.to_string()))
        }
    }
}

impl fmt::Display for StreamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Arn(arn) => arn.fmt(f),
        }
    }
}

/// A stream to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStream {
    pub name: StreamName,
    pub capacity: Capacity,
    pub tags: BTreeMap<String, String>,
}

/// What a new stream can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    Provisioned { shards: u32 },
    OnDemand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamMode {
    Provisioned,
    OnDemand,
}

impl fmt::Display for StreamMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provisioned => "PROVISIONED",
            Self::OnDemand => "ON_DEMAND",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    Creating,
    Active,
    /// Reads and writes go on.
    Updating,
    Deleting,
}

impl fmt::Display for StreamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        })
    }
}

/// What the service says about one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    pub name: StreamName,
    pub arn: StreamArn,
    pub status: StreamStatus,
    /// Endpoints older than on-demand streams leave it out.
    pub mode: Option<StreamMode>,
    pub created: Timestamp,
    pub retention_hours: u32,
    pub open_shards: u32,
    pub consumers: u32,
    /// The key that records are encrypted with, if they are.
    pub encryption_key: Option<String>,
    /// The largest record that the stream takes, data plus partition key.
    pub record_bytes_max: usize,
}

/// A stream in a listing. Endpoints older than summaries give the name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamListing {
    pub name: StreamName,
    pub status: Option<StreamStatus>,
    pub mode: Option<StreamMode>,
    pub created: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_name_or_by_arn() {
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
        for text in ["orders", arn] {
            let stream = text.parse::<StreamRef>().unwrap();
            assert_eq!(stream.to_string(), text);
            assert_eq!(stream.name().as_str(), "orders");
        }
        for text in ["", "a b", "arn:aws:sqs:us-east-1:000000000000:stream/orders"] {
            assert!(text.parse::<StreamRef>().is_err(), "{text}");
        }
    }
}
