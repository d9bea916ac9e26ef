//! `10 ‖ shard uid u64 ‖ first index u64` → a record block.

use bytes::Bytes;
use millstream_storage::KeyRange;

use super::{RECORD_BLOCK, ShardUid, key};

pub(crate) fn record_key(shard: ShardUid, first_index: u64) -> Bytes {
    key(RECORD_BLOCK, &[shard.0, first_index])
}

pub(crate) fn prefix(shard: ShardUid) -> Bytes {
    key(RECORD_BLOCK, &[shard.0])
}

/// Blocks whose first record has index `from` or a higher one.
pub(crate) fn from(shard: ShardUid, from: u64) -> KeyRange {
    KeyRange::new(record_key(shard, from), record_key(shard, u64::MAX))
}

/// Blocks whose first record has index `last` or a lower one.
pub(crate) fn up_to(shard: ShardUid, last: u64) -> KeyRange {
    KeyRange::new(record_key(shard, 0), record_key(shard, last.saturating_add(1)))
}

pub(crate) fn first_index(key: &[u8]) -> Option<u64> {
    let (_, index) = key.split_last_chunk()?;
    (key.len() == 17).then(|| u64::from_be_bytes(*index))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips_and_keeps_the_order(shard: u64, a: u64, b: u64) {
            let shard = ShardUid(shard);
            prop_assert_eq!(first_index(&record_key(shard, a)), Some(a));
            prop_assert_eq!(record_key(shard, a).cmp(&record_key(shard, b)), a.cmp(&b));
        }
    }

    #[test]
    fn ranges_include_the_index_they_name() {
        let shard = ShardUid(1);
        assert!(from(shard, 5).contains(&record_key(shard, 5)));
        assert!(!from(shard, 5).contains(&record_key(shard, 4)));
        assert!(up_to(shard, 5).contains(&record_key(shard, 5)));
        assert!(!up_to(shard, 5).contains(&record_key(shard, 6)));
    }
}
