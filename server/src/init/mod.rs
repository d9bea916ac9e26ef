//! What is done before the server is ready: streams of the settings, then scripts of the operator's.
//!
//! Scripts run one after another once requests are answered, for they are there to send some. Until the last one
//! has ended, the server lives but is not ready. A script that fails is told of and keeps nothing else from
//! happening. Neither a script nor what it leaves running outlives the server, unless that has made itself a group of
//! processes of its own.

mod initial_streams;
mod script;

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

pub(crate) use initial_streams::InitialStreams;
pub use initial_streams::{InvalidStreams, MakeError};
pub(crate) use script::Surroundings;
use script::{Ended, Script};

/// The scripts of a folder and what became of them.
#[derive(Debug)]
pub(crate) struct InitScripts {
    scripts: Vec<Script>,
    states: Mutex<Vec<State>>,
    finished: watch::Sender<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    Ended(Ended, Duration),
}

/// How the scripts stand, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownScripts {
    /// None is running or will.
    pub(crate) finished: bool,
    pub(crate) scripts: Vec<ShownScript>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownScript {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) took_ms: Option<u64>,
}

impl InitScripts {
    /// The scripts of a folder in the order of their names; none without a folder.
    pub(crate) fn read(folder: Option<&Path>) -> Result<Arc<Self>, UnreadableScripts> {
        let scripts = match folder {
            Some(folder) => {
                read_folder(folder).map_err(|error| UnreadableScripts { folder: folder.to_owned(), error })?
            }
            None => Vec::new(),
        };
        let states = Mutex::new(vec![State::Pending; scripts.len()]);
        let finished = watch::Sender::new(scripts.is_empty());
        Ok(Arc::new(Self { scripts, states, finished }))
    }

    /// Runs them, as a task that a stop of `tasks` ends.
    pub(crate) fn start(self: &Arc<Self>, surroundings: Surroundings, clock: SharedClock, tasks: &TaskSet) {
        if self.is_finished() {
            return;
        }
        let (scripts, stop) = (self.clone(), tasks.clone());
        tasks.spawn("init scripts", OnFailure::Log, async move {
            scripts.run(&surroundings, &clock, &stop).await;
            Ok::<_, Infallible>(())
        });
    }

    async fn run(&self, surroundings: &Surroundings, clock: &SharedClock, tasks: &TaskSet) {
        for (place, script) in self.scripts.iter().enumerate() {
            self.states.lock()[place] = State::Running;
            let began = clock.monotonic();
            let Some(ended) = script.run(surroundings, clock, tasks).await else { return };
            let took = clock.monotonic().saturating_sub(began);
            match ended {
                Ended::Exit(0) => tracing::info!(script = script.name(), ?took, "an init script succeeded"),
                ended => {
                    tracing::error!(script = script.name(), ?took, how = %ended, "an init script failed");
                }
            }
            self.states.lock()[place] = State::Ended(ended, took);
        }
        self.finished.send_replace(true);
    }

    pub(crate) fn is_finished(&self) -> bool {
        *self.finished.borrow()
    }

    /// Resolves when the last script has ended.
    pub(crate) async fn finished(&self) {
        // The sender lives as long as this does.
        let _ = self.finished.subscribe().wait_for(|finished| *finished).await;
    }

    /// The script that the server waits for, unless it waits for none.
    pub(crate) fn running(&self) -> Option<String> {
        let states = self.states.lock();
        let place = states.iter().position(|state| !matches!(state, State::Ended(..)))?;
        Some(self.scripts[place].name().to_owned())
    }

    pub(crate) fn show(&self) -> ShownScripts {
        let states = self.states.lock();
        let scripts = self.scripts.iter().zip(states.iter()).map(|(script, state)| {
            let (state, exit_code, took) = match *state {
                State::Pending => ("pending", None, None),
                State::Running => ("running", None, None),
                State::Ended(Ended::Exit(0), took) => ("succeeded", Some(0), Some(took)),
                State::Ended(Ended::Exit(code), took) => ("failed", Some(code), Some(took)),
                State::Ended(_, took) => ("failed", None, Some(took)),
            };
            let took_ms = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            ShownScript { name: script.name().to_owned(), state, exit_code, took_ms }
        });
        ShownScripts { finished: self.is_finished(), scripts: scripts.collect() }
    }
}

/// Hidden files (editors' and those of mounted volumes) are no scripts.
fn read_folder(folder: &Path) -> io::Result<Vec<Script>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && fs::metadata(&path)?.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let mut scripts = Vec::new();
    for path in paths {
        match Script::of(&path)? {
            Some(script) => scripts.push(script),
            None => tracing::warn!(
                path = %path.display(),
                "not run: it is not executable and its name ends neither in .sh nor in .py"
            ),
        }
    }
    Ok(scripts)
}

/// Where something on this machine reaches a server that listens at `address`.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A folder of scripts that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("init_dir: {}: {error}", folder.display())]
pub struct UnreadableScripts {
    folder: PathBuf,
    error: io::Error,
}

#[cfg(test)]
mod tests;
