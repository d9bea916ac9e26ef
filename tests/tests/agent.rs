//! The agent as a process, on files that are renamed, copied and truncated, truncated in place and removed while lines are
//! appended: every line is put once or more, whole, also by an agent that is killed with `kill -9` at random and started
//! again; and the memory of one that is left alone stays what it was.
//!
//! `MILLSTREAM_AGENT_SECONDS` is how long that goes on (20; `make test-agent` takes 600), `MILLSTREAM_SEED` repeats a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millstream_client::Record;
use millstream_client::aggregation::Deaggregation;
use millstream_model::Timestamp;
use millstream_runtime::SystemClock;
use millstream_tests::memory::resident_bytes;
use millstream_tests::random::{Random, seed};
use millstream_tests::server::{ServerOptions, binary, pause_for};
use millstream_tests::wire::{StoredRecord, Wire};
use millstream_tests::{Session, Transport};

/// Of the agent that is killed, and of the one that is left alone.
const STREAMS: [&str; 2] = ["killed", "calm"];
/// What an agent may take beyond what it took when it was warm.
const GROWTH_BYTES_MAX: u64 = 12 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(90);

fn seconds() -> u64 {
    std::env::var("MILLSTREAM_AGENT_SECONDS")
        .map_or(20, |seconds| seconds.parse().expect("a number of seconds"))
}

/// Lines of which no two are alike, told by their numbers.
fn line(number: u64) -> String {
    format!("{number}:{}", "x".repeat(usize::try_from(number * 7_919 % 300).unwrap()))
}

struct Agent {
    process: Child,
    command: Box<dyn Fn() -> Command>,
}

impl Agent {
    fn start(session: &Session, logs: &Path, stream: &'static str) -> Self {
        let directory = session.directory().to_owned();
        let config = directory.join(format!("{stream}.toml"));
        let text = format!(
            "checkpoint_file = '{0}/{stream}.checkpoint'\nregion = 'us-east-1'\nendpoint_url = '{1}'\n\
             [[flow]]\nname = 'app'\nstream = '{stream}'\nfiles = '{2}/app.log*'\ninitial_position = 'start'\n\
             scan_interval_ms = 300\n",
            directory.display(),
            session.url(),
            logs.display(),
        );
        fs::write(&config, text).unwrap();
        let log = directory.join(format!("{stream}.log"));
        let base = session.command(binary());
        let environment: Vec<_> =
            base.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        let command = move || {
            let errors = File::options().create(true).append(true).open(&log).unwrap();
            let mut command = Command::new(binary());
            for (name, value) in &environment {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.arg("agent").arg("--config").arg(&config);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
            command
        };
        Self { process: command().spawn().unwrap(), command: Box::new(command) }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.process = (self.command)().spawn().unwrap();
    }

    fn assert_runs(&mut self) {
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "the agent has ended by itself: {ended:?}");
    }

    /// As a supervisor ends it.
    fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is in a stream, read on and on.
struct Reader {
    wire: Wire,
    stream: &'static str,
    last: BTreeMap<String, String>,
    found: BTreeSet<u64>,
    copies: u64,
}

impl Reader {
    fn read(&mut self) {
        for shard in self.wire.shards(self.stream).unwrap() {
            let mut last = self.last.get(&shard).cloned();
            let after = last.clone();
            let (found, copies) = (&mut self.found, &mut self.copies);
            let take = |stored: StoredRecord| {
                last = Some(stored.sequence.clone());
                let record = Record {
                    sequence_number: stored.sequence.parse().unwrap(),
                    approximate_arrival: Timestamp::from_millis(0),
                    partition_key: stored.partition_key,
                    data: stored.data.into(),
                };
                for member in Deaggregation::default().take_apart(record) {
                    let data = member.unwrap().data;
                    let text = std::str::from_utf8(&data).unwrap();
                    let number = text.split(':').next().unwrap().parse().unwrap_or(0);
                    assert_eq!(text, line(number), "nobody wrote that");
                    found.insert(number);
                    *copies += 1;
                }
            };
            self.wire.read_after(self.stream, &shard, after.as_deref(), take).unwrap();
            if let Some(last) = last {
                self.last.insert(shard, last);
            }
        }
    }
}

/// A program, and its rotation.
struct Writer {
    path: PathBuf,
    file: File,
    /// Numbers of the lines in the file.
    lines: Vec<u64>,
    rotated: VecDeque<(PathBuf, Vec<u64>)>,
    next_line: u64,
    next_file: u64,
}

impl Writer {
    fn new(directory: &Path) -> Self {
        let path = directory.join("app.log");
        let file = append_to(&path);
        Self { path, file, lines: Vec::new(), rotated: VecDeque::new(), next_line: 0, next_file: 0 }
    }

    fn write(&mut self, random: &mut Random) {
        let mut text = String::new();
        for _ in 0..random.within(1..60) {
            self.next_line += 1;
            text += &line(self.next_line);
            text.push('\n');
            self.lines.push(self.next_line);
        }
        // Not at line ends, as programs with a buffer write.
        let (one, other) = text.split_at(usize::try_from(random.below(text.len() as u64)).unwrap());
        self.file.write_all(one.as_bytes()).unwrap();
        self.file.write_all(other.as_bytes()).unwrap();
    }

