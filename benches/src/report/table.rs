//! Results as aligned text, and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::push;
use crate::measure::{BenchResult, DiskResult, Spread, Summary};

/// Rows of cells: columns of text, then columns of figures.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    rows: Vec<Vec<String>>,
    text_columns: usize,
}

impl Grid {
    pub(crate) fn with_header(cells: &[&str]) -> Self {
        Self { rows: vec![cells.iter().map(|cell| (*cell).to_owned()).collect()], text_columns: 1 }
    }

    /// So many columns hold text; without a word on it, the first.
    pub(crate) fn text_columns(self, text_columns: usize) -> Self {
        Self { text_columns, ..self }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Aligned with spaces.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                // Writing to a string cannot fail.
                let _ = if column < self.text_columns {
                    write!(line, "{cell:<width$}  ")
                } else {
                    write!(line, "{cell:>width$}  ")
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} |", cells.join(" | "));
            if index == 0 {
                let align = |column| if column < self.text_columns { "|:--" } else { "|--:" };
                let _ = writeln!(text, "{}|", (0..row.len()).map(align).collect::<String>());
            }
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

/// The summary of a benchmark, followed by what went wrong and what it cost.
pub(crate) fn table(result: &BenchResult) -> String {
    let mut text = format!("{} against {}", result.workload, result.target.endpoint);
    for note in [&result.target.label, &result.target.durability] {
        if !note.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {note}");
        }
    }
    text.push('\n');
    let header = [
        "operation",
        "requests/s",
        "records/s",
        "user MB/s",
        "wire MB/s",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
    ];
    let mut grid = Grid::with_header(&header);
    for (operation, summary) in &result.summary {
        grid.row(summary_row(operation, summary, |spread| spread.median));
        if result.runs.len() > 1 {
            grid.row(summary_row("  least", summary, |spread| spread.min));
            grid.row(summary_row("  greatest", summary, |spread| spread.max));
        }
    }
    text.push_str(&grid.to_text());
    for (operation, summary) in &result.summary {
        notes(&mut text, operation, summary);
    }
    for (number, run) in result.runs.iter().enumerate() {
        let share = |secs: f64| figure(secs / run.measured_secs.max(f64::MIN_POSITIVE) * 100.0);
        // Writing to a string cannot fail.
        let _ = write!(text, "run {}: generator {} % of a core", number + 1, share(run.generator_cpu_secs));
        if let (Some(cpu), Some(peak)) = (run.target_cpu_secs, run.target_rss_peak_bytes) {
            let _ = write!(text, ", target {} %, {} MB at most", share(cpu), figure(peak as f64 / 1e6));
        }
        text.push('\n');
    }
    push::lines(&mut text, &result.runs);
    text
}

fn summary_row(name: &str, summary: &Summary, pick: fn(&Spread) -> f64) -> Vec<String> {
    let spreads = [
        &summary.requests_per_second,
        &summary.records_per_second,
        &summary.user_mb_per_second,
        &summary.wire_mb_per_second,
        &summary.p50_ms,
        &summary.p90_ms,
        &summary.p99_ms,
        &summary.p99_9_ms,
        &summary.max_ms,
    ];
    std::iter::once(name.to_owned()).chain(spreads.map(|spread| figure(pick(spread)))).collect()
}

fn notes(text: &mut String, operation: &str, summary: &Summary) {
    // Writing to a string cannot fail.
    for (kind, count) in &summary.errors {
        let _ = writeln!(text, "ERRORS in {operation}: {count} x {kind}");
    }
    if summary.unsent > 0 {
        let _ = writeln!(
            text,
            "{operation} fell behind: {} requests that were due were never sent; they count with the time they had waited",
            summary.unsent
        );
    }
}

/// The result of the disk probe.
pub(crate) fn disk_table(result: &DiskResult) -> String {
    let header = ["appended", "fdatasync", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"];
    let mut grid = Grid::with_header(&header);
    let rows: BTreeMap<_, _> = result.fdatasync.iter().collect();
    for (bytes, latency) in rows {
        grid.row(vec![
            format!("{bytes} bytes"),
            latency.count.to_string(),
            figure(latency.p50_ms),
            figure(latency.p90_ms),
            figure(latency.p99_ms),
            figure(latency.p99_9_ms),
            figure(latency.max_ms),
        ]);
    }
    format!("fdatasync in {}\n{}", result.directory, grid.to_text())
}

/// Three significant digits, thousands set apart.
#[allow(clippy::cast_possible_truncation)] // rounded on purpose
pub(crate) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 0.9995 => format!("{value:.3}"),
        small if small < 9.995 => format!("{value:.2}"),
        small if small < 99.95 => format!("{value:.1}"),
        _ => {
            let digits = format!("{}", value.round() as i64);
            let mut text = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) && !text.ends_with('-') {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let shown = [0.0, 0.0123, 0.9999, 1.234, 12.34, 99.96, 1234.5, 1_234_567.0, f64::NAN].map(figure);
        assert_eq!(shown, ["0", "0.012", "1.00", "1.23", "12.3", "100", "1,235", "1,234,567", "-"]);
    }

    #[test]
    fn grids_align_and_escape() {
        let mut grid = Grid::with_header(&["name", "n"]);
        grid.row(vec!["a|b".to_owned(), "1234".to_owned()]);
        assert_eq!(grid.to_text(), "name     n\na|b   1234\n");
        assert_eq!(grid.to_markdown(), "| name | n |\n|:--|--:|\n| a\\|b | 1234 |\n");
        assert_eq!(grid.text_columns(2).to_text(), "name  n\na|b   1234\n");
    }
}
