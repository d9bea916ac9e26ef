//! Records of the producer SDK in a real server: through a split, a `kill -9` and a restart each is there as often as its
//! receipt says, and at the place that it names; and Amazon's library takes its containers apart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek, Write};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millstream_client::Record;
use millstream_client::aggregation::Deaggregation;
use millstream_client::aws::AwsSettings;
use millstream_model::Timestamp;
use millstream_producer_sdk::{Order, Producer, PutError, Receipt, Record as NewRecord, SequenceNumber};
use millstream_tests::server::binary;
use millstream_tests::session::Shown;
use millstream_tests::wire::{StoredRecord, Wire};
use millstream_tests::{Session, Transport, clients};
use serde_json::{Value, json};

const STREAM: &str = "orders";
const KEYS: usize = 40;

/// Where a copy of a user record is.
type Place = (SequenceNumber, u64, String);
/// By key and number: its copies, in the order of their sequence numbers.
type Found = BTreeMap<(String, usize), BTreeSet<Place>>;

fn session(shards: usize) -> Session {
    let session = Session::with(Transport::Http, |options| options);
    Wire::connect(session.server.address()).unwrap().create_stream(STREAM, shards).unwrap();
    session
}

fn number_of(index: usize) -> (String, usize) {
    (format!("key-{}", index % KEYS), index / KEYS)
}

/// Halves the first shard.
fn split(wire: &mut Wire) {
    let split = json!({
        "StreamName": STREAM,
        "ShardToSplit": "shardId-000000000000",
        "NewStartingHashKey": (u128::MAX / 4).to_string(),
    });
    wire.call("SplitShard", &split).unwrap();
}

fn record(stored: StoredRecord) -> Record {
    Record {
        sequence_number: stored.sequence.parse().unwrap(),
        approximate_arrival: Timestamp::from_millis(0),
        partition_key: stored.partition_key,
        data: stored.data.into(),
    }
}

/// Every user record of the stream.
fn read(wire: &mut Wire) -> (Found, usize) {
    let (mut found, mut containers) = (Found::new(), 0);
    for shard in wire.shards(STREAM).unwrap() {
        let take = |stored: StoredRecord| {
            let members = Deaggregation::default().take_apart(record(stored));
            containers += usize::from(members.is_container());
            for member in members.map(Result::unwrap) {
                let number = std::str::from_utf8(&member.data).unwrap().trim_end().parse().unwrap();
                let place = (member.sequence_number, member.sub_sequence_number, shard.clone());
                found.entry((member.partition_key.to_string(), number)).or_default().insert(place);
            }
        };
        wire.read_after(STREAM, &shard, None, take).unwrap();
    }
    (found, containers)
}

