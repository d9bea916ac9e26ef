//! What single shards count where a stream's enhanced monitoring asks for it.
//!
//! A shard of a stream that is not monitored holds nothing of this but an empty place for it. Counts are those of
//! this process. How they are shown is the server's business.

use parking_lot::Mutex;

/// Something that a shard counts. The numbers are persisted: they must be kept as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ShardMetric {
    /// Data and partition keys of accepted records, bytes.
    IncomingBytes = 0,
    /// Accepted records.
    IncomingRecords = 1,
    /// Data and partition keys of delivered records, bytes.
    OutgoingBytes = 2,
    /// Delivered records.
    OutgoingRecords = 3,
    /// Records over the write limit.
    WriteProvisionedThroughputExceeded = 4,
    /// Calls over the read limit.
    ReadProvisionedThroughputExceeded = 5,
    /// Age of the last record of the newest reply, milliseconds. A gauge: the present value, not a sum.
    IteratorAgeMilliseconds = 6,
}

const METRICS: usize = 7;

impl ShardMetric {
    /// All of them, in the order in which AWS lists them.
    pub const ALL: [Self; METRICS] = [
        Self::IncomingBytes,
        Self::OutgoingRecords,
        Self::IteratorAgeMilliseconds,
        Self::IncomingRecords,
        Self::ReadProvisionedThroughputExceeded,
        Self::WriteProvisionedThroughputExceeded,
        Self::OutgoingBytes,
    ];
}

/// Which metrics the shards of a stream count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardMetricSet(u8);

impl ShardMetricSet {
    pub const EMPTY: Self = Self(0);
    pub const ALL: Self = Self((1 << METRICS) - 1);

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn contains(self, metric: ShardMetric) -> bool {
        self.0 & (1 << metric as u8) != 0
    }

    /// In the order in which AWS lists them.
    pub fn iter(self) -> impl Iterator<Item = ShardMetric> {
        ShardMetric::ALL.into_iter().filter(move |metric| self.contains(*metric))
    }

    pub(crate) fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// As it is persisted.
    pub(crate) fn bits(self) -> u32 {
        self.0.into()
    }

    /// `None` when there is a bit that stands for nothing.
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        u8::try_from(bits).ok().map(Self).filter(|set| set.0 <= Self::ALL.0)
    }
}

impl FromIterator<ShardMetric> for ShardMetricSet {
    fn from_iter<I: IntoIterator<Item = ShardMetric>>(metrics: I) -> Self {
        Self(metrics.into_iter().fold(0, |bits, metric| bits | 1 << metric as u8))
    }
}

/// The counts of one shard at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardMetrics([u64; METRICS]);

impl ShardMetrics {
    #[must_use]
    pub fn get(&self, metric: ShardMetric) -> u64 {
        self.0[metric as usize]
    }
}

/// Where a shard counts.
#[derive(Debug, Default)]
pub(crate) struct ShardCounters(Mutex<Option<Box<ShardMetrics>>>);

impl ShardCounters {
    /// Counts those of the amounts whose metrics are monitored.
    pub(crate) fn count<const N: usize>(&self, monitored: ShardMetricSet, amounts: [(ShardMetric, u64); N]) {
        if monitored.is_empty() {
            return;
        }
        let mut counts = self.0.lock();
        for (metric, amount) in amounts.into_iter().filter(|(metric, _)| monitored.contains(*metric)) {
            let count = &mut counts.get_or_insert_default().0[metric as usize];
            *count = match metric {
                ShardMetric::IteratorAgeMilliseconds => amount,
                _ => count.wrapping_add(amount),
            };
        }
    }

    /// Forgets what is monitored no more.
    pub(crate) fn retain(&self, monitored: ShardMetricSet) {
        let mut counts = self.0.lock();
        if monitored.is_empty() {
            *counts = None;
        } else if let Some(counts) = &mut *counts {
            for metric in ShardMetricSet::ALL.without(monitored).iter() {
                counts.0[metric as usize] = 0;
            }
        }
    }

    pub(crate) fn read(&self) -> ShardMetrics {
        self.0.lock().as_deref().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_keep_awss_order() {
        use ShardMetric::{IncomingBytes, IncomingRecords, OutgoingBytes, OutgoingRecords};
        let some: ShardMetricSet = [OutgoingBytes, IncomingRecords, IncomingBytes].into_iter().collect();
        assert!(some.iter().eq([IncomingBytes, IncomingRecords, OutgoingBytes]));
        let fewer = some.without([IncomingRecords, OutgoingRecords].into_iter().collect());
        assert!(fewer.iter().eq([IncomingBytes, OutgoingBytes]));
        assert_eq!(fewer.with(ShardMetricSet::ALL), ShardMetricSet::ALL);
        assert!(ShardMetricSet::ALL.iter().eq(ShardMetric::ALL));
        assert!(some.without(ShardMetricSet::ALL).is_empty());
    }

    #[test]
    fn every_set_is_persisted_and_nothing_else_is_read() {
        for bits in 0..=u32::from(u8::MAX) {
            let set = ShardMetricSet::from_bits(bits);
            assert_eq!(set.map(ShardMetricSet::bits), (bits < 128).then_some(bits));
            assert!(set.is_none_or(|set| set.iter().collect::<ShardMetricSet>() == set));
        }
        assert_eq!(ShardMetricSet::from_bits(256), None);
    }

    #[test]
    fn only_what_is_monitored_is_counted() {
        use ShardMetric::{IncomingBytes, IncomingRecords, IteratorAgeMilliseconds};
        let counters = ShardCounters::default();
        counters.count(ShardMetricSet::EMPTY, [(IncomingBytes, 5)]);
        assert!(counters.0.lock().is_none());
        let monitored = [IncomingBytes, IteratorAgeMilliseconds].into_iter().collect();
        for amount in [5, 3] {
            let amounts =
                [(IncomingBytes, amount), (IncomingRecords, amount), (IteratorAgeMilliseconds, amount)];
            counters.count(monitored, amounts);
        }
        let read = |metric| counters.read().get(metric);
        assert_eq!([IncomingBytes, IncomingRecords, IteratorAgeMilliseconds].map(read), [8, 0, 3]);
        counters.retain([IteratorAgeMilliseconds].into_iter().collect());
        assert_eq!([IncomingBytes, IteratorAgeMilliseconds].map(read), [0, 3]);
        counters.retain(ShardMetricSet::EMPTY);
        assert!(counters.0.lock().is_none());
    }
}
