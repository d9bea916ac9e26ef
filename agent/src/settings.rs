//! What an agent is told by its file, whichever of two forms that has: our TOML, or the Kinesis Agent's JSON.
//!
//! What is wrong is collected, so that one start shows all of it. A key that is not known is warned of, with the nearest
//! one that is; a key of the Kinesis Agent that changes nothing here is noted with the reason.

mod kinesis_agent;
mod ours;
mod reader;

use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream_client::aws::AwsSettings;
use millstream_model::limits::{PUT_RECORDS_BYTES_MAX, PUT_RECORDS_ENTRIES_MAX, RECORD_BYTES_MAX};
use millstream_producer_sdk::{Order, StreamRef};
use serde_json::{Map, Value};

pub use crate::conversion::{Columns, Conversion, CsvToJson, JsonStyle, LogFormat, LogToJson};
use crate::error::{Error, Result};
use crate::files::FilePattern;
pub use crate::partition_key::PartitionKey;
pub use crate::splitting::StartPattern;

/// An agent, described.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSettings {
    /// Where the streams are, and who puts.
    pub kinesis: AwsSettings,
    /// How far each file was put.
    pub checkpoint_file: PathBuf,
    /// At most so long after records were acknowledged, they are in the checkpoint.
    pub checkpoint_interval: Duration,
    /// For so long a file that is not there any more is remembered.
    pub checkpoint_retention: Duration,
    /// Between two lines in the log that say how it gets on; 0 for none.
    pub status_interval: Duration,
    /// For so long the end waits for what is on its way.
    pub shutdown_timeout: Duration,
    pub flows: Vec<FlowSettings>,
}

/// Files, a stream, and what lies between.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSettings {
    /// In the log, and in the checkpoint: under another name everything begins anew.
    pub name: String,
    pub files: Vec<FilePattern>,
    pub stream: StreamRef,

    /// Where files begin that are there when the flow starts for the first time. Others are read from their start.
    pub initial_position: InitialPosition,
    /// Lines at the beginning of each file that are no records.
    pub skip_header_lines: u32,
    /// Lines that match begin a record, others go on with it; without this each line is one.
    pub multi_line_start: Option<StartPattern>,
    /// For so long the last record of several lines waits for more of them.
    pub multi_line_wait: Duration,
    /// Whether the data of a record ends with the line end that it had.
    pub keep_newline: bool,
    pub conversions: Vec<Conversion>,
    pub on_unconvertible: OnUnconvertible,
    pub on_too_large: OnTooLarge,
    /// Bytes of a record with its partition key; a stream may take up to 10 MiB.
    pub record_bytes_max: usize,

    pub partition_key: PartitionKey,
    pub order: Order,
    /// Pack many records into one, which consumers take apart.
    pub aggregate: bool,
    /// For so long a record waits for others that are packed with it.
    pub buffer_age: Duration,
    /// Records of a call, 1 to 500.
    pub buffer_records: usize,
    /// Bytes of a call.
    pub buffer_bytes: usize,
    /// Records and bytes that are read and not acknowledged: the files wait then.
    pub outstanding_records_max: usize,
    pub outstanding_bytes_max: usize,

    /// Files held open at once; the other ones are read in turn.
    pub open_files_max: usize,
    /// Between two looks at the files that are open.
    pub poll_interval: Duration,
    /// Between two looks for files.
    pub scan_interval: Duration,
    /// For so long after it last grew a file that was rotated away is followed, and the line at its end held that has not
    /// ended.
    pub rotated_wait: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialPosition {
    Start,
    End,
}

/// What becomes of a record that a conversion cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnconvertible {
    /// It is put as it is in the file.
    Send,
    /// It is left out, counted, and named in the log.
    Skip,
}

/// What becomes of a record that is larger than the stream takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnTooLarge {
    /// It is cut, and ends with these bytes.
    Truncate { terminator: Vec<u8> },
    /// It is left out, counted, and named in the log.
    Skip,
}

