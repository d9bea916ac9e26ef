//! The server: the engine with one stream, and the table service with the lease table, on one disk whose power can be
//! cut.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_engine::{
    CreateStream, Distribution, Engine, EphemeralKey, ListShards, Mode, ShardDescription, ShardFilter,
    ShardsFrom,
};
use millstream_lease::store::Layout;
use millstream_lease::store::embedded::{EmbeddedStore, Place};
use millstream_model::StreamArn;
use millstream_runtime::{Clock, ManualClock, OnFailure, SeededEntropy, TaskSet};
use millstream_storage::manual_disk::ManualDisk;
use millstream_storage::{Backend, SlotId};
use millstream_table::Tables;
use parking_lot::Mutex;

pub(crate) const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
pub(crate) const LEASES: &str = "leases";

/// Between two turns of the disk. What was written is durable at the next one.
const DISK_TURN: Duration = Duration::from_millis(7);

/// Clones are the same server.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: ManualClock,
    disk: Arc<ManualDisk>,
    /// Outlives the power, as its file does.
    keys: Arc<EphemeralKey>,
    seed: Mutex<u64>,
    /// Empty while the power is off.
    running: Mutex<Option<Running>>,
    tasks: TaskSet,
}

#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) engine: Engine,
    pub(crate) leases: Arc<EmbeddedStore>,
    tables: Tables,
}

pub(crate) fn arn() -> StreamArn {
    ARN.parse().unwrap()
}

impl Server {
    pub(crate) async fn start(clock: &ManualClock, seed: u64, shards: u32) -> Self {
        let server = Self(Arc::new(Inner {
            clock: clock.clone(),
            disk: Arc::default(),
            keys: Arc::new(EphemeralKey::new(SeededEntropy::shared(8))),
            seed: Mutex::new(seed),
            running: Mutex::default(),
            tasks: TaskSet::default(),
        }));
        server.power_on().await;
        let (disk, turns) = (server.0.disk.clone(), clock.clone());
        server.0.tasks.spawn("disk", OnFailure::Shutdown, async move {
            loop {
                turns.sleep(DISK_TURN).await;
                disk.sync();
            }
            #[allow(unreachable_code)] // names the type
            Ok::<_, Infallible>(())
        });
        let stream = CreateStream {
            arn: arn(),
            shard_count: Some(shards),
            mode: Some(Mode::Provisioned),
            tags: BTreeMap::new(),
            record_kib_max: None,
            warm_mib: 0,
            distribution: Distribution::UserPartitionKey,
        };
        server.running().unwrap().engine.create_stream(stream).await.unwrap();
        server
    }

    /// `None` while the power is off.
    pub(crate) fn running(&self) -> Option<Running> {
        self.0.running.lock().clone()
    }

    /// Cuts the power for a while. A few batches that were not durable had come to the disk by themselves.
    pub(crate) async fn lose_power(&self, kept: usize, dark: Duration) {
        let Some(Running { engine, tables, .. }) = self.0.running.lock().take() else { return };
        self.0.disk.cut_power(kept);
        // What a process leaves behind is nothing: whoever waits is told.
        tables.close().await;
        let _ = engine.close().await;
        self.0.clock.sleep(dark).await;
        self.power_on().await;
    }

    async fn power_on(&self) {
        let slot = self.0.disk.open(SlotId(0), None).await.unwrap();
        let seed = {
            let mut seed = self.0.seed.lock();
            *seed = seed.wrapping_add(1_000_003);
            *seed
        };
        let (clock, entropy) = (self.0.clock.shared(), SeededEntropy::shared(seed));
        let keys = self.0.keys.clone();
        let opened = async {
            let engine = Engine::open(
                slot.clone(),
                millstream_engine::Settings::default(),
                clock.clone(),
                entropy.clone(),
                keys,
            );
            let engine = engine.await.unwrap();
            let settings = millstream_table::Settings::default();
            let tables = Tables::open(engine.slot(), settings, clock.clone(), entropy).await.unwrap();
            (engine, tables)
        };
        let (engine, tables) = self.0.disk.while_syncing(opened).await;
        let place = Place { account: arn().account, region: arn().region };
        let leases = EmbeddedStore::new(tables.clone(), place, Layout::single(LEASES), clock);
        *self.0.running.lock() = Some(Running { engine, leases: Arc::new(leases), tables });
    }

    /// The end of the simulation: nothing goes on.
    pub(crate) fn end(&self) {
        self.0.tasks.shutdown();
    }
}

impl Running {
    pub(crate) fn shards(&self, filter: ShardFilter) -> Vec<ShardDescription> {
        let from = ShardsFrom::Start { arn: &arn(), filter, after: None, stream_created: None };
        let mut shards = self.engine.list_shards(ListShards { from, shards_max: None }).unwrap().shards;
        shards.sort_by_key(|shard| shard.range.start());
        shards
    }
}
