//! `06 ‖ shard uid u64` → up to where a shard was trimmed: where it begins, or goes on if nothing is left.
//!
//! Written before anything is trimmed, so that blocks which are missing without it were lost.
//! The same layout is the shard's mark in storage's anchor, where it says how far the shard was durable.

use bytes::{BufMut, Bytes, BytesMut};
use millstream_model::Timestamp;

use super::{ShardUid, TAIL, key};

/// The end of a shard's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// Index of the next record.
    pub(crate) index: u64,
    /// Offset of the next record.
    pub(crate) offset: u64,
    /// When the last record arrived.
    pub(crate) last_arrival: Timestamp,
}

pub(crate) fn tail_key(shard: ShardUid) -> Bytes {
    key(TAIL, &[shard.0])
}

impl LogEnd {
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = BytesMut::with_capacity(24);
        row.put_u64(self.index);
        row.put_u64(self.offset);
        row.put_u64(self.last_arrival.as_millis());
        row.freeze()
    }

    pub(crate) fn decode(row: &[u8]) -> Option<Self> {
        let (words, []) = row.as_chunks::<8>() else { return None };
        let [index, offset, millis] = *words else { return None };
        Some(Self {
            index: u64::from_be_bytes(index),
            offset: u64::from_be_bytes(offset),
            last_arrival: Timestamp::from_millis(u64::from_be_bytes(millis)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(index: u64, offset: u64, millis: u64) {
            let end = LogEnd { index, offset, last_arrival: Timestamp::from_millis(millis) };
            prop_assert_eq!(LogEnd::decode(&end.encode()), Some(end));
        }

        #[test]
        fn other_bytes_are_refused(row in prop::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(LogEnd::decode(&row).is_some(), row.len() == 24);
        }
    }
}