impl FlowSettings {
    /// A flow with defaults for all that can be left out.
    #[must_use]
    pub fn new(name: &str, files: Vec<FilePattern>, stream: StreamRef) -> Self {
        Self {
            name: name.to_owned(),
            files,
            stream,
            initial_position: InitialPosition::End,
            skip_header_lines: 0,
            multi_line_start: None,
            multi_line_wait: Duration::from_secs(1),
            keep_newline: false,
            conversions: Vec::new(),
            on_unconvertible: OnUnconvertible::Send,
            on_too_large: OnTooLarge::Truncate { terminator: Vec::new() },
            record_bytes_max: RECORD_BYTES_MAX,
            partition_key: PartitionKey::Random,
            order: Order::None,
            aggregate: true,
            buffer_age: Duration::from_millis(500),
            buffer_records: PUT_RECORDS_ENTRIES_MAX,
            buffer_bytes: 5 * 1024 * 1024,
            outstanding_records_max: 20_000,
            outstanding_bytes_max: 16 * 1024 * 1024,
            open_files_max: 256,
            poll_interval: Duration::from_millis(100),
            scan_interval: Duration::from_secs(1),
            rotated_wait: Duration::from_secs(5),
        }
    }

    /// What cannot work, if anything cannot.
    fn nonsense(&self) -> Vec<String> {
        let key_needs_json = matches!(self.partition_key, PartitionKey::Column { .. });
        let terminator = match &self.on_too_large {
            OnTooLarge::Truncate { terminator } => terminator.len(),
            OnTooLarge::Skip => 0,
        };
        let checks = [
            (self.files.is_empty(), "it follows no files"),
            (terminator + 1024 > self.record_bytes_max, "the end of cut records leaves them no room"),
            (
                key_needs_json && self.multi_line_start.is_some(),
                "a column cannot be the partition key of records of many lines",
            ),
            (
                self.outstanding_bytes_max < self.record_bytes_max,
                "fewer bytes may be outstanding than one record has",
            ),
            (
                self.buffer_bytes > PUT_RECORDS_BYTES_MAX || self.record_bytes_max > PUT_RECORDS_BYTES_MAX,
                "a call takes no more than 10 MiB",
            ),
        ];
        let wrong = checks.into_iter().filter(|(is_wrong, _)| *is_wrong);
        wrong.map(|(_, what)| format!("flow {}: {what}", self.name)).collect()
    }
}

/// Settings, and what their user should know about the file that they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    pub settings: AgentSettings,
    /// Keys that are known and change nothing here, each with the reason.
    pub notices: Vec<String>,
    /// What is probably a mistake.
    pub warnings: Vec<String>,
}

/// What is to be said about a file.
#[derive(Debug, Default)]
struct Remarks {
    faults: Vec<String>,
    warnings: Vec<String>,
    notices: Vec<String>,
}

/// Reads what a file says: JSON where it begins with a brace, TOML otherwise.
///
/// # Errors
/// [`Error::Unreadable`] if it is neither, [`Error::Settings`] with everything that is missing or wrong.
pub fn understand(path: &Path, text: &str) -> Result<Understood> {
    let unreadable = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    let is_json = text.trim_start().starts_with('{');
    let document: Map<String, Value> = if is_json {
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?
    } else {
        toml::from_str(text).map_err(|error| unreadable(error.to_string()))?
    };
    let mut remarks = Remarks::default();
    let settings = if is_json {
        kinesis_agent::read(&document, &mut remarks)
    } else {
        ours::read(&document, &mut remarks)
    };
    check(&settings, &mut remarks);
    let Remarks { faults, warnings, notices } = remarks;
    if faults.is_empty() {
        Ok(Understood { settings, notices, warnings })
    } else {
        Err(Error::Settings(faults))
    }
}

fn check(settings: &AgentSettings, remarks: &mut Remarks) {
    let flows = &settings.flows;
    // Where flows were at fault they are missing here, and that is said already.
    if flows.is_empty() && remarks.faults.is_empty() {
        remarks.faults.push("there is no flow".to_owned());
    }
    for (index, flow) in flows.iter().enumerate() {
        remarks.faults.extend(flow.nonsense());
        if flows[..index].iter().any(|before| before.name == flow.name) {
            remarks.faults.push(format!("two flows are called {}", flow.name));
        }
    }
}

#[cfg(test)]
mod tests;
