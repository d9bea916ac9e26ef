//! Records of the producer SDK through everything that can go wrong at once: shards that throttle, calls that fail,
//! replies that are lost, splits and merges, and `kill -9` of the server.
//!
//! Each record is in the stream as often as its receipt, or its error, says; those of a key are in order; and every error
//! is of a kind that was to be expected. `MILLSTREAM_RECORDS` says how many are put, `MILLSTREAM_SEED` repeats the choice
//! of what goes wrong; of each record a few bytes are kept here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod book;
mod chaos;
mod cutter;

use std::collections::VecDeque;
use std::time::Duration;

use millstream_client::aws::AwsSettings;
use millstream_producer_sdk::{Order, Pending, Producer, ProducerSettings, Record};
use millstream_runtime::{Clock, SystemClock};
use millstream_tests::ServerOptions;
use millstream_tests::random::{Random, seed};
use millstream_tests::wire::Wire;
use tempfile::tempdir;

use book::{Book, Id};
use chaos::Chaos;
use cutter::Cutter;

const STREAM: &str = "storm";
const SHARDS: usize = 12;
/// What suits every change of the code.
const RECORDS: usize = 200_000;
/// Between two things that happen to the server.
const PEACE: usize = 20_000;
/// Of a long run, so that it does not consist of restarts.
const EVENTS_MAX: usize = 200;
const TTL: Duration = Duration::from_secs(300);
/// Futures that are held before the oldest is looked at.
const HELD: usize = 100_000;

fn records() -> usize {
    std::env::var("MILLSTREAM_RECORDS").map_or(RECORDS, |records| records.parse().unwrap())
}

async fn producer(cutter: &Cutter) -> Producer {
    let url = format!("http://{}", cutter.address());
    let settings = AwsSettings { endpoint_url: Some(url), ..AwsSettings::default() };
    let producer = Producer::on_aws(&settings, STREAM.parse().unwrap()).await.unwrap();
    // A server that is started again on a busy machine may take its time, and records wait for those before them.
    let patient = |settings: &mut ProducerSettings| settings.record_ttl = TTL;
    producer.order(Order::PartitionKey).settings(patient).start().await.unwrap()
}

fn record(id: Id) -> Record {
    Record::new(id.key(), id.text())
}

/// Notes what became of the oldest records until so many are left.
async fn settle(held: &mut VecDeque<(Id, Pending)>, left: usize, book: &mut Book) {
    while held.len() > left {
        let Some((id, pending)) = held.pop_front() else { return };
        book.told(id, &pending.await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stderr)] // what was gone through, for whoever reads the log of a long run
async fn whatever_goes_wrong_receipts_are_true_and_keys_in_order() {
    let records = records();
    let seed = seed();
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).argument("--test-api").start();
    Wire::connect(server.address()).unwrap().create_stream(STREAM, SHARDS).unwrap();
    let cutter = Cutter::start(server.address(), Random::new(seed)).await;
    let producer = producer(&cutter).await;
    let mut chaos = Chaos::new(server, Random::new(seed));
    let mut book = Book::of(records);
    let clock = SystemClock::default();
    let began = clock.monotonic();

    let peace = PEACE.max(records / EVENTS_MAX);
    let mut held = VecDeque::with_capacity(HELD);
    for index in 0..records {
        if index % peace == peace - 1 {
            chaos.strike();
        }
        let id = Id::of(index);
        settle(&mut held, HELD - 1, &mut book).await;
        held.push_back((id, producer.send(record(id)).await.unwrap()));
    }
    chaos.end();
    settle(&mut held, 0, &mut book).await;
    assert_eq!(producer.close(Duration::from_secs(60)).await.unfinished, 0);
    let took = clock.monotonic() - began;
    let passed = chaos.stop();
    let lost_replies = cutter.stop();

    // Without limits, which hold for readers as well.
    let server = ServerOptions::new(directory.path()).without_limits().start();
    book.read(&mut Wire::connect(server.address()).unwrap(), STREAM);
    let found = book.check();
    eprintln!("{records} records in {took:?}; {passed}; {lost_replies} replies lost; {found}");
    assert!(lost_replies > 0);
}
