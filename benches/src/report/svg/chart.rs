//! Line charts with a legend.

use super::{COLOURS, Svg};
use crate::report::figure;

/// How values become places on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    Logarithmic,
    /// Quantiles from 0 to 1; 90 %, 99 % and 99.9 % are equally far apart.
    Quantile,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis<'a> {
    pub(crate) label: &'a str,
    pub(crate) scale: Scale,
}

#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) points: Vec<(f64, f64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: Axis<'a>,
    pub(crate) y: Axis<'a>,
    pub(crate) series: Vec<Series>,
}

const MARGIN_LEFT: f64 = 84.0;
const MARGIN_RIGHT: f64 = 24.0;
const TITLE_HEIGHT: f64 = 40.0;
const AXIS_HEIGHT: f64 = 52.0;
const LEGEND_LINE_HEIGHT: f64 = 20.0;
const LEGEND_DASH: f64 = 28.0;

impl Chart<'_> {
    /// Legend lines below the chart come on top of this height.
    pub(crate) fn legend_height(&self) -> f64 {
        LEGEND_LINE_HEIGHT * self.series.len() as f64 + 12.0
    }

    /// Draws from `top` downwards: `height` for title, plot and axis, then the legend.
    pub(crate) fn draw(&self, svg: &mut Svg, top: f64, height: f64) {
        let frame = Frame {
            left: MARGIN_LEFT,
            right: svg.width - MARGIN_RIGHT,
            top: top + TITLE_HEIGHT,
            bottom: top + height - AXIS_HEIGHT,
            x: Range::of(self.x.scale, self.series.iter().flat_map(|s| &s.points).map(|point| point.0)),
            y: Range::of(self.y.scale, self.series.iter().flat_map(|s| &s.points).map(|point| point.1)),
        };
        svg.text("title", MARGIN_LEFT, top + 24.0, self.title);
        frame.draw_axes(svg, self.x.label, self.y.label);
        let mut y = top + height;
        for (index, series) in self.series.iter().enumerate() {
            let colour = format!("line c{}", index % COLOURS);
            svg.path(&colour, series.points.iter().filter_map(|(x, y)| frame.place(*x, *y)));
            svg.line(&colour, (MARGIN_LEFT, y), (MARGIN_LEFT + LEGEND_DASH, y));
            svg.text("", MARGIN_LEFT + LEGEND_DASH + 8.0, y + 4.0, &series.label);
            y += LEGEND_LINE_HEIGHT;
        }
    }
}

/// The plot's rectangle, and what its edges stand for.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Range,
    y: Range,
}

impl Frame {
    fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let across = self.x.fraction(x)?;
        let up = self.y.fraction(y)?;
        Some((self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)))
    }

    fn draw_axes(&self, svg: &mut Svg, x_label: &str, y_label: &str) {
        for (value, label) in self.y.ticks() {
            let Some(up) = self.y.fraction(value) else { continue };
            let y = self.bottom - up * (self.bottom - self.top);
            svg.line("grid", (self.left, y), (self.right, y));
            svg.text("soft end", self.left - 8.0, y + 4.0, &label);
        }
        for (value, label) in self.x.ticks() {
            let Some(across) = self.x.fraction(value) else { continue };
            let x = self.left + across * (self.right - self.left);
            svg.line("grid", (x, self.top), (x, self.bottom));
            svg.text("soft mid", x, self.bottom + 18.0, &label);
        }
        svg.line("axis", (self.left, self.bottom), (self.right, self.bottom));
        svg.text("soft mid", f64::midpoint(self.left, self.right), self.bottom + 38.0, x_label);
        svg.upwards("soft mid", 20.0, f64::midpoint(self.top, self.bottom), y_label);
    }
}

/// A scale with its ends.
struct Range {
    scale: Scale,
    low: f64,
    high: f64,
}

/// Beyond one in ten million nothing is drawn, and 100 % stands at the right edge.
const NINES_MAX: f64 = 7.0;

