//! A worker of the consumer SDK that does nothing with its records but count them, for `make bench-consumers`.
//!
//! APPLICATION, STREAM, WORKER and ENDPOINT are needed. RETRIEVAL is `polling` or `fan-out`; all else is as the SDK has
//! it. At once when there is a first record, and every 50 ms in which more came, it prints how many there were and, by
//! shard, when the service took the newest in milliseconds since 1970. The counters of tests/clients say the same.

// A worker that cannot run has nobody to tell but the benchmark that waits for it.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_consumer_sdk::{
    AwsSettings, Batch, BoxError, Checkpointer, Consumer, InitialPosition, RecordProcessor, Retrieval,
    async_trait,
};
use millstream_runtime::{SharedClock, SystemClock};
use parking_lot::Mutex;
use serde_json::json;

const SAY_INTERVAL: Duration = Duration::from_millis(50);

/// What all processors of this worker have seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    records: u64,
    newest: BTreeMap<String, u64>,
}

struct Counter {
    shard: String,
    seen: Arc<Mutex<Seen>>,
}

#[async_trait]
impl RecordProcessor for Counter {
    async fn process_records(&mut self, batch: &Batch, _: &Checkpointer) -> Result<(), BoxError> {
        let Some(last) = batch.records.last() else { return Ok(()) };
        let mut seen = self.seen.lock();
        let is_first = seen.records == 0;
        seen.records += batch.records.len() as u64;
        seen.newest.insert(self.shard.clone(), last.approximate_arrival.as_millis());
        if is_first {
            say(&seen);
        }
        Ok(())
    }
}

fn say(seen: &Seen) {
    println!("{}", json!({ "records": seen.records, "newest": seen.newest }));
}

/// Goes on saying what is new.
async fn report(seen: Arc<Mutex<Seen>>, clock: SharedClock) -> Infallible {
    let mut said = 0;
    loop {
        clock.sleep(SAY_INTERVAL).await;
        let now = seen.lock().clone();
        if now.records != said {
            said = now.records;
            say(&now);
        }
    }
}

fn told(name: &str) -> Result<String, BoxError> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

async fn run() -> Result<(), BoxError> {
    let aws = AwsSettings { endpoint_url: Some(told("ENDPOINT")?), ..AwsSettings::default() };
    let polls = told("RETRIEVAL")? == "polling";
    let seen = Arc::new(Mutex::new(Seen::default()));
    let counted = seen.clone();
    let consumer = Consumer::on_aws(&aws, told("STREAM")?.parse()?, &told("APPLICATION")?)
        .await?
        .worker(told("WORKER")?.parse()?)
        .initial_position(InitialPosition::TrimHorizon)
        .settings(|settings| {
            if polls {
                settings.retrieval = Retrieval::Polling;
            }
        })
        .build(move |shard| Counter { shard: shard.shard.to_string(), seen: counted.clone() })?;
    let never = std::future::pending();
    tokio::select! {
        ended = consumer.run(never) => ended.map(|_| ()).map_err(BoxError::from),
        never = report(seen, SystemClock::shared()) => match never {},
    }
}

fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}
