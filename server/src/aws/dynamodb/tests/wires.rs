//! Both wires give the same results and the same errors: two servers that are asked the same, one in JSON and one in
//! protobuf, say the same all along. Every operation is among what is asked.

mod aimed;
mod script;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_engine::LiveEngine;
use millstream_runtime::{ManualClock, SeededEntropy, TaskSet};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, SlotId};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::aws::caller::Caller;
use crate::aws::codec::protobuf::schema::Message;
use crate::aws::codec::protobuf::{Shapes, details};
use crate::aws::codec::{ApiError, Format};
use crate::aws::dynamodb::front::{DynamoDbFront, Input};
use crate::aws::dynamodb::generated as tables;
use crate::aws::dynamodb::live_tables::{LiveTables, TablesOpener};
use crate::aws::dynamodb::service::Requester;
use crate::aws::dynamodb::streams::generated as streams;
use crate::aws::kinesis::front::KinesisFront;
use crate::aws::kinesis::generated as kinesis;
use crate::aws::reception::Reception;
use crate::aws::request_id::RequestIds;
use crate::aws::requests::protobuf::{shown, written};
use crate::aws::requests::{Model, Node, Tape};
use crate::faults::Faults;
use crate::http::body::BodyBudget;
use crate::master_key::{MasterKeys, Secrets};
use crate::settings::{Settings, StorageKind};

/// An operation of either service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Tables(tables::Operation),
    Streams(streams::Operation),
}

impl Operation {
    fn all() -> Vec<Self> {
        let tables = tables::Operation::ALL.into_iter().map(Self::Tables);
        tables.chain(streams::Operation::ALL.into_iter().map(Self::Streams)).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tables(operation) => operation.name(),
            Self::Streams(operation) => operation.name(),
        }
    }

    fn shapes(self) -> Shapes {
        let service = match self {
            Self::Tables(_) => "Tables",
            Self::Streams(_) => "TableStreams",
        };
        Shapes::of(&format!("millstream.v1.{service}/{}", self.name())).unwrap()
    }

    fn made_up(self, tape: &mut Tape<'_>) -> Node {
        let model = match self {
            Self::Tables(_) => Model::Tables,
            Self::Streams(_) => Model::TableStreams,
        };
        tape.request(model.input_of(self.name()))
    }

    fn decode(self, format: Format, body: Vec<u8>) -> Result<Input, ApiError> {
        let body = Bytes::from(body);
        Ok(match self {
            Self::Tables(operation) => Input::Tables(tables::Input::decode(operation, format, &body)?),
            Self::Streams(operation) => Input::Streams(streams::Input::decode(operation, format, &body)?),
        })
    }
}

/// A server without its sockets.
struct World {
    clock: ManualClock,
    engine: LiveEngine,
    front: DynamoDbFront,
}

