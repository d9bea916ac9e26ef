//! Shard limits: figures, and the buckets that enforce them.
//!
//! Whether a call is let through is decided before anything of it happens. Figures come with the settings;
//! a figure that is absent is not enforced, and costs an idle shard nothing.

use std::time::Duration;

use millstream_model::limits as aws;
use millstream_runtime::{RetryAfter, TokenBucket};

use crate::call_limits::CallLimits;

/// What a shard lets through. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of data and partition keys that a shard takes in a second.
    pub write_bytes_per_second: Option<u64>,
    /// Bytes that a rested shard takes at once where records may be larger than 1 MiB; what it is short of then comes
    /// back at the rate above. Streams with smaller records have one second's worth.
    pub write_burst_bytes: Option<u64>,
    /// Records that a shard takes in a second.
    pub write_records_per_second: Option<u64>,
    /// Bytes of data and partition keys that GetRecords gives out for a shard in a second.
    pub read_bytes_per_second: Option<u64>,
    /// GetRecords calls on a shard in a second.
    pub read_calls_per_second: Option<u64>,
    /// GetShardIterator calls on a shard in a second.
    pub iterator_calls_per_second: Option<u64>,
    /// Bytes of data and partition keys that a subscription brings of a shard in a second.
    pub subscription_bytes_per_second: Option<u64>,
    /// SubscribeToShard calls of a consumer for a shard in a second.
    pub subscription_calls_per_second: Option<u64>,
    /// Open shards of an account in a region.
    pub shards_per_account: Option<u32>,
    /// On-demand streams of an account in a region.
    pub on_demand_streams_per_account: Option<u32>,
    /// MiB that an on-demand stream takes in a second after all its growth, and that it can be warmed for. Without a
    /// limit, a stream still has at most 20,000 shards.
    pub on_demand_mib_per_second_max: Option<u32>,
    /// UpdateStreamMode calls that change a stream within 24 hours.
    pub mode_switches_per_day: Option<u32>,
    /// UpdateShardCount calls on a stream within 24 hours; with it, AWS's bounds on one call: at most twice and at
    /// least half the open shards, and 10,000 of them.
    pub count_updates_per_day: Option<u32>,
    /// Consumers on a stream.
    pub consumers_per_stream: Option<u32>,
    /// The same of an on-demand stream whose account is committed to a minimum throughput (on-demand Advantage).
    pub consumers_per_advantage_stream: Option<u32>,
    /// Starts of a stream's encryption in 24 hours, and as many stops.
    pub encryption_changes_per_day: Option<u32>,
    /// Calls that create, change, describe and list.
    pub calls_per_second: CallLimits,
}

impl Limits {
    /// The quotas of AWS.
    pub const AWS: Self = Self {
        write_bytes_per_second: Some(aws::SHARD_WRITE_BYTES_PER_SECOND),
        write_burst_bytes: Some(aws::SHARD_WRITE_BURST_BYTES),
        write_records_per_second: Some(aws::SHARD_WRITE_RECORDS_PER_SECOND),
        read_bytes_per_second: Some(aws::SHARD_READ_BYTES_PER_SECOND),
        read_calls_per_second: Some(aws::SHARD_READ_CALLS_PER_SECOND),
        iterator_calls_per_second: Some(aws::SHARD_ITERATOR_CALLS_PER_SECOND),
        subscription_bytes_per_second: Some(aws::SUBSCRIPTION_BYTES_PER_SECOND),
        subscription_calls_per_second: Some(aws::SUBSCRIPTION_CALLS_PER_SECOND),
        shards_per_account: Some(aws::SHARDS_PER_ACCOUNT),
        on_demand_streams_per_account: Some(aws::ON_DEMAND_STREAMS_PER_ACCOUNT),
        on_demand_mib_per_second_max: Some(aws::ON_DEMAND_MIB_PER_SECOND_MAX),
        mode_switches_per_day: Some(aws::MODE_SWITCHES_PER_DAY),
        count_updates_per_day: Some(aws::COUNT_UPDATES_PER_DAY),
        consumers_per_stream: Some(aws::CONSUMERS_PER_STREAM),
        consumers_per_advantage_stream: Some(aws::CONSUMERS_PER_ADVANTAGE_STREAM),
        encryption_changes_per_day: Some(aws::ENCRYPTION_CHANGES_PER_DAY),
        calls_per_second: CallLimits::AWS,
    };

