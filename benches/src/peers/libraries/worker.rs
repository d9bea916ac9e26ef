//! One worker's process, from its start until it is certainly gone, and what it says of its work.
//!
//! It says how much it has processed, not what: a line a record would cost more than any library does.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use millstream_runtime::{SharedClock, threads};
use serde::Deserialize;
use tokio::sync::watch;

use super::library::{Contender, Programs, Tuning};
use crate::error::Error;
use crate::measure::{Usage, usage_of};

const LOG_TAIL_BYTES: usize = 800;

/// What a worker is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment<'a> {
    pub(super) contender: Contender,
    pub(super) tuning: Tuning,
    pub(super) endpoint: &'a str,
    pub(super) stream: &'a str,
    pub(super) application: &'a str,
    pub(super) name: &'a str,
}

/// A process that works. It ends with this value, at once and without a last word.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) contender: Contender,
    child: Child,
    /// By the monotonic clock.
    started_at: Duration,
    progress: watch::Receiver<Progress>,
    /// Ends with the process.
    listener: Option<JoinHandle<()>>,
    log: PathBuf,
    clock: SharedClock,
}

/// How far a worker came, by what it said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// When it said so, by the monotonic clock.
    pub(super) at: Duration,
    /// When it spoke first, and the records that it had processed then.
    pub(super) first: Option<(Duration, u64)>,
    pub(super) records: u64,
    /// By shard, when the service took the newest record that was processed, in milliseconds since 1970.
    pub(super) newest: BTreeMap<String, u64>,
}

/// A line of a worker.
#[derive(Debug, Deserialize)]
struct Said {
    records: u64,
    newest: BTreeMap<String, u64>,
}

impl Progress {
    fn heard(&mut self, said: Said, at: Duration) {
        self.first.get_or_insert((at, said.records));
        self.at = at;
        self.records = said.records;
        self.newest = said.newest;
    }

    /// The shards of which a record was processed that is not older than this.
    pub(super) fn shards_since(&self, unix_millis: u64) -> impl Iterator<Item = &str> {
        let recent = self.newest.iter().filter(move |(_, newest)| **newest >= unix_millis);
        recent.map(|(shard, _)| shard.as_str())
    }
}

impl Worker {
    pub(super) fn start(
        programs: &Programs,
        assignment: Assignment<'_>,
        logs: &Path,
        clock: &SharedClock,
    ) -> Result<Self, Error> {
        let log = logs.join(format!("{}-{}.log", assignment.application, assignment.name));
        let mut command = programs.command(assignment.contender, assignment.tuning);
        command
            .env("APPLICATION", assignment.application)
            .env("STREAM", assignment.stream)
            .env("WORKER", assignment.name)
            .env("ENDPOINT", assignment.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            // Whether this machine is one of AWS's is not the question.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(logs)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(Error::file(&log))?);
        let started_at = clock.monotonic();
        let mut child = command.spawn().map_err(Error::file(command.get_program()))?;
        let (sender, progress) = watch::channel(Progress::default());
        let heard_by = clock.clone();
        let listener = child
            .stdout
            .take()
            .map(|output| threads::spawn("worker", move || listen(output, &sender, &heard_by)));
        let listener = listener.transpose()?;
        let contender = assignment.contender;
        Ok(Self { contender, child, started_at, progress, listener, log, clock: clock.clone() })
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// How long it took to its first record, if there was one.
    pub(super) fn first_record_after(&self) -> Option<Duration> {
        self.progress.borrow().first.map(|(at, _)| at.saturating_sub(self.started_at))
    }

    /// Waits until it has come so far, `what` in words.
    pub(super) async fn until(
        &self,
        limit: Duration,
        what: &str,
        reached: impl FnMut(&Progress) -> bool,
    ) -> Result<Progress, Error> {
        let mut progress = self.progress.clone();
        let waited = self.clock.timeout(limit, progress.wait_for(reached)).await;
        match waited.map(|reached| reached.map(|progress| progress.clone())) {
            Some(Ok(progress)) => Ok(progress),
            Some(Err(_)) => Err(self.failure(&format!("ended before it had {what}"))),
            None => Err(self.failure(&format!("had not {what} after {} s", limit.as_secs()))),
        }
    }

    pub(super) fn usage(&self) -> Result<Usage, Error> {
        usage_of(self.child.id()).ok_or_else(|| self.failure("cannot be looked at; that needs Linux"))
    }

    /// As a machine that loses its power would.
    pub(super) fn kill(&mut self) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// An error that says what the worker said last.
    fn failure(&self, reason: &str) -> Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned();
        Error::Peer { peer: self.contender.name(), reason: format!("a worker {reason}: {}", tail.trim()) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Until there is nobody left to speak. A line that cannot be read says nothing that counts.
fn listen(output: ChildStdout, progress: &watch::Sender<Progress>, clock: &SharedClock) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Ok(said) = serde_json::from_str(&line) {
            progress.send_modify(|progress| progress.heard(said, clock.monotonic()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_remembered_and_the_last_one_counts() {
        let mut progress = Progress::default();
        for (line, at) in
            [(r#"{"records":3,"newest":{"a":10}}"#, 1), (r#"{"records":9,"newest":{"a":30,"b":20}}"#, 2)]
        {
            progress.heard(serde_json::from_str(line).unwrap(), Duration::from_secs(at));
        }
        assert_eq!((progress.first, progress.records), (Some((Duration::from_secs(1), 3)), 9));
        assert_eq!(progress.shards_since(20).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(progress.shards_since(21).collect::<Vec<_>>(), ["a"]);
    }
}