impl Range {
    fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let mapped: Vec<f64> = values.filter_map(|value| map(scale, value)).collect();
        let least = mapped.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = mapped.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = match scale {
            _ if mapped.is_empty() => (0.0, 1.0),
            Scale::Linear => (0.0, greatest * 1.05),
            // Whole steps of 1, 2 or 5 around the values.
            Scale::Logarithmic => (round_down(least), round_up(greatest)),
            Scale::Quantile => (0.0, greatest),
        };
        Self { scale, low, high: if high > low { high } else { low + 1.0 } }
    }

    /// 0 at the low end, 1 at the high end.
    fn fraction(&self, value: f64) -> Option<f64> {
        let mapped = map(self.scale, value)?;
        Some(((mapped - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => linear_ticks(self.high),
            Scale::Logarithmic => log_ticks(self.low, self.high),
            Scale::Quantile => quantile_ticks(self.high),
        }
    }
}

/// Where a value lies before it is stretched to the axis; `None` for what has no place.
fn map(scale: Scale, value: f64) -> Option<f64> {
    let mapped = match scale {
        Scale::Linear => value,
        Scale::Logarithmic => value.log10(),
        Scale::Quantile => (-(1.0 - value).log10()).min(NINES_MAX),
    };
    mapped.is_finite().then_some(mapped)
}

const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

fn round_down(exponent: f64) -> f64 {
    let decade = exponent.floor();
    let step = STEPS.iter().rev().find(|step| decade + step.log10() <= exponent + 1e-9);
    decade + step.map_or(0.0, |step| step.log10())
}

fn round_up(exponent: f64) -> f64 {
    let decade = exponent.floor();
    let step = STEPS.iter().find(|step| decade + step.log10() >= exponent - 1e-9);
    decade + step.map_or(1.0, |step| step.log10())
}

/// Four to eight round steps up to `high`.
#[allow(clippy::cast_possible_truncation)] // a handful
fn linear_ticks(high: f64) -> Vec<(f64, String)> {
    let rough = (high / 8.0).max(f64::MIN_POSITIVE);
    let step = 10_f64.powf(round_up(rough.log10()));
    let count = (high / step).floor() as i32;
    (0..=count).map(|index| f64::from(index) * step).map(|value| (value, tick_label(value))).collect()
}

#[allow(clippy::cast_possible_truncation)] // a handful
fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let decades = low.floor() as i32..=high.ceil() as i32;
    // Over many decades the steps in between would crowd each other.
    let steps: &[f64] = if high - low > 3.5 { &STEPS[..1] } else { &STEPS };
    decades
        .flat_map(|decade| steps.iter().map(move |step| 10_f64.powi(decade) * step))
        .filter(|value| (low - 1e-9..=high + 1e-9).contains(&value.log10()))
        .map(|value| (value, tick_label(value)))
        .collect()
}

/// Ticks are round, so the zeros that a figure is padded with say nothing.
fn tick_label(value: f64) -> String {
    let label = figure(value);
    if label.contains('.') {
        return label.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    label
}

fn quantile_ticks(high: f64) -> Vec<(f64, String)> {
    [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999_999]
        .into_iter()
        .filter(|quantile| map(Scale::Quantile, *quantile).is_some_and(|place| place <= high + 1e-9))
        .map(|quantile: f64| {
            let percent = format!("{:.4}", quantile * 100.0);
            (quantile, format!("{} %", percent.trim_end_matches('0').trim_end_matches('.')))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let labels = |ticks: Vec<(f64, String)>| ticks.into_iter().map(|(_, l)| l).collect::<Vec<_>>();
        assert_eq!(labels(linear_ticks(1_050.0)), ["0", "200", "400", "600", "800", "1,000"]);
        assert_eq!(labels(linear_ticks(0.42)), ["0", "0.1", "0.2", "0.3", "0.4"]);
        let range = Range::of(Scale::Logarithmic, [0.3, 40.0].into_iter());
        assert_eq!(labels(range.ticks()), ["0.2", "0.5", "1", "2", "5", "10", "20", "50"]);
        let range = Range::of(Scale::Quantile, [0.0, 0.9995].into_iter());
        assert_eq!(labels(range.ticks()), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
    }

    #[test]
    fn places_keep_their_order_on_every_scale() {
        for scale in [Scale::Linear, Scale::Logarithmic, Scale::Quantile] {
            let values = [0.001, 0.5, 0.9, 0.99, 0.9999];
            let range = Range::of(scale, values.into_iter());
            let places: Vec<_> = values.iter().map(|value| range.fraction(*value).unwrap()).collect();
            assert!(places.is_sorted() && places[0] >= 0.0 && places[4] <= 1.0, "{scale:?} {places:?}");
        }
        assert_eq!(map(Scale::Logarithmic, 0.0), None);
        assert_eq!(map(Scale::Quantile, 1.0), Some(NINES_MAX));
    }
}
