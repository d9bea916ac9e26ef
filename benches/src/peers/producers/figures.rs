//! What came of all measurements, and what of it was promised.

use std::collections::BTreeMap;

use super::program::{Contender, Load};
use crate::error::Error;
use crate::measure::Spread;
use crate::report::figure;

/// What is told of each load. The order is that of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    RecordsPerSecond,
    MegabytesPerSecond,
    /// For each second of processor time that the producer took.
    RecordsPerCpuSecond,
    Cores,
    ServerCores,
    MemoryPeak,
    LatencyMedian,
    Latency99,
}

pub(super) const ROWS: [Row; 8] = [
    Row::RecordsPerSecond,
    Row::MegabytesPerSecond,
    Row::RecordsPerCpuSecond,
    Row::Cores,
    Row::ServerCores,
    Row::MemoryPeak,
    Row::LatencyMedian,
    Row::Latency99,
];

impl Row {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::RecordsPerSecond => "records/s, acknowledged",
            Self::MegabytesPerSecond => "their data, MB/s",
            Self::RecordsPerCpuSecond => "records for each second of the producer's processor time",
            Self::Cores => "cores, producer",
            Self::ServerCores => "cores, server",
            Self::MemoryPeak => "producer's memory at most, MB",
            Self::LatencyMedian => "put to receipt, p50, ms",
            Self::Latency99 => "put to receipt, p99, ms",
        }
    }
}

/// What the producer is to reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) words: &'static str,
    of: Of,
    bound: f64,
}

/// The figure that is promised.
#[derive(Clone, Copy, Debug)]
enum Of {
    AtLeast(Load, Row),
    AtMost(Load, Row),
    /// The least ratio to the KPL, over all loads without a rate, when both speak TLS.
    TimesKpl(Row),
}

pub(super) const PROMISES: [Promise; 4] = [
    Promise {
        words: "1,000,000 records of 100 bytes a second",
        of: Of::AtLeast(Load::Small, Row::RecordsPerSecond),
        bound: 1e6,
    },
    Promise {
        words: "150 MB/s with records of 1 KiB",
        of: Of::AtLeast(Load::Large, Row::MegabytesPerSecond),
        bound: 150.0,
    },
    Promise {
        words: "3 times the records of the KPL for each second of processor time, both with TLS",
        of: Of::TimesKpl(Row::RecordsPerCpuSecond),
        bound: 3.0,
    },
    Promise {
        words: "p99 from put to receipt within the buffering time of 100 ms and 20 ms at 10,000 records/s, ms",
        of: Of::AtMost(Load::Paced, Row::Latency99),
        bound: 120.0,
    },
];

/// All figures, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) contenders: Vec<Contender>,
    figures: BTreeMap<(Load, Row, Contender), Vec<f64>>,
    /// What went wrong, whole sentences.
    pub(super) failures: Vec<(Load, Contender, String)>,
}

impl Figures {
    pub(super) fn of(contenders: &[Contender]) -> Self {
        Self { contenders: contenders.to_vec(), ..Self::default() }
    }

    pub(super) fn add(&mut self, load: Load, row: Row, contender: Contender, figure: f64) {
        self.figures.entry((load, row, contender)).or_default().push(figure);
    }

    pub(super) fn failed(&mut self, load: Load, contender: Contender, error: &Error) {
        self.failures.push((load, contender, error.to_string()));
    }

    /// `None` when nothing was measured.
    pub(super) fn spread(&self, load: Load, row: Row, contender: Contender) -> Option<Spread> {
        self.figures.get(&(load, row, contender)).map(|figures| Spread::of(figures.iter().copied()))
    }

    /// For whoever watches.
    pub(super) fn last(&self, load: Load, contender: Contender) -> String {
        let last = |row: Row| {
            let value = self.figures.get(&(load, row, contender))?.last()?;
            Some(format!("{}: {}", row.words(), figure(*value)))
        };
        let mut words: Vec<_> = ROWS.into_iter().filter_map(last).collect();
        let failures = self.failures.iter().filter(|(at, of, _)| (*at, *of) == (load, contender));
        words.extend(failures.map(|(_, _, failure)| format!("FAILED: {failure}")));
        format!("{}: {}", contender.name(), words.join("; "))
    }

    fn median(&self, load: Load, row: Row, contender: Contender) -> Option<f64> {
        self.spread(load, row, contender).map(|spread| spread.median)
    }

    /// What was reached, and whether that is as promised; `None` where it was not measured.
    pub(super) fn reached(&self, promise: &Promise) -> Option<(f64, bool)> {
        match promise.of {
            Of::AtLeast(load, row) => {
                let reached = self.median(load, row, Contender::Millstream)?;
                Some((reached, reached >= promise.bound))
            }
            Of::AtMost(load, row) => {
                let reached = self.median(load, row, Contender::Millstream)?;
                Some((reached, reached <= promise.bound))
            }
            Of::TimesKpl(row) => {
                let ratio = |load| {
                    let ours = self.median(load, row, Contender::MillstreamTls)?;
                    Some(ours / self.median(load, row, Contender::Kpl)?)
                };
                let reached = [Load::Small, Load::Large].into_iter().filter_map(ratio).reduce(f64::min)?;
                Some((reached, reached >= promise.bound))
            }
        }
    }

    /// Fails when anything did.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.failures.first() {
            None => Ok(()),
            Some((_, contender, reason)) => {
                Err(Error::Peer { peer: contender.name().to_owned(), reason: reason.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_kept_by_medians_and_by_the_worse_load() {
        let mut figures = Figures::of(&[Contender::Millstream, Contender::MillstreamTls, Contender::Kpl]);
        for reached in [0.9e6, 1.1e6, 1.2e6] {
            figures.add(Load::Small, Row::RecordsPerSecond, Contender::Millstream, reached);
        }
        figures.add(Load::Paced, Row::Latency99, Contender::Millstream, 121.0);
        for (load, ours) in [(Load::Small, 50.0), (Load::Large, 20.0)] {
            figures.add(load, Row::RecordsPerCpuSecond, Contender::MillstreamTls, ours);
            figures.add(load, Row::RecordsPerCpuSecond, Contender::Kpl, 10.0);
        }
        let reached: Vec<_> = PROMISES.iter().map(|promise| figures.reached(promise)).collect();
        assert_eq!(reached, [Some((1.1e6, true)), None, Some((2.0, false)), Some((121.0, false))]);
    }
}
