//! How many records a producer packs and settles in a second, with a service that takes everything at once:
//! `cargo run --release --example throughput -- 100 10000000 2`, for records of 100 bytes, so many of them, two tasks
//! that put. What is measured is the producer alone.
#![allow(clippy::print_stdout)] // it is what the program is for

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use bytestring::ByteString;
use millstream_client::{
    Acknowledgement, EntryOutcome, Error, NewRecord, Page, PageToken, Shard, ShardFilter, StreamApi,
    StreamRef,
};
use millstream_model::{HashKey, HashKeyRange, ShardId};
use millstream_producer_sdk::{Producer, Record};
use millstream_runtime::{Clock, OnFailure, SystemClock, TaskSet};

const SHARDS: u32 = 4;
/// Futures that a task holds before it looks at the oldest.
const HELD: usize = 20_000;
const KEYS: u64 = 10_000;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

/// Takes every record at once.
#[derive(Debug, Default)]
struct Null {
    calls: AtomicU64,
    records: AtomicU64,
    written: AtomicU64,
}

fn shards() -> Vec<Shard> {
    let number = |text: &str| text.parse().unwrap_or_else(|_| unreachable!("a number"));
    let shard = |(index, hash_key_range)| Shard {
        id: ShardId::new(index).unwrap_or(ShardId::MAX),
        parent: None,
        adjacent_parent: None,
        hash_key_range,
        starting_sequence_number: number("1"),
        ending_sequence_number: None,
    };
    (0..).zip(HashKeyRange::uniform(SHARDS)).map(shard).collect()
}

#[async_trait]
impl StreamApi for Null {
    async fn put_records(&self, _: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records.len() as u64, Ordering::Relaxed);
        let width = u128::MAX / u128::from(SHARDS);
        let outcome = |record: &NewRecord| {
            let key = record.explicit_hash_key;
            let HashKey(key) = key.unwrap_or_else(|| HashKey::of_partition_key(&record.partition_key));
            let shard = ShardId::new(u32::try_from(key / width).unwrap_or(0).min(SHARDS - 1));
            let number = self.written.fetch_add(1, Ordering::Relaxed).to_string();
            let sequence_number = number.parse().map_err(|_| Error::UnreadableReply(number))?;
            Ok(Acknowledgement { shard: shard.unwrap_or(ShardId::MAX), sequence_number })
        };
        Ok(records.iter().map(outcome).collect())
    }
    async fn list_shards(&self, _: &StreamRef, _: ShardFilter, _: Option<&PageToken>) -> Result<Page<Shard>> {
        Ok(Page { items: shards(), next: None })
    }
}

/// Puts so many records, and waits for each.
async fn put(
    producer: Producer,
    keys: Arc<[ByteString]>,
    data: Bytes,
    first: u64,
    count: u64,
) -> Result<(), BoxError> {
    let mut held = VecDeque::with_capacity(HELD);
    for number in first..first + count {
        let key = &keys[usize::try_from(number.wrapping_mul(0x9e37_79b9) % KEYS)?];
        if held.len() == HELD
            && let Some(oldest) = held.pop_front()
        {
            oldest.await?;
        }
        held.push_back(producer.send(Record::new(key.clone(), data.clone())).await?);
    }
    for pending in held {
        pending.await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let bytes = arguments.next().transpose()?.unwrap_or(100);
    let records = arguments.next().transpose()?.unwrap_or(10_000_000);
    let tasks = arguments.next().transpose()?.unwrap_or(2);
    let service = Arc::new(Null::default());
    let producer = Producer::builder(service.clone(), "bench".parse()?)
        .settings(|settings| settings.rate_limit = None)
        .start()
        .await?;
    let keys: Arc<[ByteString]> = (0..KEYS).map(|key| format!("customer-{key:08}").into()).collect();
    let data = Bytes::from(vec![b'x'; usize::try_from(bytes)?]);
    let clock = SystemClock::default();
    let began = clock.monotonic();
    let putters = TaskSet::default();
    for task in 0..tasks {
        let each = records / tasks;
        let putter = put(producer.clone(), keys.clone(), data.clone(), task * each, each);
        putters.spawn("putter", OnFailure::Shutdown, async move {
            putter.await.map_err(|error| error.to_string())
        });
    }
    let is_done = putters.join(&clock, Duration::from_secs(600)).await;
    assert!(is_done && !putters.is_stopping());
    let took = clock.monotonic() - began;
    let ended = producer.close(Duration::from_secs(10)).await;
    assert_eq!(ended.unfinished, 0);
    #[allow(clippy::cast_precision_loss)]
    let (count, volume) = (records as f64, (records * bytes) as f64);
    println!(
        "{:.0} records/s, {:.1} MB/s; {} calls, {} records of the stream",
        count / took.as_secs_f64(),
        volume / took.as_secs_f64() / 1e6,
        service.calls.load(Ordering::Relaxed),
        service.records.load(Ordering::Relaxed),
    );
    Ok(())
}
