//! What a stream's row says of its capacity: a part of [`super::stream_row`], not a row of its own.

use millstream_model::Timestamp;
use prost::Message;

use crate::capacity::demand::{Demand, Peak, Rate};
use crate::capacity::{Distribution, StreamCapacity};
use crate::rolling_day::RollingDay;

#[derive(Clone, PartialEq, Message)]
pub(super) struct CapacityRow {
    #[prost(uint64, repeated, tag = "1")]
    mode_switches_millis: Vec<u64>,
    #[prost(uint32, tag = "2")]
    warm_mib: u32,
    /// 0 by partition key, 1 evenly.
    #[prost(uint32, tag = "3")]
    distribution: u32,
    #[prost(message, repeated, tag = "4")]
    days: Vec<PeakRow>,
    #[prost(message, repeated, tag = "5")]
    quarters: Vec<PeakRow>,
    #[prost(uint64, optional, tag = "6")]
    scaled_millis: Option<u64>,
}

/// A day or a quarter of an hour, and the highest rate in it.
#[derive(Clone, Copy, PartialEq, Message)]
struct PeakRow {
    /// Days, or quarters of an hour, since the epoch.
    #[prost(uint64, tag = "1")]
    slot: u64,
    #[prost(uint64, tag = "2")]
    bytes_per_second: u64,
    #[prost(uint64, tag = "3")]
    records_per_second: u64,
}

impl CapacityRow {
    pub(super) fn of(capacity: &StreamCapacity) -> Self {
        let StreamCapacity { mode_switches, warm_mib, distribution, demand } = capacity;
        Self {
            mode_switches_millis: mode_switches.0.iter().map(|time| time.as_millis()).collect(),
            warm_mib: *warm_mib,
            distribution: match distribution {
                Distribution::UserPartitionKey => 0,
                Distribution::Auto => 1,
            },
            days: demand.days.iter().map(PeakRow::of).collect(),
            quarters: demand.quarters.iter().map(PeakRow::of).collect(),
            scaled_millis: demand.scaled.map(Timestamp::as_millis),
        }
    }

    /// `None` when it says what cannot be.
    pub(super) fn capacity(self) -> Option<StreamCapacity> {
        let peaks = |rows: Vec<PeakRow>| rows.into_iter().map(PeakRow::peak).collect();
        Some(StreamCapacity {
            mode_switches: RollingDay(
                self.mode_switches_millis.into_iter().map(Timestamp::from_millis).collect(),
            ),
            warm_mib: self.warm_mib,
            distribution: match self.distribution {
                0 => Distribution::UserPartitionKey,
                1 => Distribution::Auto,
                _ => return None,
            },
            demand: Demand {
                days: peaks(self.days),
                quarters: peaks(self.quarters),
                scaled: self.scaled_millis.map(Timestamp::from_millis),
            },
        })
    }
}

impl PeakRow {
    fn of(peak: &Peak) -> Self {
        let Peak { slot, rate: Rate { bytes, records } } = *peak;
        Self { slot, bytes_per_second: bytes, records_per_second: records }
    }

    fn peak(self) -> Peak {
        let rate = Rate { bytes: self.bytes_per_second, records: self.records_per_second };
        Peak { slot: self.slot, rate }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_peaks() -> impl Strategy<Value = Vec<Peak>> {
        let peak = any::<(u64, u64, u64)>()
            .prop_map(|(slot, bytes, records)| Peak { slot, rate: Rate { bytes, records } });
        prop::collection::vec(peak, 0..6)
    }

    prop_compose! {
        pub(crate) fn any_capacity()(mode_switches: Vec<u64>, warm_mib: u32, auto: bool, days in any_peaks(),
                                     quarters in any_peaks(), scaled: Option<u64>) -> StreamCapacity {
            StreamCapacity {
                mode_switches: RollingDay(mode_switches.into_iter().map(Timestamp::from_millis).collect()),
                warm_mib,
                distribution: if auto { Distribution::Auto } else { Distribution::UserPartitionKey },
                demand: Demand { days, quarters, scaled: scaled.map(Timestamp::from_millis) },
            }
        }
    }

    #[test]
    fn a_distribution_that_nobody_knows_is_refused() {
        let row = CapacityRow { distribution: 2, ..CapacityRow::default() };
        assert_eq!(row.capacity(), None);
    }
}
