//! Records: putting, getting, and how both are refused.

use std::collections::BTreeMap;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::get_records::GetRecordsError;
use aws_sdk_kinesis::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_kinesis::operation::get_shard_iterator::builders::GetShardIteratorFluentBuilder;
use aws_sdk_kinesis::operation::put_record::PutRecordError;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Record, ShardIteratorType};
use millstream_model::HashKey;

use super::streams::create_one;
use super::{ACCOUNT, ARN, BINARY, BUSY, SHARDS, STREAM, assert_recent, assert_refused};

const MIB: usize = 1 << 20;

/// What encodings have trouble with, if anything.
fn binary_data() -> [Vec<u8>; 5] {
    let text = "Grüße, 世界\r\n".as_bytes().to_vec();
    [Vec::new(), vec![0], vec![0xff, 0xfe, 0x80], (0..=255).collect(), text]
}

fn entry(data: Vec<u8>, key: &str, place: u128) -> PutRecordsRequestEntry {
    let entry = PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key(key);
    entry.explicit_hash_key(place.to_string()).build().unwrap()
}

/// Sequence numbers have more digits than any integer of Rust. This compares like them.
fn number(text: &str) -> (usize, &str) {
    assert!(text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'), "{text}");
    (text.len(), text)
}

fn iterator(client: &Client, stream: &str, shard: &str) -> GetShardIteratorFluentBuilder {
    client.get_shard_iterator().stream_name(stream).shard_id(shard)
}

/// Reads on until so many records are there, and no more.
async fn read(
    client: &Client,
    start: GetShardIteratorFluentBuilder,
    count: usize,
    limit: i32,
) -> Vec<Record> {
    let mut iterator = start.send().await.unwrap().shard_iterator.unwrap();
    let mut records = Vec::new();
    loop {
        let page = client.get_records().shard_iterator(iterator).limit(limit).send().await.unwrap();
        records.extend(page.records);
        iterator = page.next_shard_iterator.unwrap();
        if records.len() >= count {
            assert_eq!(records.len(), count);
            assert_eq!(page.millis_behind_latest, Some(0));
            return records;
        }
    }
}

pub(super) async fn put_record(client: &Client) {
    let shards = client.list_shards().stream_name(STREAM).send().await.unwrap().shards.unwrap();
    let starts: Vec<u128> = shards
        .iter()
        .map(|shard| shard.hash_key_range().unwrap().starting_hash_key().parse().unwrap())
        .collect();
    let mut newest = BTreeMap::new();
    let keys = (0..12).map(|index| format!("N{index}")).chain(["ключ".to_owned(), "k".repeat(256)]);
    for key in keys {
        let HashKey(place) = HashKey::of_partition_key(&key);
        let expected = SHARDS[starts.iter().rposition(|start| *start <= place).unwrap()];
        let data = Blob::new(key.clone());
        let put = client.put_record().stream_name(STREAM).partition_key(key).data(data).send().await.unwrap();
        assert_eq!(put.shard_id(), expected);
        assert_eq!(put.encryption_type(), None);
        let issued = number(put.sequence_number());
        let before = newest.insert(expected, put.sequence_number().to_owned());
        assert!(before.is_none_or(|before| issued > number(&before)), "sequence numbers fall");
    }
    assert!(newest.keys().copied().eq(SHARDS), "{newest:?}");
    for (shard, start) in SHARDS.into_iter().zip(starts) {
        let put =
            client.put_record().stream_name(STREAM).partition_key("explicit").data(Blob::new("explicit"));
        let put = put.explicit_hash_key(start.to_string()).sequence_number_for_ordering(&newest[shard]);
        let put = put.send().await.unwrap();
        assert_eq!(put.shard_id(), shard);
        assert!(number(put.sequence_number()) > number(&newest[shard]), "sequence numbers fall");
    }
}

pub(super) async fn put_records(client: &Client) {
    let large: Vec<u8> = (0..=255).cycle().take(MIB - 5).collect();
    let mut entries: Vec<_> = binary_data()
        .into_iter()
        .enumerate()
        .map(|(index, data)| entry(data, &format!("b{index}"), 0))
        .collect();
    entries.push(entry(large.clone(), "large", u128::MAX));
    let put = client.put_records().stream_name(BINARY).set_records(Some(entries)).send().await.unwrap();
    assert_eq!(put.failed_record_count(), Some(0));
    let shards: Vec<_> = put.records().iter().map(|result| result.shard_id().unwrap()).collect();
    assert_eq!(shards, [SHARDS[0], SHARDS[0], SHARDS[0], SHARDS[0], SHARDS[0], SHARDS[1]]);
    let start = iterator(client, BINARY, SHARDS[1]).shard_iterator_type(ShardIteratorType::TrimHorizon);
    assert!(read(client, start, 1, 10).await[0].data().as_ref() == large, "the large record changed");
}

pub(super) async fn get_records(client: &Client) {
    let start = |kind| iterator(client, BINARY, SHARDS[0]).shard_iterator_type(kind);
    let records = read(client, start(ShardIteratorType::TrimHorizon), 5, 3).await;
    for (index, (record, data)) in records.iter().zip(binary_data()).enumerate() {
        assert_eq!(record.data().as_ref(), data);
        assert_eq!(record.partition_key(), Some(format!("b{index}").as_str()));
        assert_eq!(record.encryption_type(), None);
        assert_recent(record.approximate_arrival_timestamp());
    }
    let third = records[2].sequence_number();
    let at = start(ShardIteratorType::AtSequenceNumber).starting_sequence_number(third);
    assert_eq!(read(client, at, 3, 10).await, records[2..]);
    let after = start(ShardIteratorType::AfterSequenceNumber).starting_sequence_number(third);
    assert_eq!(read(client, after, 2, 10).await, records[3..]);
    let since = start(ShardIteratorType::AtTimestamp);
    let since = since.set_timestamp(records[0].approximate_arrival_timestamp().copied());
    assert_eq!(read(client, since, 5, 10).await, records);
    // On the other shard: one gives records five times a second.
    let latest = iterator(client, BINARY, SHARDS[1]).shard_iterator_type(ShardIteratorType::Latest);
    let latest = latest.send().await.unwrap().shard_iterator.unwrap();
    let put = client.put_record().stream_name(BINARY).partition_key("late");
    let put = put.explicit_hash_key(u128::MAX.to_string());
    let put = put.data(Blob::new("late")).send().await.unwrap();
    let page = client.get_records().shard_iterator(latest).send().await.unwrap();
    let numbers: Vec<_> = page.records().iter().map(Record::sequence_number).collect();
    assert_eq!(numbers, [put.sequence_number()]);
}

pub(super) async fn by_arn(client: &Client) {
    let put = client.put_record().stream_arn(ARN).partition_key("by-arn").data(Blob::new("by ARN"));
    let put = put.send().await.unwrap();
    let shards = client.list_shards().stream_arn(ARN).send().await.unwrap();
    assert_eq!(shards.shards().len(), 3);
    let start = client.get_shard_iterator().stream_arn(ARN).shard_id(put.shard_id());
    let start = start.shard_iterator_type(ShardIteratorType::AtSequenceNumber);
    let records = read(client, start.starting_sequence_number(put.sequence_number()), 1, 10).await;
    assert_eq!(records[0].data().as_ref(), b"by ARN");
}

pub(super) async fn errors(client: &Client) {
    let wrong = iterator(client, STREAM, SHARDS[0]).shard_iterator_type(ShardIteratorType::AtSequenceNumber);
    assert_refused(
        wrong.starting_sequence_number("123").send().await,
        "InvalidArgumentException",
        GetShardIteratorError::is_invalid_argument_exception,
        "It encodes shardId-000000000123, while it was used in a call to a shard with shardId-000000000000",
    );
    assert_refused(
        client.get_records().shard_iterator("AAAA").send().await,
        "InvalidArgumentException",
        GetRecordsError::is_invalid_argument_exception,
        "Invalid ShardIterator.",
    );
    let key = "k".repeat(257);
    let put = client.put_record().stream_name(STREAM).partition_key(&key).data(Blob::new(""));
    // The SDK knows no type for this error of this operation.
    let text = format!("Value '{key}' at 'partitionKey' failed to satisfy constraint");
    assert_refused(put.send().await, "ValidationException", |_| true, &text);
}

pub(super) async fn throttles(client: &Client, impatient: &Client) {
    create_one(client, BUSY, 1).await;
    let text = format!("Rate exceeded for shard {} in stream {BUSY} under account {ACCOUNT}.", SHARDS[0]);
    let entries = (0..3).map(|_| entry(vec![0; 700_000], "k", 0)).collect();
    let put = impatient.put_records().stream_name(BUSY).set_records(Some(entries)).send().await.unwrap();
    assert_eq!(put.failed_record_count(), Some(2));
    assert!(put.records()[0].sequence_number().is_some() && put.records()[0].error_code().is_none());
    for result in &put.records()[1..] {
        assert_eq!(result.error_code(), Some("ProvisionedThroughputExceededException"));
        assert_eq!(result.error_message(), Some(text.as_str()));
        assert_eq!(result.sequence_number(), None);
    }
    let large = Blob::new(vec![0; 1_000_000]);
    let put = || impatient.put_record().stream_name(BUSY).partition_key("k").data(large.clone()).send();
    let mut result = put().await;
    // Several, for a slow machine leaves the shard time to recover.
    for _ in 0..10 {
        if result.is_ok() {
            result = put().await;
        }
    }
    assert_refused(
        result,
        "ProvisionedThroughputExceededException",
        PutRecordError::is_provisioned_throughput_exceeded_exception,
        &text,
    );
}
