//! Commits and scans of both storage engines, in blocks as the engine writes them: what one group costs until
//! it is durable, alone and with the next one behind it.

#![allow(clippy::unwrap_used)] // a benchmark that fails should stop

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::rocksdb::{RocksBackend, Settings};
use millstream_storage::{Backend, KeyRange, ScanOptions, Slot, SlotId, WriteSet};
use tokio::runtime::Runtime;

const PREFIX: &[u8] = b"block";
/// Bytes of a block and blocks in a group: a lone record, a batch in one shard, a batch spread over 64.
const SHAPES: [(usize, usize); 3] = [(1024, 1), (512 * 1024, 1), (8 * 1024, 64)];
const IN_FLIGHT: u64 = 4;

fn key(number: u64) -> Vec<u8> {
    [PREFIX, &number.to_be_bytes()].concat()
}

fn group(next: &AtomicU64, bytes: usize, blocks: usize) -> WriteSet {
    let mut writes = WriteSet::new();
    let value = Bytes::from(vec![0x5a; bytes]);
    for _ in 0..blocks {
        writes.append(key(next.fetch_add(1, Ordering::Relaxed)), value.clone());
    }
    writes
}

/// Both engines, with the directory that must outlive the store.
fn slots(runtime: &Runtime) -> Vec<(&'static str, Arc<dyn Slot>, Option<tempfile::TempDir>)> {
    let directory = tempfile::tempdir_in(".").unwrap();
    let rocksdb = RocksBackend::new(directory.path().join("store"), Settings::default());
    let open = |backend: &dyn Backend| runtime.block_on(backend.open(SlotId(0), None)).unwrap();
    vec![("memory", open(&MemoryBackend::new()), None), ("rocksdb", open(&rocksdb), Some(directory))]
}

fn commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for (name, slot, directory) in slots(&runtime) {
        let next = AtomicU64::new(0);
        for (bytes, blocks) in SHAPES {
            let mut groups = criterion.benchmark_group(format!("{name}, {blocks} blocks of {bytes} B"));
            groups.throughput(Throughput::Bytes((bytes * blocks) as u64));
            groups.bench_function("one commit until durable", |bencher| {
                bencher.iter(|| runtime.block_on(durable(&*slot, &next, bytes, blocks, 1)));
            });
            groups.throughput(Throughput::Bytes(IN_FLIGHT * (bytes * blocks) as u64));
            groups.bench_function(BenchmarkId::new("commits until all are durable", IN_FLIGHT), |bencher| {
                bencher.iter(|| runtime.block_on(durable(&*slot, &next, bytes, blocks, IN_FLIGHT)));
            });
        }
        runtime.block_on(slot.close()).unwrap();
        drop(directory);
    }
}

async fn durable(slot: &dyn Slot, next: &AtomicU64, bytes: usize, blocks: usize, commits: u64) {
    let mut last = None;
    for _ in 0..commits {
        last = Some(slot.commit(group(next, bytes, blocks)).await.unwrap());
    }
    // Durability comes in order, so the last one stands for all.
    if let Some(last) = last {
        last.durable().await.unwrap();
    }
}

fn scan(criterion: &mut Criterion) {
    const BLOCKS: usize = 256;
    const BYTES: usize = 64 * 1024;
    let runtime = Runtime::new().unwrap();
    for (name, slot, directory) in slots(&runtime) {
        let next = AtomicU64::new(0);
        runtime.block_on(durable(&*slot, &next, BYTES, BLOCKS, 1));
        let mut groups = criterion.benchmark_group(format!("{name}, scan"));
        groups.throughput(Throughput::Bytes((BYTES * BLOCKS) as u64));
        groups.bench_function(format!("{BLOCKS} blocks of {BYTES} B"), |bencher| {
            let options = ScanOptions { bytes_max: usize::MAX, ..ScanOptions::default() };
            bencher.iter(|| {
                let found = runtime.block_on(slot.scan(KeyRange::prefix(PREFIX), options)).unwrap();
                assert_eq!(found.entries.len(), BLOCKS);
            });
        });
        groups.finish();
        runtime.block_on(slot.close()).unwrap();
        drop(directory);
    }
}

criterion_group!(benches, commit, scan);
criterion_main!(benches);
