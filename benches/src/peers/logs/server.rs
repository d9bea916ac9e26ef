//! A log's process, from its start until it is certainly gone.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millstream_runtime::{SharedClock, TaskSet};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::catalogue::{Contender, Place, Programs};
use crate::error::Error;
use crate::measure::{Usage, descendants_of, usage_of};
use crate::peers::server::{free_port, log_tail};

const READY_LIMIT: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(50);
/// What a server still does after it began to listen is over by then. s2-lite listens when all is done, Kafka long
/// before.
const SETTLE: Duration = Duration::from_millis(1_500);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const STOP_POLL: Duration = Duration::from_millis(20);

/// A server that listens. It ends with this value, whatever happens.
#[derive(Debug)]
pub(super) struct LogServer {
    pub(super) contender: &'static Contender,
    pub(super) address: String,
    /// Before it has done anything.
    pub(super) idle_rss_bytes: u64,
    child: Child,
    // Removed after the process has ended.
    directory: TempDir,
}

impl LogServer {
    pub(super) async fn start(
        contender: &'static Contender,
        programs: &Programs,
        directory: TempDir,
        clock: &SharedClock,
    ) -> Result<Self, Error> {
        let place = Place { port: free_port()?, second_port: free_port()?, directory: directory.path() };
        let address = format!("127.0.0.1:{}", place.port);
        let (first, mut command) = programs.commands(contender.software, &place)?;
        let log = File::create(directory.path().join("log")).map_err(Error::file(directory.path()))?;
        if let Some(mut first) = first {
            first.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
            complete(contender, first).await?;
        }
        command.current_dir(directory.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().map_err(Error::file(command.get_program()))?;
        let mut server = Self { contender, address, idle_rss_bytes: 0, child, directory };
        server.wait_until_listening(clock).await?;
        clock.sleep(SETTLE).await;
        server.idle_rss_bytes = server.usage()?.rss_bytes;
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn usage(&self) -> Result<Usage, Error> {
        tree_usage(self.pid()).ok_or_else(|| self.failure("cannot be looked at"))
    }

    async fn wait_until_listening(&mut self, clock: &SharedClock) -> Result<(), Error> {
        let deadline = clock.monotonic() + READY_LIMIT;
        while TcpStream::connect(&self.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("ended with {status} before it listened")));
            }
            if clock.monotonic() > deadline {
                return Err(self.failure("does not listen"));
            }
            clock.sleep(READY_POLL).await;
        }
        Ok(())
    }

    /// Asks the server to end, and makes it end.
    pub(super) async fn stop(mut self, clock: &SharedClock) -> Result<(), Error> {
        let deadline = clock.monotonic() + STOP_LIMIT;
        // It may have ended by itself, which is what is wanted.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while self.child.try_wait()?.is_none() && clock.monotonic() < deadline {
            clock.sleep(STOP_POLL).await;
        }
        Ok(())
    }

    /// An error that says what the server said last.
    pub(super) fn failure(&self, reason: &str) -> Error {
        let said = log_tail(&self.directory.path().join("log"));
        Error::Peer { peer: self.contender.name.to_owned(), reason: format!("{reason}: {said}") }
    }
}

impl Drop for LogServer {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of a process and all that it has started.
pub(super) fn tree_usage(pid: u32) -> Option<Usage> {
    let own = usage_of(pid)?;
    Some(descendants_of(pid).into_iter().filter_map(usage_of).fold(own, Usage::plus))
}

async fn complete(contender: &Contender, mut command: Command) -> Result<(), Error> {
    let failure = |reason: String| Error::Peer { peer: contender.name.to_owned(), reason };
    match TaskSet::blocking(move || command.status()).await {
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => Err(failure(format!("what comes before its start ended with {status}"))),
        Some(Err(error)) => Err(failure(format!("cannot be started: {error}"))),
        None => Err(Error::Interrupted),
    }
}