/// Code, text, and what else an error says.
type Refused = (&'static str, String, Json);

impl World {
    async fn new() -> Self {
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let settings = Settings { storage: StorageKind::Memory, ..Settings::default() };
        let entropy = SeededEntropy::shared(7);
        let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
        let keys = Arc::new(MasterKeys::read(&settings, &Secrets::none(), entropy.clone()).unwrap());
        let engine =
            LiveEngine::open(slot, settings.engine(), clock.shared(), entropy.clone(), keys).await.unwrap();
        let opener = TablesOpener {
            settings: settings.tables(),
            engine: engine.clone(),
            clock: clock.shared(),
            machine_clock: clock.shared(),
            entropy: entropy.clone(),
        };
        let tables = LiveTables::open(engine.current().await.unwrap(), opener).await.unwrap();
        let reception = Reception {
            budget: BodyBudget::new(64 * 1024 * 1024, clock.shared()),
            faults: Faults::new(settings.faults, clock.shared(), entropy.clone()),
            clock: clock.shared(),
            default_account: settings.account_id().unwrap(),
            ids: Arc::new(RequestIds::new(&*entropy)),
            tasks: TaskSet::default(),
        };
        let front = DynamoDbFront { tables, engine: engine.clone(), reception };
        Self { clock, engine, front }
    }

    async fn ask(&self, operation: Operation, format: Format, body: Vec<u8>) -> Result<Json, Refused> {
        let caller =
            Caller { account: "000000000000".parse().unwrap(), region: "us-east-1".parse().unwrap() };
        let requester = Requester { caller, host: Some("localhost:4566".to_owned()) };
        let outcome = match operation.decode(format, body) {
            Ok(input) => self.front.perform(requester, input, format).await,
            Err(error) => Err(error),
        };
        let shapes = operation.shapes();
        match outcome {
            Ok((bytes, _)) => Ok(plain(match format {
                Format::Json if bytes.is_empty() => json!({}),
                Format::Json => serde_json::from_slice(&bytes).unwrap(),
                _ => shown(&bytes, shapes.output()),
            })),
            Err(error) => {
                let text = error.message().unwrap_or_default().to_owned();
                Err((error.code(), text, plain(said(&error, format))))
            }
        }
    }

    /// A stream of Kinesis, to which tables may feed their changes.
    async fn create_stream(&self, name: &str) {
        let kinesis = KinesisFront { engine: self.engine.clone(), reception: self.front.reception.clone() };
        let body = json!({"StreamName": name, "ShardCount": 1}).to_string();
        let input =
            kinesis::Input::decode(kinesis::Operation::CreateStream, Format::Json, &Bytes::from(body));
        let caller =
            Caller { account: "000000000000".parse().unwrap(), region: "us-east-1".parse().unwrap() };
        kinesis.perform(&caller, input.unwrap(), Format::Json).await.unwrap();
    }

    async fn close(self) {
        self.front.tables.close().await;
        self.engine.close().await.unwrap();
    }
}

/// What an error says beside its text.
fn said(error: &ApiError, format: Format) -> Json {
    if format != Format::Json {
        let said = details(error).map(|bytes| shown(&bytes, Message::named(error.code()).unwrap()));
        return said.unwrap_or_else(|| json!({}));
    }
    let mut bytes = Vec::new();
    error.encode_to(format, &mut bytes);
    let mut json: Json = serde_json::from_slice(&bytes).unwrap();
    json.as_object_mut()
        .unwrap()
        .retain(|name, _| !["__type", "message", "Message"].contains(&name.as_str()));
    json
}

/// Without what protobuf leaves out, and with one form of numbers.
fn plain(value: Json) -> Json {
    let is_left_out = |value: &Json| [Json::Null, json!([]), json!({})].contains(value);
    match value {
        Json::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, plain(value)));
            Json::Object(members.filter(|(_, value)| !is_left_out(value)).collect())
        }
        Json::Array(items) => items.into_iter().map(plain).collect(),
        Json::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

/// Two servers that are asked the same.
struct Both {
    in_json: World,
    in_protobuf: World,
}

impl Both {
    async fn new() -> Self {
        Self { in_json: World::new().await, in_protobuf: World::new().await }
    }

    /// What both answer, if protobuf has a form for the request.
    async fn ask(
        &self,
        operation: Operation,
        body: &Node,
    ) -> Result<Option<Result<Json, Refused>>, TestCaseError> {
        let shapes = operation.shapes();
        let Some(protobuf) = written(body, shapes.input()) else { return Ok(None) };
        let expected = self.in_json.ask(operation, Format::Json, body.to_json().into_bytes()).await;
        let answer = self.in_protobuf.ask(operation, Format::Protobuf(shapes), protobuf).await;
        prop_assert_eq!(&answer, &expected, "{:?} {:?}", operation, body);
        Ok(Some(answer))
    }

    fn pass(&self, time: Duration) {
        self.in_json.clock.advance(time);
        self.in_protobuf.clock.advance(time);
    }

    async fn close(self) {
        self.in_json.close().await;
        self.in_protobuf.close().await;
    }
}

type Step = (usize, u16, Vec<u16>);

async fn say_the_same(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let both = Both::new().await;
    script::prepare(&both).await;
    let all = Operation::all();
    for (index, turn, choices) in steps {
        // Half of all steps read and write items, without which there is little to see.
        let often = ["PutItem", "UpdateItem", "Query", "TransactWriteItems", "BatchWriteItem", "GetItem"];
        let operation = match index % (2 * all.len()) {
            place if place < all.len() => all[place],
            place => Operation::Tables(tables::Operation::from_name(often[place % often.len()]).unwrap()),
        };
        let node = operation.made_up(&mut Tape::new(&choices, turn % 4 == 0));
        both.ask(operation, &aimed::aimed(operation.name(), node, turn)).await?;
        both.pass(Duration::from_millis(u64::from(turn % 500)));
    }
    both.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn both_wires_say_the_same(
        steps in prop::collection::vec((any::<usize>(), any::<u16>(), prop::collection::vec(any::<u16>(), 0..120)), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(say_the_same(steps))?;
    }
}

/// An operation that is new is missed here until it is asked for, and over both wires.
#[tokio::test]
async fn every_operation_is_carried_out_over_both_wires() {
    let both = Both::new().await;
    let asked = script::run(&both).await;
    assert_eq!(asked, Operation::all().into_iter().collect::<BTreeSet<_>>());
    both.close().await;
}
