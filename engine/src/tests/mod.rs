//! The engine as a whole, on storage in memory and on a manual clock.

mod capacity;
mod consumers;
mod distribution;
mod dry_runs;
mod durability;
mod encryption;
mod large_records;
mod lifecycle;
mod monitoring;
mod on_demand;
mod pages;
mod reading;
mod replacing;
mod resharding;
mod resources;
mod retention;
mod simulation;
mod subscriptions;
mod throttling;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_model::{Record, StreamArn};
use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_storage::faulty::{Faults, FaultyBackend};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, Slot, SlotId};

use crate::{
    CreateStream, Engine, EphemeralKey, GetRecords, KeySource, Limits, Mode, PutEntry, Receipt, Result,
    Settings, StartingPosition,
};

/// 2023-11-14T22:13:20Z
const START: Duration = Duration::from_secs(1_700_000_000);

/// A store, its faults, and a clock, from which engines can be opened again and again.
struct World {
    storage: FaultyBackend<MemoryBackend>,
    clock: ManualClock,
    settings: Settings,
    keys: Arc<dyn KeySource>,
}

impl World {
    fn new() -> Self {
        Self {
            storage: FaultyBackend { inner: MemoryBackend::new(), faults: Faults::default() },
            clock: ManualClock::starting_at(START),
            settings: Settings { limits: Limits::OFF, ..Settings::default() },
            keys: Arc::new(EphemeralKey::new(SeededEntropy::shared(8))),
        }
    }

    /// Nothing stays in memory, so that every read goes to storage.
    fn without_tail() -> Self {
        let mut world = Self::new();
        world.settings.tail_bytes_max = 0;
        world
    }

    fn faults(&self) -> &Faults {
        &self.storage.faults
    }

    async fn slot(&self) -> Arc<dyn Slot> {
        self.storage.open(SlotId(0), None).await.unwrap()
    }

    async fn open(&self) -> Engine {
        self.open_on(self.slot().await).await
    }

    async fn open_on(&self, slot: Arc<dyn Slot>) -> Engine {
        self.try_open_on(slot).await.unwrap()
    }

    async fn try_open_on(&self, slot: Arc<dyn Slot>) -> Result<Engine> {
        let entropy = SeededEntropy::shared(7);
        let keys = self.keys.clone();
        Engine::open(slot, self.settings.clone(), self.clock.shared(), entropy, keys).await
    }

    /// An engine with one provisioned stream.
    async fn with_stream(&self, shards: u32) -> (Engine, StreamArn) {
        let (engine, arn) = (self.open().await, arn("orders"));
        engine.create_stream(provisioned(&arn, shards)).await.unwrap();
        (engine, arn)
    }
}

fn arn(name: &str) -> StreamArn {
    format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}").parse().unwrap()
}

fn provisioned(arn: &StreamArn, shards: u32) -> CreateStream {
    CreateStream {
        arn: arn.clone(),
        shard_count: Some(shards),
        mode: Some(Mode::Provisioned),
        tags: std::collections::BTreeMap::new(),
        record_kib_max: None,
        warm_mib: 0,
        distribution: crate::Distribution::UserPartitionKey,
    }
}

fn entry(partition_key: &str, data: impl Into<Bytes>) -> PutEntry {
    PutEntry { partition_key: partition_key.to_owned().into(), explicit_hash_key: None, data: data.into() }
}

async fn put(engine: &Engine, arn: &StreamArn, data: &str) -> Result<Receipt> {
    engine.put_record(arn, entry("key", data.to_owned()), None, false).await
}

/// Puts records one by one, each a block of its own.
async fn put_all(engine: &Engine, arn: &StreamArn, data: impl IntoIterator<Item = String>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for data in data {
        receipts.push(put(engine, arn, &data).await.unwrap());
    }
    receipts
}

const SHARD: &str = "shardId-000000000000";

async fn iterator(engine: &Engine, arn: &StreamArn, start: StartingPosition) -> String {
    engine.get_shard_iterator(arn, SHARD, &start, false).await.unwrap()
}

fn call(iterator: &str, records_max: Option<usize>) -> GetRecords<'_> {
    GetRecords { iterator, records_max, bytes_max: None, stream: None, dry_run: false }
}

/// Reads the first shard until it is caught up, so many records at a time.
async fn read_from(engine: &Engine, iterator: String, records_max: usize) -> Result<Vec<Record>> {
    let (mut records, mut iterator) = (Vec::new(), iterator);
    loop {
        let page = engine.get_records(call(&iterator, Some(records_max))).await?;
        let caught_up = page.records.len() < records_max && page.millis_behind_latest == 0;
        records.extend(page.records);
        iterator = page.next_iterator.unwrap();
        if caught_up {
            return Ok(records);
        }
    }
}

async fn read_all(engine: &Engine, arn: &StreamArn) -> Result<Vec<String>> {
    let start = iterator(engine, arn, StartingPosition::TrimHorizon).await;
    Ok(texts(&read_from(engine, start, 1000).await?))
}

fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()).collect()
}

fn numbered(range: std::ops::Range<u32>) -> impl Iterator<Item = String> + Clone {
    range.map(|number| format!("r{number}"))
}
