//! gRPC on a server in this process with a clock of its own: calls, streams, statuses, limits, and the same trait over
//! both wires.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod admin;
mod beside;
mod contract;
mod examples;
mod groups;
mod grpcurl;
mod limits;
mod put_stream;
mod statuses;
mod stop;
mod subscribe;

use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use millstream_proto::v1::records_client::RecordsClient;
use millstream_proto::v1::streams_client::StreamsClient;
use millstream_proto::v1::{
    CreateStreamRequest, PutRecordRequest, PutRecordsRequestEntry, RegisterStreamConsumerRequest,
    ShardIteratorType, StartingPosition, StreamMode, StreamModeDetails, SubscribeRequest,
};
use millstream_runtime::{ManualClock, SeededEntropy, SystemClock, SystemEntropy};
use millstream_server::settings::{LimitsPreset, LimitsSetting, StorageKind};
use millstream_server::{Secrets, Server, Settings};
use tonic::body::Body;
use tonic_types::StatusExt;

/// 2023-11-14T22:13:20Z
const START: Duration = Duration::from_secs(1_700_000_000);
const SHARD: &str = "shardId-000000000000";
const STREAM_ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
/// Nothing in these tests takes this long by the machine's clock.
const PATIENCE: Duration = Duration::from_secs(60);

type Transport = Client<HttpConnector, Body>;

/// A server with the stream `orders` of one shard.
struct World {
    clock: ManualClock,
    server: Server,
    streams: StreamsClient<Transport>,
    records: RecordsClient<Transport>,
}

impl World {
    async fn new() -> Self {
        Self::limited(LimitsPreset::Off).await
    }

    async fn limited(limits: LimitsPreset) -> Self {
        Self::with(|settings| settings.limits = LimitsSetting::Preset(limits)).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin_listen: "127.0.0.1:0".parse().unwrap(),
            storage: StorageKind::Memory,
            limits: LimitsSetting::Preset(LimitsPreset::Off),
            ..Settings::default()
        };
        change(&mut settings);
        let clock = ManualClock::starting_at(START);
        let secrets = Secrets::none();
        let server = Server::start(&settings, &secrets, clock.shared(), SeededEntropy::shared(5));
        let server = server.await.unwrap();
        let origin: hyper::Uri = format!("http://{}", server.address()).parse().unwrap();
        let streams = StreamsClient::with_origin(transport(), origin.clone());
        let records = RecordsClient::with_origin(transport(), origin);
        let mut world = Self { clock, server, streams, records };
        world.create("orders", 1).await;
        world
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.server.address())
    }

    async fn create(&mut self, name: &str, shards: i32) {
        let mode = StreamModeDetails { stream_mode: Some(StreamMode::Provisioned.into()) };
        let request = CreateStreamRequest {
            stream_name: Some(name.to_owned()),
            shard_count: Some(shards),
            stream_mode_details: Some(mode),
            ..Default::default()
        };
        self.streams.create_stream(request).await.unwrap();
    }

    async fn put(&mut self, data: &'static [u8]) -> String {
        let request = PutRecordRequest {
            stream_name: Some("orders".to_owned()),
            data: Some(data.into()),
            partition_key: Some("k".to_owned()),
            ..Default::default()
        };
        self.records.put_record(request).await.unwrap().into_inner().sequence_number
    }

    /// Registers a consumer and gives its ARN.
    async fn consumer(&mut self, name: &str) -> String {
        let request = RegisterStreamConsumerRequest {
            stream_arn: Some(STREAM_ARN.to_owned()),
            consumer_name: Some(name.to_owned()),
            ..Default::default()
        };
        let reply = self.streams.register_stream_consumer(request).await.unwrap();
        reply.into_inner().consumer.unwrap().consumer_arn
    }
}

fn transport() -> Transport {
    Client::builder(TokioExecutor::new()).http2_only(true).build(HttpConnector::new())
}

fn from_horizon(consumer: &str) -> SubscribeRequest {
    let kind = Some(ShardIteratorType::TrimHorizon.into());
    SubscribeRequest {
        consumer_arn: Some(consumer.to_owned()),
        shard_id: Some(SHARD.to_owned()),
        starting_position: Some(StartingPosition { r#type: kind, ..Default::default() }),
        dry_run: None,
    }
}

fn entry(key: &str, data: impl Into<bytes::Bytes>) -> PutRecordsRequestEntry {
    PutRecordsRequestEntry {
        data: Some(data.into()),
        partition_key: Some(key.to_owned()),
        explicit_hash_key: None,
    }
}

/// The exception in a status.
fn reason(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{status:?} has no exception"));
    assert_eq!(info.domain, "millstream");
    info.reason.clone()
}

/// The future's output, which comes soon.
async fn soon<F: Future>(future: F) -> F::Output {
    let clock = SystemClock::shared();
    clock.timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Long enough for what is under way to arrive, were there anything.
async fn a_moment() {
    millstream_runtime::Clock::sleep(&SystemClock::default(), Duration::from_millis(50)).await;
}
