//! `11 ‖ shard uid u64 ‖ milliseconds u64` → index of the first record of a block, u64.
//!
//! Sparse: says that the block which begins with that record has this base time. Reading from a time, and
//! trimming up to one, start at the last entry at or before it.

use bytes::Bytes;
use millstream_model::Timestamp;
use millstream_storage::KeyRange;

use super::{ShardUid, TIME_INDEX, key};

pub(crate) fn time_key(shard: ShardUid, time: Timestamp) -> Bytes {
    key(TIME_INDEX, &[shard.0, time.as_millis()])
}

pub(crate) fn prefix(shard: ShardUid) -> Bytes {
    key(TIME_INDEX, &[shard.0])
}

/// Entries at `last` or before.
pub(crate) fn up_to(shard: ShardUid, last: Timestamp) -> KeyRange {
    let end = Timestamp::from_millis(last.as_millis().saturating_add(1));
    KeyRange::new(time_key(shard, Timestamp::EPOCH), time_key(shard, end))
}

pub(crate) fn time(key: &[u8]) -> Option<Timestamp> {
    let (_, millis) = key.split_last_chunk()?;
    (key.len() == 17).then(|| Timestamp::from_millis(u64::from_be_bytes(*millis)))
}

pub(crate) fn encode(first_index: u64) -> Bytes {
    Bytes::copy_from_slice(&first_index.to_be_bytes())
}

pub(crate) fn decode(value: &[u8]) -> Option<u64> {
    value.try_into().map(u64::from_be_bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        assert_eq!(decode(&encode(77)), Some(77));
        assert_eq!(decode(b"short"), None);
        let (shard, time) = (ShardUid(1), Timestamp::from_millis(5));
        assert_eq!(super::time(&time_key(shard, time)), Some(time));
        assert!(up_to(shard, time).contains(&time_key(shard, time)));
        assert!(!up_to(shard, time).contains(&time_key(shard, Timestamp::from_millis(6))));
    }
}
