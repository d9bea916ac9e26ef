//! The load's process: what it is told, and what it says. Its words are explained in tests/clients/logs.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::RECORD_BYTES;
use super::server::tree_usage;

/// What a task may take beyond its measured time before the load gives it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is handed over at once, and how often before the first is acknowledged, on each of these connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) batch: usize,
    pub(super) unanswered: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Create { stream: &'static str },
    Put { stream: &'static str, load: Load },
    Read { stream: &'static str, records: u64 },
    Push { stream: &'static str },
}

/// A run of the load.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) program: PathBuf,
    pub(super) system: &'static str,
    pub(super) address: String,
    pub(super) task: Task,
    pub(super) measured: Duration,
    pub(super) warm_up: Duration,
}

/// What the load measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct LoadFigures {
    pub(super) seconds: f64,
    pub(super) records: u64,
    pub(super) generator_cpu_secs: f64,
    pub(super) acknowledged: Latency,
    pub(super) pushed: Latency,
    /// Also before and after the measured time.
    pub(super) records_stored: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Latency {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// And what the server spent meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Observed {
    pub(super) figures: LoadFigures,
    pub(super) server_cpu: Duration,
}

/// A line of the load.
#[derive(Debug, Deserialize)]
struct Said {
    at: Moment,
    figures: Option<LoadFigures>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moment {
    Begin,
    Over,
    End,
}

impl Task {
    pub(super) fn is_read(self) -> bool {
        matches!(self, Self::Read { .. })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Put { .. } => "put",
            Self::Read { .. } => "read",
            Self::Push { .. } => "push",
        }
    }

    fn flags(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Create { stream } | Self::Push { stream } => vec![("-stream", stream.to_owned())],
            Self::Read { stream, records } => {
                vec![("-stream", stream.to_owned()), ("-records", records.to_string())]
            }
            Self::Put { stream, load } => vec![
                ("-stream", stream.to_owned()),
                ("-connections", load.connections.to_string()),
                ("-batch", load.batch.to_string()),
                ("-unanswered", load.unanswered.to_string()),
            ],
        }
    }
}

impl Command {
    fn process(&self) -> process::Command {
        let seconds = |duration: Duration| format!("{}s", duration.as_secs_f64());
        let mut process = process::Command::new(&self.program);
        process
            .args([self.system, self.task.word(), "-address", &self.address])
            .args(["-bytes", &RECORD_BYTES.to_string()])
            .args(["-for", &seconds(self.measured), "-warm-up", &seconds(self.warm_up)])
            .args(["-limit", &seconds(self.measured + self.warm_up + PATIENCE)]);
        for (flag, value) in self.task.flags() {
            process.args([flag, &value]);
        }
        process
    }
}

/// Runs the load to its end and looks at the server's process when the load says so. Fails with words.
pub(super) fn observe(command: &Command, server: u32) -> Result<Observed, String> {
    let mut process = command.process();
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|error| format!("the load cannot be started: {error}"))?;
    let output = child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
    let observed = listen(output.map_while(Result::ok), || tree_usage(server).map(|usage| usage.cpu));
    let mut complaint = String::new();
    if let Some(mut errors) = child.stderr.take() {
        // What cannot be read is not said.
        let _ = errors.read_to_string(&mut complaint);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match observed {
        Ok(observed) if status.success() => Ok(observed),
        Ok(_) => Err(format!("{} ended with {status}: {}", command.task.word(), complaint.trim())),
        Err(reason) => Err(format!("{}: {reason}: {}", command.task.word(), complaint.trim())),
    }
}

fn listen(
    lines: impl Iterator<Item = String>,
    server_cpu: impl Fn() -> Option<Duration>,
) -> Result<Observed, String> {
    let (mut before, mut spent) = (None, Duration::ZERO);
    for line in lines {
        let said: Said = serde_json::from_str(&line).map_err(|error| format!("{error} in {line}"))?;
        match (said.at, said.figures) {
            (Moment::Begin, _) => before = server_cpu(),
            (Moment::Over, _) => {
                let now = server_cpu().ok_or("the server is gone")?;
                spent = now.saturating_sub(before.unwrap_or(now));
            }
            (Moment::End, figures) => {
                return Ok(Observed { figures: figures.unwrap_or_default(), server_cpu: spent });
            }
        }
    }
    Err("the load did not come to its end".to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_the_server_spends_is_taken_between_the_words() {
        let cpu = Cell::new(10);
        let look = || Some(Duration::from_secs(cpu.replace(cpu.get() + 3)));
        let lines = [
            r#"{"at":"begin"}"#,
            r#"{"at":"over"}"#,
            r#"{"at":"end","figures":{"seconds":5,"records":7,"generator_cpu_secs":1.5,
                "acknowledged":{"p50_ms":1,"p99_ms":2,"max_ms":3},"records_stored":9}}"#,
        ];
        let observed = listen(lines.map(str::to_owned).into_iter(), look).unwrap();
        assert_eq!(observed.server_cpu, Duration::from_secs(3));
        assert_eq!((observed.figures.records, observed.figures.records_stored), (7, 9));
        assert!((observed.figures.acknowledged.p99_ms - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_load_that_breaks_off_has_no_figures() {
        let lines = [r#"{"at":"begin"}"#.to_owned()];
        assert!(listen(lines.into_iter(), || None).is_err());
        assert!(listen(["panic: x".to_owned()].into_iter(), || None).unwrap_err().contains("panic: x"));
        let gone = [r#"{"at":"over"}"#.to_owned()];
        assert!(listen(gone.into_iter(), || None).unwrap_err().contains("gone"));
    }

    #[test]
    fn a_put_is_told_how_to_load() {
        let load = Load { connections: 8, batch: 250, unanswered: 16 };
        let flags = Task::Put { stream: "s", load }.flags();
        let value = |name| flags.iter().find(|(flag, _)| *flag == name).map(|(_, value)| value.as_str());
        assert_eq!(
            [value("-connections"), value("-batch"), value("-unanswered")],
            [Some("8"), Some("250"), Some("16")]
        );
    }
}
