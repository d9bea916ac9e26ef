//! Two workers of every contender share the shards of a stream that is fed slowly. One is killed, and it takes until the
//! other one processes what every shard has got since. Which one it is makes a difference: with the older one, which
//! leads, whoever assigns leases is gone too.
//!
//! All wait side by side, each with a lease table of its own; they are started one after another, for only then do they
//! keep the processors busy.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::Stage;
use super::feed;
use super::figures::{Figures, Row};
use super::library::{Contender, Tuning};
use super::worker::{Assignment, Progress, Worker};
use crate::error::Error;

/// A JVM has begun to wait by then.
const BETWEEN_STARTS: Duration = Duration::from_secs(4);
const FIRST_LIMIT: Duration = Duration::from_secs(180);
/// A library that has not shared by then has the other worker take over all.
const SHARE_LIMIT: Duration = Duration::from_secs(60);
/// Shards move for some time after the first one did.
const SETTLE: Duration = Duration::from_secs(15);
/// The lock of a leader of KCL 3.x outlives it by two minutes.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(300);
/// A shard that a worker has is not further behind.
const BEHIND_MAX_MILLIS: u64 = 5_000;

/// A fleet of one contender.
struct Pair {
    application: String,
    older: Worker,
    younger: Option<Worker>,
}

/// Which of the two is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Younger,
    Older,
}

/// Who is killed, and who is to take over.
struct Crash {
    victim: Worker,
    heir: Worker,
}

impl Victim {
    fn of(kill: usize) -> Self {
        if kill.is_multiple_of(2) { Self::Younger } else { Self::Older }
    }

    fn row(self) -> Row {
        match self {
            Self::Younger => Row::Takeover,
            Self::Older => Row::TakeoverOfLeader,
        }
    }

    /// `None` for a worker that is alone.
    fn among(self, pair: Pair) -> Option<Crash> {
        let (older, younger) = (pair.older, pair.younger?);
        Some(match self {
            Self::Younger => Crash { victim: younger, heir: older },
            Self::Older => Crash { victim: older, heir: younger },
        })
    }
}

impl Stage {
    /// Once, for all contenders.
    pub(super) async fn takeover(
        &self,
        stream: &str,
        kill: usize,
        figures: &mut Figures,
    ) -> Result<(), Error> {
        let fed = feed::trickle(&self.caller, stream, self.args.shards, self.args.record_size);
        tokio::select! {
            done = self.kill_one(stream, kill, figures) => done,
            Err(error) = fed => Err(error),
        }
    }

    async fn kill_one(&self, stream: &str, kill: usize, figures: &mut Figures) -> Result<(), Error> {
        let mut pairs = Vec::new();
        for contender in self.in_turn(kill) {
            let application = format!("takeover-{kill}-{}", contender.id());
            let older = self.waiting_worker(stream, contender, &application, "first")?;
            pairs.push(Pair { application, older, younger: None });
            self.caller.clock.sleep(BETWEEN_STARTS).await;
        }
        for pair in &mut pairs {
            let contender = pair.older.contender;
            pair.younger = Some(self.waiting_worker(stream, contender, &pair.application, "second")?);
            self.caller.clock.sleep(BETWEEN_STARTS).await;
        }
        let pairs = self.begun(pairs, figures).await;
        self.caller.clock.sleep(SETTLE).await;
        for Pair { older, .. } in &pairs {
            figures.add(Row::MemoryAtRest, older.contender, older.usage()?.rss_bytes as f64 / 1e6);
        }
        let victim = Victim::of(kill);
        let crashes = pairs.into_iter().filter_map(|pair| victim.among(pair)).collect();
        self.take_over(crashes, victim.row(), figures).await
    }

    /// Waits until all have begun to share; whoever does not begin at all is left out.
    async fn begun(&self, pairs: Vec<Pair>, figures: &mut Figures) -> Vec<Pair> {
        let has_some = |progress: &Progress| !progress.newest.is_empty();
        let older = pairs.iter().map(|pair| pair.older.until(FIRST_LIMIT, "processed a record", has_some));
        let older = join_all(older).await;
        let younger = pairs.iter().filter_map(|pair| pair.younger.as_ref());
        // Who has no share of the shards is not at fault: it may well get one later, or with the takeover.
        join_all(younger.map(|younger| younger.until(SHARE_LIMIT, "processed a record", has_some))).await;
        let mut begun = Vec::new();
        for (pair, reached) in pairs.into_iter().zip(older) {
            let contender = pair.older.contender;
            match (reached, pair.older.first_record_after()) {
                (Ok(_), Some(after)) => {
                    figures.add(Row::FirstRecord, contender, after.as_secs_f64());
                    begun.push(pair);
                }
                (Ok(_), None) => {}
                (Err(error), _) => figures.failed(contender, &error),
            }
        }
        begun
    }

    /// From the moment at which they are killed.
    async fn take_over(&self, mut crashes: Vec<Crash>, row: Row, figures: &mut Figures) -> Result<(), Error> {
        let clock = &self.caller.clock;
        let killed_at = clock.monotonic();
        let killed_unix_millis = u64::try_from(clock.now().as_millis()).unwrap_or(u64::MAX);
        for crash in &mut crashes {
            crash.victim.kill()?;
        }
        let shards = self.args.shards as usize;
        let has_all = move |progress: &Progress| progress.shards_since(killed_unix_millis).count() >= shards;
        let taken_over = join_all(
            crashes.iter().map(|crash| crash.heir.until(TAKEOVER_LIMIT, "taken over all shards", has_all)),
        );
        for (crash, taken_over) in crashes.iter().zip(taken_over.await) {
            let contender = crash.heir.contender;
            let held = held(&crash.victim.progress(), killed_unix_millis);
            match taken_over {
                Ok(_) if held.is_empty() => {
                    let reason = "the worker that was killed had no shard".to_owned();
                    figures.failed(contender, &Error::Peer { peer: contender.name(), reason });
                }
                Ok(progress) => {
                    figures.add(row, contender, progress.at.saturating_sub(killed_at).as_secs_f64());
                    figures.add(Row::ShardsTaken, contender, held.len() as f64);
                }
                Err(error) => figures.failed(contender, &error),
            }
            Self::say(&format!("killed: {}", figures.last(contender)))?;
        }
        Ok(())
    }

    fn waiting_worker(
        &self,
        stream: &str,
        contender: Contender,
        application: &str,
        name: &str,
    ) -> Result<Worker, Error> {
        let tuning = Tuning::Defaults;
        let assignment =
            Assignment { contender, tuning, endpoint: &self.endpoint, stream, application, name };
        Worker::start(&self.programs, assignment, self.scratch.path(), &self.caller.clock)
    }
}

/// The shards that a worker had when it was killed, as far as can be seen from what it did last.
fn held(progress: &Progress, killed_unix_millis: u64) -> BTreeSet<String> {
    progress.shards_since(killed_unix_millis.saturating_sub(BEHIND_MAX_MILLIS)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_was_given_away_is_not_held() {
        let newest = [("kept".to_owned(), 99_000), ("given".to_owned(), 80_000)].into();
        let progress = Progress { newest, ..Progress::default() };
        assert_eq!(held(&progress, 100_000), ["kept".to_owned()].into());
    }
}
