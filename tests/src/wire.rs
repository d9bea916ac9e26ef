//! The few Kinesis calls that fault tests need, one attempt each, over a plain connection.
//!
//! A fault test must know exactly what it sent, and must see a broken connection as such; so nothing is
//! retried, pooled or signed here.

use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::raw::{Connection, Request, Response};

/// Why a call brought no answer that can be used.
#[derive(Debug)]
pub enum Failure {
    /// No whole answer came: whether the call was carried out is unknown.
    Broken(io::Error),
    /// The server refused.
    Refused { status: u16, text: String },
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "no answer: {error}"),
            Self::Refused { status, text } => write!(f, "{status}: {text}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

pub type Outcome<T> = Result<T, Failure>;

/// Where an acknowledged record lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub shard: String,
    pub sequence: String,
}

#[derive(Clone, Debug)]
pub struct StoredRecord {
    pub sequence: String,
    pub arrival: f64,
    pub partition_key: String,
    pub data: Vec<u8>,
}

/// One connection, kept open between calls.
#[derive(Debug)]
pub struct Wire {
    connection: Connection,
}

impl Wire {
    /// # Errors
    /// When nobody listens.
    pub fn connect(address: SocketAddr) -> Outcome<Self> {
        Ok(Self { connection: Connection::open(address)? })
    }

    /// # Errors
    /// As every call below: the connection broke, or the server refused.
    pub fn call(&mut self, operation: &str, body: &Value) -> Outcome<Value> {
        self.send(operation, body.to_string())
    }

    /// # Errors
    /// See [`Self::call`].
    pub fn create_stream(&mut self, name: &str, shards: usize) -> Outcome<()> {
        self.call("CreateStream", &json!({ "StreamName": name, "ShardCount": shards })).map(drop)
    }

    /// # Errors
    /// See [`Self::call`].
    pub fn put_record(&mut self, stream: &str, partition_key: &str, data: &[u8]) -> Outcome<Place> {
        let data = BASE64.encode(data);
        let body = format!(r#"{{"StreamName":"{stream}","PartitionKey":"{partition_key}","Data":"{data}"}}"#);
        let answer = self.send("PutRecord", body)?;
        place(&answer).ok_or_else(|| unreadable(&answer))
    }

    /// For every entry its place, or `None` when it was refused.
    ///
    /// # Errors
    /// See [`Self::call`].
    pub fn put_records(
        &mut self,
        stream: &str,
        entries: &[(String, Vec<u8>)],
    ) -> Outcome<Vec<Option<Place>>> {
        let entries = entries.iter().map(|(partition_key, data)| {
            format!(r#"{{"PartitionKey":"{partition_key}","Data":"{}"}}"#, BASE64.encode(data))
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        let answer =
            self.send("PutRecords", format!(r#"{{"StreamName":"{stream}","Records":[{entries}]}}"#))?;
        let results = answer["Records"].as_array().ok_or_else(|| unreadable(&answer))?;
        Ok(results.iter().map(place).collect())
    }

    /// # Errors
    /// See [`Self::call`].
    pub fn shards(&mut self, stream: &str) -> Outcome<Vec<String>> {
        let answer = self.call("ListShards", &json!({ "StreamName": stream }))?;
        let shards = answer["Shards"].as_array().ok_or_else(|| unreadable(&answer))?;
        Ok(shards.iter().filter_map(|shard| Some(shard["ShardId"].as_str()?.to_owned())).collect())
    }

    /// Everything in a shard behind a sequence number, or all of it, up to the end at this moment.
    ///
    /// # Errors
    /// See [`Self::call`].
    pub fn read_after(
        &mut self,
        stream: &str,
        shard: &str,
        after: Option<&str>,
        mut take: impl FnMut(StoredRecord),
    ) -> Outcome<()> {
        let mut start =
            json!({ "StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        if let Some(after) = after {
            start["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER".into();
            start["StartingSequenceNumber"] = after.into();
        }
        let answer = self.call("GetShardIterator", &start)?;
        let mut iterator = answer["ShardIterator"].clone();
        loop {
            let answer = self.call("GetRecords", &json!({ "ShardIterator": iterator }))?;
            let records = answer["Records"].as_array().ok_or_else(|| unreadable(&answer))?;
            for found in records {
                take(record(found).ok_or_else(|| unreadable(found))?);
            }
            // Within one millisecond of the last record, "0 behind" does not say that this was all.
            if records.is_empty() && answer["MillisBehindLatest"] == 0 {
                return Ok(());
            }
            iterator = answer["NextShardIterator"].clone();
            if iterator.is_null() {
                // The shard is closed, and this was all.
                return Ok(());
            }
        }
    }

    fn send(&mut self, operation: &str, body: String) -> Outcome<Value> {
        let request = Request::json(operation, body);
        self.connection.send(&request.head())?;
        self.connection.send(&request.body)?;
        let Response { status, body, .. } = self.connection.response()?;
        if status != 200 {
            return Err(Failure::Refused { status, text: String::from_utf8_lossy(&body).into_owned() });
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| Failure::Broken(io::Error::other(error)))
    }
}

fn unreadable(answer: &Value) -> Failure {
    Failure::Broken(io::Error::other(format!("an answer that cannot be read: {answer}")))
}

fn place(answer: &Value) -> Option<Place> {
    let (shard, sequence) = (answer["ShardId"].as_str()?, answer["SequenceNumber"].as_str()?);
    Some(Place { shard: shard.to_owned(), sequence: sequence.to_owned() })
}

fn record(answer: &Value) -> Option<StoredRecord> {
    Some(StoredRecord {
        sequence: answer["SequenceNumber"].as_str()?.to_owned(),
        arrival: answer["ApproximateArrivalTimestamp"].as_f64()?,
        partition_key: answer["PartitionKey"].as_str()?.to_owned(),
        data: BASE64.decode(answer["Data"].as_str()?).ok()?,
    })
}
