//! Which open shard takes a record.
//!
//! The open shards of a stream tile the hash key space, so a sorted list of range starts is the whole
//! table. Closed shards are not in it.

use std::sync::Arc;

use millstream_model::HashKey;

use crate::shard::Shard;

#[derive(Debug)]
pub(crate) struct Routing {
    /// By range start.
    open: Vec<(HashKey, Arc<Shard>)>,
}

impl Routing {
    pub(crate) fn new(open: impl Iterator<Item = Arc<Shard>>) -> Self {
        let mut open: Vec<_> = open.map(|shard| (shard.meta().range.start(), shard)).collect();
        open.sort_by_key(|(start, _)| *start);
        Self { open }
    }

    pub(crate) fn open_shards(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Arc<Shard>> {
        self.open.iter().map(|(_, shard)| shard)
    }

    /// The shard's place in the table; `None` only while a stream has no shards.
    pub(crate) fn place_of(&self, key: HashKey) -> Option<usize> {
        self.open.partition_point(|(start, _)| *start <= key).checked_sub(1)
    }

    pub(crate) fn shard_at(&self, place: usize) -> &Arc<Shard> {
        &self.open[place].1
    }
}

#[cfg(test)]
mod tests {
    use millstream_model::{HashKeyRange, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::keyspace::shard_row::ShardMeta;

    fn routing(shard_count: u32) -> Routing {
        let created = Timestamp::from_millis(1);
        let shards = HashKeyRange::uniform(shard_count).zip(0..);
        Routing::new(shards.map(|(range, index)| {
            Arc::new(Shard::new(1, ShardMeta::root(index, range, created), Arc::default()))
        }))
    }

    proptest! {
        #[test]
        fn every_key_has_the_shard_whose_range_holds_it(shard_count in 1_u32..200, key: u128) {
            let routing = routing(shard_count);
            let shard = routing.shard_at(routing.place_of(HashKey(key)).unwrap());
            prop_assert!(shard.meta().range.contains(HashKey(key)));
        }
    }

    #[test]
    fn the_ends_of_the_key_space_are_routed() {
        let routing = routing(3);
        assert_eq!(routing.place_of(HashKey::MIN), Some(0));
        assert_eq!(routing.place_of(HashKey::MAX), Some(2));
    }
}
