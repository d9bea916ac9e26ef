//! Records out of files and standard input, one at a time, each with its position.
//!
//! Reading blocks, so it has a thread of its own ([`start`]) that waits whenever the sender is behind. What
//! a record may be is checked here, before anything of it is sent. Not here: what becomes of the records.

mod csv_rows;
mod json_lines;
mod lines;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use clap::ValueEnum;
use millstream_client::NewRecord;
use millstream_model::limits::PARTITION_KEY_CHARS_MAX;
use millstream_runtime::{SharedEntropy, threads};
use tokio::sync::mpsc;

/// Records that may lie between reader and sender. Few, because each can be large.
const CHANNEL_RECORDS: usize = 64;

/// How the bytes of a file become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// A line is a record.
    Lines,
    /// A line is a JSON value, and a record as it stands. Blank lines are skipped.
    Json,
    /// A row is a record: a JSON object with the header's names and the row's fields as strings.
    Csv,
}

impl Shape {
    /// What a file's ending says.
    pub(crate) fn of_path(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Self::Csv,
            Some("json" | "jsonl" | "ndjson") => Self::Json,
            _ => Self::Lines,
        }
    }
}

/// A file, or standard input.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    /// `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    pub(crate) shape: Shape,
}

/// Where partition keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Random ones, which spread records over all shards.
    Random,
    Constant(String),
    /// A member of each JSON object or a column; records without a value there get a random one.
    Field(String),
}

/// What a record may be and how it is keyed.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) keys: Keys,
    /// Data plus partition key.
    pub(crate) record_bytes_max: usize,
}

/// Where a record stands in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Among all records of all files, from 1.
    pub(crate) record: u64,
    pub(crate) source: Arc<str>,
    /// Where it begins, from 1.
    pub(crate) line: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} (record {})", self.source, self.line, self.record)
    }
}

/// A record that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) position: Position,
    pub(crate) record: NewRecord,
    /// Its key is random because its field is empty.
    pub(crate) keyless: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("cannot read {name}: {error}")]
    Unreadable { name: Arc<str>, error: io::Error },
    #[error("{position}: a record of {bytes} bytes with its key; the stream takes {bytes_max}")]
    TooLarge { position: Position, bytes: usize, bytes_max: usize },
    #[error("{position}: a record of more than {bytes_max} bytes, which is what the stream takes")]
    Endless { position: Position, bytes_max: usize },
    #[error("{position}: a key of {chars} characters; a key has at most {PARTITION_KEY_CHARS_MAX}")]
    LongKey { position: Position, chars: usize },
    #[error("{position}: {reason}")]
    Malformed { position: Position, reason: String },
    #[error("{name} has no column {column:?}; it has {columns}")]
    NoColumn { name: Arc<str>, column: String, columns: String },
    #[error("{name} names the column {column:?} twice")]
    ColumnTwice { name: Arc<str>, column: String },
}

/// Records as they are read. The channel ends after the last one or after an error.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) records: mpsc::Receiver<Result<Pending, InputError>>,
    /// Bytes of the files that have been read.
    pub(crate) bytes_read: Arc<AtomicU64>,
}

/// Starts to read. The thread ends when all is read or the receiver is dropped; nobody joins it, since a
/// read of standard input can last forever.
pub(crate) fn start(sources: Vec<Source>, rules: Rules, entropy: SharedEntropy) -> io::Result<Input> {
    let (sender, records) = mpsc::channel(CHANNEL_RECORDS);
    let bytes_read = Arc::new(AtomicU64::new(0));
    let meter = bytes_read.clone();
    threads::spawn("input", move || {
        let mut deliver = |pending| sender.blocking_send(Ok(pending)).is_ok();
        if let Err(error) = read_all(&sources, &rules, &entropy, &meter, &mut deliver) {
            // Whoever dropped the receiver does not want to know.
            let _ = sender.blocking_send(Err(error));
        }
    })?;
    Ok(Input { records, bytes_read })
}

/// Reads the sources in turn until `deliver` says that it wants no more.
fn read_all(
    sources: &[Source],
    rules: &Rules,
    entropy: &SharedEntropy,
    meter: &AtomicU64,
    deliver: &mut dyn FnMut(Pending) -> bool,
) -> Result<(), InputError> {
    let mut records = 0;
    for source in sources {
        let opened: io::Result<Box<dyn Read>> = match &source.path {
            Some(path) => File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
            None => Ok(Box::new(io::stdin().lock())),
        };
        let file = opened.map_err(|error| InputError::Unreadable { name: source.name.clone(), error })?;
        let metered = Metered { file, meter };
        let mut intake = Intake { source, rules, entropy, records, deliver };
        let flow = match source.shape {
            Shape::Lines => lines::read(metered, &mut intake)?,
            Shape::Json => json_lines::read(metered, &mut intake)?,
            Shape::Csv => csv_rows::read(metered, &mut intake)?,
        };
        if flow.is_break() {
            break;
        }
        records = intake.records;
    }
    Ok(())
}

/// Turns data and keys of one source into records.
struct Intake<'a> {
    source: &'a Source,
    rules: &'a Rules,
    entropy: &'a SharedEntropy,
    /// Accepted so far, of all sources.
    records: u64,
    deliver: &'a mut dyn FnMut(Pending) -> bool,
}

impl Intake<'_> {
    /// The field that holds keys, if one does.
    fn key_field(&self) -> Option<&str> {
        match &self.rules.keys {
            Keys::Field(field) => Some(field),
            Keys::Random | Keys::Constant(_) => None,
        }
    }

    /// Checks and delivers a record. `key` is the value of the key field.
    fn accept(&mut self, line: u64, key: Option<String>, data: Bytes) -> Result<ControlFlow<()>, InputError> {
        let (partition_key, keyless) = match (&self.rules.keys, key.filter(|key| !key.is_empty())) {
            (Keys::Constant(key), _) => (key.clone(), false),
            (Keys::Field(_), Some(key)) => (key, false),
            (Keys::Field(_), None) => (self.random_key(), true),
            (Keys::Random, _) => (self.random_key(), false),
        };
        let position = self.position(line);
        let chars = partition_key.encode_utf16().count();
        if chars > PARTITION_KEY_CHARS_MAX {
            return Err(InputError::LongKey { position, chars });
        }
        let record = NewRecord { partition_key, explicit_hash_key: None, data };
        let (bytes, bytes_max) = (record.size(), self.rules.record_bytes_max);
        if bytes > bytes_max {
            return Err(InputError::TooLarge { position, bytes, bytes_max });
        }
        self.records += 1;
        let wanted = (self.deliver)(Pending { position, record, keyless });
        Ok(if wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    /// The position of the next record.
    fn position(&self, line: u64) -> Position {
        Position { record: self.records + 1, source: self.source.name.clone(), line }
    }

    fn malformed(&self, line: u64, reason: String) -> InputError {
        InputError::Malformed { position: self.position(line), reason }
    }

    fn endless(&self, line: u64) -> InputError {
        InputError::Endless { position: self.position(line), bytes_max: self.rules.record_bytes_max }
    }

    fn unreadable(&self, error: io::Error) -> InputError {
        InputError::Unreadable { name: self.source.name.clone(), error }
    }

    fn random_key(&self) -> String {
        format!("{:016x}", self.entropy.next_u64())
    }
}

/// Counts what is read.
struct Metered<'a> {
    file: Box<dyn Read>,
    meter: &'a AtomicU64,
}

impl Read for Metered<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.meter.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
