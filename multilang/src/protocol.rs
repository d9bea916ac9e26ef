//! The messages between daemon and child: one JSON object a line, in both directions.
//!
//! The daemon asks, and the child answers with a status for what was asked; in between it may ask for checkpoints, each of
//! which is replied to. Members and their order are those of KCL's daemon, and libraries insist on them: a line is never
//! broken, and no member is left out.

use std::borrow::Cow;
use std::io::Write;

use millstream_consumer_sdk::{Batch, Checkpoint, CheckpointError, UserRecord};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a child is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    Initialize { shard: &'a str, from: &'a Checkpoint },
    ProcessRecords(&'a Batch),
    LeaseLost,
    ShardEnded,
    ShutdownRequested,
}

/// What a child says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromChild {
    Status { response_for: String },
    Checkpoint(WantedCheckpoint),
}

/// A checkpoint that a child asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedCheckpoint {
    /// `None`: everything that was delivered.
    pub sequence_number: Option<String>,
    /// As it was written: what is no sub-sequence number is refused, and answered all the same.
    pub sub_sequence: Option<String>,
}

/// Why a checkpoint was not made, by the simple name of KCL's exception, which programs tell them apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The same may succeed later.
    Throttling,
    /// The shard is another worker's.
    Shutdown,
    /// There is nothing to checkpoint at this moment, or no table.
    InvalidState,
    Dependency,
    /// It is no sequence number, before the last checkpoint, or behind what was delivered.
    IllegalArgument,
}

impl Request<'_> {
    /// The word for it, which its status repeats.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Initialize { .. } => "initialize",
            Self::ProcessRecords(_) => "processRecords",
            Self::LeaseLost => "leaseLost",
            Self::ShardEnded => "shardEnded",
            Self::ShutdownRequested => "shutdownRequested",
        }
    }

    /// Everything but the records, as one line that is cut where they belong.
    pub(crate) fn frame(&self) -> (Vec<u8>, Vec<u8>) {
        let mut head = Vec::new();
        match self {
            Self::Initialize { shard, from } => line(
                &mut head,
                &Initialize {
                    action: self.action(),
                    shard_id: shard,
                    sequence_number: from.position.to_string(),
                    sub_sequence_number: from.sub_sequence,
                },
            ),
            Self::ProcessRecords(batch) => {
                head.extend_from_slice(br#"{"action":"processRecords","records":["#);
                let tail = format!("],\"millisBehindLatest\":{}}}\n", batch.millis_behind_latest);
                return (head, tail.into_bytes());
            }
            Self::LeaseLost | Self::ShardEnded | Self::ShutdownRequested => {
                line(&mut head, &Bare { action: self.action() });
            }
        }
        (head, Vec::new())
    }
}

/// Adds a record of a batch. Records are separated by commas, which are not added here.
pub(crate) fn write_record(buffer: &mut Vec<u8>, record: &UserRecord) {
    buffer.extend_from_slice(br#"{"action":"record","data":""#);
    base64_simd::STANDARD.encode_append(&record.data, buffer);
    buffer.extend_from_slice(br#"","partitionKey":"#);
    write_text(buffer, &record.partition_key);
    // Writing to memory cannot fail.
    let _ = write!(
        buffer,
        r#","sequenceNumber":"{}","subSequenceNumber":{},"approximateArrivalTimestamp":{}}}"#,
        record.sequence_number,
        record.sub_sequence,
        record.approximate_arrival.as_millis()
    );
}

/// The reply to a checkpoint that was asked for; a whole line.
#[must_use]
pub fn checkpoint_reply(wanted: &WantedCheckpoint, refusal: Option<Refusal>) -> Vec<u8> {
    let mut reply = Vec::new();
    let content = CheckpointReply {
        action: "checkpoint",
        sequence_number: wanted.sequence_number.as_deref(),
        sub_sequence_number: wanted.sub_sequence.as_ref().and_then(|written| written.parse().ok()),
        error: refusal.map(Refusal::name),
    };
    line(&mut reply, &content);
    reply
}

/// What a line of a child's output says; `None` for what is no message, such as what a program prints for people.
#[must_use]
pub fn parse(line: &[u8]) -> Option<FromChild> {
    let said: Said<'_> = serde_json::from_slice(line).ok()?;
    match &*said.action {
        "status" => Some(FromChild::Status { response_for: said.response_for?.into_owned() }),
        "checkpoint" => Some(FromChild::Checkpoint(WantedCheckpoint {
            sequence_number: said.sequence_number.and_then(scalar),
            sub_sequence: said.sub_sequence_number.and_then(scalar),
        })),
        _ => None,
    }
}

impl Refusal {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttling => "ThrottlingException",
            Self::Shutdown => "ShutdownException",
            Self::InvalidState => "InvalidStateException",
            Self::Dependency => "KinesisClientLibDependencyException",
            Self::IllegalArgument => "IllegalArgumentException",
        }
    }
}

impl From<&CheckpointError> for Refusal {
    fn from(error: &CheckpointError) -> Self {
        use millstream_lease::Error as Store;
        match error {
            CheckpointError::LeaseLost(_) | CheckpointError::Over => Self::Shutdown,
            CheckpointError::OutOfBounds { .. }
            | CheckpointError::Store(Store::CheckpointGoesBack { .. }) => Self::IllegalArgument,
            CheckpointError::Store(Store::Throttled(_)) => Self::Throttling,
            CheckpointError::NotPending
            | CheckpointError::Store(Store::TableMissing(_) | Store::Misuse(_)) => Self::InvalidState,
            CheckpointError::Store(Store::Unavailable(_) | Store::Refused { .. } | Store::BadRow(_)) => {
                Self::Dependency
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialize<'a> {
    action: &'static str,
    shard_id: &'a str,
    sequence_number: String,
    sub_sequence_number: u64,
}

#[derive(Serialize)]
struct Bare {
    action: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointReply<'a> {
    action: &'static str,
    sequence_number: Option<&'a str>,
    sub_sequence_number: Option<i64>,
    error: Option<&'static str>,
}

/// Members that are not known are passed over: a child that is newer than this must not hang.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    // Not always as they are written: JSON has escapes.
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    response_for: Option<Cow<'a, str>>,
    // Texts or numbers, and too great for any type of number.
    #[serde(borrow)]
    sequence_number: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_sequence_number: Option<&'a RawValue>,
}

/// A text, or a number as it is written.
fn scalar(value: &RawValue) -> Option<String> {
    let written = value.get();
    match written.as_bytes().first()? {
        b'"' => serde_json::from_str(written).ok(),
        b'n' => None,
        _ => Some(written.to_owned()),
    }
}

fn line(buffer: &mut Vec<u8>, content: &impl Serialize) {
    // Writing to memory cannot fail, and neither can making JSON of these.
    let _ = serde_json::to_writer(&mut *buffer, content);
    buffer.push(b'\n');
}

/// As JSON, without the two characters that some programs take for the end of a line.
fn write_text(buffer: &mut Vec<u8>, text: &str) {
    let written = serde_json::to_string(text).unwrap_or_default();
    if text.contains(['\u{2028}', '\u{2029}']) {
        let written = written.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        buffer.extend_from_slice(written.as_bytes());
    } else {
        buffer.extend_from_slice(written.as_bytes());
    }
}

#[cfg(test)]
mod tests;
