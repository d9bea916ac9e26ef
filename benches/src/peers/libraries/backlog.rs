//! A worker alone with a backlog: how soon it begins, how fast it gets on, and what it costs.

use std::time::Duration;

use super::Stage;
use super::feed;
use super::figures::{Figures, Row};
use super::library::{Contender, Retrieval, Tuning};
use super::worker::{Assignment, Progress, Worker};
use crate::error::Error;
use crate::measure::Usage;

const FIRST_LIMIT: Duration = Duration::from_secs(180);
const REST_LIMIT: Duration = Duration::from_secs(180);
/// What processor time is given for.
const CPU_UNIT_RECORDS: f64 = 100_000.0;

/// What one worker did, from its first record to its last. The records before that do not count, nor does what it
/// took to get there: it has a row of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pass {
    records: u64,
    elapsed: Duration,
    cpu: Duration,
}

impl Stage {
    pub(super) async fn backlog_rounds(&self, stream: &str, figures: &mut Figures) -> Result<(), Error> {
        feed::fill(&self.caller, stream, self.args.records, self.args.record_size).await?;
        for round in 0..self.args.rounds {
            for contender in self.in_turn(round) {
                let application = format!("backlog-{round}-{}", contender.id());
                if let Err(error) = self.backlog(stream, contender, &application, figures).await {
                    figures.failed(contender, &error);
                }
                Self::say(&format!("round {}: {}", round + 1, figures.last(contender)))?;
            }
        }
        Ok(())
    }

    async fn backlog(
        &self,
        stream: &str,
        contender: Contender,
        application: &str,
        figures: &mut Figures,
    ) -> Result<(), Error> {
        if contender.retrieval == Retrieval::FanOut {
            // Otherwise whoever polls until it is registered would be measured polling.
            feed::register(&self.caller, stream, application).await?;
        }
        let assignment = Assignment {
            contender,
            tuning: Tuning::Quick,
            endpoint: &self.endpoint,
            stream,
            application,
            name: "alone",
        };
        let worker = Worker::start(&self.programs, assignment, self.scratch.path(), &self.caller.clock)?;
        worker.until(FIRST_LIMIT, "processed a record", |progress| progress.first.is_some()).await?;
        let before = worker.usage()?;
        let all = self.args.records as u64;
        let progress =
            worker.until(REST_LIMIT, "processed all records", |progress| progress.records >= all).await?;
        let after = worker.usage()?;
        if let Some(first) = worker.first_record_after() {
            figures.add(Row::FirstRecordQuick, contender, first.as_secs_f64());
        }
        if let Some(pass) = Pass::of(&progress, before, after) {
            figures.add(Row::RecordsPerSecond, contender, pass.records_per_second());
            figures.add(Row::Cpu, contender, pass.cpu_secs());
        }
        figures.add(Row::MemoryPeak, contender, after.rss_peak_bytes as f64 / 1e6);
        Ok(())
    }
}

impl Pass {
    /// `None` when it had all at once, so that nothing is left to be measured.
    fn of(progress: &Progress, before: Usage, after: Usage) -> Option<Self> {
        let (first_at, at_first) = progress.first?;
        let pass = Self {
            records: progress.records.saturating_sub(at_first),
            elapsed: progress.at.saturating_sub(first_at),
            cpu: after.cpu.saturating_sub(before.cpu),
        };
        (pass.records > 0 && !pass.elapsed.is_zero()).then_some(pass)
    }

    fn records_per_second(&self) -> f64 {
        self.records as f64 / self.elapsed.as_secs_f64()
    }

    /// Processor time for 100,000 records.
    fn cpu_secs(&self) -> f64 {
        self.cpu.as_secs_f64() * CPU_UNIT_RECORDS / self.records as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_with_the_first_word_does_not_count() {
        let seconds = Duration::from_secs;
        let progress = Progress {
            at: seconds(14),
            first: Some((seconds(10), 20_000)),
            records: 220_000,
            ..Progress::default()
        };
        let cpu = |secs| Usage { cpu: seconds(secs), ..Usage::default() };
        let pass = Pass::of(&progress, cpu(3), cpu(7)).unwrap();
        assert!((pass.records_per_second() - 50_000.0).abs() < 1e-6);
        assert!((pass.cpu_secs() - 2.0).abs() < 1e-9);
        let at_once = Progress { at: seconds(10), ..progress };
        assert_eq!(Pass::of(&at_once, cpu(3), cpu(7)), None);
    }
}
