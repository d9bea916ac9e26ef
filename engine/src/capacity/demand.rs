//! What writers asked of an on-demand stream: the highest rates of the last 30 days and of the last hour.
//!
//! A rate is the average of a minute, and of these only the highest of each day and of each quarter of an hour is
//! kept. So there are few entries whatever happens, and they are persisted with the stream.

use std::time::Duration;

use millstream_model::{Timestamp, limits as aws};

/// What is written in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Data and partition keys.
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

/// The highest rates of a stream, by wall time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// By days since the epoch, oldest first.
    pub(crate) days: Vec<Peak>,
    /// By quarters of an hour since the epoch, oldest first.
    pub(crate) quarters: Vec<Peak>,
    /// When the stream was last made larger or smaller.
    pub(crate) scaled: Option<Timestamp>,
}

/// The highest rate of a day or a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peak {
    pub(crate) slot: u64,
    pub(crate) rate: Rate,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const QUARTER: Duration = Duration::from_secs(15 * 60);
/// Full quarters of an hour that are kept before the present one: an hour, whenever it is asked for.
const QUARTERS: u64 = 4;

impl Rate {
    /// What was counted within this time, by the second.
    pub(crate) fn within(bytes: u64, records: u64, time: Duration) -> Self {
        let millis = time.as_millis().max(1);
        let of = |count: u64| u64::try_from(u128::from(count) * 1000 / millis).unwrap_or(u64::MAX);
        Self { bytes: of(bytes), records: of(records) }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), records: self.records.max(other.records) }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            records: self.records.saturating_add(other.records),
        }
    }

    pub(crate) fn times(self, factor: u64) -> Self {
        Self { bytes: self.bytes.saturating_mul(factor), records: self.records.saturating_mul(factor) }
    }
}

impl Demand {
    /// A stream that is given so much from now on keeps it until 30 days have shown how much it needs.
    pub(crate) fn of_capacity(now: Timestamp, capacity: Rate) -> Self {
        let of_peak = |total: u64| total / aws::ON_DEMAND_HEADROOM;
        let rate = Rate { bytes: of_peak(capacity.bytes), records: of_peak(capacity.records) };
        Self { days: vec![Peak { slot: slot(now, DAY), rate }], quarters: Vec::new(), scaled: Some(now) }
    }

    /// Notes what was asked for in the last minute.
    pub(crate) fn note(&mut self, now: Timestamp, rate: Rate) {
        if rate != Rate::default() {
            fold(&mut self.days, slot(now, DAY), rate, aws::ON_DEMAND_PEAK_DAYS);
            fold(&mut self.quarters, slot(now, QUARTER), rate, QUARTERS);
        }
    }

    /// The highest rate of the last 30 days.
    pub(crate) fn peak(&self, now: Timestamp) -> Rate {
        highest(&self.days, slot(now, DAY), aws::ON_DEMAND_PEAK_DAYS)
    }

    /// The highest rate of the last hour.
    pub(crate) fn last_hour(&self, now: Timestamp) -> Rate {
        highest(&self.quarters, slot(now, QUARTER), QUARTERS)
    }

    /// Only the last hour counts from now on.
    pub(crate) fn forget_all_but_the_last_hour(&mut self, now: Timestamp) {
        let rate = self.last_hour(now);
        self.days = vec![Peak { slot: slot(now, DAY), rate }];
    }
}

fn slot(now: Timestamp, length: Duration) -> u64 {
    now.as_millis() / u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// What lies more than `kept` slots back does not count.
fn highest(peaks: &[Peak], now: u64, kept: u64) -> Rate {
    let counting = peaks.iter().filter(|peak| peak.slot.saturating_add(kept) >= now);
    counting.fold(Rate::default(), |highest, peak| highest.max(peak.rate))
}

/// After a clock that was set back, the newest entry lies ahead: what comes is added to it until time has caught up.
fn fold(peaks: &mut Vec<Peak>, now: u64, rate: Rate, kept: u64) {
    match peaks.last_mut() {
        Some(last) if last.slot >= now => last.rate = last.rate.max(rate),
        _ => {
            peaks.retain(|peak| peak.slot.saturating_add(kept) >= now);
            peaks.push(Peak { slot: now, rate });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rate(bytes: u64) -> Rate {
        Rate { bytes, records: bytes / 2 }
    }

    #[test]
    fn a_peak_counts_for_thirty_days_and_an_hour() {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let mut demand = Demand::default();
        demand.note(start, rate(100));
        demand.note(start.plus(MINUTE), rate(40));
        assert_eq!((demand.peak(start), demand.last_hour(start)), (rate(100), rate(100)));
        let hour = start.plus(MINUTE * 60);
        demand.note(hour, rate(10));
        assert_eq!(demand.last_hour(hour), rate(100));
        assert_eq!(demand.last_hour(start.plus(MINUTE * 75)), rate(10));
        assert_eq!(demand.peak(start.plus(DAY * 30)), rate(100));
        assert_eq!(demand.peak(start.plus(DAY * 31)), Rate::default());
    }

    #[test]
    fn what_a_stream_was_given_is_its_own_for_thirty_days() {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let demand = Demand::of_capacity(start, rate(1000));
        assert_eq!(demand.peak(start.plus(DAY * 30)).times(aws::ON_DEMAND_HEADROOM), rate(1000));
        assert_eq!(demand.last_hour(start), Rate::default());
    }

    #[test]
    fn a_clock_that_is_set_back_loses_no_peak() {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let mut demand = Demand::default();
        demand.note(start.plus(DAY * 3), rate(5));
        demand.note(start, rate(9));
        assert_eq!(demand.peak(start), rate(9));
        assert_eq!(demand.days.len(), 1);
    }

    proptest! {
        #[test]
        fn never_forgets_too_soon_and_never_grows_beyond_bounds(
            steps in prop::collection::vec((0_u64..3_000_000_000, 0_u64..100), 1..200),
        ) {
            let (mut demand, mut now, mut all) = (Demand::default(), Timestamp::from_millis(0), Vec::new());
            for (millis, bytes) in steps {
                now = now.plus(Duration::from_millis(millis));
                demand.note(now, rate(bytes));
                all.push((now, bytes));
                prop_assert!(demand.days.len() <= 31 && demand.quarters.len() <= 5);
                let highest = |within: Duration| {
                    all.iter().filter(|(at, _)| at.plus(within) >= now).map(|(_, bytes)| *bytes).max().unwrap()
                };
                prop_assert!(demand.peak(now).bytes >= highest(DAY * 30));
                prop_assert!(demand.peak(now).bytes <= highest(DAY * 31));
                prop_assert!(demand.last_hour(now).bytes >= highest(MINUTE * 60));
                prop_assert!(demand.last_hour(now).bytes <= highest(MINUTE * 75));
            }
        }
    }
}
