//! What came of all measurements, and whether Millstream's consumer is ahead.

use std::collections::BTreeMap;

use super::library::{Contender, Library};
use crate::error::Error;
use crate::measure::Spread;
use crate::report::figure;

/// What is compared. The order is that of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    FirstRecord,
    FirstRecordQuick,
    /// Of the shards of a worker that does not lead.
    Takeover,
    TakeoverOfLeader,
    /// Says what a takeover was; nobody is better for it.
    ShardsTaken,
    MemoryAtRest,
    MemoryPeak,
    Cpu,
    RecordsPerSecond,
}

/// What is the better one of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Less,
    More,
    Neither,
}

pub(super) const ROWS: [Row; 9] = [
    Row::FirstRecord,
    Row::FirstRecordQuick,
    Row::Takeover,
    Row::TakeoverOfLeader,
    Row::ShardsTaken,
    Row::MemoryAtRest,
    Row::MemoryPeak,
    Row::Cpu,
    Row::RecordsPerSecond,
];

impl Row {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::FirstRecord => "start to first record, defaults, s",
            Self::FirstRecordQuick => "start to first record, quick settings, s",
            Self::Takeover => "takeover after `kill -9` of a worker, defaults, s",
            Self::TakeoverOfLeader => "takeover after `kill -9` of the one that leads, defaults, s",
            Self::ShardsTaken => "shards that the killed worker had",
            Self::MemoryAtRest => "memory while little comes, MB",
            Self::MemoryPeak => "memory at most, backlog, MB",
            Self::Cpu => "processor time for 100,000 records, s",
            Self::RecordsPerSecond => "records/s, backlog",
        }
    }

    fn better(self) -> Better {
        match self {
            Self::FirstRecord
            | Self::FirstRecordQuick
            | Self::Takeover
            | Self::TakeoverOfLeader
            | Self::MemoryAtRest
            | Self::MemoryPeak
            | Self::Cpu => Better::Less,
            Self::RecordsPerSecond => Better::More,
            Self::ShardsTaken => Better::Neither,
        }
    }
}

/// All figures, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) contenders: Vec<Contender>,
    figures: BTreeMap<(Row, Contender), Vec<f64>>,
    /// What went wrong, whole sentences.
    pub(super) failures: Vec<(Contender, String)>,
}

impl Figures {
    pub(super) fn of(contenders: &[Contender]) -> Self {
        Self { contenders: contenders.to_vec(), ..Self::default() }
    }

    pub(super) fn add(&mut self, row: Row, contender: Contender, figure: f64) {
        self.figures.entry((row, contender)).or_default().push(figure);
    }

    pub(super) fn failed(&mut self, contender: Contender, error: &Error) {
        self.failures.push((contender, error.to_string()));
    }

    /// `None` when nothing was measured.
    pub(super) fn spread(&self, row: Row, contender: Contender) -> Option<Spread> {
        self.figures.get(&(row, contender)).map(|figures| Spread::of(figures.iter().copied()))
    }

    /// For whoever watches.
    pub(super) fn last(&self, contender: Contender) -> String {
        let last = |row: Row| {
            let value = self.figures.get(&(row, contender))?.last()?;
            Some(format!("{}: {}", row.words(), figure(*value)))
        };
        let mut words: Vec<_> = ROWS.into_iter().filter_map(last).collect();
        let failures = self.failures.iter().filter(|(of, _)| *of == contender);
        words.extend(failures.map(|(_, failure)| format!("FAILED: {failure}")));
        format!("{}: {}", contender.name(), words.join("; "))
    }

    /// Where another library is as good as Millstream's or better, by the median: none of the row is left out, for who
    /// was not measured is not beaten.
    pub(super) fn not_better(&self) -> Vec<(Row, Contender)> {
        let mut not_better = Vec::new();
        for row in ROWS {
            for other in self.contenders.iter().filter(|other| other.library != Library::Millstream) {
                let ours = Contender { library: Library::Millstream, ..*other };
                let ours = self.spread(row, ours).map(|spread| spread.median);
                let theirs = self.spread(row, *other).map(|spread| spread.median);
                let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
                let is_better = match row.better() {
                    Better::Less => ours < theirs,
                    Better::More => ours > theirs,
                    Better::Neither => true,
                };
                if !is_better {
                    not_better.push((row, *other));
                }
            }
        }
        not_better
    }

    /// Fails when anything did.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.failures.first() {
            None => Ok(()),
            Some((contender, reason)) => Err(Error::Peer { peer: contender.name(), reason: reason.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::library::Retrieval;
    use super::*;

    #[test]
    fn less_is_better_but_for_records() {
        let of = |library| Contender { library, retrieval: Retrieval::Polling };
        let (ours, theirs) = (of(Library::Millstream), of(Library::Kcl));
        let mut figures = Figures::of(&[ours, theirs]);
        for (row, our, their) in [
            (Row::Takeover, 10.0, 11.0),
            (Row::Cpu, 2.0, 2.0),
            (Row::RecordsPerSecond, 10.0, 11.0),
            (Row::ShardsTaken, 4.0, 4.0),
        ] {
            figures.add(row, ours, our);
            figures.add(row, theirs, their);
        }
        figures.add(Row::MemoryPeak, ours, 1.0);
        assert_eq!(figures.not_better(), [(Row::Cpu, theirs), (Row::RecordsPerSecond, theirs)]);
    }
}
