//! A small SVG writer: line charts and bars in one file that needs nothing else.
//!
//! Colours are set by class and switch with the reader's light or dark scheme; series differ in their dashes
//! too, for those who see colours differently.

mod bars;
mod chart;

use std::fmt::{Display, Write};

pub(crate) use bars::{Bar, BarGroup, draw_bars};
pub(crate) use chart::{Axis, Chart, Scale, Series};

/// Distinct series colours; more series begin again with the first.
const COLOURS: usize = 6;

const STYLE: &str = "
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}
.soft{fill:#59636e}.title{font-size:15px;font-weight:600}.end{text-anchor:end}.mid{text-anchor:middle}
.paper{fill:#ffffff}.grid{stroke:#d1d9e0;stroke-width:1}.axis{stroke:#818b98;stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.c0{stroke:#0060a8}.c1{stroke:#c74e00}.c2{stroke:#00805e}.c3{stroke:#a0408c}.c4{stroke:#7a6a00}.c5{stroke:#5a6068}
.b0{fill:#0060a8}.b1{fill:#c74e00}.b2{fill:#00805e}.b3{fill:#a0408c}.b4{fill:#7a6a00}.b5{fill:#5a6068}
.c1{stroke-dasharray:7 3}.c2{stroke-dasharray:2 3}.c3{stroke-dasharray:9 3 2 3}.c4{stroke-dasharray:4 4}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.soft{fill:#9198a1}.paper{fill:#0d1117}.grid{stroke:#2a313c}.axis{stroke:#656c76}
.c0{stroke:#58b4f0}.c1{stroke:#ff9d4d}.c2{stroke:#3ddbaa}.c3{stroke:#e59bd5}.c4{stroke:#e0cf4a}.c5{stroke:#b3bac2}
.b0{fill:#58b4f0}.b1{fill:#ff9d4d}.b2{fill:#3ddbaa}.b3{fill:#e59bd5}.b4{fill:#e0cf4a}.b5{fill:#b3bac2}
}
";

/// An SVG document under construction. Writing to its text cannot fail, so results of `write!` are dropped.
#[derive(Debug)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(crate) fn finish(self, description: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
            Escaped(description)
        )
    }

    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let _ =
            writeln!(self.body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", Escaped(text));
    }

    /// Text that reads upwards, its middle at this point.
    pub(super) fn upwards(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let _ = writeln!(
            self.body,
            "<text class=\"{class}\" transform=\"translate({x:.1} {y:.1}) rotate(-90)\">{}</text>",
            Escaped(text)
        );
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    pub(super) fn path(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut command = 'M';
        let mut data = String::new();
        for (x, y) in points {
            let _ = write!(data, "{command}{x:.1} {y:.1}");
            command = 'L';
        }
        if !data.is_empty() {
            let _ = writeln!(self.body, "<path class=\"{class}\" d=\"{data}\"/>");
        }
    }

    pub(super) fn bar(&mut self, class: &str, (x, y): (f64, f64), width: f64, height: f64) {
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
        );
    }
}

/// Text that may hold anything, as XML wants it.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // XML 1.0 cannot hold these at all.
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char(' ')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
