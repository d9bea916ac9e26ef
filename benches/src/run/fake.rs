//! A target in a few lines: everything in memory, every record in the first shard of its stream, faults on demand.

mod push;
mod table;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{Clock, OnFailure, SystemClock, TaskSet};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use table::Table;

/// Few, so that reading a shard takes several pages.
pub(super) const PAGE_RECORDS: usize = 1000;

/// What goes wrong. Puts are counted from 0, over all streams; so are updates of items, which count as records here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// Every so many records are refused.
    pub(super) throttle_every: Option<u64>,
    /// Every so many records are acknowledged and forgotten.
    pub(super) lose_every: Option<u64>,
    /// The reply to this put or update is late.
    pub(super) stall: Option<(u64, Duration)>,
    /// So many subscriptions are refused at first.
    pub(super) busy_subscriptions: u64,
    /// Every subscription ends after so many events,
    pub(super) end_after_events: Option<u32>,
    /// the first with this exception.
    pub(super) exception: Option<&'static str>,
    /// The first event of every subscription brings its records twice.
    pub(super) bring_twice: bool,
}

#[derive(Debug)]
pub(super) struct FakeTarget {
    pub(super) url: String,
    pub(super) state: Arc<Mutex<State>>,
    tasks: TaskSet,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Names of streams with their records' data in base64.
    pub(super) streams: BTreeMap<String, Vec<String>>,
    /// How many each stream was made with.
    shards: BTreeMap<String, u64>,
    pub(super) created: u64,
    pub(super) puts: u64,
    pub(super) records_seen: u64,
    pub(super) unsigned: u64,
    /// Reads from the first record on.
    pub(super) passes: u64,
    /// ARNs of consumers, and whether each is active.
    pub(super) consumers: BTreeMap<String, bool>,
    pub(super) deregistered: u64,
    /// SubscribeToShard calls.
    pub(super) subscribed: u64,
    pub(super) http2_connections: u64,
    pub(super) tables: BTreeMap<String, Table>,
    /// As they were when they were deleted.
    pub(super) deleted_tables: Vec<Table>,
    /// DescribeTable calls.
    described: u64,
    /// UpdateItem calls.
    pub(super) updates: u64,
    faults: Faults,
}

impl FakeTarget {
    pub(super) async fn start(faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { faults, ..State::default() }));
        let tasks = TaskSet::default();
        let (accepted, shared) = (tasks.clone(), Arc::clone(&state));
        tasks.spawn("fake target", OnFailure::Log, async move {
            while let Some(Ok((stream, _))) = until_stopped(&accepted, listener.accept()).await {
                let (connection, shared) = (accepted.clone(), Arc::clone(&shared));
                accepted.spawn("fake connection", OnFailure::Log, async move {
                    until_stopped(&connection, serve(stream, shared)).await;
                    Ok::<_, Infallible>(())
                });
            }
            Ok::<_, Infallible>(())
        });
        Self { url, state, tasks }
    }
}

impl Drop for FakeTarget {
    fn drop(&mut self) {
        self.tasks.shutdown();
    }
}

fn shard_id(index: u64) -> String {
    format!("shardId-{index:012}")
}

fn owned((one, two): (&str, &str)) -> (String, String) {
    (one.to_owned(), two.to_owned())
}

