//! Metrics that clients report by PutMetricData, KCL above all: each series is its namespace, its name, its unit and
//! its dimensions.
//!
//! Clients choose names and dimensions, so there may be no more than so many series, and these take no more than so
//! many bytes. When there is no room, series that nobody has reported for an hour make it; what still finds none is
//! counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Series at once.
const SERIES_MAX: usize = 10_000;
/// Bytes of the texts of all series.
const TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A series that nobody has reported for so long may be forgotten.
const IDLE_LIMIT: Duration = Duration::from_secs(3600);
/// Between two searches for series that may be forgotten.
const SEARCH_PAUSE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) unit: &'static str,
    /// Sorted.
    pub(crate) dimensions: Vec<(String, String)>,
}

/// One or more values that were reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Samples {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
}

impl Samples {
    /// A value that was seen so many times.
    pub(crate) fn of(value: f64, count: f64) -> Self {
        Self { count, sum: value * count, minimum: value, maximum: value }
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }
}

/// All series, shared by those who add to them and those who show them.
#[derive(Debug, Default)]
pub(crate) struct ReportedMetrics {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    series: BTreeMap<Series, Totals>,
    text_bytes: usize,
    /// Samples for which there was no room.
    dropped: u64,
    /// When series were last searched for that may be forgotten.
    searched: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Totals {
    count: f64,
    sum: f64,
    /// What was reported last.
    newest: Samples,
    reported: Duration,
}

impl Series {
    fn text_bytes(&self) -> usize {
        let dimensions = self.dimensions.iter().map(|(name, value)| name.len() + value.len());
        self.namespace.len() + self.metric.len() + dimensions.sum::<usize>()
    }

