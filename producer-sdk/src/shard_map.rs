//! Which open shard a hash key belongs to, as far as it is known: pure.
//!
//! A map that was made covers every hash key exactly once. It may be out of date at any time: the service alone
//! decides, and its answer names the shard. What is remembered of shards that are closed by now is needed for answers
//! that come late.

use std::collections::BTreeMap;

use millstream_client::Shard;
use millstream_model::{HashKey, HashKeyRange, ShardId};

/// Closed shards that are remembered. Answers may name one for as long as a call takes; 1 000 is a whole stream that was
/// resharded meanwhile, and older ones are forgotten first.
const CLOSED_MAX: usize = 1_000;

/// The open shards of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardMap {
    /// In the order of their ranges, which leave nothing out.
    open: Vec<(ShardId, HashKeyRange)>,
    /// Open and closed.
    known: BTreeMap<ShardId, HashKeyRange>,
}

/// The listed shards leave hash keys out, or have some twice: the listing was made while the stream changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the open shards do not cover each hash key once")]
pub(crate) struct NoMap;

impl ShardMap {
    /// A map of the open ones among `shards`.
    pub(crate) fn new(shards: &[Shard]) -> Result<Self, NoMap> {
        let open = shards.iter().filter(|shard| shard.is_open());
        let mut open: Vec<_> = open.map(|shard| (shard.id, shard.hash_key_range)).collect();
        open.sort_by_key(|(_, range)| range.start());
        let starts_at = |index: usize| open.get(index).map(|(_, range)| range.start());
        let covers = starts_at(0) == Some(HashKey::MIN)
            && open.iter().enumerate().all(|(index, (_, range))| {
                starts_at(index + 1).map(|HashKey(start)| start) == range.end().0.checked_add(1)
            });
        if !covers {
            return Err(NoMap);
        }
        let known = shards.iter().map(|shard| (shard.id, shard.hash_key_range)).collect();
        Ok(Self { open, known })
    }

    /// Remembers the shards of the map before this one.
    pub(crate) fn succeed(&mut self, before: &Self) {
        for (&id, &range) in &before.known {
            self.known.entry(id).or_insert(range);
        }
        while self.known.len() > self.open.len() + CLOSED_MAX {
            // Shards are numbered in the order of their creation.
            let is_open = |id: &ShardId| self.open.iter().any(|(open, _)| open == id);
            let Some(oldest) = self.known.keys().find(|id| !is_open(id)).copied() else { break };
            self.known.remove(&oldest);
        }
    }

    /// The open shards in the order of their ranges.
    pub(crate) fn open(&self) -> &[(ShardId, HashKeyRange)] {
        &self.open
    }

    /// The range of a shard, open or closed.
    pub(crate) fn range_of(&self, shard: ShardId) -> Option<HashKeyRange> {
        self.known.get(&shard).copied()
    }

    /// Whether both have the same open shards.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.open == other.open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn shard(index: u32, start: u128, end: u128, is_open: bool) -> Shard {
        Shard {
            id: ShardId::new(index).unwrap(),
            parent: None,
            adjacent_parent: None,
            hash_key_range: HashKeyRange::new(HashKey(start), HashKey(end)).unwrap(),
            starting_sequence_number: "1".parse().unwrap(),
            ending_sequence_number: (!is_open).then(|| "9".parse().unwrap()),
        }
    }

    #[test]
    fn a_listing_with_a_gap_or_an_overlap_is_no_map() {
        let max = u128::MAX;
        assert!(ShardMap::new(&[shard(0, 0, max, true)]).is_ok());
        assert!(
            ShardMap::new(&[shard(0, 0, max, false), shard(1, 0, 9, true), shard(2, 10, max, true)]).is_ok()
        );
        let wrong = [
            vec![],
            vec![shard(0, 0, max, false)],
            vec![shard(0, 1, max, true)],
            vec![shard(0, 0, max - 1, true)],
            vec![shard(1, 0, 9, true), shard(2, 11, max, true)],
            vec![shard(1, 0, 10, true), shard(2, 10, max, true)],
            vec![shard(0, 0, max, true), shard(1, 0, 9, true)],
        ];
        for shards in wrong {
            assert_eq!(ShardMap::new(&shards), Err(NoMap), "{shards:?}");
        }
    }

    #[test]
    fn closed_shards_are_remembered_for_a_while() {
        let before = ShardMap::new(&[shard(0, 0, u128::MAX, true)]).unwrap();
        let mut map = ShardMap::new(&[shard(1, 0, 9, true), shard(2, 10, u128::MAX, true)]).unwrap();
        map.succeed(&before);
        assert_eq!(map.range_of(ShardId::new(0).unwrap()), Some(HashKeyRange::FULL));
        for index in 3..2_000 {
            let mut next = ShardMap::new(&[shard(index, 0, u128::MAX, true)]).unwrap();
            next.succeed(&map);
            map = next;
        }
        assert_eq!(map.known.len(), 1 + CLOSED_MAX);
        assert_eq!(map.range_of(ShardId::new(0).unwrap()), None);
        assert!(map.range_of(ShardId::new(1_998).unwrap()).is_some());
    }

    proptest! {
        #[test]
        fn any_cut_of_the_key_space_is_a_map(mut cuts in prop::collection::btree_set(1_u128.., 0..20)) {
            cuts.insert(0);
            let starts: Vec<_> = cuts.into_iter().collect();
            let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
            let mut shards: Vec<_> =
                (0..).zip(starts.iter().zip(ends)).map(|(index, (&start, end))| shard(index, start, end, true)).collect();
            shards.reverse();
            let map = ShardMap::new(&shards).unwrap();
            prop_assert_eq!(map.open().len(), starts.len());
            shards.pop();
            prop_assert_eq!(ShardMap::new(&shards), Err(NoMap));
        }
    }
}