    /// Nothing is limited.
    pub const OFF: Self = Self {
        write_bytes_per_second: None,
        write_burst_bytes: None,
        write_records_per_second: None,
        read_bytes_per_second: None,
        read_calls_per_second: None,
        iterator_calls_per_second: None,
        subscription_bytes_per_second: None,
        subscription_calls_per_second: None,
        shards_per_account: None,
        on_demand_streams_per_account: None,
        on_demand_mib_per_second_max: None,
        mode_switches_per_day: None,
        count_updates_per_day: None,
        consumers_per_stream: None,
        consumers_per_advantage_stream: None,
        encryption_changes_per_day: None,
        calls_per_second: CallLimits::OFF,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::AWS
    }
}

/// What a shard still takes, and what it was offered.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteLimits(Option<Box<WriteBuckets>>);

#[derive(Clone, Debug)]
struct WriteBuckets {
    bytes: Option<TokenBucket>,
    records: Option<TokenBucket>,
    offered: Offered,
}

/// What writers brought, taken or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

/// How much more than the rate a shard takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Burst {
    /// One second's worth.
    OneSecond,
    /// Room for the largest records.
    LargeRecords,
}

impl WriteLimits {
    /// Whether one record would be let through; takes nothing.
    pub(crate) fn check(
        &self,
        limits: &Limits,
        burst: Burst,
        now: Duration,
        bytes: u64,
    ) -> Result<(), RetryAfter> {
        self.clone().admit(limits, burst, now, bytes)
    }

    /// Lets one record through, or takes nothing.
    pub(crate) fn admit(
        &mut self,
        limits: &Limits,
        burst: Burst,
        now: Duration,
        bytes: u64,
    ) -> Result<(), RetryAfter> {
        if limits.write_bytes_per_second.is_none() && limits.write_records_per_second.is_none() {
            return Ok(());
        }
        let buckets = self.0.get_or_insert_with(|| {
            Box::new(WriteBuckets {
                bytes: one_second(limits.write_bytes_per_second, now),
                records: one_second(limits.write_records_per_second, now),
                offered: Offered::default(),
            })
        });
        buckets.offered.bytes = buckets.offered.bytes.saturating_add(bytes);
        buckets.offered.records = buckets.offered.records.saturating_add(1);
        if let (Some(bucket), Some(rate)) = (&mut buckets.bytes, limits.write_bytes_per_second) {
            bucket.resize(now, limits.burst_bytes(burst, rate));
        }
        // The byte bucket is asked first and pays back if the records are what is missing.
        let untouched = buckets.bytes.clone();
        take(&mut buckets.bytes, now, bytes)?;
        take(&mut buckets.records, now, 1).inspect_err(|_| buckets.bytes = untouched)
    }

    /// What was offered since this was asked last. Nothing is counted where nothing is limited.
    pub(crate) fn take_offered(&mut self) -> Offered {
        self.0.as_mut().map(|buckets| std::mem::take(&mut buckets.offered)).unwrap_or_default()
    }
}

impl Limits {
    /// How many bytes a shard that was not written to takes at once.
    fn burst_bytes(&self, burst: Burst, rate: u64) -> u64 {
        match burst {
            Burst::OneSecond => rate,
            Burst::LargeRecords => self.write_burst_bytes.unwrap_or(u64::MAX).max(rate),
        }
    }
}

/// What a shard still gives out.
#[derive(Debug, Default)]
pub(crate) struct ReadLimits(Option<Box<ReadBuckets>>);

