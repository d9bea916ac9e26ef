//! How much a stream takes: its mode, what it is kept warm for, how records find their shard, and growth on demand.
//!
//! [`demand`] remembers what writers asked for, [`decision`] turns that into splits and merges without a clock or
//! storage, and [`scaler`] looks once a minute and carries decisions out. What callers may ask for is decided with
//! the other operations; what a single shard lets through, in [`crate::limits`].

pub(crate) mod decision;
pub(crate) mod demand;
pub(crate) mod scaler;

use millstream_model::limits as aws;

use crate::limits::Limits;
use crate::rolling_day::RollingDay;
use demand::{Demand, Rate};

/// How records find their shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// By the hash of their partition key, or by their explicit hash key.
    #[default]
    UserPartitionKey,
    /// Evenly, whatever their keys; a partition key is not needed.
    Auto,
}

/// What a stream is kept ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmThroughput {
    /// MiB a second that were asked for; 0 if none were.
    pub target_mib: u32,
    /// MiB a second that its open shards take at present.
    pub current_mib: u32,
}

/// What is persisted of a stream's capacity, apart from its mode and its shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamCapacity {
    pub(crate) mode_switches: RollingDay,
    /// MiB a second that an on-demand stream is kept ready for; 0 for none.
    pub(crate) warm_mib: u32,
    pub(crate) distribution: Distribution,
    /// What writers asked of an on-demand stream.
    pub(crate) demand: Demand,
}

/// What one shard takes in a second, where that is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardCapacity {
    pub(crate) bytes: Option<u64>,
    pub(crate) records: Option<u64>,
}

/// A shard that takes all it can.
pub(crate) const FULL_PERMILLE: u64 = 1000;
const MIB: u64 = 1024 * 1024;

impl ShardCapacity {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { bytes: limits.write_bytes_per_second, records: limits.write_records_per_second }
    }

    /// A shard that takes anything is never too busy: there is nothing to scale.
    pub(crate) fn is_unlimited(self) -> bool {
        self.bytes.is_none() && self.records.is_none()
    }

    /// How busy a shard is, in thousandths of what it takes.
    pub(crate) fn load_permille(self, rate: Rate) -> u64 {
        let of = |rate: u64, most: Option<u64>| {
            most.map_or(0, |most| rate.saturating_mul(FULL_PERMILLE) / most.max(1))
        };
        of(rate.bytes, self.bytes).max(of(rate.records, self.records))
    }

    /// How many shards take this.
    pub(crate) fn shards_for(self, rate: Rate) -> u32 {
        let of = |rate: u64, most: Option<u64>| most.map_or(0, |most| rate.div_ceil(most.max(1)));
        clamp(of(rate.bytes, self.bytes).max(of(rate.records, self.records)))
    }

    /// How many shards take so many MiB a second; a shard whose bytes are not limited counts as one of AWS's.
    pub(crate) fn shards_for_mib(self, mib: u32) -> u32 {
        clamp((u64::from(mib) * MIB).div_ceil(self.bytes_or_aws()))
    }

    /// MiB a second that so many shards take.
    pub(crate) fn mib_of(self, shards: u32) -> u32 {
        clamp(u64::from(shards).saturating_mul(self.bytes_or_aws()) / MIB)
    }

    /// What so many shards take, where that is limited.
    pub(crate) fn of_shards(self, shards: u32) -> Rate {
        let of = |one: Option<u64>| one.map_or(0, |one| one.saturating_mul(shards.into()));
        Rate { bytes: of(self.bytes), records: of(self.records) }
    }

    /// No more than so many shards take.
    pub(crate) fn bound(self, rate: Rate, shards: u64) -> Rate {
        let of = |rate: u64, one: Option<u64>| one.map_or(rate, |one| rate.min(one.saturating_mul(shards)));
        Rate { bytes: of(rate.bytes, self.bytes), records: of(rate.records, self.records) }
    }

    fn bytes_or_aws(self) -> u64 {
        self.bytes.unwrap_or(aws::SHARD_WRITE_BYTES_PER_SECOND).max(1)
    }
}

fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_by_whatever_runs_out_first() {
        let capacity = ShardCapacity::of(&Limits::AWS);
        let rate = |bytes, records| Rate { bytes, records };
        assert_eq!(capacity.shards_for(rate(0, 0)), 0);
        assert_eq!(capacity.shards_for(rate(MIB, 1)), 1);
        assert_eq!(capacity.shards_for(rate(MIB + 1, 1)), 2);
        assert_eq!(capacity.shards_for(rate(1, 2_001)), 3);
        assert_eq!(capacity.shards_for(rate(u64::MAX, 0)), u32::MAX);
        assert_eq!(capacity.load_permille(rate(MIB / 2, 100)), 500);
        assert_eq!(capacity.load_permille(rate(0, 1_200)), 1200);
        assert_eq!((capacity.shards_for_mib(25), capacity.mib_of(25)), (25, 25));
    }

    #[test]
    fn larger_shards_are_fewer() {
        let four = Limits { write_bytes_per_second: Some(4 * MIB), ..Limits::AWS };
        let capacity = ShardCapacity::of(&four);
        assert_eq!((capacity.shards_for_mib(25), capacity.mib_of(7)), (7, 28));
        let off = ShardCapacity::of(&Limits::OFF);
        assert!(off.is_unlimited());
        assert_eq!(off.load_permille(Rate { bytes: u64::MAX, records: u64::MAX }), 0);
        assert_eq!((off.shards_for(Rate { bytes: u64::MAX, records: 1 }), off.shards_for_mib(25)), (0, 25));
    }
}
