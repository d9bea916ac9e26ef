//! Whether ranges of hash keys leave something out.

use std::fmt;

use millstream_model::{HashKey, HashKeyRange};

use crate::lease::Lease;

/// Looks in a row at which the same hole must be seen before it is believed: leases change while they are listed.
const LOOKS: u32 = 3;

/// Hash keys that belong to no range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    pub start: HashKey,
    pub end: HashKey,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

/// The lowest hole that the ranges leave. They may overlap. `None` without any range: then ranges are not known.
pub fn hole(ranges: impl IntoIterator<Item = HashKeyRange>) -> Option<Hole> {
    let mut ranges: Vec<_> = ranges.into_iter().collect();
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_by_key(|range| range.start().0);
    let mut next = Some(0_u128);
    for range in ranges {
        let Some(expected) = next else { break };
        let (start, end) = (range.start().0, range.end().0);
        if start > expected {
            return Some(Hole { start: HashKey(expected), end: HashKey(start - 1) });
        }
        next = if end < expected { next } else { end.checked_add(1) };
    }
    next.map(|start| Hole { start: HashKey(start), end: HashKey::MAX })
}

/// Watches the leases that are not at their end for a hole that stays.
#[derive(Clone, Debug, Default)]
pub struct HoleWatch {
    last: Option<Hole>,
    times: u32,
}

impl HoleWatch {
    /// The hole, once it was seen three times in a row. Leases without a range, as KCL 1.x makes them, hide whether
    /// there is one.
    pub fn look(&mut self, leases: &[Lease]) -> Option<Hole> {
        let live = || leases.iter().filter(|lease| !lease.is_finished());
        let found = if live().all(|lease| lease.hash_range.is_some()) {
            hole(live().filter_map(|lease| lease.hash_range))
        } else {
            None
        };
        self.times = match found {
            None => 0,
            Some(_) if found == self.last => self.times.saturating_add(1),
            Some(_) => 1,
        };
        self.last = found;
        found.filter(|_| self.times >= LOOKS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::Checkpoint;

    fn range(start: u128, end: u128) -> HashKeyRange {
        HashKeyRange::new(HashKey(start), HashKey(end)).unwrap()
    }

    #[test]
    fn a_hole_counts_when_it_stays() {
        let mut lease = Lease::new("shard".parse().unwrap(), Checkpoint::LATEST);
        lease.hash_range = Some(range(0, 10));
        let mut watch = HoleWatch::default();
        let leases = [lease];
        assert_eq!(watch.look(&leases), None);
        assert_eq!(watch.look(&leases), None);
        assert_eq!(watch.look(&leases), Some(Hole { start: HashKey(11), end: HashKey::MAX }));
        let mut moved = leases;
        moved[0].hash_range = Some(range(0, 11));
        assert_eq!(watch.look(&moved), None);
        moved[0].hash_range = None;
        assert_eq!((watch.look(&moved), watch.times), (None, 0));
    }

    proptest! {
        #[test]
        fn what_tiles_has_no_hole_and_what_lacks_a_part_has(
            cuts in proptest::collection::btree_set(1..u128::MAX, 0..8),
            lacking in any::<proptest::sample::Index>(),
            doubled in any::<proptest::sample::Index>(),
        ) {
            let starts: Vec<u128> = std::iter::once(0).chain(cuts).collect();
            let end = |index: usize| starts.get(index + 1).map_or(u128::MAX, |next| next - 1);
            let mut ranges: Vec<_> = starts.iter().enumerate().map(|(i, s)| range(*s, end(i))).collect();
            ranges.push(ranges[doubled.index(ranges.len())]);
            prop_assert_eq!(hole(ranges.iter().copied()), None);
            ranges.pop();
            let gone = ranges.remove(lacking.index(ranges.len()));
            if ranges.is_empty() {
                prop_assert_eq!(hole(ranges), None);
            } else {
                prop_assert_eq!(hole(ranges), Some(Hole { start: gone.start(), end: gone.end() }));
            }
        }
    }
}
