//! One producer's processes, from the start until they are certainly gone, and what it says of its work.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use millstream_runtime::{SharedClock, threads};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::sync::watch;

use super::program::Contender;
use crate::error::Error;
use crate::measure::{Usage, descendants_of, usage_of};

const LOG_TAIL_BYTES: usize = 800;

/// A producer that works. It ends with this value, at once.
#[derive(Debug)]
pub(super) struct Process {
    contender: Contender,
    child: Child,
    said: watch::Receiver<Said>,
    /// Ends with the process.
    listener: Option<JoinHandle<()>>,
    log: PathBuf,
    clock: SharedClock,
}

/// A line of a producer: what it has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Said {
    /// That were acknowledged.
    pub(super) records: u64,
    pub(super) failed: u64,
    /// From being put to being acknowledged.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// How far a producer has come at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// By the monotonic clock.
    pub(super) at: Duration,
    pub(super) said: Said,
    /// Of all its processes.
    pub(super) usage: Usage,
}

impl Process {
    pub(super) fn start(
        mut command: Command,
        contender: Contender,
        log: &Path,
        clock: &SharedClock,
    ) -> Result<Self, Error> {
        let log = log.to_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(Error::file(&log))?);
        let mut child = command.spawn().map_err(Error::file(command.get_program()))?;
        let (sender, said) = watch::channel(Said::default());
        let output = child.stdout.take();
        let listener = output.map(|output| threads::spawn("producer", move || listen(output, &sender)));
        let listener = listener.transpose()?;
        Ok(Self { contender, child, said, listener, log, clock: clock.clone() })
    }

    /// Waits until a record was acknowledged.
    pub(super) async fn first(&self, limit: Duration) -> Result<(), Error> {
        let mut said = self.said.clone();
        let waited = self.clock.timeout(limit, said.wait_for(|said| said.records > 0)).await;
        match waited.map(|found| found.is_ok()) {
            Some(true) => Ok(()),
            Some(false) => Err(self.failure("ended before it had put a record")),
            None => Err(self.failure(&format!("had put nothing after {} s", limit.as_secs()))),
        }
    }

    /// Where it is when it next says so.
    pub(super) async fn next(&self, limit: Duration) -> Result<Moment, Error> {
        let mut said = self.said.clone();
        said.mark_unchanged();
        match self.clock.timeout(limit, said.changed()).await {
            Some(Ok(())) => {
                let (at, said) = (self.clock.monotonic(), *said.borrow());
                Ok(Moment { at, said, usage: self.usage()? })
            }
            _ => Err(self.failure("ended, or has become silent")),
        }
    }

    fn usage(&self) -> Result<Usage, Error> {
        let missing = || self.failure("cannot be looked at; that needs Linux");
        let own = usage_of(self.child.id()).ok_or_else(missing)?;
        Ok(descendants_of(self.child.id()).into_iter().filter_map(usage_of).fold(own, Usage::plus))
    }

    /// An error that says what the producer said last.
    pub(super) fn failure(&self, reason: &str) -> Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned();
        let peer = self.contender.name().to_owned();
        Error::Peer { peer, reason: format!("a producer {reason}: {}", tail.trim()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // All fail only for processes that have ended.
        for pid in descendants_of(self.child.id()) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Until there is nobody left to speak. A line that cannot be read says nothing that counts.
fn listen(output: ChildStdout, said: &watch::Sender<Said>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Ok(heard) = serde_json::from_str(&line) {
            said.send_replace(heard);
        }
    }
}
