//! SubscribeToShard over HTTP/1.1 and HTTP/2, faults that were asked for and snapshots, on a server in this process with a clock of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod client;
mod faults;
mod flow;
mod frames;
mod pace;
mod snapshots;
mod stopping;

use std::time::Duration;

use millstream_runtime::{Clock, ManualClock, SeededEntropy, SystemClock};
use millstream_server::settings::{LimitsPreset, LimitsSetting, StorageKind};
use millstream_server::{Secrets, Server, Settings};
use serde_json::{Value as Json, json};

use client::{Client, Events, Http};

/// 2023-11-14T22:13:20Z
const START: Duration = Duration::from_secs(1_700_000_000);
const SHARD: &str = "shardId-000000000000";
const BOTH: [Http; 2] = [Http::One, Http::Two];
/// Nothing in these tests takes this long by the machine's clock.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with the stream `orders` of one shard.
struct World {
    clock: ManualClock,
    server: Server,
    /// For everything but subscriptions.
    control: Client,
}

impl World {
    async fn new() -> Self {
        Self::limited(LimitsPreset::Off).await
    }

    async fn limited(limits: LimitsPreset) -> Self {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin_listen: "127.0.0.1:0".parse().unwrap(),
            storage: StorageKind::Memory,
            limits: LimitsSetting::Preset(limits),
            ..Settings::default()
        };
        let clock = ManualClock::starting_at(START);
        let secrets = Secrets::none();
        let server = Server::start(&settings, &secrets, clock.shared(), SeededEntropy::shared(5));
        let server = server.await.unwrap();
        let control = Client::connect(server.address(), Http::Two).await;
        let mut world = Self { clock, server, control };
        world.call("CreateStream", json!({"StreamName": "orders", "ShardCount": 1})).await;
        world
    }

    async fn client(&self, http: Http) -> Client {
        Client::connect(self.server.address(), http).await
    }

    async fn call(&mut self, operation: &str, body: Json) -> Json {
        let (status, answer) = self.control.call(operation, &body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Registers a consumer and gives its ARN.
    async fn consumer(&mut self, name: &str) -> String {
        let body = json!({"StreamARN": stream_arn(), "ConsumerName": name});
        let answer = self.call("RegisterStreamConsumer", body).await;
        answer["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned()
    }

    /// How many records were taken for a consumer so far, be they read or not.
    async fn records_taken(&self, consumer: &str) -> u32 {
        let metrics = client::get(self.server.admin_address(), "/metrics").await;
        let (name, label) =
            ("millstream_subscribe_to_shard_event_records_total{", format!("consumer_name=\"{consumer}\""));
        let line = metrics.lines().find(|line| line.starts_with(name) && line.contains(&label)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Adds rules of what goes wrong.
    async fn fault(&self, rules: Json) {
        let made = client::post(self.server.admin_address(), "/admin/faults", &rules).await;
        assert!(made["faults"].is_array(), "{made}");
    }

    /// How often each rule was asked for a call that it is for.
    async fn seen(&self) -> Vec<u64> {
        let listed = client::get(self.server.admin_address(), "/admin/faults").await;
        let listed: Json = serde_json::from_str(&listed).unwrap();
        listed["faults"].as_array().unwrap().iter().map(|rule| rule["seen"].as_u64().unwrap()).collect()
    }

    async fn put(&mut self, data: &[u8]) {
        let data = base64_simd::STANDARD.encode_to_string(data);
        self.call("PutRecord", json!({"StreamName": "orders", "PartitionKey": "k", "Data": data})).await;
    }
}

fn stream_arn() -> &'static str {
    "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
}

fn subscribe_body(consumer: &str, kind: &str) -> Json {
    json!({"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": kind}})
}

/// A subscription from which the first frame was taken.
async fn subscribe(client: &mut Client, consumer: &str, kind: &str) -> Events {
    let mut events = client.subscribe(&subscribe_body(consumer, kind)).await.unwrap();
    let first = events.next().await.expect("a frame");
    assert_eq!((first.kind(), first.json()), ("initial-response", json!({})));
    events
}

fn data(event: &Json) -> Vec<Vec<u8>> {
    let decode =
        |record: &Json| base64_simd::STANDARD.decode_to_vec(record["Data"].as_str().unwrap()).unwrap();
    event["Records"].as_array().unwrap().iter().map(decode).collect()
}

/// The future's output, which comes soon.
async fn soon<F: Future>(future: F) -> F::Output {
    let clock = SystemClock::shared();
    clock.timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Long enough for what is under way to arrive, were there anything.
async fn a_moment() {
    SystemClock::default().sleep(Duration::from_millis(50)).await;
}
