//! What reads and writes cost, from the sizes of items: read units of 4 KB, write units of 1 KB.
//!
//! Costs are multiples of half a unit, so they are counted in halves and never rounded. Who pays, and from
//! which bucket, is not decided here.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

const READ_UNIT_BYTES: usize = 4096;
const WRITE_UNIT_BYTES: usize = 1024;

/// An amount of read or write units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capacity {
    halves: u64,
}

/// How a read sees writes, which is what its price depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Half the price.
    Eventual,
    Strong,
    /// As part of a transaction: double the price.
    Transactional,
}

/// What a write does to an entry of a secondary index. Sizes are those of the entry, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexChange {
    /// No entry before or after, or an entry that is the same.
    None,
    Put {
        after: usize,
    },
    Remove {
        before: usize,
    },
    /// The key of the entry is the same, what is projected is not.
    Replace {
        before: usize,
        after: usize,
    },
    /// The entry has another key: one is removed, another is put.
    Move {
        before: usize,
        after: usize,
    },
}

impl Capacity {
    pub const NONE: Self = Self { halves: 0 };

    /// For a read that evaluated so many bytes: one item's for GetItem, those of all items for Query and
    /// Scan. A read that finds nothing costs as much as the smallest one.
    pub fn read(bytes: usize, consistency: Consistency) -> Self {
        let units = units(bytes, READ_UNIT_BYTES);
        let halves = match consistency {
            Consistency::Eventual => units,
            Consistency::Strong => 2 * units,
            Consistency::Transactional => 4 * units,
        };
        Self { halves }
    }

    /// For a write of one item, by its sizes in bytes before and after; 0 where there is none. A write whose
    /// condition fails costs as much as one that changes nothing.
    pub fn write(before: usize, after: usize) -> Self {
        Self { halves: 2 * units(before.max(after), WRITE_UNIT_BYTES) }
    }

    /// As [`Capacity::write`], as part of a transaction: double the price.
    pub fn transactional_write(before: usize, after: usize) -> Self {
        let once = Self::write(before, after);
        once + once
    }

    /// For what a write does to one secondary index.
    pub fn index_write(change: IndexChange) -> Self {
        match change {
            IndexChange::None => Self::NONE,
            IndexChange::Put { after } => Self::write(0, after),
            IndexChange::Remove { before } => Self::write(before, 0),
            IndexChange::Replace { before, after } => Self::write(before, after),
            IndexChange::Move { before, after } => Self::write(before, 0) + Self::write(0, after),
        }
    }

    /// So many whole units.
    pub fn units(units: u64) -> Self {
        Self { halves: units.saturating_mul(2) }
    }

    /// In units, as replies show it; exact up to 2^52.
    #[allow(clippy::cast_precision_loss)] // beyond 2^52 halves no reply is exact, and no table gets there
    pub fn as_f64(self) -> f64 {
        self.halves as f64 / 2.0
    }

    pub(crate) fn of_halves(halves: u64) -> Self {
        Self { halves }
    }

    /// In halves of a unit.
    pub fn halves(self) -> u64 {
        self.halves
    }
}

fn units(bytes: usize, unit: usize) -> u64 {
    bytes.div_ceil(unit).max(1) as u64
}

impl Add for Capacity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { halves: self.halves.saturating_add(other.halves) }
    }
}

impl AddAssign for Capacity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Capacity {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::NONE, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: usize, consistency: Consistency) -> f64 {
        Capacity::read(bytes, consistency).as_f64()
    }

    #[test]
    #[allow(clippy::float_cmp)] // halves are exact
    fn reads_cost_by_four_kilobytes_and_consistency() {
        for (bytes, units) in [(0, 1.0), (1, 1.0), (4096, 1.0), (4097, 2.0), (409_600, 100.0)] {
            assert_eq!(read(bytes, Consistency::Strong), units);
            assert_eq!(read(bytes, Consistency::Eventual), units / 2.0);
            assert_eq!(read(bytes, Consistency::Transactional), units * 2.0);
        }
    }

    #[test]
    fn writes_cost_by_the_larger_of_before_and_after() {
        for (before, after, units) in [(0, 0, 1), (0, 1024, 1), (1025, 10, 2), (10, 1025, 2), (5000, 5000, 5)]
        {
            assert_eq!(Capacity::write(before, after), Capacity::units(units));
            assert_eq!(Capacity::transactional_write(before, after), Capacity::units(2 * units));
        }
    }

    #[test]
    fn an_index_costs_by_what_becomes_of_its_entry() {
        for (change, units) in [
            (IndexChange::None, 0),
            (IndexChange::Put { after: 1025 }, 2),
            (IndexChange::Remove { before: 3000 }, 3),
            (IndexChange::Replace { before: 3000, after: 100 }, 3),
            (IndexChange::Move { before: 3000, after: 100 }, 4),
        ] {
            assert_eq!(Capacity::index_write(change), Capacity::units(units), "{change:?}");
        }
    }

    #[test]
    fn costs_add_up() {
        let total: Capacity = (0..3).map(|_| Capacity::read(1, Consistency::Eventual)).sum();
        assert_eq!(total.halves(), 3);
    }
}
