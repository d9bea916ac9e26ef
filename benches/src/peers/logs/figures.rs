//! What came of all measurements, and where Millstream is not ahead.

use std::collections::BTreeMap;

use super::RECORD_BYTES;
use super::catalogue::{BASELINE, Contender};
use super::load::{Load, Observed};
use crate::error::Error;
use crate::measure::Spread;
use crate::report::figure;

/// What is measured of a server, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    PutOne,
    PutSeveral,
    /// Of what was put over several connections.
    Replay,
    Push,
}

/// The order is that of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    RecordsPerSecond,
    MbPerSecond,
    AcknowledgedP50,
    AcknowledgedP99,
    PushedP50,
    PushedP99,
    /// Processor time of the server for a million records.
    ServerCpu,
    GeneratorCores,
}

impl Phase {
    pub(super) const ALL: [Self; 4] = [Self::PutOne, Self::PutSeveral, Self::Replay, Self::Push];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::PutOne => "Put over one connection",
            Self::PutSeveral => "Put over eight connections",
            Self::Replay => "One reader of what was put",
            Self::Push => "From put to reader, 1,000 records a second",
        }
    }

    /// Its stream; the names suit everyone.
    pub(super) fn stream(self) -> &'static str {
        match self {
            Self::PutOne => "one",
            Self::PutSeveral | Self::Replay => "several",
            Self::Push => "push",
        }
    }

    pub(super) fn load(self, contender: &Contender) -> Load {
        if self == Self::PutOne { contender.one } else { contender.several }
    }

    pub(super) fn figures(self) -> &'static [Figure] {
        use Figure::{
            AcknowledgedP50, AcknowledgedP99, GeneratorCores, MbPerSecond, PushedP50, PushedP99,
            RecordsPerSecond, ServerCpu,
        };
        match self {
            Self::PutOne | Self::PutSeveral => {
                &[RecordsPerSecond, MbPerSecond, AcknowledgedP50, AcknowledgedP99, ServerCpu, GeneratorCores]
            }
            Self::Replay => &[RecordsPerSecond, MbPerSecond, ServerCpu, GeneratorCores],
            Self::Push => {
                &[AcknowledgedP50, AcknowledgedP99, PushedP50, PushedP99, ServerCpu, GeneratorCores]
            }
        }
    }
}

impl Figure {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::RecordsPerSecond => "records/s",
            Self::MbPerSecond => "MB/s",
            Self::AcknowledgedP50 => "acknowledged p50 ms",
            Self::AcknowledgedP99 => "acknowledged p99 ms",
            Self::PushedP50 => "put to reader p50 ms",
            Self::PushedP99 => "put to reader p99 ms",
            Self::ServerCpu => "server CPU s for 1,000,000 records",
            Self::GeneratorCores => "load cores",
        }
    }

    /// `None` where nobody is better for it.
    fn more_is_better(self) -> Option<bool> {
        match self {
            Self::RecordsPerSecond | Self::MbPerSecond => Some(true),
            Self::AcknowledgedP50
            | Self::AcknowledgedP99
            | Self::PushedP50
            | Self::PushedP99
            | Self::ServerCpu => Some(false),
            Self::GeneratorCores => None,
        }
    }

    /// `None` where nothing was done.
    fn of(self, observed: &Observed) -> Option<f64> {
        let Observed { figures, server_cpu } = observed;
        let records = figures.records as f64;
        if records == 0.0 || figures.seconds <= 0.0 {
            return None;
        }
        Some(match self {
            Self::RecordsPerSecond => records / figures.seconds,
            Self::MbPerSecond => records * RECORD_BYTES as f64 / 1e6 / figures.seconds,
            Self::AcknowledgedP50 => figures.acknowledged.p50_ms,
            Self::AcknowledgedP99 => figures.acknowledged.p99_ms,
            Self::PushedP50 => figures.pushed.p50_ms,
            Self::PushedP99 => figures.pushed.p99_ms,
            Self::ServerCpu => server_cpu.as_secs_f64() * 1e6 / records,
            Self::GeneratorCores => figures.generator_cpu_secs / figures.seconds,
        })
    }
}