#[derive(Debug)]
struct ReadBuckets {
    bytes: Option<TokenBucket>,
    calls: Option<TokenBucket>,
    iterator_calls: Option<TokenBucket>,
}

impl ReadLimits {
    /// Lets a GetRecords call through if calls are left and the bytes of earlier ones are paid off.
    pub(crate) fn admit_call(&mut self, limits: &Limits, now: Duration) -> Result<(), RetryAfter> {
        let Some(buckets) = self.buckets(limits, now) else { return Ok(()) };
        if let Some(bytes) = &mut buckets.bytes {
            bytes.check(now)?;
        }
        take(&mut buckets.calls, now, 1)
    }

    /// Charges what a call gave out. As on AWS, a second's worth may go out in as many replies as there are
    /// calls, and a reply of 10 MiB holds the shard up for 5 seconds: one that is larger than what is left of
    /// the second is owed as a whole.
    pub(crate) fn charge(&mut self, limits: &Limits, now: Duration, bytes: u64) {
        if let Some(bucket) = self.buckets(limits, now).and_then(|buckets| buckets.bytes.as_mut())
            && bucket.take(now, bytes).is_err()
        {
            bucket.empty(now);
            bucket.charge(now, bytes);
        }
    }

    pub(crate) fn admit_iterator(&mut self, limits: &Limits, now: Duration) -> Result<(), RetryAfter> {
        let Some(buckets) = self.buckets(limits, now) else { return Ok(()) };
        take(&mut buckets.iterator_calls, now, 1)
    }

    fn buckets(&mut self, limits: &Limits, now: Duration) -> Option<&mut ReadBuckets> {
        let Limits { read_bytes_per_second, read_calls_per_second, iterator_calls_per_second, .. } = *limits;
        read_bytes_per_second.or(read_calls_per_second).or(iterator_calls_per_second)?;
        Some(self.0.get_or_insert_with(|| {
            Box::new(ReadBuckets {
                bytes: one_second(read_bytes_per_second, now),
                calls: one_second(read_calls_per_second, now),
                iterator_calls: one_second(iterator_calls_per_second, now),
            })
        }))
    }
}

/// A bucket that holds what one second brings.
fn one_second(per_second: Option<u64>, now: Duration) -> Option<TokenBucket> {
    per_second.map(|rate| TokenBucket::new(rate, rate, now))
}

