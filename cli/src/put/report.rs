//! What `put` says while it works and at the end.
//!
//! Acknowledgements and the JSON summary go to standard output; progress, warnings and the summary in words
//! go to standard error. An acknowledgement is out of the process before anything else is sent.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use millstream_client::Error;
use millstream_producer_sdk::{Attempt, Receipt};
use millstream_runtime::SharedClock;
use serde::Serialize;

use super::input::Pending;
use super::upload::Witness;
use crate::exit::Failure;
use crate::output::{Format, Output, write_line, write_pretty};

const MB: f64 = 1_000_000.0;

/// What was done in all.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Totals {
    read: u64,
    acknowledged: u64,
    /// Data and keys of what was acknowledged.
    bytes: u64,
    /// Of what was acknowledged, records whose key field was empty.
    keyless: u64,
    /// Refusals because the stream was at its limit. Each was sent again.
    throttled: u64,
    seconds: f64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acknowledged {} of {} records read", self.acknowledged, self.read)
    }
}

/// One acknowledged record, as `-o ndjson` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AcknowledgedLine<'a> {
    record: u64,
    file: &'a str,
    line: u64,
    partition_key: &'a str,
    shard_id: String,
    sequence_number: &'a str,
    /// The place in a record that holds many; not there where it holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sequence_number: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Report {
    format: Format,
    output: Output,
    progress: Option<Progress>,
    clock: SharedClock,
    began: Duration,
    totals: Totals,
    /// So that one outage is spoken of once.
    is_failing: bool,
}

impl Report {
    pub(crate) fn new(
        format: Format,
        clock: SharedClock,
        bytes_read: Arc<AtomicU64>,
        bytes_total: Option<u64>,
    ) -> Self {
        // A bar among lines on the same terminal would make both unreadable.
        let bar_is_alone = format != Format::Ndjson || !io::stdout().is_terminal();
        let progress = (io::stderr().is_terminal() && bar_is_alone)
            .then(|| Progress { bar: progress_bar(bytes_total), bytes_read });
        let totals = Totals { read: 0, acknowledged: 0, bytes: 0, keyless: 0, throttled: 0, seconds: 0.0 };
        let began = clock.monotonic();
        Self { format, output: Output::new(), progress, clock, began, totals, is_failing: false }
    }

    /// The totals now, with the number of records that were read.
    pub(crate) fn totals(&self, read: u64) -> Totals {
        let seconds = self.clock.monotonic().saturating_sub(self.began).as_secs_f64();
        Totals { read, seconds, ..self.totals.clone() }
    }

    /// Shows the summary; in words only when `in_words`, since a failure has words of its own.
    pub(crate) async fn finish(&mut self, totals: &Totals, in_words: bool) -> Result<(), Failure> {
        if let Some(progress) = &self.progress {
            progress.bar.finish_and_clear();
        }
        if self.format == Format::Json {
            write_pretty(self.output.buffer(), totals)?;
            return self.output.flush().await;
        }
        if in_words {
            // Standard error may be closed; the records are stored all the same.
            let _ = writeln!(io::stderr(), "{}", summary(totals));
        }
        Ok(())
    }

    fn show_progress(&self, note: &str) {
        let Some(Progress { bar, bytes_read }) = &self.progress else { return };
        bar.set_position(bytes_read.load(Ordering::Relaxed));
        let totals = self.totals(0);
        let seconds = totals.seconds.max(0.001);
        bar.set_message(format!(
            "{} records, {:.1} MB/s, {} throttled{note}",
            totals.acknowledged,
            to_f64(totals.bytes) / MB / seconds,
            totals.throttled
        ));
    }
}

impl Report {
    fn note(&mut self, pending: &Pending, receipt: &Receipt) -> Result<(), Failure> {
        let errors = receipt.attempts().iter().filter_map(Attempt::error);
        self.totals.throttled += errors.filter(|error| error.is_throttle()).count() as u64;
        self.totals.acknowledged += 1;
        self.totals.bytes += pending.record.size() as u64;
        self.totals.keyless += u64::from(pending.keyless);
        if self.format == Format::Ndjson {
            write_line(self.output.buffer(), &line(pending, receipt))?;
        }
        Ok(())
    }
}

impl Witness for Report {
    async fn stored(&mut self, records: &[(Pending, Receipt)]) -> Result<(), Failure> {
        self.is_failing = false;
        for (pending, receipt) in records {
            self.note(pending, receipt)?;
        }
        self.show_progress("");
        self.output.flush().await
    }

    fn failing(&mut self, error: &Error) {
        self.show_progress(&format!(", retrying: {error}"));
        if !self.is_failing && self.progress.is_none() {
            // Standard error may be closed; the records are stored all the same.
            let _ = writeln!(io::stderr(), "warning: {error}; retrying");
        }
        self.is_failing = true;
    }
}

#[derive(Debug)]
struct Progress {
    bar: ProgressBar,
    bytes_read: Arc<AtomicU64>,
}

fn progress_bar(bytes_total: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes_total {
        Some(bytes) => (ProgressBar::new(bytes), "{wide_bar} {percent}% {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn line<'a>(pending: &'a Pending, receipt: &'a Receipt) -> AcknowledgedLine<'a> {
    AcknowledgedLine {
        record: pending.position.record,
        file: &pending.position.source,
        line: pending.position.line,
        partition_key: &pending.record.partition_key,
        shard_id: receipt.shard().to_string(),
        sequence_number: receipt.sequence_number().as_str(),
        sub_sequence_number: receipt.is_aggregated().then_some(receipt.sub_sequence_number()),
    }
}

fn summary(totals: &Totals) -> String {
    let Totals { read, acknowledged, bytes, keyless, throttled, seconds } = totals;
    let rate = seconds.max(0.001);
    let mut text = format!(
        "acknowledged {acknowledged} of {read} records read, {:.1} MB in {seconds:.1} s ({:.0} records/s, {:.1} MB/s)",
        to_f64(*bytes) / MB,
        to_f64(*acknowledged) / rate,
        to_f64(*bytes) / MB / rate,
    );
    if *throttled > 0 {
        text += &format!("; {throttled} throttled and sent again");
    }
    if *keyless > 0 {
        text += &format!("; {keyless} had no key and got a random one");
    }
    text
}

/// For display; exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn to_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_unusual() {
        let mut totals =
            Totals { read: 12, acknowledged: 10, bytes: 5_000_000, keyless: 0, throttled: 0, seconds: 2.0 };
        let plain = "acknowledged 10 of 12 records read, 5.0 MB in 2.0 s (5 records/s, 2.5 MB/s)";
        assert_eq!(summary(&totals), plain);
        totals.throttled = 3;
        totals.keyless = 4;
        let unusual = "; 3 throttled and sent again; 4 had no key and got a random one";
        assert_eq!(summary(&totals), format!("{plain}{unusual}"));
    }
}
