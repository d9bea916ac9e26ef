//! One process of the Kinesis Client Library, and what it says.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;

use millstream_runtime::threads;
use millstream_tests::{Session, programs};
use serde_json::Value;

/// A version of KCL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Kcl1,
    Kcl2,
    Kcl3,
    /// Works on a table that workers of 2.x use as well.
    Kcl3BesideKcl2,
    /// KCL 3.x in Rust, for Python.
    KclRs,
    /// The consumer SDK of this workspace.
    Millstream,
    /// What VMware made of KCL 1.x in Go.
    KclGo,
    /// A member of a group over gRPC, in Python.
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retrieval {
    Polling,
    FanOut,
}

impl Version {
    /// `None` where this version is skipped.
    fn program(self, session: &Session) -> Option<Command> {
        match self {
            Self::Kcl1 => programs::jvm(session, "kcl1", "Worker1"),
            Self::Kcl2 => programs::jvm(session, "kcl2", "Worker"),
            Self::Kcl3 | Self::Kcl3BesideKcl2 => programs::jvm(session, "kcl3", "Worker"),
            Self::KclRs => programs::python(session, "kcl_rs_worker.py"),
            Self::Millstream => Some(session.command(env!("CARGO_BIN_EXE_consumer_worker").into())),
            Self::KclGo => programs::go_of(session, "kclgo", "kclgo"),
            Self::Group => programs::grpc_python(session, "group_worker.py"),
        }
    }
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Started,
    Initialized { shard: String },
    Record { shard: String, key: String, data: String },
    Lost,
    Ended { shard: String },
    ShutdownRequested,
    NotCheckpointed { why: String },
    Stopped { graceful: bool },
}

impl Said {
    fn of(line: &Value) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        match line["event"].as_str().unwrap_or_else(|| panic!("{line}")) {
            "started" => Self::Started,
            "initialized" => Self::Initialized { shard: text("shard") },
            "record" => Self::Record { shard: text("shard"), key: text("key"), data: text("data") },
            "lost" => Self::Lost,
            "ended" => Self::Ended { shard: text("shard") },
            "shutdown requested" => Self::ShutdownRequested,
            "not checkpointed" => Self::NotCheckpointed { why: text("why") },
            "stopped" => Self::Stopped { graceful: line["graceful"].as_bool().unwrap() },
            other => panic!("a worker said {other}: {line}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) version: Version,
    child: Child,
    log: PathBuf,
}

impl Worker {
    /// What it says goes to `sender`, with its name. `None` where this version is skipped.
    pub(crate) fn start(
        session: &Session,
        version: Version,
        retrieval: Retrieval,
        stream: &str,
        name: &str,
        sender: Sender<(String, Said)>,
    ) -> Option<Self> {
        let mut command = version.program(session)?;
        let log = session.directory().join(format!("{name}.log"));
        // The SDK for Java v1 shows a stack trace where there is no file.
        let no_settings = session.directory().join("no-settings");
        fs::write(&no_settings, "").unwrap();
        command
            .env("AWS_CONFIG_FILE", &no_settings)
            .env("AWS_SHARED_CREDENTIALS_FILE", &no_settings)
            .env("APPLICATION", format!("{stream}-application"))
            .env("STREAM", stream)
            .env("WORKER", name)
            .env("ENDPOINT", session.url())
            .env("FAILOVER_MILLIS", "3000")
            .env("QUICK", "true")
            .env("RETRIEVAL", if retrieval == Retrieval::FanOut { "fan-out" } else { "polling" })
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            // So that it can be killed with all that it has started.
            .process_group(0);
        if version == Version::Kcl3BesideKcl2 {
            command.env("COMPATIBLE", "true");
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = child.stdout.take().unwrap();
        let speaker = name.to_owned();
        threads::spawn("worker", move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if sender.send((speaker.clone(), Said::of(&line))).is_err() {
                    return;
                }
            }
        })
        .unwrap();
        Some(Self { name: name.to_owned(), version, child, log })
    }

    /// As a machine that loses its power would.
    pub(crate) fn kill(&mut self) {
        self.kill_group();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        // The JVM alone: `timeout`, which watches over it, would kill it soon afterwards.
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let jvm = children.split_whitespace().next().expect("a worker that runs");
        assert!(Command::new("kill").args(["-s", "TERM", jvm]).status().unwrap().success());
    }

    /// One that does not end is ended, as every program of a client is.
    pub(crate) fn wait_for_its_end(&mut self) {
        self.child.wait().unwrap();
    }

    fn kill_group(&self) {
        let group = format!("-{}", self.child.id());
        // An error says that it has ended by itself.
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).output().unwrap();
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill_group();
        let _ = self.child.wait();
    }
}
