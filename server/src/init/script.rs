//! One script: how it is started, where its words go, and how it ends.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::master_key::Secrets;

/// After this a script that was asked to end is ended.
const END_LIMIT: Duration = Duration::from_secs(1);
/// Between two looks at what was asked to end.
const END_POLL: Duration = Duration::from_millis(20);
/// Between two looks at what a script has left running. When nothing of it is left the system may give its number to
/// somebody else's processes, so it must be forgotten soon.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);
/// What would lead scripts elsewhere, or as somebody else, than this server's variables say.
const MISLEADING_VARIABLES: [&str; 4] =
    ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];
/// A longer line goes to the log in pieces.
const LINE_BYTES_MAX: u64 = 8 * 1024;

/// What scripts find in their environment: the names of AWS's SDKs and tools.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) endpoint: String,
    pub(crate) admin: String,
    pub(crate) region: String,
}

#[derive(Debug)]
pub(super) struct Script {
    name: String,
    path: PathBuf,
    /// What runs it; itself, if nothing.
    interpreter: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Exit(i32),
    Signal(i32),
    NotStarted,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::NotStarted => f.write_str("it could not be started"),
        }
    }
}

impl Script {
    /// `None` for a file that nothing says how to run.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let by_name = match path.extension().and_then(|extension| extension.to_str()) {
            Some("sh") => Some("sh"),
            Some("py") => Some("python3"),
            _ => None,
        };
        let is_executable = fs::metadata(path)?.permissions().mode() & 0o111 != 0;
        // A script that is marked executable may still not say by whom.
        let runs_itself = is_executable && (by_name.is_none() || names_its_interpreter(path)?);
        if !runs_itself && by_name.is_none() {
            return Ok(None);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let interpreter = if runs_itself { None } else { by_name };
        Ok(Some(Self { name, path: path.to_owned(), interpreter }))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs it to its end. `None` when a stop of `tasks` ended it. What it leaves running ends with `tasks` as well.
    pub(super) async fn run(
        &self,
        surroundings: &Surroundings,
        clock: &SharedClock,
        tasks: &TaskSet,
    ) -> Option<Ended> {
        tracing::info!(script = self.name, "an init script begins");
        let mut child = match self.start(surroundings) {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(script = self.name, %error, "an init script cannot be started");
                return Some(Ended::NotStarted);
            }
        };
        if let Some(output) = child.stdout.take() {
            self.log(output, tasks);
        }
        if let Some(output) = child.stderr.take() {
            self.log(output, tasks);
        }
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        tokio::select! {
            status = child.wait() => {
                if let Some(group) = group {
                    self.watch(group, clock, tasks);
                }
                Some(ended(&status))
            }
            () = tasks.stopping() => {
                if let Some(group) = group {
                    self.end(group, &mut child, clock).await;
                }
                None
            }
        }
    }

    /// Ends what the script has left running when the server ends.
    fn watch(&self, group: Pid, clock: &SharedClock, tasks: &TaskSet) {
        if !is_there(group) {
            return;
        }
        tracing::info!(
            script = self.name,
            "an init script has left something running; it ends with the server"
        );
        let (clock, stop) = (clock.clone(), tasks.clone());
        tasks.spawn("what an init script has left running", OnFailure::Log, async move {
            while is_there(group) {
                tokio::select! {
                    () = clock.sleep(WATCH_INTERVAL) => {}
                    () = stop.stopping() => {
                        end_group(group, &clock).await;
                        break;
                    }
                }
            }
            Ok::<_, Infallible>(())
        });
    }

    fn start(&self, surroundings: &Surroundings) -> io::Result<Child> {
        // A bare name would be looked for in PATH.
        let path: OsString = std::path::absolute(&self.path)?.into();
        let mut command = match self.interpreter {
            Some(interpreter) => {
                let mut command = Command::new(interpreter);
                command.arg(path);
                command
            }
            None => Command::new(path),
        };
        for misleading in MISLEADING_VARIABLES {
            command.env_remove(misleading);
        }
        command
            // What the server must know is none of theirs.
            .env_remove(Secrets::MASTER_KEY_VARIABLE)
            .env("AWS_ENDPOINT_URL", &surroundings.endpoint)
            .env("AWS_ENDPOINT_URL_KINESIS", &surroundings.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", &surroundings.region)
            .env("AWS_DEFAULT_REGION", &surroundings.region)
            .env("MILLSTREAM_ADMIN", &surroundings.admin)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // So that what it starts can be ended with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// Writes what the script says to the log, line by line. What it leaves running may go on talking after its
    /// own end.
    fn log(&self, output: impl AsyncRead + Send + Unpin + 'static, tasks: &TaskSet) {
        let (name, stop) = (self.name.clone(), tasks.clone());
        tasks.spawn("output of an init script", OnFailure::Log, async move {
            let mut lines = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                let mut limited = (&mut lines).take(LINE_BYTES_MAX);
                let read = tokio::select! {
                    read = limited.read_until(b'\n', &mut line) => read?,
                    () = stop.stopping() => return Ok(()),
                };
                if read == 0 {
                    return Ok::<_, io::Error>(());
                }
                let text = String::from_utf8_lossy(&line);
                tracing::info!(script = name, "{}", text.trim_end());
            }
        });
    }

    async fn end(&self, group: Pid, child: &mut Child, clock: &SharedClock) {
        for (signal, limit) in [(Signal::TERM, END_LIMIT), (Signal::KILL, END_LIMIT)] {
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
            if clock.timeout(limit, child.wait()).await.is_some() {
                break;
            }
        }
        // What it had started may be left.
        let _ = kill_process_group(group, Signal::KILL);
        tracing::warn!(script = self.name, "an init script was ended, because the server ends");
    }
}

/// Whether a process is left in a group. One that is not ours to signal is none of the script's.
fn is_there(group: Pid) -> bool {
    test_kill_process_group(group).is_ok()
}

async fn end_group(group: Pid, clock: &SharedClock) {
    // They may have ended by themselves, here and below.
    let _ = kill_process_group(group, Signal::TERM);
    let gone = async {
        while is_there(group) {
            clock.sleep(END_POLL).await;
        }
    };
    if clock.timeout(END_LIMIT, gone).await.is_none() {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn names_its_interpreter(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(2).read_to_end(&mut begin)?;
    Ok(begin == b"#!")
}

fn ended(status: &io::Result<ExitStatus>) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match status.code() {
            Some(code) => Ended::Exit(code),
            None => Ended::Signal(status.signal().unwrap_or_default()),
        },
        Err(_) => Ended::NotStarted,
    }
}