    fn rotated_path(&mut self) -> PathBuf {
        self.next_file += 1;
        self.path.with_extension(format!("log.{}", self.next_file))
    }

    fn rename(&mut self, random: &mut Random) {
        let path = self.rotated_path();
        fs::rename(&self.path, &path).unwrap();
        // The program has not heard of it yet.
        self.write(random);
        self.rotated.push_back((path, std::mem::take(&mut self.lines)));
        self.file = append_to(&self.path);
    }

    fn copy_and_truncate(&mut self) {
        let path = self.rotated_path();
        fs::copy(&self.path, &path).unwrap();
        self.file.set_len(0).unwrap();
        self.rotated.push_back((path, std::mem::take(&mut self.lines)));
    }

    /// Nothing can save lines that are truncated before they were read.
    fn truncate_if_all_is_put(&mut self, is_put: impl Fn(&[u64]) -> bool) {
        if is_put(&self.lines) {
            self.file.set_len(0).unwrap();
            self.lines.clear();
        }
    }

    fn remove_if_all_is_put(&mut self, is_put: impl Fn(&[u64]) -> bool) {
        while self.rotated.len() > 5 && self.rotated.front().is_some_and(|(_, lines)| is_put(lines)) {
            let (path, _) = self.rotated.pop_front().unwrap();
            fs::remove_file(path).unwrap();
        }
    }
}

fn append_to(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}

/// What a rotation does now and then.
fn rotate(writer: &mut Writer, readers: &mut [Reader], random: &mut Random) {
    if random.once_in(60) {
        writer.rename(random);
    }
    if random.once_in(60) {
        writer.copy_and_truncate();
    }
    if random.once_in(50) {
        readers.iter_mut().for_each(Reader::read);
        let is_in = |reader: &Reader, lines: &[u64]| lines.iter().all(|line| reader.found.contains(line));
        let is_put = |lines: &[u64]| readers.iter().all(|reader| is_in(reader, lines));
        writer.truncate_if_all_is_put(is_put);
        writer.remove_if_all_is_put(is_put);
    }
}

/// Ends it as a crash does, and starts it again while lines go on.
fn crash(agent: &mut Agent, writer: &mut Writer, random: &mut Random) {
    agent.kill();
    for _ in 0..random.below(20) {
        writer.write(random);
        pause_for(Duration::from_millis(random.below(50)));
    }
    agent.start_again();
}

/// Until everything is there that was written, or nothing more comes of waiting.
fn wait_for_all(readers: &mut [Reader], written: usize) {
    let clock = SystemClock::shared();
    let deadline = clock.monotonic() + PATIENCE;
    while readers.iter().any(|reader| reader.found.len() < written) && clock.monotonic() < deadline {
        pause_for(Duration::from_millis(100));
        readers.iter_mut().for_each(Reader::read);
    }
}

#[test]
#[allow(clippy::print_stderr)]
fn every_line_is_put_through_rotation_truncation_and_kills() {
    let (mut random, clock) = (Random::new(seed()), SystemClock::shared());
    let session = Session::with(Transport::Http, ServerOptions::without_limits);
    let mut readers = STREAMS.map(|stream| {
        let mut wire = Wire::connect(session.server.address()).unwrap();
        wire.create_stream(stream, 2).unwrap();
        Reader { wire, stream, last: BTreeMap::new(), found: BTreeSet::new(), copies: 0 }
    });
    let logs = session.directory().join("logs");
    fs::create_dir(&logs).unwrap();
    let mut writer = Writer::new(&logs);
    let [mut killed, mut calm] = STREAMS.map(|stream| Agent::start(&session, &logs, stream));
    let (begin, length) = (clock.monotonic(), Duration::from_secs(seconds()));
    let (mut kills, mut warm_bytes, mut bytes_max) = (0, 0, 0);
    while clock.monotonic() < begin + length {
        writer.write(&mut random);
        pause_for(Duration::from_millis(random.below(15)));
        rotate(&mut writer, &mut readers, &mut random);
        killed.assert_runs();
        calm.assert_runs();
        if random.once_in(300) {
            crash(&mut killed, &mut writer, &mut random);
            kills += 1;
        }
        let bytes = resident_bytes(calm.process.id());
        if clock.monotonic() < begin + length / 3 {
            warm_bytes = bytes.max(warm_bytes);
        }
        bytes_max = bytes.max(bytes_max);
    }
    wait_for_all(&mut readers, usize::try_from(writer.next_line).unwrap());
    for reader in &readers {
        let (stream, written) = (reader.stream, writer.next_line);
        let lost: Vec<_> = (1..=written).filter(|line| !reader.found.contains(line)).take(20).collect();
        assert!(
            lost.is_empty(),
            "{stream}: of {written} lines {} were put, and not {lost:?} …",
            reader.found.len()
        );
        eprintln!("{stream}: {written} lines, put {} times", reader.copies);
    }
    killed.stop();
    calm.stop();
    eprintln!("{kills} kills, {} rotations, {warm_bytes} bytes warm, at most {bytes_max}", writer.next_file);
    assert!(
        bytes_max <= warm_bytes + GROWTH_BYTES_MAX,
        "the agent grew from {warm_bytes} to {bytes_max} bytes"
    );
}
