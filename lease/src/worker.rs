//! What workers say about themselves: that they are there, and how busy their machine is.

use std::collections::BTreeMap;

use crate::names::WorkerId;
use crate::row::Row;

/// Samples that a report keeps (KCL's default).
pub const SAMPLES_MAX: usize = 10;
/// A sample that says that the metric could not be read.
pub const FAILED_SAMPLE: f64 = -1.0;

/// The row of one worker.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerReport {
    pub worker: WorkerId,
    /// By the worker's own wall clock, in seconds since the epoch.
    pub updated_secs: u64,
    /// By name: `C` processor in percent, `M` memory, `NI` and `NO` network, `T` throughput.
    pub metrics: BTreeMap<String, Metric>,
    pub unknown: Row,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Oldest first, at most [`SAMPLES_MAX`]; [`FAILED_SAMPLE`] where reading failed.
    pub samples: Vec<f64>,
    /// Above this the worker is to be relieved, however busy others are.
    pub operating_max: Option<f64>,
}

impl Metric {
    /// Whether the latest reading failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.samples.last().is_some_and(|sample| *sample < 0.0)
    }

    /// The samples' exponential moving average; failed ones are left out. `None` without any.
    #[must_use]
    pub fn smoothed(&self, alpha: f64) -> Option<f64> {
        let good = self.samples.iter().copied().filter(|sample| *sample >= 0.0);
        good.reduce(|average, sample| alpha * sample + (1.0 - alpha) * average)
    }
}

impl WorkerReport {
    /// Whether any of its metrics cannot be read, so that its load is not known.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.metrics.values().any(Metric::is_failing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_leans_to_the_newest() {
        let metric = Metric { samples: vec![0.0, 100.0, FAILED_SAMPLE, 100.0], operating_max: None };
        assert_eq!(metric.smoothed(0.5), Some(75.0));
        assert_eq!(Metric::default().smoothed(0.5), None);
        assert!(!metric.is_failing());
        assert!(Metric { samples: vec![1.0, FAILED_SAMPLE], operating_max: None }.is_failing());
    }
}
