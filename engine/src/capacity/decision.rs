//! Which shards of an on-demand stream to split and which to merge, and why. No clock, no storage, no streams.
//!
//! A stream grows when a shard is busier than half of what it takes, or when all its shards together take less than
//! twice what was written at the highest, or than it is kept warm for; it at most doubles at a time. It shrinks when
//! none of this needs its shards any more, and only by neighbours that together are so idle that their child will not
//! be split again: the two thresholds lie a factor of two apart.

use std::cmp::Reverse;
use std::fmt;

use millstream_model::{HashKey, HashKeyRange, limits as aws};

use super::demand::Rate;
use super::{FULL_PERMILLE, ShardCapacity};

/// A shard that is busier than this is split: about the 500 KB/s of AWS, of 1 MiB/s that a shard takes.
const HOT_PERMILLE: u64 = FULL_PERMILLE / aws::ON_DEMAND_HEADROOM;
/// Neighbours that together are busier than this are not merged.
const IDLE_PERMILLE: u64 = HOT_PERMILLE / 2;
/// A busy shard is not split when it holds less of the hash keys than a shard has on average, divided by this: then
/// few partition keys keep it busy, or one, and they stay together however often it is split.
const NARROWEST: u128 = 16;

/// An open shard as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) range: HashKeyRange,
    /// What it was offered in the last minute.
    pub(crate) rate: Rate,
    /// The highest of the last 24 hours; absent until it was seen that long.
    pub(crate) day_peak: Option<Rate>,
}

/// All that a decision depends on.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// In the order of their hash keys, which they tile.
    pub(crate) shards: Vec<Observed>,
    pub(crate) capacity: ShardCapacity,
    /// The highest rate of the last 30 days.
    pub(crate) peak: Rate,
    /// Shards that the stream is kept ready with.
    pub(crate) warm_shards: u32,
    /// Shards that it can grow to.
    pub(crate) shards_max: u32,
    /// Whether it was long enough since the last change to make it smaller.
    pub(crate) may_shrink: bool,
}

/// One change of a stream's shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The shard that holds this hash key ends before it, and another begins there.
    Split(HashKey),
    /// The shards that begin at these hash keys become one.
    Merge(HashKey, HashKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The shard is busier than half of what it takes.
    Hot { load_permille: u64 },
    /// Twice the highest rate of 30 days, or the warm throughput, needs so many shards.
    Needed { shards: u32 },
    /// Nothing needs more than so many shards, and the two are idle.
    Spare { needed: u32 },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hot { load_permille } => write!(f, "a load of {load_permille} ‰"),
            Self::Needed { shards } => write!(f, "{shards} shards are needed"),
            Self::Spare { needed } => write!(f, "idle, and no more than {needed} shards are needed"),
        }
    }
}

/// Shards that take twice this rate.
pub(crate) fn shards_needed(capacity: ShardCapacity, peak: Rate) -> u32 {
    capacity.shards_for(peak.times(aws::ON_DEMAND_HEADROOM))
}

/// What is to be done now: splits, or merges, or nothing. No shard is in two steps.
pub(crate) fn decide(snapshot: &Snapshot) -> Vec<Step> {
    let growth = grow(snapshot);
    if growth.is_empty() { shrink(snapshot) } else { growth }
}

fn grow(snapshot: &Snapshot) -> Vec<Step> {
    let Snapshot { shards, capacity, peak, warm_shards, shards_max, .. } = snapshot;
    let room = (*shards_max as usize).saturating_sub(shards.len());
    let load = |place: usize| capacity.load_permille(shards[place].rate);
    let widest_cut = u128::MAX / NARROWEST / (shards.len().max(1) as u128);
    let mut hot: Vec<_> = (0..shards.len())
        .filter(|place| load(*place) > HOT_PERMILLE && width(&shards[*place].range) >= widest_cut)
        .collect();
    hot.sort_by_key(|place| Reverse(load(*place)));
    hot.truncate(room);

    let needed = shards_needed(*capacity, *peak).max(*warm_shards);
    let missing = (needed as usize).saturating_sub(shards.len()).min(room).saturating_sub(hot.len());
    let mut is_hot = vec![false; shards.len()];
    hot.iter().for_each(|place| is_hot[*place] = true);
    let mut others: Vec<_> = (0..shards.len()).filter(|place| !is_hot[*place]).collect();
    others.sort_by_key(|place| Reverse((width(&shards[*place].range), load(*place))));
    others.truncate(missing);

    let hot = hot.into_iter().map(|place| (place, Reason::Hot { load_permille: load(place) }));
    let others = others.into_iter().map(|place| (place, Reason::Needed { shards: needed }));
    hot.chain(others)
        .filter_map(|(place, reason)| {
            let kind = Kind::Split(middle(&shards[place].range)?);
            Some(Step { kind, reason })
        })
        .collect()
}

fn shrink(snapshot: &Snapshot) -> Vec<Step> {
    let Snapshot { shards, capacity, peak, warm_shards, may_shrink, .. } = snapshot;
    let needed = shards_needed(*capacity, *peak).max(*warm_shards).max(aws::ON_DEMAND_SHARDS_INITIAL);
    let spare = shards.len().saturating_sub(needed as usize);
    if !may_shrink || spare == 0 {
        return Vec::new();
    }
    let mut pairs: Vec<_> = shards
        .windows(2)
        .enumerate()
        .filter_map(|(lower, pair)| {
            let load = capacity.load_permille(pair[0].day_peak?.plus(pair[1].day_peak?));
            let width = width(&pair[0].range).saturating_add(width(&pair[1].range));
            (load <= IDLE_PERMILLE).then_some((load, width, lower))
        })
        .collect();
    // The idlest first, and of these the narrowest, so that what was split apart finds together again.
    pairs.sort_unstable();
    let mut taken = vec![false; shards.len()];
    let mut steps = Vec::new();
    for (_, _, lower) in pairs {
        if steps.len() == spare {
            break;
        }
        if taken[lower] || taken[lower + 1] {
            continue;
        }
        (taken[lower], taken[lower + 1]) = (true, true);
        let kind = Kind::Merge(shards[lower].range.start(), shards[lower + 1].range.start());
        steps.push(Step { kind, reason: Reason::Spare { needed } });
    }
    steps
}

/// One less than the number of its hash keys, so that it is a number.
fn width(range: &HashKeyRange) -> u128 {
    range.end().0 - range.start().0
}

/// Where the upper half begins; none if the range is a single hash key.
fn middle(range: &HashKeyRange) -> Option<HashKey> {
    let width = width(range);
    (width > 0).then(|| HashKey(range.start().0 + width / 2 + 1))
}

#[cfg(test)]
mod tests;
