//! One script: how it is started, where its words go, and how it ends.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::master_key::Secrets;

/// After this a script that was asked to end is ended.
const END_LIMIT: Duration = Duration::from_secs(1);
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

    /// Runs it to its end. `None` when a stop of `tasks` ended it.
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
        tokio::select! {
            status = child.wait() => Some(ended(&status)),
            () = tasks.stopping() => {
                self.end(&mut child, clock).await;
                None
            }
        }
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
        command
            // What the server must know is none of theirs.
            .env_remove(Secrets::MASTER_KEY_VARIABLE)
            .env("AWS_ENDPOINT_URL", &surroundings.endpoint)
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

    async fn end(&self, child: &mut Child, clock: &SharedClock) {
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let Some(group) = group else { return };
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
