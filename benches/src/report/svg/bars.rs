//! Groups of horizontal bars, each group with a scale of its own and its figures written out.

use super::{COLOURS, Svg};
use crate::report::figure;

/// One thing that was measured, for everyone who was measured.
#[derive(Clone, Debug)]
pub(crate) struct BarGroup {
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) bars: Vec<Bar>,
}

#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    /// Its place in the order of colours, so that one name has one colour in every group.
    pub(crate) colour: usize,
    pub(crate) value: f64,
}

const WIDTH: f64 = 860.0;
const LABEL_WIDTH: f64 = 230.0;
const VALUE_WIDTH: f64 = 150.0;
const GROUP_TITLE_HEIGHT: f64 = 34.0;
const BAR_HEIGHT: f64 = 18.0;
const BAR_STEP: f64 = 24.0;
const MARGIN: f64 = 16.0;

pub(crate) fn draw_bars(title: &str, groups: &[BarGroup]) -> String {
    let bars: usize = groups.iter().map(|group| group.bars.len()).sum();
    let height =
        40.0 + groups.len() as f64 * (GROUP_TITLE_HEIGHT + 8.0) + bars as f64 * BAR_STEP + 2.0 * MARGIN;
    let mut svg = Svg::new(WIDTH, height);
    svg.text("title", MARGIN, MARGIN + 16.0, title);
    let mut y = MARGIN + 40.0;
    for group in groups {
        svg.text("", MARGIN, y + 14.0, &format!("{} ({})", group.title, group.unit));
        y += GROUP_TITLE_HEIGHT - 8.0;
        let greatest = group.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for bar in &group.bars {
            let room = WIDTH - LABEL_WIDTH - VALUE_WIDTH - MARGIN;
            let width = if greatest > 0.0 { (bar.value / greatest * room).max(1.0) } else { 1.0 };
            svg.text("soft end", LABEL_WIDTH - 8.0, y + 13.0, &bar.label);
            svg.bar(&format!("b{}", bar.colour % COLOURS), (LABEL_WIDTH, y), width, BAR_HEIGHT);
            svg.text("", LABEL_WIDTH + width + 8.0, y + 13.0, &figure(bar.value));
            y += BAR_STEP;
        }
        y += 16.0;
    }
    svg.finish(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_well_formed_and_as_long_as_their_values() {
        let bar = |label: &str, value| Bar { label: label.to_owned(), colour: 0, value };
        let group = BarGroup {
            title: "a < b".to_owned(),
            unit: "records/s".to_owned(),
            bars: vec![bar("one", 200.0), bar("two", 50.0), bar("none", 0.0)],
        };
        let svg =
            draw_bars("Bars", &[group, BarGroup { title: String::new(), unit: String::new(), bars: vec![] }]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let widths: Vec<f64> = document
            .descendants()
            .filter(|node| node.attribute("class") == Some("b0"))
            .map(|node| node.attribute("width").unwrap().parse().unwrap())
            .collect();
        assert_eq!(widths.len(), 3);
        assert!((widths[0] / widths[1] - 4.0).abs() < 0.01 && widths[2] <= 1.0, "{widths:?}");
    }
}
