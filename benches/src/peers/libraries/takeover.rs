//! Two workers of every contender share the shards of a stream that is fed slowly. The first one is killed, and it
//! takes until the other one processes what every shard has got since.
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
const BETWEEN_STARTS: Duration = Duration::from_secs(5);
const FIRST_LIMIT: Duration = Duration::from_secs(180);
/// A library that has not shared by then has the other worker take over all.
const SHARE_LIMIT: Duration = Duration::from_secs(90);
/// Shards move for some time after the first one did.
const SETTLE: Duration = Duration::from_secs(15);
const TAKEOVER_LIMIT: Duration = Duration::from_secs(120);
/// A shard that a worker has is not further behind.
const BEHIND_MAX_MILLIS: u64 = 5_000;

/// A fleet of one contender. The workers are of different ages.
struct Pair {
    application: String,
    first: Worker,
    second: Option<Worker>,
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
            done = self.kill_the_first(stream, kill, figures) => done,
            Err(error) = fed => Err(error),
        }
    }

    async fn kill_the_first(&self, stream: &str, kill: usize, figures: &mut Figures) -> Result<(), Error> {
        let mut pairs = Vec::new();
        for contender in self.in_turn(kill) {
            let application = format!("takeover-{kill}-{}", contender.id());
            let first = self.waiting_worker(stream, contender, &application, "first")?;
            pairs.push(Pair { application, first, second: None });
            self.caller.clock.sleep(BETWEEN_STARTS).await;
        }
        let has_all = |progress: &Progress| progress.newest.len() >= self.args.shards as usize;
        let begun =
            join_all(pairs.iter().map(|pair| pair.first.until(FIRST_LIMIT, "processed all shards", has_all)));
        let begun = begun.await;
        let mut pairs: Vec<_> = pairs
            .into_iter()
            .zip(begun)
            .filter_map(|(pair, begun)| {
                let contender = pair.first.contender;
                match begun {
                    Ok(_) => Some(pair),
                    Err(error) => {
                        figures.failed(contender, &error);
                        None
                    }
                }
            })
            .collect();
        for pair in &mut pairs {
            if let Some(first) = pair.first.first_record_after() {
                figures.add(Row::FirstRecord, pair.first.contender, first.as_secs_f64());
            }
            pair.second =
                Some(self.waiting_worker(stream, pair.first.contender, &pair.application, "second")?);
            self.caller.clock.sleep(BETWEEN_STARTS).await;
        }
        // Who does not share is not at fault: it may well do so later.
        let has_some = |progress: &Progress| !progress.newest.is_empty();
        join_all(
            pairs
                .iter()
                .filter_map(|pair| pair.second.as_ref())
                .map(|second| second.until(SHARE_LIMIT, "", has_some)),
        )
        .await;
        self.caller.clock.sleep(SETTLE).await;
        for pair in &pairs {
            figures.add(Row::MemoryAtRest, pair.first.contender, pair.first.usage()?.rss_bytes as f64 / 1e6);
        }
        self.take_over(pairs, figures).await
    }

    /// From the moment at which the first ones are killed.
    async fn take_over(&self, mut pairs: Vec<Pair>, figures: &mut Figures) -> Result<(), Error> {
        let clock = &self.caller.clock;
        let killed_at = clock.monotonic();
        let killed_unix_millis = u64::try_from(clock.now().as_millis()).unwrap_or(u64::MAX);
        for pair in &mut pairs {
            pair.first.kill()?;
        }
        let shards = self.args.shards as usize;
        let taken_over = join_all(pairs.iter().filter_map(|pair| pair.second.as_ref()).map(|second| {
            let has_all =
                move |progress: &Progress| progress.shards_since(killed_unix_millis).count() >= shards;
            second.until(TAKEOVER_LIMIT, "taken over all shards", has_all)
        }));
        for (pair, taken_over) in pairs.iter().zip(taken_over.await) {
            let contender = pair.first.contender;
            let held = held(&pair.first.progress(), killed_unix_millis);
            match taken_over {
                Ok(progress) if held.is_empty() => {
                    let at = progress.at.saturating_sub(killed_at);
                    let reason =
                        format!("the worker that was killed had no shard left ({} s)", at.as_secs_f64());
                    figures.failed(contender, &Error::Peer { peer: contender.name(), reason });
                }
                Ok(progress) => {
                    figures.add(
                        Row::Takeover,
                        contender,
                        progress.at.saturating_sub(killed_at).as_secs_f64(),
                    );
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
        Worker::start(&self.programs, assignment, self.logs.path(), &self.caller.clock)
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
