//! Where records begin and end in the bytes of a file: at line ends, or at lines that match a pattern.
//!
//! Pure, and the same however the bytes arrive: a piece is decided by what must be seen to decide it, and by nothing
//! behind that. No more than a record's limit has to be in memory at once; what goes beyond it is left out piece by piece.

use memchr::memchr;
use regex::bytes::Regex;

/// So much of a line decides whether it begins a record.
pub(crate) const LOOKED_AT_BYTES: usize = 8 << 10;

/// How bytes become records.
#[derive(Clone, Debug)]
pub(crate) struct Splitter {
    /// Lines that match begin a record; without it each line is one.
    start: Option<StartPattern>,
    /// Bytes of a record in the file.
    bytes_max: usize,
}

/// What the first line of a record begins with.
#[derive(Clone, Debug)]
pub struct StartPattern(Regex);

/// What a place lies within, where it is not the beginning of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Within {
    /// Lines at the beginning of the file that are still to be left out.
    pub(crate) header_lines: u32,
    pub(crate) cut: Cut,
}

/// What is left of a record that was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing: a record begins.
    #[default]
    Nothing,
    /// The end of a line, and lines behind it that belong to the same record.
    Line,
    /// Lines that belong to the same record.
    Lines,
}

/// What the bytes that are there begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A record of so many bytes.
    Record(usize),
    /// The beginning of a record that is larger than one may be; the rest of it is left out.
    Beginning(usize, Within),
    /// Bytes that belong to no record that is put.
    LeftOut(usize, Within),
    /// More bytes decide.
    Undecided,
}

/// What is known about the end of the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// More may follow at any time.
    Open,
    /// Nothing has followed for a while: lines that have ended are a record, the last of several lines too.
    Quiet,
    /// Nothing will follow: what is there is a record, with a line end or without.
    Final,
}

impl StartPattern {
    /// # Errors
    /// If it is no regular expression.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        Regex::new(&format!(r"\A(?:{pattern})")).map(Self)
    }

    fn is_match(&self, line: &[u8]) -> bool {
        self.0.is_match(&line[..line.len().min(LOOKED_AT_BYTES)])
    }
}

impl PartialEq for StartPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Splitter {
    pub(crate) fn new(start: Option<StartPattern>, bytes_max: usize) -> Self {
        Self { start, bytes_max: bytes_max.max(1) }
    }

    /// So many bytes decide in any case.
    pub(crate) fn window_bytes_max(&self) -> usize {
        self.bytes_max + LOOKED_AT_BYTES
    }

    pub(crate) fn next(&self, bytes: &[u8], within: Within, end: End) -> Piece {
        if bytes.is_empty() {
            return Piece::Undecided;
        }
        if within.header_lines > 0 {
            return self.header(bytes, within, end);
        }
        match (within.cut, &self.start) {
            (Cut::Nothing, None) => self.line(bytes, end),
            (Cut::Nothing, Some(start)) => self.lines(bytes, start, end),
            (Cut::Line, _) | (Cut::Lines, None) => {
                let then = if self.start.is_some() { Cut::Lines } else { Cut::Nothing };
                rest_of_line(bytes, then)
            }
            (Cut::Lines, Some(start)) => self.rest_of_lines(bytes, start, end),
        }
    }

    fn header(&self, bytes: &[u8], within: Within, end: End) -> Piece {
        let left = |header_lines| Within { header_lines, ..within };
        match memchr(b'\n', bytes) {
            Some(at) => Piece::LeftOut(at + 1, left(within.header_lines - 1)),
            None if end == End::Final || bytes.len() >= self.bytes_max => {
                Piece::LeftOut(bytes.len(), left(within.header_lines))
            }
            None => Piece::Undecided,
        }
    }

    fn line(&self, bytes: &[u8], end: End) -> Piece {
        let seen = &bytes[..bytes.len().min(self.bytes_max)];
        match memchr(b'\n', seen) {
            Some(at) => Piece::Record(at + 1),
            None if bytes.len() > self.bytes_max => {
                Piece::Beginning(self.bytes_max, Within { header_lines: 0, cut: Cut::Line })
            }
            None if end == End::Final => Piece::Record(bytes.len()),
            None => Piece::Undecided,
        }
    }

    fn lines(&self, bytes: &[u8], start: &StartPattern, end: End) -> Piece {
        // Where the lines end that have ended.
        let mut ended = 0;
        while let Some(length) = memchr(b'\n', &bytes[ended..]) {
            ended += length + 1;
            if ended > self.bytes_max || ended == bytes.len() {
                break;
            }
            match begins_record(&bytes[ended..], start, end) {
                Some(true) => return Piece::Record(ended),
                Some(false) => {}
                None => return Piece::Undecided,
            }
        }
        // What follows the last line end is the beginning of a line of the same record.
        if bytes.len() > self.bytes_max {
            let cut = if bytes[self.bytes_max - 1] == b'\n' { Cut::Lines } else { Cut::Line };
            return Piece::Beginning(self.bytes_max, Within { header_lines: 0, cut });
        }
        match end {
            End::Final => Piece::Record(bytes.len()),
            End::Quiet if ended == bytes.len() => Piece::Record(ended),
            End::Quiet | End::Open => Piece::Undecided,
        }
    }

    fn rest_of_lines(&self, bytes: &[u8], start: &StartPattern, end: End) -> Piece {
        match begins_record(bytes, start, end) {
            Some(true) => self.lines(bytes, start, end),
            Some(false) => rest_of_line(bytes, Cut::Lines),
            None => Piece::Undecided,
        }
    }
}

/// The end of a line of which the beginning is gone.
fn rest_of_line(bytes: &[u8], then: Cut) -> Piece {
    let (length, cut) = memchr(b'\n', bytes).map_or((bytes.len(), Cut::Line), |at| (at + 1, then));
    Piece::LeftOut(length, Within { header_lines: 0, cut })
}

/// Whether a line begins a record; `None` while too little of it is there.
fn begins_record(line: &[u8], start: &StartPattern, end: End) -> Option<bool> {
    let ended = memchr(b'\n', &line[..line.len().min(LOOKED_AT_BYTES)]);
    let is_decided = ended.is_some() || line.len() >= LOOKED_AT_BYTES || end == End::Final;
    is_decided.then(|| start.is_match(&line[..ended.map_or(line.len(), |at| at + 1)]))
}

#[cfg(test)]
mod tests;
