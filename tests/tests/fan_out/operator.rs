//! What the test itself does to a server, past the SDK that it tests: streams, records, shards, and the clock.
//!
//! It speaks CBOR over HTTP/1.1, as none of these SDKs does, so that the server's counts tell them apart.

use std::net::SocketAddr;

use ciborium::Value as Cbor;
use ciborium::cbor;
use millstream_tests::raw::{Connection, Request};
use millstream_tests::{Server, wire::Place};
use serde_json::{Value, json};

/// How the server counts what is sent here.
pub(crate) const SPOKEN: &str = "1.1 cbor";

#[derive(Debug)]
pub(crate) struct Operator {
    address: SocketAddr,
    admin: SocketAddr,
}

/// A record to put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) data: Vec<u8>,
    /// Where it goes: the lowest hash key, unless another is given.
    pub(crate) hash_key: u128,
}

impl Entry {
    pub(crate) fn new(key: &str, data: impl Into<Vec<u8>>) -> Self {
        Self { key: key.to_owned(), data: data.into(), hash_key: 0 }
    }

    pub(crate) fn at(self, hash_key: u128) -> Self {
        Self { hash_key, ..self }
    }
}

impl Operator {
    pub(crate) fn new(server: &Server) -> Self {
        Self { address: server.address(), admin: server.admin_address() }
    }

    pub(crate) fn create_stream(&self, name: &str, shards: u32, record_kib_max: u32) {
        let input = cbor!({
            "StreamName" => name, "ShardCount" => shards, "MaxRecordSizeInKiB" => record_kib_max,
        });
        self.call("CreateStream", &input.unwrap());
    }

    /// With its consumers.
    pub(crate) fn delete_stream(&self, name: &str) {
        let input = cbor!({ "StreamName" => name, "EnforceConsumerDeletion" => true });
        self.call("DeleteStream", &input.unwrap());
    }

    pub(crate) fn put(&self, stream: &str, entry: &Entry) -> Place {
        let places = self.put_all(stream, std::slice::from_ref(entry));
        places.into_iter().next().unwrap()
    }

    /// In one call, of which nothing may be refused.
    pub(crate) fn put_all(&self, stream: &str, entries: &[Entry]) -> Vec<Place> {
        let records: Vec<_> = entries.iter().map(record).collect();
        let answer =
            self.call("PutRecords", &cbor!({ "StreamName" => stream, "Records" => records }).unwrap());
        let results = member(&answer, "Records").and_then(Cbor::as_array).unwrap();
        let place =
            |result| Place { shard: text(result, "ShardId"), sequence: text(result, "SequenceNumber") };
        results.iter().map(place).collect()
    }

    /// In the middle of the hash key space.
    pub(crate) fn split(&self, stream: &str, shard: &str) {
        let middle = (1_u128 << 127).to_string();
        let input =
            cbor!({ "StreamName" => stream, "ShardToSplit" => shard, "NewStartingHashKey" => middle });
        self.call("SplitShard", &input.unwrap());
    }

    pub(crate) fn merge(&self, stream: &str, shard: &str, adjacent: &str) {
        let input =
            cbor!({ "StreamName" => stream, "ShardToMerge" => shard, "AdjacentShardToMerge" => adjacent });
        self.call("MergeShards", &input.unwrap());
    }

    /// Stops the server's clock, now and at this wall time.
    pub(crate) fn freeze(&self, millis: u64) {
        self.set_clock(&json!({ "frozen": true, "set": millis }));
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.set_clock(&json!({ "advance_ms": millis }));
    }

    /// Milliseconds since the Unix epoch, by the server's clock.
    pub(crate) fn now(&self) -> u64 {
        let shown = self.admin(&Request::bare("GET", "").target("/admin/clock"));
        shown["now_ms"].as_u64().unwrap()
    }

    fn set_clock(&self, change: &Value) {
        let request = Request::bare("POST", change.to_string()).target("/admin/clock");
        self.admin(&request.header("content-type", "application/json"));
    }

    fn admin(&self, request: &Request) -> Value {
        let response = request.send(self.admin).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        serde_json::from_slice(&response.body).unwrap()
    }

    fn call(&self, operation: &str, input: &Cbor) -> Cbor {
        let mut body = Vec::new();
        ciborium::into_writer(input, &mut body).unwrap();
        let mut connection = Connection::open(self.address).unwrap();
        connection.send(&Request::cbor(operation, body).bytes()).unwrap();
        let response = connection.response().unwrap();
        let answer = if response.body.is_empty() {
            Cbor::Null
        } else {
            ciborium::from_reader(response.body.as_slice()).unwrap()
        };
        assert_eq!(response.status, 200, "{operation}: {answer:?}");
        answer
    }
}

fn record(Entry { key, data, hash_key }: &Entry) -> Cbor {
    let data = Cbor::Bytes(data.clone());
    cbor!({ "PartitionKey" => key, "Data" => data, "ExplicitHashKey" => hash_key.to_string() }).unwrap()
}

fn member<'a>(answer: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    let members = answer.as_map()?;
    members.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn text(answer: &Cbor, name: &str) -> String {
    let found = member(answer, name).and_then(Cbor::as_text);
    found.unwrap_or_else(|| panic!("no {name} in {answer:?}")).to_owned()
}
