//! What a flow has done so far, for the lines that say how it gets on.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted from the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Records that were found in files, and their bytes there.
    pub(crate) parsed: Count,
    pub(crate) parsed_bytes: Count,
    /// Records that the stream has acknowledged.
    pub(crate) sent: Count,
    /// Records that were larger than a record may be, and were cut.
    pub(crate) cut: Count,
    /// Records that were left out: too large, refused by the stream, or without the form that was asked for.
    pub(crate) too_large: Count,
    pub(crate) refused: Count,
    pub(crate) unconverted: Count,
    /// Records that were put again from their file because a call failed.
    pub(crate) rewound: Count,
    /// Bytes that a file lost before they were read.
    pub(crate) lost_bytes: Count,
    /// At the last look: files that are followed, and bytes in them that are not read.
    pub(crate) files: Count,
    pub(crate) behind_bytes: Count,
}

/// One figure.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parsed, bytes, sent) = (self.parsed.get(), self.parsed_bytes.get(), self.sent.get());
        write!(f, "{parsed} records parsed ({bytes} bytes), {sent} records sent successfully")?;
        let seldom = [
            (&self.cut, "cut"),
            (&self.too_large, "left out as too large"),
            (&self.refused, "left out as refused"),
            (&self.unconverted, "without the form asked for"),
            (&self.rewound, "put again after a failure"),
            (&self.lost_bytes, "bytes lost by truncation"),
        ];
        for (count, what) in seldom.into_iter().filter(|(count, _)| count.get() > 0) {
            write!(f, ", {} {what}", count.get())?;
        }
        write!(f, "; {} files followed, {} bytes behind", self.files.get(), self.behind_bytes.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seldom_is_said_only_when_it_happened() {
        let figures = Figures::default();
        figures.parsed.add(3);
        figures.parsed_bytes.add(70);
        figures.sent.add(2);
        figures.files.set(1);
        assert_eq!(
            figures.to_string(),
            "3 records parsed (70 bytes), 2 records sent successfully; 1 files followed, 0 bytes behind"
        );
        figures.cut.add(1);
        assert!(figures.to_string().contains("successfully, 1 cut; "), "{figures}");
    }
}
