//! Libraries that consume streams, each as a program that prints what it reads.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use millstream_runtime::{Clock, SystemClock, threads};
use millstream_tests::{Session, programs};
use serde_json::Value;

use crate::STREAM;

/// For whatever must come, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Kcl3,
    KclRs,
    /// Amazon's library for Python, on what boto3 reads.
    Boto3,
    /// The consumer SDK of this workspace.
    Millstream,
}

pub(crate) const LIBRARIES: [Library; 4] =
    [Library::Kcl3, Library::KclRs, Library::Boto3, Library::Millstream];

/// A user record, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) shard: String,
    pub(crate) sequence_number: String,
    pub(crate) sub_sequence_number: u64,
    pub(crate) key: String,
    pub(crate) data: String,
}

impl Found {
    /// `None` of a line about something else.
    fn told(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (line["event"] == "record").then(|| Self {
            shard: text("shard"),
            sequence_number: text("sequence_number"),
            sub_sequence_number: line["sub_sequence_number"].as_u64().unwrap(),
            key: text("key"),
            data: text("data"),
        })
    }
}

/// A program that runs. It ends with this value, and with it whatever it has started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        // An error says that it has ended by itself.
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).output();
        let _ = self.0.wait();
    }
}

impl Library {
    /// `None` where it is skipped.
    fn program(self, session: &Session) -> Option<Command> {
        match self {
            Self::Kcl3 => programs::jvm(session, "kcl3", "Worker"),
            Self::KclRs => programs::python(session, "kcl_rs_worker.py"),
            Self::Boto3 => {
                let mut command = programs::python(session, "deaggregated.py")?;
                command.arg(STREAM);
                Some(command)
            }
            Self::Millstream => Some(session.command(env!("CARGO_BIN_EXE_consumer_worker").into())),
        }
    }
}

/// Everything that a library finds in the stream, up to so many records. `None` where it is skipped.
pub(crate) fn found_by(library: Library, session: &Session, count: usize) -> Option<BTreeSet<Found>> {
    let mut command = library.program(session)?;
    let log = session.directory().join(format!("{library:?}.log"));
    command
        .env("APPLICATION", format!("{library:?}"))
        .env("STREAM", STREAM)
        .env("WORKER", "only")
        .env("ENDPOINT", session.url())
        .env("FAILOVER_MILLIS", "3000")
        .env("QUICK", "true")
        .env("RETRIEVAL", "polling")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .process_group(0);
    let mut running = Running(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let lines = lines(&mut running.0);
    Some(collect(library, &lines, count, &log))
}

fn lines(child: &mut Child) -> Receiver<String> {
    let output = child.stdout.take().unwrap();
    let (sender, lines) = channel();
    threads::spawn("reader", move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    })
    .unwrap();
    lines
}

fn collect(library: Library, lines: &Receiver<String>, count: usize, log: &Path) -> BTreeSet<Found> {
    let clock = SystemClock::default();
    let deadline = clock.monotonic() + PATIENCE;
    let mut found = BTreeSet::new();
    while found.len() < count {
        let left = deadline.saturating_sub(clock.monotonic());
        let Ok(line) = lines.recv_timeout(left) else {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            panic!("{library:?} found {} of {count}\n{log}", found.len());
        };
        found.extend(Found::told(&line));
    }
    found
}
