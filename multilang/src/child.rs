//! One child process: requests go to its input, messages come from its output, and what it prints besides goes to the log.
//!
//! Output is read all the time, by a task of its own, so that neither side waits for the other on a full pipe; what is
//! kept of it is bounded. A child leads a process group, so that an interrupt from a terminal ends the daemon alone, and
//! so that whatever a child started ends with it.

mod lines;

use std::convert::Infallible;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

use self::lines::Lines;
use crate::protocol::{self, FromChild, Request};

/// A child says one thing for each that it is told; one that says more is held up, and given up during a request.
const MESSAGES_MAX: usize = 16;
/// Records are written in portions of about this size.
const PORTION_BYTES: usize = 64 << 10;
/// How long a child may take to end once its input is closed.
const EXIT_LIMIT: Duration = Duration::from_secs(5);
/// A line of errors that is begun and not ended for this long is shown as it is.
const QUIET: Duration = Duration::from_millis(500);
/// Between the end of a child's output and its own.
const STATUS_LIMIT: Duration = Duration::from_secs(1);

/// What children are made of, and where they run.
#[derive(Clone, Debug)]
pub(crate) struct Nursery {
    /// The program and its arguments.
    pub(crate) command: Arc<[String]>,
    pub(crate) clock: SharedClock,
    pub(crate) tasks: TaskSet,
}

#[derive(Debug)]
pub(crate) struct Child {
    nursery: Nursery,
    process: Group,
    /// Closed when the child is to end.
    input: Option<ChildStdin>,
    messages: mpsc::Receiver<FromChild>,
    /// Said before a request was written to its end.
    early: Vec<FromChild>,
}

/// A child and whatever it started; killed when this is dropped, unless the child has ended.
#[derive(Debug)]
struct Group(tokio::process::Child);

