//! Collects the samples of one kind of operation.
//!
//! A latency is counted when its request should have been sent within the window, whenever the reply came:
//! leaving out the replies that came late would leave out the slowest. Throughput counts what was completed
//! within the window.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Window;
use crate::error::Error;

/// One completed request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// When it should have been sent: by the schedule, or when it was sent if there is none.
    pub(crate) intended: Duration,
    pub(crate) completed: Duration,
    pub(crate) records: u64,
    /// Data of records, without partition keys.
    pub(crate) user_bytes: u64,
    /// Everything that went over the wire, both ways.
    pub(crate) wire_bytes: u64,
}

/// Completed within one bucket of the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Completed {
    pub(crate) requests: u64,
    pub(crate) records: u64,
    pub(crate) user_bytes: u64,
    pub(crate) wire_bytes: u64,
}

impl Completed {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.records += other.records;
        self.user_bytes += other.user_bytes;
        self.wire_bytes += other.wire_bytes;
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    window: Window,
    pub(crate) latency_nanos: Histogram<u64>,
    pub(crate) bucket: Duration,
    pub(crate) timeline: Vec<Completed>,
    /// By type of error, in the whole run, warm-up included: an error is never normal.
    pub(crate) errors: BTreeMap<String, u64>,
    unsent: u64,
}

const BUCKETS_MAX: u32 = 60;
/// Shorter, and single large replies would look like steps.
const BUCKET_MIN: Duration = Duration::from_millis(250);
const SIGNIFICANT_DIGITS: u8 = 3;
/// Below a microsecond nothing is told apart.
const LATENCY_NANOS_MIN: u64 = 1_000;
/// An hour; what takes longer is counted as that.
const LATENCY_NANOS_MAX: u64 = 3_600_000_000_000;

/// An empty histogram of nanoseconds.
pub(crate) fn latency_histogram() -> Result<Histogram<u64>, Error> {
    Histogram::new_with_bounds(LATENCY_NANOS_MIN, LATENCY_NANOS_MAX, SIGNIFICANT_DIGITS)
        .map_err(|error| Error::Usage(error.to_string()))
}

impl Recorder {
    pub(crate) fn new(window: Window) -> Result<Self, Error> {
        let latency_nanos = latency_histogram()?;
        let bucket = (window.measured() / BUCKETS_MAX).max(BUCKET_MIN);
        let buckets = window.measured().as_nanos().div_ceil(bucket.as_nanos());
        let timeline = vec![Completed::default(); usize::try_from(buckets).unwrap_or(0)];
        Ok(Self { window, latency_nanos, bucket, timeline, errors: BTreeMap::new(), unsent: 0 })
    }

    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// Counts a request and its latency.
    pub(crate) fn record(&mut self, sample: Sample) {
        self.latency(sample.intended, sample.completed);
        self.completed(sample);
    }

    /// Counts a latency alone.
    pub(crate) fn latency(&mut self, intended: Duration, completed: Duration) {
        self.latencies(intended, completed, 1);
    }

    /// Counts the same latency for each of so many records.
    pub(crate) fn latencies(&mut self, intended: Duration, completed: Duration, count: u64) {
        if self.window.contains(intended) {
            let nanos = completed.saturating_sub(intended).as_nanos();
            self.latency_nanos.saturating_record_n(u64::try_from(nanos).unwrap_or(u64::MAX), count);
        }
    }

    /// Counts a request alone.
    pub(crate) fn completed(&mut self, sample: Sample) {
        if !self.window.contains(sample.completed) {
            return;
        }
        let bucket = (sample.completed - self.window.from).as_nanos() / self.bucket.as_nanos();
        if let Some(bucket) = usize::try_from(bucket).ok().and_then(|index| self.timeline.get_mut(index)) {
            bucket.add(Completed {
                requests: 1,
                records: sample.records,
                user_bytes: sample.user_bytes,
                wire_bytes: sample.wire_bytes,
            });
        }
    }

