//! A stream of three shards, and an application that reads it and is not doing well.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::Region;
use millstream_lease::leader::Lock;
use millstream_lease::row::Row;
use millstream_lease::store::Layout;
use millstream_lease::store::dynamodb::DynamoDbStore;
use millstream_lease::worker::WorkerReport;
use millstream_lease::{Checkpoint, Lease, LeaseStore, WorkerId};
use millstream_runtime::{Clock, SystemClock};
use millstream_tests::wire::Wire;
use millstream_tests::{Server, ServerOptions};

pub(crate) const APPLICATION: &str = "billing";
pub(crate) const STREAM: &str = "orders";
/// Holds the first shard and does not renew it.
pub(crate) const FIRST: &str = "worker-1";
/// Reports and holds nothing.
pub(crate) const SECOND: &str = "worker-2";

/// What the tests talk to.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) store: DynamoDbStore,
    /// The shards' ids, all of which have a lease but the last.
    pub(crate) shards: Vec<String>,
}

/// A lease store in the tables of an endpoint.
pub(crate) fn store(endpoint: &str, layout: Layout) -> DynamoDbStore {
    let config = aws_sdk_dynamodb::Config::builder()
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    DynamoDbStore::connect(config, layout, SystemClock::shared())
}

pub(crate) fn worker(name: &str) -> WorkerId {
    name.parse().unwrap()
}

impl Scene {
    /// The first shard has an owner and is behind by a record, the second has no owner, the third no lease.
    pub(crate) async fn new(directory: &std::path::Path) -> Self {
        let server = ServerOptions::new(directory).start();
        let mut wire = Wire::connect(server.address()).unwrap();
        wire.create_stream(STREAM, 3).unwrap();
        let shards = wire.shards(STREAM).unwrap();
        // Two records of the first shard.
        let keys = (0..).map(|number| format!("key-{number}"));
        let mut places = keys.map(|key| wire.put_record(STREAM, &key, b"x").unwrap());
        let processed = places.by_ref().find(|place| place.shard == shards[0]).unwrap();
        places.find(|place| place.shard == shards[0]).unwrap();
        let store = store(&server.http(), Layout::single(APPLICATION));
        store.prepare().await.unwrap();
        let number = processed.sequence.parse().unwrap();
        let first = Lease::new(shards[0].parse().unwrap(), Checkpoint::at(number, 0));
        let second = Lease::new(shards[1].parse().unwrap(), Checkpoint::TRIM_HORIZON);
        for lease in [&first, &second] {
            assert!(store.create(lease).await.unwrap().is_applied());
        }
        assert!(store.take(&first, &worker(FIRST)).await.unwrap().is_applied());
        let scene = Self { server, store, shards };
        scene.report(FIRST).await;
        scene.report(SECOND).await;
        scene.lead(FIRST).await;
        scene
    }

    async fn report(&self, name: &str) {
        let updated_secs = SystemClock::default().now().as_secs();
        let (worker, unknown) = (worker(name), Row::new());
        let report = WorkerReport { worker, updated_secs, metrics: Default::default(), unknown };
        assert!(self.store.report(None, &report).await.unwrap().is_applied());
    }

    async fn lead(&self, name: &str) {
        let lock = Lock {
            owner: worker(name),
            lease_duration: std::time::Duration::from_secs(120),
            version: "0f3a".to_owned(),
            is_released: false,
            unknown: Row::new(),
        };
        assert!(self.store.acquire_lock(None, &lock).await.unwrap().is_applied());
    }

    pub(crate) async fn lease(&self, shard: usize) -> Lease {
        self.store.get(&self.shards[shard].parse().unwrap()).await.unwrap().unwrap()
    }
}
