//! The codec on the two bodies that matter: PutRecords of 500 x 1 KiB in, GetRecords of 1000 x 1 KiB out.
//! Throughput is in bytes of user data, so JSON and CBOR compare.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used)] // test data may be cut, and must be valid

use base64_simd::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use millstream_model::Timestamp;
use millstream_server::aws::codec::{Format, encode};
use millstream_server::aws::kinesis::generated::{GetRecordsOutput, Input, Operation, Record};

const RECORD_BYTES: usize = 1024;
const PUT_RECORDS: usize = 500;
const GET_RECORDS: usize = 1000;

/// Bytes that repeat late enough to look like data.
fn data(seed: usize) -> Vec<u8> {
    (0..RECORD_BYTES).map(|index| (index * 31 + seed * 17 + (index >> 8)) as u8).collect()
}

fn put_records_json() -> Bytes {
    let records: Vec<_> = (0..PUT_RECORDS)
        .map(|index| {
            let data = STANDARD.encode_to_string(data(index));
            format!(r#"{{"Data": "{data}", "PartitionKey": "customer-{index}"}}"#)
        })
        .collect();
    format!(r#"{{"Records": [{}], "StreamName": "orders"}}"#, records.join(", ")).into()
}

/// As the AWS SDK for Java writes it: everything of indefinite length.
fn put_records_cbor() -> Bytes {
    let mut body = vec![0xbf];
    text(&mut body, "StreamName");
    text(&mut body, "orders");
    text(&mut body, "Records");
    body.push(0x9f);
    for index in 0..PUT_RECORDS {
        body.push(0xbf);
        text(&mut body, "Data");
        body.push(0x59);
        body.extend_from_slice(&(RECORD_BYTES as u16).to_be_bytes());
        body.extend_from_slice(&data(index));
        text(&mut body, "PartitionKey");
        text(&mut body, &format!("customer-{index}"));
        body.push(0xff);
    }
    body.extend_from_slice(&[0xff, 0xff]);
    body.into()
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.push(0x60 | text.len() as u8);
    body.extend_from_slice(text.as_bytes());
}

fn get_records() -> GetRecordsOutput {
    let record = |index| Record {
        sequence_number: ByteString::from_static("49594189147623985939251953501666965394405037144469929986"),
        approximate_arrival_timestamp: Some(Timestamp::from_millis(1_704_067_200_123)),
        data: data(index).into(),
        partition_key: Some(format!("customer-{index}").into()),
        encryption_type: None,
    };
    GetRecordsOutput {
        records: (0..GET_RECORDS).map(record).collect(),
        next_shard_iterator: Some("A".repeat(224).into()),
        millis_behind_latest: Some(0),
        child_shards: None,
    }
}

fn codec(criterion: &mut Criterion) {
    let bodies = [(Format::Json, put_records_json()), (Format::Cbor, put_records_cbor())];
    let mut group = criterion.benchmark_group("decode PutRecords of 500 x 1 KiB");
    group.throughput(Throughput::Bytes((PUT_RECORDS * RECORD_BYTES) as u64));
    for (format, body) in &bodies {
        group.bench_function(format!("{format:?}"), |bencher| {
            bencher.iter(|| Input::decode(Operation::PutRecords, *format, body).unwrap());
        });
    }
    group.finish();

    let output = get_records();
    let mut group = criterion.benchmark_group("encode GetRecords of 1000 x 1 KiB");
    group.throughput(Throughput::Bytes((GET_RECORDS * RECORD_BYTES) as u64));
    for format in [Format::Json, Format::Cbor] {
        group.bench_function(format!("{format:?}"), |bencher| {
            bencher.iter(|| {
                let mut out = Vec::new();
                encode(format, &output, &mut out);
                out
            });
        });
    }
    group.finish();

    let small = Bytes::from_static(
        br#"{"StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/orders", "ShardIterator": "AAAAAAAAAAE", "Limit": 10000}"#,
    );
    criterion.bench_function("decode GetRecords by ARN", |bencher| {
        bencher.iter(|| Input::decode(Operation::GetRecords, Format::Json, &small).unwrap());
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