/// Why there is nothing to be expected of a child any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the child process cannot be started: {0}")]
    Start(io::Error),
    #[error("the child process ended{}", .0.map(|status| format!(": {status}")).unwrap_or_default())]
    Ended(Option<ExitStatus>),
    #[error("the child process does not take {action}: {error}")]
    Write { action: &'static str, error: io::Error },
    #[error("the child process talks while nobody listens")]
    Talks,
    #[error("the child process has not answered {action} within {} s", .limit.as_secs())]
    Silent { action: &'static str, limit: Duration },
    #[error("the child process answered {got:?} where {action} was asked")]
    WrongStatus { action: &'static str, got: String },
    #[error("the child process answered shardEnded without having checkpointed")]
    NoCheckpoint,
}

impl Nursery {
    pub(crate) fn start(&self, shard: &str) -> Result<Child, Failure> {
        let (program, arguments) = self.command.split_first().ok_or_else(|| {
            Failure::Start(io::Error::new(io::ErrorKind::InvalidInput, "no program is named"))
        })?;
        let process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(Failure::Start)?;
        let mut process = Group(process);
        let piped = (process.0.stdin.take(), process.0.stdout.take(), process.0.stderr.take());
        let (Some(input), Some(output), Some(errors)) = piped else {
            return Err(Failure::Start(io::Error::other("it has no pipes")));
        };
        let shard: Arc<str> = shard.into();
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let id = process.0.id().unwrap_or_default();
        tracing::info!(%shard, child = id, program, "a child process was started");
        self.relay("multilang: output", read_messages(Lines::new(output), shard.clone(), id, sender));
        let errors = Lines::impatient(errors, self.clock.clone(), QUIET);
        self.relay("multilang: errors", relay_errors(errors, shard, id));
        Ok(Child { nursery: self.clone(), process, input: Some(input), messages, early: Vec::new() })
    }

    /// Runs until the child is gone, or the daemon ends.
    fn relay(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.tasks.clone();
        self.tasks.spawn(name, OnFailure::Log, async move {
            tokio::select! {
                biased;
                () = tasks.stopping() => {}
                () = work => {}
            }
            Ok::<_, Infallible>(())
        });
    }
}

impl Child {
    /// Writes a request, while listening.
    pub(crate) async fn ask(
        &mut self,
        request: &Request<'_>,
        limit: Option<Duration>,
    ) -> Result<(), Failure> {
        let action = request.action();
        self.early.clear();
        let clock = self.nursery.clock.clone();
        let failure = {
            let mut writing = std::pin::pin!(write(self.input.as_mut(), request));
            let mut silence = std::pin::pin!(silence(&clock, limit));
            loop {
                tokio::select! {
                    biased;
                    written = &mut writing => match written {
                        Ok(()) => return Ok(()),
                        Err(error) => break Failure::Write { action, error },
                    },
                    said = self.messages.recv() => match said {
                        None => break Failure::Ended(None),
                        Some(_) if self.early.len() == MESSAGES_MAX => break Failure::Talks,
                        Some(said) => self.early.push(said),
                    },
                    limit = &mut silence => break Failure::Silent { action, limit },
                }
            }
        };
        Err(self.explained(failure).await)
    }

    /// What the child says next, in answer to a request.
    pub(crate) async fn answer(
        &mut self,
        action: &'static str,
        limit: Option<Duration>,
    ) -> Result<FromChild, Failure> {
        if !self.early.is_empty() {
            return Ok(self.early.remove(0));
        }
        let failure = tokio::select! {
            biased;
            said = self.messages.recv() => match said {
                Some(said) => return Ok(said),
                None => Failure::Ended(None),
            },
            limit = silence(&self.nursery.clock, limit) => Failure::Silent { action, limit },
        };
        Err(self.explained(failure).await)
    }

    /// Writes the reply to something that the child asked for, which waits for it.
    pub(crate) async fn reply(&mut self, line: &[u8], limit: Option<Duration>) -> Result<(), Failure> {
        let action = "a reply";
        let input = self.input.as_mut();
        let writing = async { input.ok_or(io::ErrorKind::BrokenPipe)?.write_all(line).await };
        let failure = tokio::select! {
            biased;
            written = writing => match written {
                Ok(()) => return Ok(()),
                Err(error) => Failure::Write { action, error },
            },
            limit = silence(&self.nursery.clock, limit) => Failure::Silent { action, limit },
        };
        Err(self.explained(failure).await)
    }

    /// Closes the input, which tells a child to end, and sees to it that it does; nobody waits for that.
    pub(crate) fn dismiss(self) {
        let nursery = self.nursery.clone();
        let tasks = nursery.tasks.clone();
        nursery.tasks.spawn("multilang: dismissal", OnFailure::Log, async move {
            tokio::select! {
                biased;
                () = self.end() => {}
                () = tasks.stopping() => {}
            }
            Ok::<_, Infallible>(())
        });
    }

    async fn end(mut self) {
        self.input = None;
        let clock = self.nursery.clock.clone();
        let ended = async {
            // What it still says is heard, so that it does not wait for that.
            while self.messages.recv().await.is_some() {}
            self.process.0.wait().await
        };
        if clock.timeout(EXIT_LIMIT, ended).await.is_none() {
            tracing::warn!("a child process did not end when its input did; it is killed");
        }
    }

    /// The same failure, with how the child ended if it did: that says more than a broken pipe.
    async fn explained(&mut self, failure: Failure) -> Failure {
        let is_broken = match &failure {
            Failure::Ended(_) => true,
            Failure::Write { error, .. } => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        };
        if !is_broken {
            return failure;
        }
        match self.nursery.clock.timeout(STATUS_LIMIT, self.process.0.wait()).await {
            Some(Ok(status)) => Failure::Ended(Some(status)),
            _ => failure,
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // None when it was waited for.
        let id = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            // An error says that it has ended meanwhile.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Resolves when this time has passed, and never without one.
async fn silence(clock: &SharedClock, limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            clock.sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

async fn write(input: Option<&mut ChildStdin>, request: &Request<'_>) -> io::Result<()> {
    let input = input.ok_or(io::ErrorKind::BrokenPipe)?;
    let (mut portion, tail) = request.frame();
    if let Request::ProcessRecords(batch) = request {
        for (place, record) in batch.records.iter().enumerate() {
            if place > 0 {
                portion.push(b',');
            }
            protocol::write_record(&mut portion, record);
            if portion.len() >= PORTION_BYTES {
                input.write_all(&portion).await?;
                portion.clear();
            }
        }
    }
    portion.extend_from_slice(&tail);
    input.write_all(&portion).await
}

/// Sends on what a child says by the protocol; everything else that it prints is for people.
async fn read_messages(
    mut lines: Lines<tokio::process::ChildStdout>,
    shard: Arc<str>,
    child: u32,
    sender: mpsc::Sender<FromChild>,
) {
    loop {
        let piece = tokio::select! {
            biased;
            // Who would listen is gone.
            () = sender.closed() => return,
            piece = lines.next() => piece,
        };
        let Some(text) = piece else { return };
        match protocol::parse(&text) {
            Some(said) => {
                if sender.send(said).await.is_err() {
                    return;
                }
            }
            None if text.trim_ascii().is_empty() => {}
            None => tracing::info!(%shard, child, "{}", String::from_utf8_lossy(text.trim_ascii_end())),
        }
    }
}

async fn relay_errors(mut lines: Lines<tokio::process::ChildStderr>, shard: Arc<str>, child: u32) {
    while let Some(text) = lines.next().await {
        if !text.is_empty() {
            tracing::info!(%shard, child, "{}", String::from_utf8_lossy(&text));
        }
    }
}

#[cfg(test)]
mod tests;
