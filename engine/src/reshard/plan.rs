//! Which shards end and which begin, as splits of one shard and merges of two.
//!
//! Clients derive a shard's ancestry from one parent or two, so any change of a stream is made of splits into two
//! and merges of two. Shards in between begin and end at the same moment and never hold a record.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use millstream_model::{HashKey, HashKeyRange, ShardIndex, Timestamp};

use crate::keyspace::shard_row::{Lineage, ShardMeta, ShardState};

/// Places as near to each other as this are one: thirds and sixths of the hash key space do not begin at the very same
/// keys, and a shard in between would hold next to nothing. Shards are at least 2^114 keys wide where there are 10,000.
const NEAR: u128 = 1 << 64;

/// Open shards on the way from what they are to what is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    /// By range start; they tile the hash key space.
    open: BTreeMap<HashKey, Planned>,
    opening: Vec<Planned>,
    before: Vec<ShardIndex>,
    next: ShardIndex,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    index: ShardIndex,
    range: HashKeyRange,
    lineage: Lineage,
}

/// A change of a stream's shards.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Shards that are there and end.
    pub(crate) closing: Vec<ShardIndex>,
    opening: Vec<Planned>,
    /// Of those that begin, the ones that end at the same moment.
    passing: HashSet<ShardIndex>,
    /// The index that the next shard after these gets.
    pub(crate) next_shard: ShardIndex,
}

impl Planner {
    /// Starts from the stream's open shards; new ones are numbered from `next` on.
    pub(crate) fn new(open: impl Iterator<Item = ShardMeta>, next: ShardIndex) -> Self {
        let planned = open.map(|ShardMeta { index, range, lineage, .. }| Planned { index, range, lineage });
        let open: BTreeMap<_, _> = planned.map(|shard| (shard.range.start(), shard)).collect();
        let before = open.values().map(|shard| shard.index).collect();
        Self { open, opening: Vec::new(), before, next }
    }

    /// Splits the open shard that holds `at` into what lies below and the rest. Nothing, if it begins there.
    pub(crate) fn split(&mut self, at: HashKey) {
        let Some((&start, &parent)) = self.open.range(..=at).next_back() else { return };
        let below = at.0.checked_sub(1).and_then(|end| HashKeyRange::new(start, HashKey(end)));
        let (Some(lower), Some(upper)) = (below, HashKeyRange::new(at, parent.range.end())) else { return };
        self.open.remove(&start);
        self.begin(lower, Lineage::SplitOf(parent.index));
        self.begin(upper, Lineage::SplitOf(parent.index));
    }

    /// Merges the open shards that begin at these two places. Nothing, unless they are neighbours in this order.
    pub(crate) fn merge(&mut self, lower: HashKey, upper: HashKey) {
        let (Some(&first), Some(&second)) = (self.open.get(&lower), self.open.get(&upper)) else { return };
        if first.range.end().0.checked_add(1) != Some(second.range.start().0) {
            return;
        }
        let Some(range) = HashKeyRange::new(first.range.start(), second.range.end()) else { return };
        self.open.remove(&lower);
        self.open.remove(&upper);
        self.begin(range, Lineage::MergeOf(first.index, second.index));
    }

    /// Splits and merges until the shards are, but for a few keys, those of a stream that is created with so many.
    pub(crate) fn make_uniform(&mut self, shard_count: u32) {
        let starts: Vec<_> =
            HashKeyRange::uniform(shard_count).map(|target| self.begin_near(target.start())).collect();
        self.split_at_all(&starts);
        let ends = starts.iter().skip(1).filter_map(|next| next.0.checked_sub(1));
        for (start, end) in starts.iter().zip(ends.chain([u128::MAX])) {
            self.merge_all_in(*start, HashKey(end));
        }
    }

    /// Where an open shard begins, if one does so near this place; the place itself otherwise.
    fn begin_near(&self, at: HashKey) -> HashKey {
        let (below, above) = (self.open.range(..=at).next_back(), self.open.range(at..).next());
        let starts = below.into_iter().chain(above).map(|(start, _)| *start);
        let nearest = starts.min_by_key(|start| start.0.abs_diff(at.0));
        nearest.filter(|start| start.0.abs_diff(at.0) <= NEAR).unwrap_or(at)
    }

    /// The middle first, so that a shard that is cut often has few generations of shards in between.
    fn split_at_all(&mut self, places: &[HashKey]) {
        let Some(middle) = places.get(places.len() / 2) else { return };
        self.split(*middle);
        self.split_at_all(&places[..places.len() / 2]);
        self.split_at_all(&places[places.len() / 2 + 1..]);
    }

    /// Merges neighbours in pairs until one shard is left of those that begin between these keys.
    fn merge_all_in(&mut self, start: HashKey, end: HashKey) {
        loop {
            let pieces: Vec<_> = self.open.range(start..=end).map(|(start, _)| *start).collect();
            if pieces.len() < 2 {
                return;
            }
            for pair in pieces.chunks_exact(2) {
                self.merge(pair[0], pair[1]);
            }
        }
    }

    fn begin(&mut self, range: HashKeyRange, lineage: Lineage) {
        let shard = Planned { index: self.next, range, lineage };
        self.next += 1;
        self.opening.push(shard);
        self.open.insert(range.start(), shard);
    }

    pub(crate) fn finish(self) -> Plan {
        let stay: HashSet<_> = self.open.values().map(|shard| shard.index).collect();
        let closing = self.before.into_iter().filter(|index| !stay.contains(index)).collect();
        let passing = self.opening.iter().map(|shard| shard.index).filter(|index| !stay.contains(index));
        Plan { closing, passing: passing.collect(), opening: self.opening, next_shard: self.next }
    }
}

impl Plan {
    /// The new shards, parents before children, when the plan takes effect at `at`. `created` tells the second
    /// that the sequence numbers of a closing shard carry.
    pub(crate) fn open_at(
        &self,
        at: Timestamp,
        created: impl Fn(ShardIndex) -> Timestamp,
    ) -> Vec<ShardState> {
        const SECOND: Duration = Duration::from_secs(1);
        let mut of_new: HashMap<ShardIndex, Timestamp> = HashMap::new();
        let states = self.opening.iter().map(|shard| {
            let of_parents =
                shard.lineage.parents().map(|of| of_new.get(&of).copied().unwrap_or_else(|| created(of)));
            // As on AWS a second behind the close, and always behind the parents: children's numbers are higher.
            let created = of_parents.fold(at, Timestamp::max).plus(SECOND);
            of_new.insert(shard.index, created);
            let meta = ShardMeta {
                index: shard.index,
                range: shard.range,
                created,
                opened: at,
                slot: 0,
                lineage: shard.lineage,
            };
            ShardState { meta, closed: self.passing.contains(&shard.index).then_some(at) }
        });
        states.collect()
    }
}

#[cfg(test)]
mod tests;