/// All figures, by log.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) contenders: Vec<&'static Contender>,
    /// Those that are not installed.
    pub(super) missing: Vec<&'static Contender>,
    measured: BTreeMap<(Phase, Figure, &'static str), Vec<f64>>,
    /// In MB: idle, and the highest.
    memory: BTreeMap<&'static str, Vec<(f64, f64)>>,
    /// What went wrong, whole sentences.
    pub(super) failures: Vec<(&'static Contender, String)>,
}

impl Figures {
    pub(super) fn of(contenders: &[&'static Contender], missing: Vec<&'static Contender>) -> Self {
        Self { contenders: contenders.to_vec(), missing, ..Self::default() }
    }

    pub(super) fn add(&mut self, phase: Phase, contender: &Contender, observed: &Observed) {
        for figure in phase.figures() {
            let measured = self.measured.entry((phase, *figure, contender.id)).or_default();
            measured.extend(figure.of(observed));
        }
    }

    pub(super) fn memory(&mut self, contender: &Contender, idle_bytes: u64, peak_bytes: u64) {
        let memory = (idle_bytes as f64 / 1e6, peak_bytes as f64 / 1e6);
        self.memory.entry(contender.id).or_default().push(memory);
    }

    pub(super) fn failed(&mut self, contender: &'static Contender, error: &Error) {
        self.failures.push((contender, error.to_string()));
    }

    /// `None` when nothing was measured.
    pub(super) fn spread(&self, phase: Phase, figure: Figure, contender: &Contender) -> Option<Spread> {
        let measured = self.measured.get(&(phase, figure, contender.id)).filter(|all| !all.is_empty())?;
        Some(Spread::of(measured.iter().copied()))
    }

    pub(super) fn idle_mb(&self, contender: &Contender) -> Option<f64> {
        let memory = self.memory.get(contender.id)?;
        Some(Spread::of(memory.iter().map(|(idle, _)| *idle)).median)
    }

    pub(super) fn peak_mb(&self, contender: &Contender) -> Option<f64> {
        let memory = self.memory.get(contender.id)?;
        Some(Spread::of(memory.iter().map(|(_, peak)| *peak)).median)
    }

    pub(super) fn baseline(&self) -> Option<&'static Contender> {
        self.contenders.iter().find(|contender| contender.id == BASELINE).copied()
    }

    /// How many times Millstream's figure is of another's.
    pub(super) fn ratio(&self, phase: Phase, figure: Figure, other: &Contender) -> Option<f64> {
        let ours = self.spread(phase, figure, self.baseline()?)?.median;
        let theirs = self.spread(phase, figure, other)?.median;
        (theirs > 0.0).then(|| ours / theirs)
    }

    /// Where another log is as good as Millstream or better, by the median: who was not measured is not beaten, and not
    /// mentioned.
    pub(super) fn not_ahead(&self) -> Vec<(Phase, Figure, &'static Contender)> {
        let mut not_ahead = Vec::new();
        for phase in Phase::ALL {
            for figure in phase.figures() {
                let Some(more_is_better) = figure.more_is_better() else { continue };
                for other in self.contenders.iter().filter(|contender| contender.id != BASELINE) {
                    let Some(ratio) = self.ratio(phase, *figure, other) else { continue };
                    if (more_is_better && ratio <= 1.0) || (!more_is_better && ratio >= 1.0) {
                        not_ahead.push((phase, *figure, *other));
                    }
                }
            }
        }
        not_ahead
    }

    /// The logs that need no more memory at most than Millstream does.
    pub(super) fn as_small(&self) -> Vec<&'static Contender> {
        let Some(ours) = self.baseline().and_then(|contender| self.peak_mb(contender)) else {
            return Vec::new();
        };
        let others = self.contenders.iter().filter(|contender| contender.id != BASELINE);
        others.filter(|other| self.peak_mb(other).is_some_and(|peak| peak <= ours)).copied().collect()
    }

    /// For whoever watches.
    pub(super) fn last(&self, contender: &Contender) -> String {
        let mut words = vec![contender.name.to_owned()];
        for phase in Phase::ALL {
            let last = |wanted: &Figure| {
                let value = self.measured.get(&(phase, *wanted, contender.id))?.last()?;
                Some(format!("{} {}", figure(*value), wanted.words()))
            };
            let figures: Vec<_> = phase.figures().iter().filter_map(last).collect();
            if !figures.is_empty() {
                words.push(format!("{}: {}", phase.title(), figures.join(", ")));
            }
        }
        let failures = self.failures.iter().filter(|(of, _)| of.id == contender.id);
        words.extend(failures.map(|(_, failure)| format!("FAILED: {failure}")));
        words.join("\n  ")
    }

    /// Fails when anything did.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.failures.first() {
            None => Ok(()),
            Some((contender, reason)) => {
                Err(Error::Peer { peer: contender.name.to_owned(), reason: reason.clone() })
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::catalogue::CONTENDERS;
    use super::super::load::{Latency, LoadFigures};
    use super::*;

    pub(in super::super) fn contender(id: &str) -> &'static Contender {
        CONTENDERS.iter().find(|contender| contender.id == id).unwrap()
    }

    pub(in super::super) fn observed(records: u64, p99_ms: f64, cpu_secs: u64) -> Observed {
        let latency = Latency { p50_ms: p99_ms / 2.0, p99_ms };
        let figures = LoadFigures {
            seconds: 2.0,
            records,
            generator_cpu_secs: 1.0,
            acknowledged: latency,
            pushed: latency,
            records_stored: records,
        };
        Observed { figures, server_cpu: Duration::from_secs(cpu_secs) }
    }

    #[test]
    fn figures_are_what_they_are_called() {
        let (ours, mut figures) = (contender(BASELINE), Figures::default());
        figures.add(Phase::PutOne, ours, &observed(1_000_000, 4.0, 3));
        let median = |figure| figures.spread(Phase::PutOne, figure, ours).map(|spread| spread.median);
        assert_eq!(median(Figure::RecordsPerSecond), Some(500_000.0));
        assert_eq!(median(Figure::MbPerSecond), Some(512.0));
        assert_eq!(median(Figure::ServerCpu), Some(3.0));
        assert_eq!(median(Figure::GeneratorCores), Some(0.5));
        assert_eq!(median(Figure::PushedP50), None);
        figures.add(Phase::Replay, ours, &observed(0, 0.0, 1));
        assert!(figures.spread(Phase::Replay, Figure::MbPerSecond, ours).is_none(), "nothing was read");
    }

    #[test]
    fn more_is_better_of_records_and_less_of_time() {
        let (ours, theirs) = (contender(BASELINE), contender("kafka"));
        let mut figures = Figures::of(&[ours, theirs, contender("redis")], Vec::new());
        figures.add(Phase::PutOne, ours, &observed(1_000, 4.0, 3));
        figures.add(Phase::PutOne, theirs, &observed(2_000, 8.0, 6));
        figures.memory(ours, 1, 10);
        figures.memory(theirs, 1, 10);
        let expected = [Figure::RecordsPerSecond, Figure::MbPerSecond, Figure::ServerCpu];
        let not_ahead: Vec<_> = figures.not_ahead().into_iter().map(|(_, figure, _)| figure).collect();
        assert_eq!(not_ahead, expected);
        assert_eq!(figures.ratio(Phase::PutOne, Figure::RecordsPerSecond, theirs), Some(0.5));
        assert_eq!(figures.as_small().len(), 1);
    }
}