    /// The names and values of the labels. A dimension's name becomes one that a label may have, and that no other
    /// label of the series has.
    fn labels(&self) -> Vec<(String, &str)> {
        let mut labels = vec![
            ("namespace".to_owned(), self.namespace.as_str()),
            ("metric".to_owned(), self.metric.as_str()),
            ("unit".to_owned(), self.unit),
        ];
        let mut taken: BTreeSet<String> = labels.iter().map(|(name, _)| name.clone()).collect();
        for (name, value) in &self.dimensions {
            let mut label = label_name(name);
            while !taken.insert(label.clone()) {
                label.push('_');
            }
            labels.push((label, value));
        }
        labels
    }
}

/// `WorkerIdentifier` becomes `worker_identifier`; what a label's name cannot hold becomes an underscore.
fn label_name(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_small {
            label.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        label.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    // Names that begin with two underscores are Prometheus' own.
    if !label.starts_with(|c: char| c.is_ascii_lowercase()) {
        label.insert_str(0, "dimension_");
    }
    label
}

impl ReportedMetrics {
    /// Adds samples to their series. `now` is any clock that only goes forward.
    pub(crate) fn add(&self, series: Series, samples: Samples, now: Duration) {
        let mut all = self.all.lock();
        if let Some(totals) = all.series.get_mut(&series) {
            totals.count += samples.count;
            totals.sum += samples.sum;
            totals.newest = samples;
            totals.reported = now;
            return;
        }
        let bytes = series.text_bytes();
        if !all.has_room(bytes) {
            all.forget_idle(now);
        }
        if !all.has_room(bytes) {
            all.dropped += 1;
            return;
        }
        all.text_bytes += bytes;
        let totals = Totals { count: samples.count, sum: samples.sum, newest: samples, reported: now };
        all.series.insert(series, totals);
    }
}

impl All {
    fn has_room(&self, bytes: usize) -> bool {
        self.series.len() < SERIES_MAX && self.text_bytes + bytes <= TEXT_BYTES_MAX
    }

    fn forget_idle(&mut self, now: Duration) {
        if self.searched.is_some_and(|searched| now.saturating_sub(searched) < SEARCH_PAUSE) {
            return;
        }
        self.searched = Some(now);
        self.series.retain(|_, totals| now.saturating_sub(totals.reported) < IDLE_LIMIT);
        self.text_bytes = self.series.keys().map(Series::text_bytes).sum();
    }
}

/// Shows all series.
#[derive(Debug)]
pub(super) struct Reported(pub(super) Arc<ReportedMetrics>);

/// Name, help, and where the figure is.
type Figure = (&'static str, &'static str, fn(&Totals) -> f64);

const FIGURES: &[Figure] = &[
    ("cloudwatch_samples", "Values reported by PutMetricData", |totals| totals.count),
    ("cloudwatch_sum", "Sum of the values reported by PutMetricData", |totals| totals.sum),
    ("cloudwatch_minimum", "Least of the values in the newest report", |totals| totals.newest.minimum),
    ("cloudwatch_maximum", "Greatest of the values in the newest report", |totals| totals.newest.maximum),
];

impl Collector for Reported {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (series, dropped) = {
            let all = self.0.all.lock();
            let series: Vec<_> =
                all.series.iter().map(|(series, totals)| (series.clone(), *totals)).collect();
            (series, all.dropped)
        };
        // Sums may go down, for values may be negative; so none of these is a counter to Prometheus.
        for (name, help, figure) in FIGURES.iter().filter(|_| !series.is_empty()) {
            let mut descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (series, totals) in &series {
                let labels = series.labels();
                ConstGauge::new(figure(totals)).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        let help = "Reports for which there was no room";
        let descriptor = encoder.encode_descriptor("cloudwatch_dropped", help, None, MetricType::Counter)?;
        ConstCounter::new(dropped).encode(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn series(metric: &str, dimensions: &[(&str, &str)]) -> Series {
        Series {
            namespace: "app".to_owned(),
            metric: metric.to_owned(),
            unit: "Count",
            dimensions: dimensions
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        }
    }

    fn shown(metrics: ReportedMetrics) -> String {
        let mut registry = Registry::with_prefix("millstream");
        registry.register_collector(Box::new(Reported(Arc::new(metrics))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn samples_add_up_by_series() {
        let metrics = ReportedMetrics::default();
        let lag = || series("Lag", &[("Operation", "ProcessTask"), ("ShardId", "shard \"0\"")]);
        metrics.add(lag(), Samples::of(5.0, 2.0), NOW);
        metrics.add(lag(), Samples { count: 3.0, sum: 1.5, minimum: -1.0, maximum: 2.0 }, NOW);
        metrics.add(series("Lag", &[]), Samples::of(1.0, 1.0), NOW);
        let shown = shown(metrics);
        let labels =
            r#"{namespace="app",metric="Lag",unit="Count",operation="ProcessTask",shard_id="shard \"0\""}"#;
        for line in [
            format!("millstream_cloudwatch_samples{labels} 5.0"),
            format!("millstream_cloudwatch_sum{labels} 11.5"),
            format!("millstream_cloudwatch_minimum{labels} -1.0"),
            format!("millstream_cloudwatch_maximum{labels} 2.0"),
            r#"millstream_cloudwatch_sum{namespace="app",metric="Lag",unit="Count"} 1.0"#.to_owned(),
            "millstream_cloudwatch_dropped_total 0".to_owned(),
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
        }
    }

    #[test]
    fn there_are_no_more_series_than_so_many() {
        let metrics = ReportedMetrics::default();
        for index in 0..SERIES_MAX + 2 {
            metrics.add(series(&format!("m{index}"), &[]), Samples::of(1.0, 1.0), NOW);
        }
        assert_eq!(metrics.all.lock().series.len(), SERIES_MAX);
        assert_eq!(metrics.all.lock().dropped, 2);
        // What is there goes on, and what is idle makes room.
        let later = NOW + IDLE_LIMIT;
        metrics.add(series("m1", &[]), Samples::of(1.0, 1.0), later);
        metrics.add(series("new", &[]), Samples::of(1.0, 1.0), later);
        let all = metrics.all.lock();
        assert_eq!((all.series.len(), all.dropped), (2, 2));
        assert_eq!(all.text_bytes, all.series.keys().map(Series::text_bytes).sum::<usize>());
    }

    #[test]
    fn long_texts_leave_room_for_fewer() {
        let metrics = ReportedMetrics::default();
        let long = "x".repeat(1024 * 1024);
        for index in 0..40 {
            metrics.add(series(&format!("{index}{long}"), &[]), Samples::of(1.0, 1.0), NOW);
        }
        assert!(metrics.all.lock().series.len() < 32);
        assert!(metrics.all.lock().text_bytes <= TEXT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn labels_are_what_prometheus_takes(names in prop::collection::vec("\\PC{1,6}|unit|Unit|metric", 0..6)) {
            let dimensions: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
            let series = series("m", &dimensions);
            let labels = series.labels();
            let mut seen = BTreeSet::new();
            for (name, _) in &labels {
                prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{}", name);
                prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{}", name);
                prop_assert!(seen.insert(name.clone()), "{} twice", name);
            }
        }
    }
}
