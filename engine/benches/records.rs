//! Records through the engine on storage in memory, so that what is measured is routing, limits, numbering,
//! packing, publication and reading, and no disk.

#![allow(clippy::unwrap_used)] // a benchmark that fails should stop

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millstream_engine::{
    BlockBuilder, CreateStream, Distribution, Engine, EphemeralKey, GetRecords, Limits, Mode, PutEntry,
    Settings, StartingPosition, StoredBlock,
};
use millstream_model::{StreamArn, Timestamp};
use millstream_runtime::{SystemClock, SystemEntropy};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, SlotId};
use tokio::runtime::Runtime;

const RECORD_BYTES: usize = 1024;
/// A storage engine in memory keeps everything, so it is made anew before it has grown to this.
const CALLS_OF_ONE_ENGINE: u64 = 1000;

async fn engine(shards: u32) -> (Engine, StreamArn) {
    let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
    let settings = Settings { limits: Limits::OFF, ..Settings::default() };
    let (clock, entropy) = (SystemClock::shared(), SystemEntropy::shared());
    let keys = Arc::new(EphemeralKey::new(entropy.clone()));
    let engine = Engine::open(slot, settings, clock, entropy, keys).await.unwrap();
    let arn: StreamArn = "arn:aws:kinesis:us-east-1:000000000000:stream/bench".parse().unwrap();
    let stream = CreateStream {
        arn: arn.clone(),
        shard_count: Some(shards),
        mode: Some(Mode::Provisioned),
        tags: BTreeMap::new(),
        record_kib_max: None,
        warm_mib: 0,
        distribution: Distribution::UserPartitionKey,
    };
    engine.create_stream(stream).await.unwrap();
    (engine, arn)
}

fn entries(count: usize) -> Vec<PutEntry> {
    let data = Bytes::from(vec![0x5a; RECORD_BYTES]);
    let entry = |index| PutEntry {
        partition_key: Bytes::from(format!("customer-{index}")),
        explicit_hash_key: None,
        data: data.clone(),
    };
    (0..count).map(entry).collect()
}

fn put(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for (shards, batch) in [(10, 1), (10, 100), (10, 500), (10_000, 1), (10_000, 100), (10_000, 500)] {
        let mut group = criterion.benchmark_group("put_records");
        group.throughput(Throughput::Elements(batch as u64));
        let entries = entries(batch);
        group.bench_function(BenchmarkId::new(format!("{shards} shards"), batch), |bencher| {
            bencher.iter_custom(|mut calls| {
                let mut spent = std::time::Duration::ZERO;
                while calls > 0 {
                    let round = calls.min(CALLS_OF_ONE_ENGINE);
                    calls -= round;
                    spent += runtime.block_on(puts(shards, &entries, round));
                }
                spent
            });
        });
    }
}

async fn puts(shards: u32, entries: &[PutEntry], calls: u64) -> std::time::Duration {
    let (engine, arn) = engine(shards).await;
    let clock = SystemClock::shared();
    let begin = clock.monotonic();
    for _ in 0..calls {
        engine.put_records(&arn, entries, false).await.unwrap();
    }
    let spent = clock.monotonic() - begin;
    engine.close().await.unwrap();
    spent
}

fn get(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (engine, arn) = runtime.block_on(engine(1));
    let entries = entries(500);
    for _ in 0..8 {
        runtime.block_on(engine.put_records(&arn, &entries, false)).unwrap();
    }
    let start = StartingPosition::TrimHorizon;
    let iterator = runtime.block_on(engine.get_shard_iterator(&arn, "shardId-000000000000", &start, false));
    let iterator = iterator.unwrap();
    let mut group = criterion.benchmark_group("get_records");
    for records in [1, 100, 4000] {
        group.throughput(Throughput::Elements(records as u64));
        group.bench_function(BenchmarkId::new("from the tail", records), |bencher| {
            let call = || GetRecords {
                iterator: &iterator,
                records_max: Some(records),
                bytes_max: None,
                stream: None,
                dry_run: false,
            };
            bencher.iter(|| runtime.block_on(engine.get_records(call())).unwrap());
        });
    }
}

fn block(criterion: &mut Criterion) {
    const RECORDS: usize = 500;
    let data = vec![0x5a; RECORD_BYTES];
    let build = || {
        let mut builder = BlockBuilder::new(0, 0, RECORDS * (RECORD_BYTES + 64));
        for index in 0..RECORDS {
            builder.push(Timestamp::from_millis(index as u64), b"customer", &data);
        }
        builder.seal()
    };
    let bytes = build().bytes().clone();
    let mut group = criterion.benchmark_group("record_block, 500 x 1 KiB");
    group.throughput(Throughput::Bytes((RECORDS * RECORD_BYTES) as u64));
    group.bench_function("build", |bencher| bencher.iter(build));
    group.bench_function("decode and walk", |bencher| {
        bencher.iter_batched(
            || bytes.clone(),
            |bytes| StoredBlock::decode(bytes).unwrap().into_clear().unwrap().records().count(),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, put, get, block);
criterion_main!(benches);
