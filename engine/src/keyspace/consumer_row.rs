//! `07 ‖ stream uid u32 ‖ name` → a consumer.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_model::{ConsumerName, Span, Timestamp};
use millstream_storage::KeyRange;
use prost::Message;

use super::{CONSUMER, StreamUid, corrupt, stream_prefix};
use crate::Result;
use crate::consumer::{ConsumerMeta, ConsumerPhase};

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(uint64, tag = "1")]
    created_millis: u64,
    /// 0 steady, 1 creating, 2 deleting.
    #[prost(uint32, tag = "2")]
    phase: u32,
    /// When a phase other than steady ends.
    #[prost(uint64, tag = "3")]
    phase_until_millis: u64,
    #[prost(uint64, tag = "6")]
    phase_since_millis: u64,
    #[prost(btree_map = "string, string", tag = "4")]
    tags: BTreeMap<String, String>,
    #[prost(string, optional, tag = "5")]
    policy: Option<String>,
}

pub(crate) fn consumer_key(stream: StreamUid, name: &ConsumerName) -> Bytes {
    [&stream_prefix(CONSUMER, stream), name.as_str().as_bytes()].concat().into()
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[CONSUMER])
}

pub(crate) fn encode(meta: &ConsumerMeta) -> Bytes {
    let (phase, span) = match meta.phase {
        ConsumerPhase::Steady => (0, Span { since: Timestamp::EPOCH, until: Timestamp::EPOCH }),
        ConsumerPhase::Creating(span) => (1, span),
        ConsumerPhase::Deleting(span) => (2, span),
    };
    let row = Row {
        created_millis: meta.created.as_millis(),
        phase,
        phase_until_millis: span.until.as_millis(),
        phase_since_millis: span.since.as_millis(),
        tags: meta.tags.clone(),
        policy: meta.policy.clone(),
    };
    row.encode_to_vec().into()
}

/// The stream and the consumer that a row speaks of.
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(StreamUid, ConsumerName, ConsumerMeta)> {
    try_decode(key, row).ok_or_else(|| corrupt("a consumer's row", key))
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(StreamUid, ConsumerName, ConsumerMeta)> {
    let (stream, name) = key.get(1..)?.split_first_chunk::<4>()?;
    let name = std::str::from_utf8(name).ok()?.parse().ok()?;
    let row = Row::decode(row).ok()?;
    let span = Span {
        since: Timestamp::from_millis(row.phase_since_millis),
        until: Timestamp::from_millis(row.phase_until_millis),
    };
    let meta = ConsumerMeta {
        created: Timestamp::from_millis(row.created_millis),
        phase: match row.phase {
            0 => ConsumerPhase::Steady,
            1 => ConsumerPhase::Creating(span),
            2 => ConsumerPhase::Deleting(span),
            _ => return None,
        },
        tags: row.tags,
        policy: row.policy,
    };
    Some((StreamUid::from_be_bytes(*stream), name, meta))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_phase() -> impl Strategy<Value = ConsumerPhase> {
        (0..3, any::<[u64; 2]>()).prop_map(|(phase, [since, until])| {
            let span = Span { since: Timestamp::from_millis(since), until: Timestamp::from_millis(until) };
            match phase {
                0 => ConsumerPhase::Steady,
                1 => ConsumerPhase::Creating(span),
                _ => ConsumerPhase::Deleting(span),
            }
        })
    }

    proptest! {
        #[test]
        fn round_trips(stream: u32, name in "[a-zA-Z0-9_.-]{1,128}", created: u64, phase in any_phase(),
                       tags in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..5), policy in prop::option::of(".{0,50}")) {
            let name: ConsumerName = name.parse().unwrap();
            let meta = ConsumerMeta { created: Timestamp::from_millis(created), phase, tags, policy };
            prop_assert_eq!(decode(&consumer_key(stream, &name), &encode(&meta)), Ok((stream, name, meta)));
        }

        #[test]
        fn other_bytes_are_refused(key in prop::collection::vec(any::<u8>(), 0..12), row in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = decode(&key, &row);
        }
    }
}
