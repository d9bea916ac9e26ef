//! What producers pack and consumers take apart, across libraries: containers of the producer SDK in Amazon's and others'
//! consumers, and those of the Kinesis Producer Library in ours.
//!
//! Everybody has to find the same user records: keys, data, sequence numbers and sub-sequence numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod kpl;
mod reader;

use std::collections::BTreeSet;
use std::time::Duration;

use millstream_client::aws::AwsSettings;
use millstream_producer_sdk::{HashKey, Producer, Receipt, Record};
use millstream_tests::wire::Wire;
use millstream_tests::{Session, Transport};

use reader::{Found, LIBRARIES, Library, found_by};

const STREAM: &str = "orders";
const SHARDS: usize = 3;
const RECORDS: usize = 600;
const KEYS: usize = 40;
/// Small, so that there are many containers.
const CONTAINER_BYTES: usize = 1_000;
/// Every so many records one has an explicit hash key.
const EXPLICIT_EVERY: usize = 7;

/// The server speaks TLS on the port of plain HTTP.
fn session() -> Session {
    let session = Session::with(Transport::Http, |options| options);
    Wire::connect(session.server.address()).unwrap().create_stream(STREAM, SHARDS).unwrap();
    session
}

fn record(number: usize) -> Record {
    let key = if number.is_multiple_of(3) { "clé" } else { "key" };
    let record = Record::new(format!("{key}-{}", number % KEYS), format!("record {number}"));
    if number.is_multiple_of(EXPLICIT_EVERY) {
        record.at(HashKey(u128::MAX / 10 * (number % 10) as u128))
    } else {
        record
    }
}

fn found(record: &Record, receipt: &Receipt) -> Found {
    Found {
        shard: receipt.shard().to_string(),
        sequence_number: receipt.sequence_number().to_string(),
        sub_sequence_number: receipt.sub_sequence_number(),
        key: record.partition_key.to_string(),
        data: String::from_utf8(record.data.to_vec()).unwrap(),
    }
}

/// Many records in containers, and one that goes alone. Gives what their receipts say.
async fn put(session: &Session) -> BTreeSet<Found> {
    let settings = AwsSettings { endpoint_url: Some(session.url()), ..AwsSettings::default() };
    let producer = Producer::on_aws(&settings, STREAM.parse().unwrap()).await.unwrap();
    let producer = producer.settings(|settings| settings.aggregation_max_size = CONTAINER_BYTES);
    let producer = producer.start().await.unwrap();
    let mut pending = Vec::new();
    for number in 0..RECORDS {
        pending.push((record(number), producer.send(record(number)).await.unwrap()));
    }
    let mut put = BTreeSet::new();
    for (record, pending) in pending {
        put.insert(found(&record, &pending.await.unwrap()));
    }
    let alone = Record::new("alone", "one record");
    let receipt = producer.put(alone.clone()).await.unwrap();
    assert!(!receipt.is_aggregated());
    put.insert(found(&alone, &receipt));
    assert_eq!(producer.close(Duration::from_secs(30)).await.unfinished, 0);
    put
}

/// Most records are in containers with others, and there are many of these.
fn assert_packed(records: &BTreeSet<Found>) {
    let containers: BTreeSet<_> = records.iter().map(|record| &record.sequence_number).collect();
    assert!(containers.len() > 5 && containers.len() < records.len() / 4, "{} containers", containers.len());
    let shards: BTreeSet<_> = records.iter().map(|record| &record.shard).collect();
    assert_eq!(shards.len(), SHARDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_what_the_producer_packs() {
    let session = session();
    let put = put(&session).await;
    assert_eq!(put.len(), RECORDS + 1);
    assert_packed(&put);
    for library in LIBRARIES {
        if let Some(found) = found_by(library, &session, put.len()) {
            assert_eq!(found, put, "{library:?}");
        }
    }
}

#[test]
fn what_the_kpl_packs_is_read_as_by_amazons_libraries() {
    let session = session();
    let Some(put) = kpl::put(&session, RECORDS) else { return };
    let found = found_by(Library::Millstream, &session, put.len()).unwrap();
    assert_packed(&found);
    let places = found.iter().map(kpl::Put::of).collect::<BTreeSet<_>>();
    assert_eq!(places, put, "keys, data and places are those that the KPL tells");
    for library in [Library::Kcl3, Library::Boto3] {
        if let Some(theirs) = found_by(library, &session, put.len()) {
            assert_eq!(found, theirs, "{library:?}");
        }
    }
}
