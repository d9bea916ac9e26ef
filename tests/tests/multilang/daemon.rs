//! A daemon as a process, and what its children print.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::Session;
use serde_json::Value;

use crate::{PATIENCE, STREAM};

/// What Java would be asked to run.
pub(crate) const CLASS: &str = "software.amazon.kinesis.multilang.MultiLangDaemon";

/// How a daemon is started.
pub(crate) struct Program {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Under a launcher that waits for it, and does not pass signals on.
    pub(crate) is_grandchild: bool,
}

pub(crate) struct Daemon {
    process: Child,
    log: PathBuf,
    is_grandchild: bool,
}

/// A properties file for a program, with `more` lines.
pub(crate) fn properties(session: &Session, executable: &str, more: &str) -> PathBuf {
    let file = session.directory().join("application.properties");
    let url = session.url();
    let text = format!(
        "# As in the samples.\nexecutableName = {executable}\nstreamName = {STREAM}\napplicationName = multilang\n\
         AwsCredentialsProvider = DefaultCredentialsProvider\ninitialPositionInStream = TRIM_HORIZON\n\
         regionName = us-east-1\nkinesisEndpoint = {url}\ndynamoDBEndpoint = {url}\nfailoverTimeMillis = 3000\n\
         processingLanguage = some/1.0\n{more}\n"
    );
    fs::write(&file, text).unwrap();
    file
}

impl Daemon {
    pub(crate) fn start(session: &Session, program: &Program, name: &str) -> Self {
        let log = session.directory().join(format!("{name}.log"));
        let errors = File::create(&log).unwrap();
        let mut command = session.command(program.program.clone());
        command.args(&program.arguments).envs(program.environment.iter().cloned());
        // Only the service's address in the file counts.
        command.env_remove("AWS_ENDPOINT_URL").env("MILLSTREAM_LOG_FORMAT", "json");
        command.stdin(Stdio::null()).stdout(errors.try_clone().unwrap()).stderr(errors).process_group(0);
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { process, log, is_grandchild: program.is_grandchild }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What children printed, put together child by child: what is relayed may be cut anywhere.
    pub(crate) fn printed(&self) -> String {
        let mut pieces: Vec<(u64, String)> = Vec::new();
        for line in self.lines() {
            let (Some(child), Some(text)) = (line["child"].as_u64(), line["message"].as_str()) else {
                continue;
            };
            match pieces.iter_mut().find(|(id, _)| *id == child) {
                Some((_, before)) => before.push_str(text),
                None => pieces.push((child, text.to_owned())),
            }
        }
        pieces.into_iter().map(|(_, text)| text + "\n").collect()
    }

    /// Every child so far: its shard and its process.
    pub(crate) fn children(&self) -> Vec<(String, u64)> {
        let started =
            self.lines().into_iter().filter(|line| line["message"] == "a child process was started");
        started
            .map(|line| (line["shard"].as_str().unwrap().to_owned(), line["child"].as_u64().unwrap()))
            .collect()
    }

    pub(crate) fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let clock = SystemClock::shared();
        let deadline = clock.monotonic() + PATIENCE;
        while !holds() {
            assert!(clock.monotonic() < deadline, "waiting until {what}\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Asks it to end, as a supervisor does; shards are given back.
    pub(crate) fn stop(&mut self) {
        // `timeout`, which watches over it, would kill it soon after a signal of its own.
        let mut id = child_of(self.process.id());
        if self.is_grandchild {
            id = child_of(id);
        }
        assert!(Command::new("kill").args(["-s", "TERM", &id.to_string()]).status().unwrap().success());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// Ends it, and whatever it was started by, as a crash does: nobody is told.
    pub(crate) fn kill(&mut self) {
        let group = format!("-{}", self.process.id());
        // An error says that it has ended by itself.
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).output();
        let _ = self.process.wait();
    }

    fn lines(&self) -> Vec<Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Children end when their input does.
        self.kill();
    }
}

/// Whether a process is there and has not ended.
pub(crate) fn runs(id: u64) -> bool {
    let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // One that nobody has waited for yet has ended all the same.
    !state.is_empty() && !state.contains(") Z ")
}

pub(crate) fn kill(id: u64) {
    assert!(Command::new("kill").args(["-s", "KILL", &id.to_string()]).status().unwrap().success());
}

fn child_of(id: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    children.split_whitespace().next().expect("a process that runs").parse().unwrap()
}
