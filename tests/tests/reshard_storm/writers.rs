//! Writers: each puts the records of its own keys, one after the other, alone or in batches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

use crate::{STREAM, Storm};

const KEYS: u64 = 5;
const BATCH: usize = 8;

/// Puts until it is told to stop. Nothing may fail: limits are off, and a change of shards is nobody's error.
pub(crate) async fn write(storm: &Storm, writer: usize, stop: &AtomicBool) {
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let mut round = 0;
    while !stop.load(Ordering::SeqCst) {
        round += 1;
        let count = if round % 2 == 0 { 1 } else { BATCH };
        let names: Vec<_> = (0..count as u64)
            .map(|number| {
                let key = format!("writer-{writer}-{}", (round + number) % KEYS);
                let place = places.entry(key.clone()).or_default();
                *place += 1;
                (key, *place)
            })
            .collect();
        match names.as_slice() {
            [(key, place)] => put_one(storm, key, *place).await,
            _ => put_some(storm, &names).await,
        }
    }
}

async fn put_one(storm: &Storm, key: &str, place: u64) {
    let data = Blob::new(format!("{key}#{place}"));
    let put =
        storm.client.put_record().stream_name(STREAM).partition_key(key).data(data).send().await.unwrap();
    storm.journal.acknowledge(key, place, put.shard_id(), put.sequence_number());
}

async fn put_some(storm: &Storm, names: &[(String, u64)]) {
    let entries = names.iter().map(|(key, place)| {
        let data = Blob::new(format!("{key}#{place}"));
        PutRecordsRequestEntry::builder().partition_key(key).data(data).build().unwrap()
    });
    let call = storm.client.put_records().stream_name(STREAM).set_records(Some(entries.collect()));
    let put = call.send().await.unwrap();
    assert_eq!(put.failed_record_count(), Some(0));
    for ((key, place), outcome) in names.iter().zip(put.records()) {
        storm.journal.acknowledge(
            key,
            *place,
            outcome.shard_id().unwrap(),
            outcome.sequence_number().unwrap(),
        );
    }
}
