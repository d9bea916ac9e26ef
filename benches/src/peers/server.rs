//! A peer's process, from its start until it is certainly gone.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millstream_runtime::SharedClock;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::catalogue::Peer;
use super::install::Installed;
use crate::error::Error;
use crate::measure::usage_of;
use crate::wire::{Connection, Endpoint, Message, Trust};

const READY_LIMIT: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(1);
/// What a server still does after its first reply is over by then.
const SETTLE: Duration = Duration::from_millis(500);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const STOP_POLL: Duration = Duration::from_millis(5);
const LOG_TAIL_BYTES: usize = 500;

/// A server that answers. It ends with this value, whatever happens.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) url: String,
    /// From its start to its first reply.
    pub(super) ready_after: Duration,
    /// Before it has done anything.
    pub(super) idle_rss_bytes: u64,
    // Removed after the process has ended.
    directory: TempDir,
}

impl Server {
    /// Starts a peer on a free port of 127.0.0.1, with an empty directory for its data.
    pub(super) async fn start(
        peer: &Peer,
        installed: &Installed,
        directory: TempDir,
        clock: &SharedClock,
    ) -> Result<Self, Error> {
        let port = free_port()?;
        let data = directory.path().join("data");
        std::fs::create_dir(&data).map_err(Error::file(&data))?;
        let log = File::create(directory.path().join("log")).map_err(Error::file(directory.path()))?;
        let mut command = Command::new(&installed.program);
        command
            .args(peer.arguments(port, &data.to_string_lossy()))
            .current_dir(&installed.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = clock.monotonic();
        let child = command.spawn().map_err(Error::file(&installed.program))?;
        let url = format!("http://127.0.0.1:{port}");
        let mut server = Self { child, url, ready_after: Duration::ZERO, idle_rss_bytes: 0, directory };
        server.wait_until_ready(peer, started, clock).await?;
        clock.sleep(SETTLE).await;
        server.idle_rss_bytes = usage_of(server.pid()).map_or(0, |usage| usage.rss_bytes);
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_ready(
        &mut self,
        peer: &Peer,
        started: Duration,
        clock: &SharedClock,
    ) -> Result<(), Error> {
        let endpoint = Endpoint::parse(&self.url, &Trust::PublicAuthorities)?;
        // Any reply will do, so the request need not be a good one.
        let head = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", endpoint.authority());
        let request = Message { head: head.into(), body: bytes::Bytes::new() };
        loop {
            let mut connection = Connection::to(endpoint.clone());
            let answered = clock.timeout(READY_LIMIT, connection.exchange(&request)).await;
            self.ready_after = clock.monotonic().saturating_sub(started);
            if let Some(Ok(_)) = answered {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(peer, &format!("ended with {status} before it answered")));
            }
            if self.ready_after > READY_LIMIT {
                return Err(self.failure(peer, "does not answer"));
            }
            clock.sleep(READY_POLL).await;
        }
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
    fn failure(&self, peer: &Peer, reason: &str) -> Error {
        let said = log_tail(&self.directory.path().join("log"));
        Error::Peer { peer: peer.name.to_owned(), reason: format!("{reason}: {said}") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server said last.
pub(super) fn log_tail(log: &Path) -> String {
    let log = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).trim().to_owned()
}

/// Free now; nobody else is likely to take it within the moment until the server does.
pub(super) fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use millstream_runtime::SystemClock;

    use super::*;
    use crate::peers::catalogue::Software;

    fn peer(arguments: &'static [&'static str]) -> Peer {
        Peer { id: "p", name: "a peer", software: Software::Millstream, durability: "", arguments }
    }

    async fn start(arguments: &'static [&'static str]) -> Result<Server, Error> {
        let installed = Installed { program: "/bin/sh".into(), directory: "/".into() };
        let directory = tempfile::tempdir().unwrap();
        Server::start(&peer(arguments), &installed, directory, &SystemClock::shared()).await
    }

    #[tokio::test]
    async fn a_server_that_ends_at_once_is_named_with_its_last_words() {
        let error = start(&["-c", "echo no port {port}; exit 3"]).await.unwrap_err().to_string();
        assert!(error.contains("a peer") && error.contains("exit status: 3"), "{error}");
        assert!(error.contains("no port "), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let installed = Installed { program: "/nowhere/server".into(), directory: "/".into() };
        let directory = tempfile::tempdir().unwrap();
        let started = Server::start(&peer(&[]), &installed, directory, &SystemClock::shared()).await;
        assert!(started.unwrap_err().to_string().contains("/nowhere/server"));
    }
}
