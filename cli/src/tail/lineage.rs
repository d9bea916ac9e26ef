//! Which shards may be read: one only after all shards that it continues have been read to their ends.
//!
//! Parents that are not known here (expired, or closed before the tail began) hold nobody back. Pure.

use std::collections::{BTreeMap, BTreeSet};

use millstream_model::ShardId;

#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// Known and not yet given out, with their parents.
    waiting: BTreeMap<ShardId, Vec<ShardId>>,
    /// Given out and not yet ended.
    reading: BTreeSet<ShardId>,
    ended: BTreeSet<ShardId>,
}

impl Lineage {
    /// Makes a shard known; nothing happens if it is.
    pub(crate) fn add(&mut self, shard: ShardId, parents: impl IntoIterator<Item = ShardId>) {
        if !self.reading.contains(&shard) && !self.ended.contains(&shard) {
            self.waiting.entry(shard).or_insert_with(|| parents.into_iter().collect());
        }
    }

    /// A shard has been read to its end.
    pub(crate) fn end(&mut self, shard: ShardId) {
        self.reading.remove(&shard);
        self.ended.insert(shard);
    }

    /// The shards that may be read from now on, each given out once.
    pub(crate) fn take_ready(&mut self) -> Vec<ShardId> {
        let holds_back =
            |parent: &ShardId| self.waiting.contains_key(parent) || self.reading.contains(parent);
        let ready = self.waiting.iter().filter(|(_, parents)| !parents.iter().any(holds_back));
        let ready: Vec<_> = ready.map(|(&shard, _)| shard).collect();
        for shard in &ready {
            self.waiting.remove(shard);
            self.reading.insert(*shard);
        }
        ready
    }

    /// Whether nothing is being read and nothing waits.
    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.reading.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(index: u32) -> ShardId {
        ShardId::new(index).unwrap()
    }

    fn ids(indexes: &[u32]) -> Vec<ShardId> {
        indexes.iter().copied().map(id).collect()
    }

    #[test]
    fn a_child_waits_for_both_parents() {
        let mut lineage = Lineage::default();
        lineage.add(id(0), []);
        lineage.add(id(1), [id(77)]);
        assert_eq!(lineage.take_ready(), ids(&[0, 1]));
        lineage.end(id(0));
        lineage.add(id(2), [id(0), id(1)]);
        assert_eq!(lineage.take_ready(), []);
        lineage.end(id(1));
        lineage.add(id(2), [id(0), id(1)]);
        assert_eq!(lineage.take_ready(), ids(&[2]));
        assert_eq!(lineage.take_ready(), []);
        lineage.end(id(2));
        lineage.add(id(2), []);
        assert!(lineage.is_done());
    }

    proptest! {
        /// However shards split and merge and in whatever order they become known: each is read once, and
        /// after its parents.
        #[test]
        fn parents_come_first(steps in prop::collection::vec((any::<bool>(), 0_usize..8), 0..40), order: u64) {
            let mut parents: Vec<Vec<ShardId>> = vec![vec![], vec![]];
            let mut open = vec![id(0), id(1)];
            for (split, at) in steps {
                let lower = open[at % open.len()];
                let upper = (!split).then(|| open[(at + 1) % open.len()]).filter(|&upper| upper != lower);
                let from: Vec<_> = std::iter::once(lower).chain(upper).collect();
                open.retain(|shard| !from.contains(shard));
                for _ in 0..if split { 2 } else { 1 } {
                    open.push(id(u32::try_from(parents.len()).unwrap()));
                    parents.push(from.clone());
                }
            }
            let mut shards: Vec<_> = (0_u32..).zip(parents.clone()).map(|(index, p)| (id(index), p)).collect();
            let turn = usize::try_from(order % shards.len() as u64).unwrap();
            shards.rotate_left(turn);
            let mut lineage = Lineage::default();
            shards.into_iter().for_each(|(shard, parents)| lineage.add(shard, parents));
            let (mut reading, mut read, mut chance) = (Vec::new(), Vec::new(), order);
            while !lineage.is_done() {
                for shard in lineage.take_ready() {
                    prop_assert!(parents[shard.index() as usize].iter().all(|parent| read.contains(parent)));
                    reading.push(shard);
                }
                // One ends at a time, whichever.
                prop_assert!(!reading.is_empty());
                chance = chance.rotate_right(3);
                let ended = reading.swap_remove(usize::try_from(chance % reading.len() as u64).unwrap());
                lineage.end(ended);
                read.push(ended);
            }
            prop_assert_eq!(read.len(), parents.len());
        }
    }
}
