//! Which figures of a result are drawn.

use super::svg::{Axis, BarGroup, Chart, Scale, Series, Svg, draw_bars};
use crate::measure::{BenchResult, Latency, OperationResult};

const WIDTH: f64 = 860.0;
const CHART_HEIGHT: f64 = 360.0;
const GAP: f64 = 16.0;

/// Latency over percentiles and throughput over time, for several results side by side. Latencies of
/// something else, such as a disk, can be drawn beside theirs.
pub(crate) fn latency_and_throughput(results: &[BenchResult], beside: &[(&str, &Latency)]) -> String {
    let curves: Vec<_> = results.iter().flat_map(curves).collect();
    let measured = curves.iter().map(|curve| curve.series(latency_points(&curve.operation.latency)));
    let beside = beside
        .iter()
        .map(|(label, latency)| Series { label: (*label).to_owned(), points: latency_points(latency) });
    let latency = Chart {
        title: "Latency by percentile, from the intended send time",
        x: Axis { label: "percentile", scale: Scale::Quantile },
        y: Axis { label: "milliseconds", scale: Scale::Logarithmic },
        series: measured.chain(beside).collect(),
    };
    // Reads and puts alike move records; requests differ too much in size to be compared.
    let throughput = Chart {
        title: "Throughput over time",
        x: Axis { label: "seconds since the measurement began", scale: Scale::Linear },
        y: Axis { label: "records per second", scale: Scale::Linear },
        series: curves.iter().map(|curve| curve.series(throughput_points(curve.operation))).collect(),
    };
    let first_height = CHART_HEIGHT + latency.legend_height();
    let height = first_height + GAP + CHART_HEIGHT + throughput.legend_height();
    let mut svg = Svg::new(WIDTH, height);
    latency.draw(&mut svg, 0.0, CHART_HEIGHT);
    throughput.draw(&mut svg, first_height + GAP, CHART_HEIGHT);
    svg.finish("Latency and throughput")
}

/// Figures of several workloads, for whoever was compared.
pub(crate) fn bars(title: &str, groups: &[BarGroup]) -> String {
    draw_bars(title, groups)
}

/// One operation of one result.
struct Curve<'a> {
    label: String,
    operation: &'a OperationResult,
}

impl Curve<'_> {
    fn series(&self, points: Vec<(f64, f64)>) -> Series {
        Series { label: self.label.clone(), points }
    }
}

/// For every operation, the repetition that stands in the middle by throughput.
fn curves(result: &BenchResult) -> Vec<Curve<'_>> {
    let name = [&result.target.label, &result.target.endpoint].into_iter().find(|name| !name.is_empty());
    let name = name.map_or("", String::as_str);
    let mut curves = Vec::new();
    for operation_name in result.summary.keys() {
        let mut runs: Vec<_> =
            result.runs.iter().filter_map(|run| run.operations.get(operation_name)).collect();
        runs.sort_by(|one, two| one.records_per_second.total_cmp(&two.records_per_second));
        let Some(operation) = runs.get(runs.len() / 2).copied() else { continue };
        let label = match result.target.durability.as_str() {
            "" => format!("{name}: {operation_name}"),
            durability => format!("{name}: {operation_name} ({durability})"),
        };
        curves.push(Curve { label, operation });
    }
    curves
}

/// 100 % has no place on the axis, so the slowest is drawn where the last of so many requests stands, and
/// finer steps, which say nothing about so few, are left out.
fn latency_points(latency: &Latency) -> Vec<(f64, f64)> {
    let last = 1.0 - 1.0 / latency.count.max(2) as f64;
    let within = latency.points.iter().filter(|point| point.quantile < last);
    let mut points: Vec<_> = within.map(|point| (point.quantile, point.ms)).collect();
    if latency.count > 0 {
        points.push((last, latency.max_ms));
    }
    points
}

fn throughput_points(operation: &OperationResult) -> Vec<(f64, f64)> {
    let timeline = &operation.timeline;
    let rates = timeline.records_per_second.iter().enumerate();
    rates.map(|(index, rate)| ((index as f64 + 0.5) * timeline.bucket_secs, *rate)).collect()
}