    /// Counts requests that were due and never sent, because the target did not keep up, with the time they
    /// had waited when the window closed. Leaving them out would make the slowest target look fast.
    pub(crate) fn unsent(&mut self, due: &[Duration]) {
        self.unsent += due.len() as u64;
        for intended in due {
            self.latency(*intended, self.window.until);
        }
    }

    pub(crate) fn unsent_count(&self) -> u64 {
        self.unsent
    }

    pub(crate) fn error(&mut self, kind: &str, count: u64) {
        if count == 0 {
            return;
        }
        match self.errors.get_mut(kind) {
            Some(so_far) => *so_far += count,
            None => {
                self.errors.insert(kind.to_owned(), count);
            }
        }
    }

    pub(crate) fn total(&self) -> Completed {
        let mut total = Completed::default();
        for bucket in &self.timeline {
            total.add(*bucket);
        }
        total
    }

    /// Adds what another worker collected in the same window.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.latency_nanos.add(&other.latency_nanos).map_err(|error| Error::Usage(error.to_string()))?;
        for (mine, theirs) in self.timeline.iter_mut().zip(&other.timeline) {
            mine.add(*theirs);
        }
        for (kind, count) in &other.errors {
            self.error(kind, *count);
        }
        self.unsent += other.unsent;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn recorder() -> Recorder {
        Recorder::new(Window::starting_at(secs(100), secs(5), secs(10))).unwrap()
    }

    fn sample(intended: Duration, completed: Duration) -> Sample {
        Sample { intended, completed, records: 3, user_bytes: 300, wire_bytes: 400 }
    }

    #[test]
    fn latency_counts_from_the_intended_time() {
        let mut recorder = recorder();
        recorder.record(sample(secs(106), secs(109)));
        assert_eq!(recorder.latency_nanos.len(), 1);
        let p100 = recorder.latency_nanos.value_at_quantile(1.0);
        assert!((2_990_000_000..=3_010_000_000).contains(&p100), "{p100}");
    }

    #[test]
    fn a_reply_after_the_end_still_counts_as_slow() {
        let mut recorder = recorder();
        recorder.record(sample(secs(114), secs(130)));
        assert_eq!(recorder.latency_nanos.len(), 1);
        assert_eq!(recorder.total(), Completed::default());
    }

    #[test]
    fn warm_up_counts_for_nothing() {
        let mut recorder = recorder();
        recorder.record(sample(secs(104), Duration::from_millis(104_500)));
        recorder.record(sample(secs(115), secs(116)));
        assert_eq!(recorder.latency_nanos.len(), 0);
        assert_eq!(recorder.total(), Completed::default());
        // Sent during the warm-up and completed after it: throughput, but no latency.
        recorder.record(sample(secs(104), secs(106)));
        assert_eq!(recorder.latency_nanos.len(), 0);
        assert_eq!(recorder.total().records, 3);
    }

    #[test]
    fn the_timeline_says_when() {
        let mut recorder = recorder();
        recorder.record(sample(secs(105), secs(105)));
        recorder.record(sample(secs(105), Duration::from_millis(114_999)));
        assert_eq!(recorder.timeline.len(), 40);
        assert_eq!(recorder.timeline[0].user_bytes, 300);
        assert_eq!(recorder.timeline[39].wire_bytes, 400);
    }

    #[test]
    fn an_absurd_latency_is_kept_at_the_top() {
        let mut recorder = recorder();
        recorder.latency(secs(106), secs(1_000_000));
        assert_eq!(recorder.latency_nanos.len(), 1);
    }

    #[test]
    fn workers_add_up() {
        let (mut one, mut two) = (recorder(), recorder());
        one.record(sample(secs(106), secs(107)));
        two.record(sample(secs(106), secs(107)));
        two.error("E", 2);
        two.unsent(&[secs(106), secs(114)]);
        one.error("E", 1);
        one.merge(&two).unwrap();
        assert_eq!((one.latency_nanos.len(), one.total().requests), (4, 2));
        assert_eq!((one.errors["E"], one.unsent_count()), (3, 2));
        // Due at 106 s, and the window closed at 115 s.
        assert!(one.latency_nanos.max() >= 8_990_000_000);
    }
}
