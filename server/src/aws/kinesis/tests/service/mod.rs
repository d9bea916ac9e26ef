//! Operations from a request's body to an answer's, in both formats, on an engine in memory.

mod account;
mod capacity;
mod dry_runs;
mod faults;
mod monitoring;
mod pages;
mod policies;
mod tags;
mod wires;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_engine::{EphemeralKey, LiveEngine, Settings};
use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, SlotId};
use serde_json::{Value as Json, json};

use super::super::generated::{Input, Operation, dispatch};
use super::super::service::Kinesis;
use super::answers::as_json;
use crate::aws::caller::Caller;
use crate::aws::codec::{ApiError, Format};
use crate::aws::requests::Node;
use crate::faults::Faults;
use crate::metrics::Metrics;
use crate::settings::FaultsSetting;

/// 2023-11-14T22:13:20Z
const START: Duration = Duration::from_secs(1_700_000_000);
const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const SHARD: &str = "shardId-000000000000";

/// What the tests do once in each format.
const FORMATS: [Format; 2] = [Format::Json, Format::Cbor];

/// A server without its sockets, asked in one format.
struct World {
    format: Format,
    clock: ManualClock,
    engine: LiveEngine,
    faults: Arc<Faults>,
    metrics: Arc<Metrics>,
}

/// Code and text of an error.
type Refused = (&'static str, String);

impl World {
    async fn new(format: Format, settings: Settings) -> Self {
        let clock = ManualClock::starting_at(START);
        let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
        let keys = Arc::new(EphemeralKey::new(SeededEntropy::shared(8)));
        let engine =
            LiveEngine::open(slot, settings, clock.shared(), SeededEntropy::shared(7), keys).await.unwrap();
        let (metrics, ..) = Metrics::new(engine.clone());
        let faults = Faults::new(FaultsSetting::default(), clock.shared(), SeededEntropy::shared(9));
        Self { format, clock, engine, faults, metrics }
    }

    /// With the stream `orders` of two shards.
    async fn with_stream(format: Format) -> Self {
        let world = Self::new(format, Settings::default()).await;
        world.call("CreateStream", json!({"StreamName": "orders", "ShardCount": 2})).await.unwrap();
        world
    }

    /// The operation as the owner of the streams calls it.
    async fn call(&self, operation: &str, body: Json) -> Result<Json, Refused> {
        self.call_as("000000000000", operation, body).await
    }

    async fn call_as(&self, account: &str, operation: &str, body: Json) -> Result<Json, Refused> {
        let outcome = self.carry_out(account, operation, &body).await;
        let bytes =
            outcome.map_err(|error| (error.code(), error.message().unwrap_or_default().to_owned()))?;
        if bytes.is_empty() {
            return Ok(Json::Null);
        }
        Ok(match self.format {
            Format::Json => serde_json::from_slice(&bytes).unwrap(),
            Format::Cbor => as_json(ciborium::from_reader(bytes.as_slice()).unwrap()),
            Format::Protobuf(_) => panic!("protobuf is not read without its messages"),
        })
    }

    async fn carry_out(&self, account: &str, operation: &str, body: &Json) -> Result<Vec<u8>, ApiError> {
        let operation = Operation::from_name(operation).unwrap();
        let body = match self.format {
            Format::Json => node(body).to_json().into_bytes(),
            Format::Cbor => node(body).to_cbor(true),
            Format::Protobuf(_) => panic!("protobuf is not written without its messages"),
        };
        self.carry_out_bytes(account, operation, body).await
    }

    async fn carry_out_bytes(
        &self,
        account: &str,
        operation: Operation,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ApiError> {
        let input = Input::decode(operation, self.format, &Bytes::from(body))?;
        let caller = Caller { account: account.parse().unwrap(), region: "us-east-1".parse().unwrap() };
        let mut out = Vec::new();
        let engine = self.engine.current().await?;
        let kinesis = Kinesis { engine, faults: self.faults.clone(), clock: self.clock.shared() };
        dispatch(&kinesis, &caller, input, self.format, &mut out).await?;
        Ok(out)
    }
}

/// Data are given as text, so that both formats send the same bytes.
fn node(body: &Json) -> Node {
    Node::of_json(body, &|name, text| (name == "Data").then(|| text.as_bytes().to_vec()))
}

fn refused(code: &'static str, text: &str) -> Result<Json, Refused> {
    Err((code, text.to_owned()))
}