fn check(index: usize, outcome: &Result<Receipt, PutError>, found: &Found) {
    let none = BTreeSet::new();
    let copies = found.get(&number_of(index)).unwrap_or(&none);
    match outcome {
        Ok(receipt) => {
            let place = (
                receipt.sequence_number().clone(),
                receipt.sub_sequence_number(),
                receipt.shard().to_string(),
            );
            assert!(receipt.copies().contains(&copies.len()), "{index}: {copies:?} {receipt:?}");
            assert!(copies.contains(&place), "{index}: {copies:?} {receipt:?}");
        }
        Err(error) => assert!(copies.len() <= error.copies_max(), "{index}: {copies:?} {error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_there_as_its_receipt_says() {
    const RECORDS: usize = 12_000;
    let mut session = session(2);
    let settings = AwsSettings { endpoint_url: Some(session.url()), ..AwsSettings::default() };
    let producer = Producer::on_aws(&settings, STREAM.parse().unwrap()).await.unwrap();
    let producer = producer.order(Order::PartitionKey).start().await.unwrap();
    let mut pending = Vec::new();
    for index in 0..RECORDS {
        if index == RECORDS / 3 {
            split(&mut Wire::connect(session.server.address()).unwrap());
        }
        if index == RECORDS / 2 {
            session.server.kill();
            session.server.restart();
        }
        let (key, number) = number_of(index);
        // Data of some size, so that there are many calls: what follows the number is blank.
        pending.push(producer.send(NewRecord::new(key, format!("{number:<300}"))).await.unwrap());
    }
    let mut outcomes = Vec::new();
    for pending in pending {
        outcomes.push(pending.await);
    }
    assert_eq!(producer.close(Duration::from_secs(30)).await.unfinished, 0);

    let (found, containers) = read(&mut Wire::connect(session.server.address()).unwrap());
    for (index, outcome) in outcomes.iter().enumerate() {
        check(index, outcome, &found);
    }
    let acknowledged = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(acknowledged, RECORDS, "the server was away for less than records live");
    assert!(containers > 10 && containers < RECORDS / 10, "{containers} containers");
    let first = |index: usize| found[&number_of(index)].first().unwrap().clone();
    for index in KEYS..RECORDS {
        assert!(first(index - KEYS) < first(index), "{:?} comes before its predecessor", number_of(index));
    }
}

/// What Amazon's library makes of a container, or `None` where it is skipped.
fn unpacked(container: &[u8]) -> Option<Vec<String>> {
    let python = clients::require("python")?.join("venv/bin/python");
    let mut stdin = tempfile::tempfile().unwrap();
    stdin.write_all(BASE64_STANDARD.encode(container).as_bytes()).unwrap();
    stdin.rewind().unwrap();
    let mut command = clients::command(python, "http://127.0.0.1:1");
    command.arg(clients::sources().join("python/aggregation.py")).arg("unpack").stdin(stdin);
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", Shown(&output));
    let members: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let data = |member: &Value| BASE64_STANDARD.decode(member[2].as_str().unwrap()).unwrap();
    Some(members.iter().map(|member| String::from_utf8(data(member)).unwrap()).collect())
}

#[test]
fn what_put_packs_is_read_by_amazons_library() {
    const LINES: usize = 5_000;
    let session = session(2);
    let file = session.directory().join("lines.txt");
    let lines: Vec<_> = (0..LINES).map(|number| format!("line {number}")).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let put = session.command(binary()).args(["put", STREAM, "--aggregate"]).arg(&file).output().unwrap();
    assert!(put.status.success(), "{}", Shown(&put));
    let mut wire = Wire::connect(session.server.address()).unwrap();
    let mut records = Vec::new();
    for shard in wire.shards(STREAM).unwrap() {
        wire.read_after(STREAM, &shard, None, |stored| records.push(stored.data)).unwrap();
    }
    assert!(records.len() < LINES / 100, "{} records", records.len());
    let mut read = BTreeSet::new();
    for container in records {
        let Some(members) = unpacked(&container) else { return };
        read.extend(members);
    }
    assert_eq!(read, lines.into_iter().collect());
}

fn example(session: &Session, name: &str) -> std::process::Command {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("target/profile/deps/test").join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not there: cargo build -p millstream-producer-sdk --examples",
        path.display()
    );
    let mut command = session.command(path);
    command.arg(STREAM);
    command
}

#[test]
fn the_example_that_puts_lines_puts_them_all() {
    let session = session(2);
    let mut stdin = tempfile::tempfile().unwrap();
    for index in 0..1_000 {
        let (key, number) = number_of(index);
        writeln!(stdin, "{key} {number}").unwrap();
    }
    stdin.rewind().unwrap();
    let output = example(&session, "put_lines").stdin(stdin).output().unwrap();
    assert!(output.status.success(), "{}", Shown(&output));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1_000, "a receipt for each");
    let mut wire = Wire::connect(session.server.address()).unwrap();
    let mut lines = BTreeSet::new();
    for shard in wire.shards(STREAM).unwrap() {
        let take = |stored| {
            let members = Deaggregation::default().take_apart(record(stored)).map(Result::unwrap);
            lines.extend(members.map(|member| member.data.to_vec()));
        };
        wire.read_after(STREAM, &shard, None, take).unwrap();
    }
    assert_eq!(lines.len(), 1_000);
}

#[test]
fn the_example_that_seals_shows_nothing() {
    let session = session(1);
    let output = example(&session, "sealed").env("ORDERS_KEY", "5e".repeat(32)).output().unwrap();
    assert!(output.status.success(), "{}", Shown(&output));
    let mut wire = Wire::connect(session.server.address()).unwrap();
    let mut stored = Vec::new();
    wire.read_after(STREAM, "shardId-000000000000", None, |record| stored.push(record.data)).unwrap();
    assert_eq!(stored.len(), 1);
    let text = String::from_utf8_lossy(&stored[0]);
    assert!(text.contains("order-4711") && text.contains("customer-17"), "tag and key are readable");
    assert!(!text.contains("lines"), "the data are not");
}
