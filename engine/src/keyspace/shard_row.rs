//! `03 ‖ stream uid u32 ‖ shard index u32` → a shard.

use bytes::{BufMut, Bytes};
use millstream_model::{HashKey, HashKeyRange, ShardIndex, Timestamp};
use millstream_storage::KeyRange;
use prost::Message;

use super::{SHARD, StreamUid, corrupt, stream_prefix};
use crate::Result;

/// What never changes about a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardMeta {
    pub(crate) index: ShardIndex,
    pub(crate) range: HashKeyRange,
    /// The second that its sequence numbers carry. A child's lies behind that of its parents, so that its numbers
    /// are higher than theirs, and so it may lie ahead of the clock.
    pub(crate) created: Timestamp,
    /// When it began to take records: a child, when its parents ended.
    pub(crate) opened: Timestamp,
    /// The storage slot that holds the shard's log; fixed when the shard is made.
    pub(crate) slot: u32,
    pub(crate) lineage: Lineage,
}

impl ShardMeta {
    /// A shard that is made with its stream.
    pub(crate) fn root(index: ShardIndex, range: HashKeyRange, created: Timestamp) -> Self {
        Self { index, range, created, opened: created, slot: 0, lineage: Lineage::Root }
    }
}

/// Which shards a shard took over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// Made with its stream.
    Root,
    SplitOf(ShardIndex),
    /// The lower neighbour, on the wire ParentShardId, and the upper one, AdjacentParentShardId.
    MergeOf(ShardIndex, ShardIndex),
}

impl Lineage {
    pub(crate) fn parents(self) -> impl Iterator<Item = ShardIndex> {
        let (parent, adjacent) = match self {
            Self::Root => (None, None),
            Self::SplitOf(parent) => (Some(parent), None),
            Self::MergeOf(parent, adjacent) => (Some(parent), Some(adjacent)),
        };
        parent.into_iter().chain(adjacent)
    }
}

/// A shard as it is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardState {
    pub(crate) meta: ShardMeta,
    /// When it stopped taking records, for good.
    pub(crate) closed: Option<Timestamp>,
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
    /// Absent in rows from before shards could close: as `created_millis`.
    #[prost(uint64, optional, tag = "5")]
    opened_millis: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    closed_millis: Option<u64>,
    #[prost(uint32, optional, tag = "7")]
    parent: Option<ShardIndex>,
    #[prost(uint32, optional, tag = "8")]
    adjacent_parent: Option<ShardIndex>,
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
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(StreamUid, ShardState)> {
    try_decode(key, row).ok_or_else(|| corrupt("a shard's row", key))
}

impl ShardState {
    pub(crate) fn encode(&self) -> Bytes {
        let Self { meta, closed } = self;
        let mut parents = meta.lineage.parents();
        let row = Row {
            range_start: Bytes::copy_from_slice(&meta.range.start().0.to_be_bytes()),
            range_end: Bytes::copy_from_slice(&meta.range.end().0.to_be_bytes()),
            created_millis: meta.created.as_millis(),
            slot: meta.slot,
            opened_millis: Some(meta.opened.as_millis()),
            closed_millis: closed.map(Timestamp::as_millis),
            parent: parents.next(),
            adjacent_parent: parents.next(),
        };
        row.encode_to_vec().into()
    }
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(StreamUid, ShardState)> {
    let (stream, index) = key.get(1..9)?.split_at(4);
    let row = Row::decode(row).ok()?;
    let hash_key = |bytes: &[u8]| bytes.try_into().map(|bytes| HashKey(u128::from_be_bytes(bytes))).ok();
    let meta = ShardMeta {
        index: u32::from_be_bytes(index.try_into().ok()?),
        range: HashKeyRange::new(hash_key(&row.range_start)?, hash_key(&row.range_end)?)?,
        created: Timestamp::from_millis(row.created_millis),
        opened: Timestamp::from_millis(row.opened_millis.unwrap_or(row.created_millis)),
        slot: row.slot,
        lineage: match (row.parent, row.adjacent_parent) {
            (None, None) => Lineage::Root,
            (Some(parent), None) => Lineage::SplitOf(parent),
            (Some(parent), Some(adjacent)) => Lineage::MergeOf(parent, adjacent),
            (None, Some(_)) => return None,
        },
    };
    let closed = row.closed_millis.map(Timestamp::from_millis);
    Some((u32::from_be_bytes(stream.try_into().ok()?), ShardState { meta, closed }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_lineage() -> impl Strategy<Value = Lineage> {
        prop_oneof![
            Just(Lineage::Root),
            any::<u32>().prop_map(Lineage::SplitOf),
            any::<(u32, u32)>().prop_map(|(lower, upper)| Lineage::MergeOf(lower, upper)),
        ]
    }

    proptest! {
        #[test]
        fn round_trips(stream: u32, index: u32, a: u128, b: u128, created: u64, opened: u64, slot: u32,
                       lineage in any_lineage(), closed: Option<u64>) {
            let range = HashKeyRange::new(HashKey(a.min(b)), HashKey(a.max(b))).unwrap();
            let (created, opened) = (Timestamp::from_millis(created), Timestamp::from_millis(opened));
            let meta = ShardMeta { index, range, created, opened, slot, lineage };
            let state = ShardState { meta, closed: closed.map(Timestamp::from_millis) };
            prop_assert_eq!(decode(&shard_key(stream, index), &state.encode()), Ok((stream, state)));
        }

        #[test]
        fn other_bytes_are_refused(key in prop::collection::vec(any::<u8>(), 0..12), row in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = decode(&key, &row);
        }
    }

    /// A row as the first release wrote it.
    #[test]
    fn a_shard_from_before_shards_could_close_is_open() {
        let row = Row {
            range_start: Bytes::copy_from_slice(&[0; 16]),
            range_end: Bytes::copy_from_slice(&[0xff; 16]),
            created_millis: 5,
            ..Row::default()
        };
        let (_, state) = decode(&shard_key(1, 2), &row.encode_to_vec()).unwrap();
        assert_eq!((state.closed, state.meta.lineage), (None, Lineage::Root));
        assert_eq!(state.meta.opened, Timestamp::from_millis(5));
    }
}
