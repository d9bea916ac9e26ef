//! A program that puts records with the producer SDK for as long as it runs, for `make bench-producers`.
//!
//! ENDPOINT, STREAM and RECORD_BYTES are needed. KEYS is how many partition keys there are, RATE how many records are put
//! in a second, 0 or nothing for as many as are taken; OUTSTANDING how many are on their way at most, and TASKS how many
//! tasks put where there is no rate. Every 100 ms it prints how many records were acknowledged, how many failed, and how
//! long they took from being put to their receipts, all of which came later than WARM_UP_SECS. The program in
//! tests/clients/kpl says the same.

// A program that cannot run has nobody to tell but the benchmark that waits for it.
#![allow(clippy::print_stdout)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_producer_sdk::{AwsSettings, Pending, Producer, Record};
use millstream_runtime::{OnFailure, SharedClock, SystemClock, TaskSet};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::mpsc;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const SAY_INTERVAL: Duration = Duration::from_millis(100);
/// Between two looks at how many records are due.
const PACE: Duration = Duration::from_millis(1);
/// How finely times are told, and up to where.
const STEP: Duration = Duration::from_micros(100);
const STEPS: usize = 100_000;

/// What became of all records so far.
struct Tally {
    acknowledged: AtomicU64,
    failed: AtomicU64,
    latencies: Mutex<Vec<u64>>,
    clock: SharedClock,
    /// Times before that do not count.
    warm_at: Duration,
}

/// What is to be put.
#[derive(Clone)]
struct Load {
    producer: Producer,
    keys: Arc<[ByteString]>,
    data: Bytes,
    rate: u64,
    outstanding: usize,
    tally: Arc<Tally>,
}

impl Tally {
    fn count(&self, is_stored: bool, records: u64) {
        let counter = if is_stored { &self.acknowledged } else { &self.failed };
        counter.fetch_add(records, Ordering::Relaxed);
    }

    fn took(&self, asked: Duration) {
        let now = self.clock.monotonic();
        if now < self.warm_at {
            return;
        }
        let step = now.saturating_sub(asked).as_nanos() / STEP.as_nanos();
        let step = usize::try_from(step).unwrap_or(STEPS).min(STEPS - 1);
        self.latencies.lock()[step] += 1;
    }

    /// In milliseconds; 0 while there are none.
    fn percentile(&self, share: f64) -> f64 {
        let latencies = self.latencies.lock();
        let all: u64 = latencies.iter().sum();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let wanted = (all as f64 * share).ceil() as u64;
        let mut seen = 0;
        let step = latencies.iter().position(|count| {
            seen += count;
            seen >= wanted.max(1)
        });
        step.map_or(0.0, |step| (STEP * u32::try_from(step + 1).unwrap_or(u32::MAX)).as_secs_f64() * 1e3)
    }

    fn say(&self) {
        let line = json!({
            "records": self.acknowledged.load(Ordering::Relaxed),
            "failed": self.failed.load(Ordering::Relaxed),
            "p50_ms": self.percentile(0.5),
            "p99_ms": self.percentile(0.99),
        });
        println!("{line}");
    }
}

impl Load {
    fn record(&self, number: u64) -> Record {
        // Keys in no order, as they come from the world.
        let place = number.wrapping_mul(0x9e37_79b9) % self.keys.len() as u64;
        let key = usize::try_from(place).ok().and_then(|place| self.keys.get(place)).cloned();
        Record::new(key.unwrap_or_default(), self.data.clone())
    }

    /// As many as are taken.
    async fn put_all(self, first: u64) -> Result<Infallible, BoxError> {
        let mut held: VecDeque<Pending> = VecDeque::with_capacity(self.outstanding);
        for number in first.. {
            if held.len() == self.outstanding
                && let Some(oldest) = held.pop_front()
            {
                self.tally.count(oldest.await.is_ok(), 1);
            }
            held.push_back(self.producer.send(self.record(number)).await?);
        }
        Err("out of numbers".into())
    }

    /// So many in a second. What was put is handed over, with when.
    async fn put_paced(self, hand_over: mpsc::Sender<(Duration, Pending)>) -> Result<Infallible, BoxError> {
        let clock = self.tally.clock.clone();
        let (began, mut put) = (clock.monotonic(), 0);
        loop {
            let due = (clock.monotonic() - began).as_micros() * u128::from(self.rate) / 1_000_000;
            while u128::from(put) < due {
                let asked = clock.monotonic();
                let pending = self.producer.send(self.record(put)).await?;
                hand_over.send((asked, pending)).await.map_err(|_| "nobody waits")?;
                put += 1;
            }
            clock.sleep(PACE).await;
        }
    }

    async fn put(self, first: u64) -> Result<Infallible, BoxError> {
        if self.rate == 0 {
            return self.put_all(first).await;
        }
        let (hand_over, taken) = mpsc::channel(self.outstanding);
        let tally = self.tally.clone();
        tokio::select! {
            ended = settle(tally, taken) => ended,
            ended = self.put_paced(hand_over) => ended,
        }
    }
}

/// Sees when each record has its outcome.
async fn settle(
    tally: Arc<Tally>,
    mut taken: mpsc::Receiver<(Duration, Pending)>,
) -> Result<Infallible, BoxError> {
    while let Some((asked, pending)) = taken.recv().await {
        let is_stored = pending.await.is_ok();
        tally.took(asked);
        tally.count(is_stored, 1);
    }
    Err("nothing is put any more".into())
}

fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str, usual: u64) -> Result<u64, BoxError> {
    told(name).map_or(Ok(usual), |text| text.parse().map_err(|_| format!("{name}={text}").into()))
}

async fn run() -> Result<(), BoxError> {
    let stream = told("STREAM").ok_or("STREAM is not set")?;
    let aws = AwsSettings { endpoint_url: told("ENDPOINT"), insecure: true, ..AwsSettings::default() };
    // Faster than any shard's quota: the server is one without.
    let producer = Producer::on_aws(&aws, stream.parse()?).await?;
    let producer = producer.settings(|settings| settings.rate_limit = None).start().await?;
    let clock = SystemClock::shared();
    let tally = Arc::new(Tally {
        acknowledged: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        latencies: Mutex::new(vec![0; STEPS]),
        warm_at: clock.monotonic() + Duration::from_secs(number("WARM_UP_SECS", 0)?),
        clock: clock.clone(),
    });
    let rate = number("RATE", 0)?;
    // What is paced is put by one.
    let tasks = if rate == 0 { number("TASKS", 1)?.max(1) } else { 1 };
    let load = Load {
        producer,
        keys: (0..number("KEYS", 10_000)?).map(|key| format!("customer-{key:08}").into()).collect(),
        data: vec![b'x'; usize::try_from(number("RECORD_BYTES", 100)?)?].into(),
        rate,
        outstanding: usize::try_from(number("OUTSTANDING", 50_000)? / tasks)?,
        tally: tally.clone(),
    };
    let putting = TaskSet::default();
    for task in 0..tasks {
        let load = load.clone();
        putting.spawn("put", OnFailure::Shutdown, async move {
            let ended = load.put(task << 40).await;
            ended.map(|never| match never {}).map_err(|error| error.to_string())
        });
    }
    loop {
        tokio::select! {
            () = putting.stopping() => return Err("a task that puts has ended".into()),
            () = clock.sleep(SAY_INTERVAL) => tally.say(),
        }
    }
}

fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}