fn take(bucket: &mut Option<TokenBucket>, now: Duration, cost: u64) -> Result<(), RetryAfter> {
    bucket.as_mut().map_or(Ok(()), |bucket| bucket.take(now, cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_second_of_writes_is_let_through_at_once() {
        let mut limits = WriteLimits::default();
        for _ in 0..1000 {
            assert!(limits.admit(&Limits::AWS, Burst::OneSecond, Duration::ZERO, 10).is_ok());
        }
        assert!(limits.admit(&Limits::AWS, Burst::OneSecond, Duration::ZERO, 10).is_err());
        assert!(limits.admit(&Limits::AWS, Burst::OneSecond, Duration::from_secs(1), MIB).is_ok());
    }

    #[test]
    fn a_refused_record_takes_nothing() {
        let one_record = Limits { write_records_per_second: Some(1), ..Limits::AWS };
        let mut limits = WriteLimits::default();
        assert!(limits.admit(&one_record, Burst::OneSecond, Duration::ZERO, 1).is_ok());
        for _ in 0..100 {
            assert!(limits.admit(&one_record, Burst::OneSecond, Duration::ZERO, MIB - 1).is_err());
        }
        assert!(limits.admit(&one_record, Burst::OneSecond, Duration::from_secs(1), MIB).is_ok());
    }

    #[test]
    fn a_rested_shard_takes_ten_mebibytes_and_then_one_a_second() {
        let mut limits = WriteLimits::default();
        let mut admit = |millis, bytes| {
            limits.admit(&Limits::AWS, Burst::LargeRecords, Duration::from_millis(millis), bytes)
        };
        assert!(admit(0, 10 * MIB).is_ok());
        assert_eq!(admit(0, 1), Err(RetryAfter(Duration::from_nanos(954))));
        assert!(admit(999, MIB).is_err());
        assert!(admit(1_000, MIB).is_ok());
        // Half of the burst is back after 5 seconds, and not a byte more.
        assert!(admit(6_000, 5 * MIB + 1).is_err());
        assert!(admit(6_000, 5 * MIB).is_ok());
        assert!(admit(15_999, 10 * MIB).is_err());
        assert!(admit(16_000, 10 * MIB).is_ok());
        // It is never more than that, however long the shard rests.
        assert!(admit(1_000_000, 10 * MIB + 1).is_err());
    }

    #[test]
    fn the_burst_is_there_from_when_records_may_be_large() {
        let mut limits = WriteLimits::default();
        let at = Duration::ZERO;
        assert!(limits.admit(&Limits::AWS, Burst::OneSecond, at, MIB).is_ok());
        assert!(limits.admit(&Limits::AWS, Burst::OneSecond, at, 1).is_err());
        assert!(limits.admit(&Limits::AWS, Burst::LargeRecords, at, 9 * MIB).is_ok());
        assert!(limits.admit(&Limits::AWS, Burst::LargeRecords, at, 1).is_err());
        // Back to small records: what the shard has saved is a second's worth at most.
        let later = Duration::from_secs(60);
        assert!(limits.admit(&Limits::AWS, Burst::OneSecond, later, MIB + 1).is_err());
        assert!(limits.admit(&Limits::AWS, Burst::OneSecond, later, MIB).is_ok());
    }

    #[test]
    fn what_was_refused_was_offered_as_well() {
        let mut limits = WriteLimits::default();
        for _ in 0..5 {
            let _ = limits.admit(&Limits::AWS, Burst::OneSecond, Duration::ZERO, MIB);
        }
        assert_eq!(limits.take_offered(), Offered { bytes: 5 * MIB, records: 5 });
        assert_eq!(limits.take_offered(), Offered::default());
    }

    #[test]
    fn ten_mebibytes_hold_a_shard_up_for_five_seconds() {
        let mut limits = ReadLimits::default();
        let at = Duration::from_millis;
        assert!(limits.admit_call(&Limits::AWS, at(0)).is_ok());
        limits.charge(&Limits::AWS, at(0), 10 * MIB);
        assert!(limits.admit_call(&Limits::AWS, at(4_999)).is_err());
        assert!(limits.admit_call(&Limits::AWS, at(5_000)).is_ok());
    }

    #[test]
    fn a_second_of_reads_may_be_several_replies() {
        let mut limits = ReadLimits::default();
        for _ in 0..3 {
            assert!(limits.admit_call(&Limits::AWS, Duration::ZERO).is_ok());
            limits.charge(&Limits::AWS, Duration::ZERO, MIB);
        }
        assert!(limits.admit_call(&Limits::AWS, Duration::from_millis(499)).is_err());
        assert!(limits.admit_call(&Limits::AWS, Duration::from_millis(500)).is_ok());
    }

    #[test]
    fn five_calls_a_second() {
        let mut limits = ReadLimits::default();
        let calls = (0..9).filter(|_| limits.admit_call(&Limits::AWS, Duration::ZERO).is_ok()).count();
        assert_eq!(calls, 5);
        assert!(limits.admit_iterator(&Limits::AWS, Duration::ZERO).is_ok());
    }

    #[test]
    fn off_lets_everything_through_and_keeps_nothing() {
        let (mut write, mut read) = (WriteLimits::default(), ReadLimits::default());
        for _ in 0..10_000 {
            assert!(write.admit(&Limits::OFF, Burst::OneSecond, Duration::ZERO, 10 * MIB).is_ok());
            assert!(read.admit_call(&Limits::OFF, Duration::ZERO).is_ok());
        }
        assert!(write.0.is_none() && read.0.is_none());
    }
}
