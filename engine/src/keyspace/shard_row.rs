//! `03 ‖ stream uid u32 ‖ shard index u32` → a shard.

use bytes::{BufMut, Bytes};
use millstream_model::{HashKey, HashKeyRange, ShardIndex, Timestamp};
use millstream_storage::KeyRange;
use prost::Message;

use super::{SHARD, StreamUid, corrupt, stream_prefix};
use crate::Result;

/// What never changes about a shard. That it was closed will be a field of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardMeta {
    pub(crate) index: ShardIndex,
    pub(crate) range: HashKeyRange,
    pub(crate) created: Timestamp,
    /// The storage slot that holds the shard's log; fixed when the shard is made.
    pub(crate) slot: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(bytes = "bytes", tag = "1")]
    range_start: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    range_end: Bytes,
    #[prost(uint64, tag = "3")]
    created_millis: u64,
    #[prost(uint32, tag = "4")]
    slot: u32,
}

pub(crate) fn shard_key(stream: StreamUid, index: ShardIndex) -> Bytes {
    let mut key = stream_prefix(SHARD, stream).to_vec();
    key.put_u32(index);
    key.into()
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[SHARD])
}

/// The stream and the shard that a row speaks of.
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(StreamUid, ShardMeta)> {
    try_decode(key, row).ok_or_else(|| corrupt("a shard's row", key))
}

impl ShardMeta {
    pub(crate) fn encode(&self) -> Bytes {
        let row = Row {
            range_start: Bytes::copy_from_slice(&self.range.start().0.to_be_bytes()),
            range_end: Bytes::copy_from_slice(&self.range.end().0.to_be_bytes()),
            created_millis: self.created.as_millis(),
            slot: self.slot,
        };
        row.encode_to_vec().into()
    }
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(StreamUid, ShardMeta)> {
    let (stream, index) = key.get(1..9)?.split_at(4);
    let row = Row::decode(row).ok()?;
    let hash_key = |bytes: &[u8]| bytes.try_into().map(|bytes| HashKey(u128::from_be_bytes(bytes))).ok();
    let meta = ShardMeta {
        index: u32::from_be_bytes(index.try_into().ok()?),
        range: HashKeyRange::new(hash_key(&row.range_start)?, hash_key(&row.range_end)?)?,
        created: Timestamp::from_millis(row.created_millis),
        slot: row.slot,
    };
    Some((u32::from_be_bytes(stream.try_into().ok()?), meta))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(stream: u32, index: u32, a: u128, b: u128, millis: u64, slot: u32) {
            let range = HashKeyRange::new(HashKey(a.min(b)), HashKey(a.max(b))).unwrap();
            let meta = ShardMeta { index, range, created: Timestamp::from_millis(millis), slot };
            prop_assert_eq!(decode(&shard_key(stream, index), &meta.encode()), Ok((stream, meta)));
        }

        #[test]
        fn other_bytes_are_refused(key in prop::collection::vec(any::<u8>(), 0..12), row in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = decode(&key, &row);
        }
    }
}