async fn until_stopped<T>(tasks: &TaskSet, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = tasks.stopping() => None,
        output = work => Some(output),
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut preface = [0; 3];
    if matches!(stream.peek(&mut preface).await, Ok(3)) && preface == *b"PRI" {
        // Tests look at what was counted; how the connection ended is of no interest.
        let _ = push::http2(stream, &state).await;
        return;
    }
    let mut inbox = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = request.parse(&inbox) else {
            if !matches!(stream.read_buf(&mut inbox).await, Ok(1..)) {
                return;
            }
            continue;
        };
        let header = |name: &str| {
            let found = request.headers.iter().find(|header| header.name == name);
            found.map(|header| String::from_utf8(header.value.to_vec()).unwrap()).unwrap_or_default()
        };
        let end = head + header("content-length").parse::<usize>().unwrap();
        if inbox.len() < end {
            if !matches!(stream.read_buf(&mut inbox).await, Ok(1..)) {
                return;
            }
            continue;
        }
        let body: Value = serde_json::from_slice(&inbox[head..end]).unwrap();
        let (api, operation) = header("x-amz-target").split_once('.').map(owned).unwrap();
        let content_type = if api == "DynamoDB_20120810" { "x-amz-json-1.0" } else { "x-amz-json-1.1" };
        assert_eq!(header("content-type"), format!("application/{content_type}"));
        let signed = header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=");
        inbox.drain(..end);
        if operation == "SubscribeToShard" {
            state.lock().unsigned += u64::from(!signed);
            if push::http1(&mut stream, &state, &body).await.is_err() {
                return;
            }
            continue;
        }
        let (status, reply, pause) = {
            let mut state = state.lock();
            state.unsigned += u64::from(!signed);
            let (status, reply) = state.answer(&operation, &body);
            (status, reply, state.pause(&operation))
        };
        if !pause.is_zero() {
            SystemClock::default().sleep(pause).await;
        }
        let reply = if reply.is_null() { String::new() } else { reply.to_string() };
        let reply = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n{reply}", reply.len());
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl State {
    fn pause(&self, operation: &str) -> Duration {
        match self.faults.stall {
            Some((put, pause)) if operation.starts_with("Put") && self.puts == put + 1 => pause,
            Some((update, pause)) if operation == "UpdateItem" && self.updates == update + 1 => pause,
            _ => Duration::ZERO,
        }
    }

    fn answer(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let name = body["StreamName"].as_str().unwrap_or_default().to_owned();
        match operation {
            "CreateStream" => {
                self.shards.insert(name.clone(), body["ShardCount"].as_u64().unwrap());
                self.streams.insert(name, Vec::new());
                self.created += 1;
                (200, Value::Null)
            }
            "DeleteStream" => {
                let has_consumers = self.consumers.keys().any(|arn| arn.starts_with(&format!("arn:{name}/")));
                assert!(!has_consumers, "{name} still has consumers");
                self.streams.remove(&name).unwrap();
                (200, Value::Null)
            }
            "DescribeStreamSummary" => {
                let arn = format!("arn:{name}");
                (200, json!({ "StreamDescriptionSummary": { "StreamStatus": "ACTIVE", "StreamARN": arn } }))
            }
            "ListShards" => {
                let shards: Vec<_> =
                    (0..self.shards[&name]).map(|index| json!({ "ShardId": shard_id(index) })).collect();
                (200, json!({ "Shards": shards }))
            }
            "GetShardIterator" => {
                let latest = body["ShardIteratorType"] == "LATEST";
                let at = if latest { self.streams[&name].len() } else { 0 };
                (200, json!({ "ShardIterator": format!("{at}/{name}") }))
            }
            "GetRecords" => self.get_records(body),
            "PutRecord" => {
                self.puts += 1;
                match self.put(&name, body) {
                    Ok(()) => (200, json!({ "SequenceNumber": "1", "ShardId": "s" })),
                    Err(kind) => (400, json!({ "__type": kind, "message": "no" })),
                }
            }
            "PutRecords" => {
                self.puts += 1;
                let records = body["Records"].as_array().unwrap();
                let entries: Vec<_> = records
                    .iter()
                    .map(|record| match self.put(&name, record) {
                        Ok(()) => json!({ "SequenceNumber": "1", "ShardId": "s" }),
                        Err(kind) => json!({ "ErrorCode": kind, "ErrorMessage": "no" }),
                    })
                    .collect();
                let failed = entries.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
                (200, json!({ "FailedRecordCount": failed, "Records": entries }))
            }
            other => self
                .answer_consumer(other, body)
                .or_else(|| self.answer_table(other, body))
                .unwrap_or_else(|| (400, json!({ "__type": "UnknownOperationException", "message": other }))),
        }
    }

    fn put(&mut self, name: &str, record: &Value) -> Result<(), &'static str> {
        self.records_seen += 1;
        let hits = |every: Option<u64>| every.is_some_and(|every| self.records_seen.is_multiple_of(every));
        if hits(self.faults.throttle_every) {
            return Err("ProvisionedThroughputExceededException");
        }
        if !hits(self.faults.lose_every) {
            let data = record["Data"].as_str().unwrap().to_owned();
            self.streams.get_mut(name).unwrap().push(data);
        }
        Ok(())
    }

    fn get_records(&mut self, body: &Value) -> (u16, Value) {
        let (at, name) = body["ShardIterator"].as_str().unwrap().split_once('/').unwrap();
        let at: usize = at.parse().unwrap();
        self.passes += u64::from(at == 0);
        let records = &self.streams[name];
        let end = records.len().min(at + PAGE_RECORDS);
        let page: Vec<_> = records[at..end]
            .iter()
            .map(|data| json!({ "SequenceNumber": "1", "Data": data, "PartitionKey": "k" }))
            .collect();
        let next = format!("{end}/{name}");
        (200, json!({ "Records": page, "NextShardIterator": next, "MillisBehindLatest": 0 }))
    }
}
