//! What a reply proves, found with as little parsing as possible.
//!
//! The generator shares its processor with the server that it measures, so a reply is searched, not decoded.
//! The tests hold every scanner against a full decode. A reply that is not what it should be is an error,
//! never a success that was not checked.

mod cbor;
mod json;
mod protobuf;
mod refusal;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::Error;
use crate::payload::Stamp;
use crate::wire::{Operation, Protocol};

pub(crate) use refusal::{Refusal, is_throttle};

/// Records of a put that were refused, counted by error code. Empty for a full success.
pub(crate) type Failures = BTreeMap<String, u64>;

/// What an answer of PutStream says of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Those that were stored.
    pub(crate) records: u64,
    /// The others by error code; or what the whole request was refused with, once.
    pub(crate) failures: Failures,
}

/// What a reply to GetRecords holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page<'a> {
    pub(crate) records: u64,
    /// Of the records' data, decoded, without partition keys.
    pub(crate) data_bytes: u64,
    /// Absent at the end of a closed shard.
    pub(crate) next_iterator: Option<Cow<'a, str>>,
    pub(crate) millis_behind_latest: u64,
}

/// What an event of a subscription holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) records: u64,
    /// Of the records' data, decoded, without partition keys.
    pub(crate) data_bytes: u64,
    /// Where the next subscription goes on; absent at the end of a closed shard.
    pub(crate) continuation: Option<Cow<'a, str>>,
    pub(crate) millis_behind_latest: u64,
}

/// A record's data as it stands in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data<'a> {
    Raw(&'a [u8]),
    Base64(&'a [u8]),
}

impl Data<'_> {
    pub(crate) fn stamp(self) -> Option<Stamp> {
        match self {
            Data::Raw(bytes) => Stamp::read(bytes),
            Data::Base64(text) => Stamp::read_base64(text),
        }
    }

    /// Length of the data, decoded.
    fn len(self) -> usize {
        match self {
            Data::Raw(bytes) => bytes.len(),
            Data::Base64(text) => {
                let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
                (text.len() / 4 * 3).saturating_sub(padding)
            }
        }
    }
}

/// Reads a reply with status 200 to PutRecord or PutRecords.
pub(crate) fn put(operation: Operation, protocol: Protocol, body: &[u8]) -> Result<Failures, Error> {
    let scanned = match (operation, protocol) {
        (Operation::PutRecord, Protocol::Json) => json::put_record(body),
        (Operation::PutRecord, Protocol::Cbor) => cbor::put_record(body),
        (_, Protocol::Json) => json::put_records(body),
        (_, Protocol::Cbor) => cbor::put_records(body),
    };
    scanned.map_err(|reason| Error::Malformed { operation: operation.name(), reason })
}

/// Reads an answer of PutStream.
pub(crate) fn put_stream(message: &[u8]) -> Result<Answer, Error> {
    protobuf::answer(message).map_err(|reason| Error::Malformed { operation: "PutStream", reason })
}

/// Checks a reply with status 200 to an UpdateItem that asks for nothing back: an object, mostly an empty one.
pub(crate) fn updated(body: &[u8]) -> Result<(), Error> {
    let malformed = |_| Error::Malformed { operation: Operation::UpdateItem.name(), reason: "not an object" };
    if body == b"{}" {
        return Ok(());
    }
    serde_json::from_slice::<serde_json::Map<_, _>>(body).map(|_| ()).map_err(malformed)
}

/// Reads a reply with status 200 to GetRecords and shows the data of each record.
pub(crate) fn page<'a>(
    protocol: Protocol,
    body: &'a [u8],
    on_data: impl FnMut(Data<'a>),
) -> Result<Page<'a>, Error> {
    let scanned = match protocol {
        Protocol::Json => json::page(body, on_data),
        Protocol::Cbor => cbor::page(body, on_data),
    };
    scanned.map_err(|reason| Error::Malformed { operation: Operation::GetRecords.name(), reason })
}

/// Reads the payload of a SubscribeToShardEvent, which is JSON whatever the load speaks, and shows the data of
/// each record.
pub(crate) fn event<'a>(payload: &'a [u8], on_data: impl FnMut(Data<'a>)) -> Result<Event<'a>, Error> {
    let malformed = |reason| Error::Malformed { operation: Operation::SubscribeToShard.name(), reason };
    json::event(payload, on_data).map_err(malformed)
}

/// Reads a SubscribeResponse of gRPC and shows the data of each record.
pub(crate) fn pushed<'a>(message: &'a [u8], on_data: impl FnMut(Data<'a>)) -> Result<Event<'a>, Error> {
    protobuf::event(message, on_data).map_err(|reason| Error::Malformed { operation: "Subscribe", reason })
}

#[cfg(test)]
mod tests;
