//! Bodies that real clients sent, recorded on the wire.

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

use super::super::generated::*;
use super::{decode, decode_json};
use crate::aws::codec::Format;

const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/orders";

fn cbor(operation: Operation, hex: &str) -> Input {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let body: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    decode(operation, Format::Cbor, body).unwrap()
}

fn json(operation: Operation, body: &str) -> Input {
    decode_json(operation, body).unwrap()
}

fn some(text: &str) -> Option<ByteString> {
    Some(text.into())
}

fn entry(data: &[u8], partition_key: &str) -> PutRecordsRequestEntry {
    PutRecordsRequestEntry {
        data: Bytes::copy_from_slice(data),
        partition_key: some(partition_key),
        explicit_hash_key: None,
    }
}

fn iterator_at(millis: u64) -> Input {
    Input::GetShardIterator(GetShardIteratorInput {
        stream_name: some("orders"),
        shard_id: "shardId-000000000000".into(),
        shard_iterator_type: ShardIteratorType::AtTimestamp,
        timestamp: Some(Timestamp::from_millis(millis)),
        ..Default::default()
    })
}

fn tags(tags: &[(&str, &str)]) -> Option<BTreeMap<ByteString, ByteString>> {
    Some(tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

/// boto3 1.44.5
#[test]
fn boto3_put_records() {
    let input = json(
        Operation::PutRecords,
        r#"{"StreamName": "orders", "Records": [{"Data": "AP8=", "PartitionKey": "p\u00e9"}, {"Data": "", "PartitionKey": "\"q\\", "ExplicitHashKey": "340282366920938463463374607431768211455"}]}"#,
    );
    let second = PutRecordsRequestEntry {
        explicit_hash_key: some("340282366920938463463374607431768211455"),
        ..entry(b"", "\"q\\")
    };
    let expected = PutRecordsInput {
        stream_name: some("orders"),
        records: vec![entry(&[0, 255], "pé"), second],
        ..Default::default()
    };
    assert_eq!(input, Input::PutRecords(expected));
}

/// boto3 1.44.5
#[test]
fn boto3_put_record() {
    let input = json(
        Operation::PutRecord,
        r#"{"StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/orders", "Data": "dGV4dCDigqw=", "PartitionKey": "\ud83d\ude00", "SequenceNumberForOrdering": "0"}"#,
    );
    let expected = PutRecordInput {
        stream_arn: some(ARN),
        data: "text €".into(),
        partition_key: some("😀"),
        sequence_number_for_ordering: some("0"),
        ..Default::default()
    };
    assert_eq!(input, Input::PutRecord(expected));
}

/// boto3 1.44.5: microseconds, or whole seconds as an integer.
#[test]
fn boto3_timestamps() {
    for (seconds, millis) in [("1704067200.123456", 1_704_067_200_123), ("1704067200", 1_704_067_200_000)] {
        let body = format!(
            r#"{{"StreamName": "orders", "ShardId": "shardId-000000000000", "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": {seconds}}}"#
        );
        assert_eq!(json(Operation::GetShardIterator, &body), iterator_at(millis));
    }
}

/// boto3 1.44.5
#[test]
fn boto3_create_stream() {
    let input = json(
        Operation::CreateStream,
        r#"{"StreamName": "orders", "ShardCount": 2, "StreamModeDetails": {"StreamMode": "PROVISIONED"}, "Tags": {"team": "a b", "empty": ""}}"#,
    );
    let expected = CreateStreamInput {
        stream_name: "orders".into(),
        shard_count: Some(2),
        stream_mode_details: Some(StreamModeDetails { stream_mode: StreamMode::Provisioned }),
        tags: tags(&[("team", "a b"), ("empty", "")]),
        ..Default::default()
    };
    assert_eq!(input, Input::CreateStream(expected));
}

/// boto3 1.44.5
#[test]
fn boto3_other_operations() {
    let filter = ShardFilter {
        kind: ShardFilterType::FromTimestamp,
        timestamp: Some(Timestamp::from_millis(1_704_067_200_123)),
        shard_id: None,
    };
    let shards = ListShardsInput {
        stream_name: some("orders"),
        shard_filter: Some(filter),
        max_results: Some(10),
        ..Default::default()
    };
    let subscription = SubscribeToShardInput {
        consumer_arn: "arn:aws:kinesis:us-east-1:123456789012:stream/orders/consumer/c:1700000000".into(),
        shard_id: "shardId-000000000001".into(),
        starting_position: StartingPosition { kind: ShardIteratorType::Latest, ..Default::default() },
        ..Default::default()
    };
    let monitoring = EnableEnhancedMonitoringInput {
        stream_name: some("orders"),
        shard_level_metrics: vec![MetricsName::IncomingBytes, MetricsName::All],
        ..Default::default()
    };
    let deletion = DeleteStreamInput {
        stream_name: some("orders"),
        enforce_consumer_deletion: Some(true),
        ..Default::default()
    };
    let vectors = [
        (
            r#"{"StreamName": "orders", "ShardFilter": {"Type": "FROM_TIMESTAMP", "Timestamp": 1704067200.123456}, "MaxResults": 10}"#,
            Input::ListShards(shards),
        ),
        (
            r#"{"ConsumerARN": "arn:aws:kinesis:us-east-1:123456789012:stream/orders/consumer/c:1700000000", "ShardId": "shardId-000000000001", "StartingPosition": {"Type": "LATEST"}}"#,
            Input::SubscribeToShard(subscription),
        ),
        (
            r#"{"StreamName": "orders", "ShardLevelMetrics": ["IncomingBytes", "ALL"]}"#,
            Input::EnableEnhancedMonitoring(monitoring),
        ),
        (r#"{"StreamName": "orders", "EnforceConsumerDeletion": true}"#, Input::DeleteStream(deletion)),
        ("{}", Input::DescribeLimits(DescribeLimitsInput {})),
    ];
    for (body, expected) in vectors {
        assert_eq!(json(expected.operation(), body), expected);
    }
}

/// AWS SDK for Java 2.33.0, CBOR
#[test]
fn java_cbor_data_plane() {
    let blob = "00".repeat(300);
    let put_records = format!(
        "bf675265636f7264739fbf64446174614200ff6c506172746974696f6e4b65796370c3a9ffbf644461746159012c{blob}6f4578706c69636974486173684b657961356c506172746974696f6e4b65796171ffff6a53747265616d4e616d65666f7264657273ff"
    );
    let second = PutRecordsRequestEntry { explicit_hash_key: some("5"), ..entry(&[0; 300], "q") };
    let expected = PutRecordsInput {
        stream_name: some("orders"),
        records: vec![entry(&[0, 255], "pé"), second],
        ..Default::default()
    };
    assert_eq!(cbor(Operation::PutRecords, &put_records), Input::PutRecords(expected));

    let expected = PutRecordInput {
        stream_arn: some(ARN),
        data: "x".into(),
        partition_key: some("😀"),
        ..Default::default()
    };
    assert_eq!(
        cbor(
            Operation::PutRecord,
            "bf644461746141786c506172746974696f6e4b657964f09f98806953747265616d41524e783461726e3a6177733a6b696e657369733a75732d656173742d313a3132333435363738393031323a73747265616d2f6f7264657273ff"
        ),
        Input::PutRecord(expected)
    );

    assert_eq!(
        cbor(
            Operation::GetShardIterator,
            "bf6a53747265616d4e616d65666f7264657273675368617264496474736861726449642d3030303030303030303030307153686172644974657261746f72547970656c41545f54494d455354414d506954696d657374616d70c11b0000018bcfe5687bff"
        ),
        iterator_at(1_700_000_000_123)
    );

    let expected =
        GetRecordsInput { shard_iterator: "AAAA".into(), limit: Some(10_000), ..Default::default() };
    assert_eq!(
        cbor(Operation::GetRecords, "bf6d53686172644974657261746f726441414141654c696d6974192710ff"),
        Input::GetRecords(expected)
    );
}

/// AWS SDK for Java 2.33.0, CBOR
#[test]
fn java_cbor_control_plane() {
    let expected = CreateStreamInput {
        stream_name: "orders".into(),
        shard_count: Some(200),
        stream_mode_details: Some(StreamModeDetails { stream_mode: StreamMode::Provisioned }),
        tags: tags(&[("team", "a b")]),
        ..Default::default()
    };
    assert_eq!(
        cbor(
            Operation::CreateStream,
            "bf6a53747265616d4e616d65666f72646572736a5368617264436f756e7418c87153747265616d4d6f646544657461696c73bf6a53747265616d4d6f64656b50524f564953494f4e4544ff6454616773bf647465616d63612062ffff"
        ),
        Input::CreateStream(expected)
    );

    let expected = DeleteStreamInput {
        stream_name: some("orders"),
        enforce_consumer_deletion: Some(true),
        ..Default::default()
    };
    assert_eq!(
        cbor(
            Operation::DeleteStream,
            "bf6a53747265616d4e616d65666f726465727377456e666f726365436f6e73756d657244656c6574696f6ef5ff"
        ),
        Input::DeleteStream(expected)
    );
    assert_eq!(cbor(Operation::ListStreams, "bfff"), Input::ListStreams(ListStreamsInput::default()));
}

/// AWS SDK for Java 2.33.0 with CBOR switched off: surrogate pairs are escaped.
#[test]
fn java_json() {
    let input = json(
        Operation::PutRecord,
        r#"{"Data":"eA==","PartitionKey":"\uD83D\uDE00","StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/orders"}"#,
    );
    let expected = PutRecordInput {
        stream_arn: some(ARN),
        data: "x".into(),
        partition_key: some("😀"),
        ..Default::default()
    };
    assert_eq!(input, Input::PutRecord(expected));
}

/// AWS SDK for JavaScript 3.1143.0: no white space, text as it is, milliseconds.
#[test]
fn javascript_json() {
    let expected = PutRecordsInput {
        stream_name: some("orders"),
        records: vec![entry(&[0, 255], "pé")],
        ..Default::default()
    };
    assert_eq!(
        json(
            Operation::PutRecords,
            r#"{"Records":[{"Data":"AP8=","PartitionKey":"pé"}],"StreamName":"orders"}"#
        ),
        Input::PutRecords(expected)
    );
    assert_eq!(
        json(
            Operation::GetShardIterator,
            r#"{"ShardId":"shardId-000000000000","ShardIteratorType":"AT_TIMESTAMP","StreamName":"orders","Timestamp":1700000000.123}"#
        ),
        iterator_at(1_700_000_000_123)
    );
}

/// PHP's `json_encode` escapes every slash, in base64 too.
#[test]
fn slashes_may_be_escaped() {
    let input = json(Operation::PutRecord, r#"{"Data":"\/\/\/\/","PartitionKey":"a\/b"}"#);
    let expected = PutRecordInput {
        data: Bytes::from_static(&[255, 255, 255]),
        partition_key: some("a/b"),
        ..Default::default()
    };
    assert_eq!(input, Input::PutRecord(expected));
}

#[test]
fn cbor_blobs_are_slices_of_the_body() {
    let body = Bytes::from_static(b"\xa1\x64Data\x43abc");
    let Ok(Input::PutRecord(input)) = Input::decode(Operation::PutRecord, Format::Cbor, &body) else {
        panic!()
    };
    assert_eq!(input.data.as_ptr(), body[7..].as_ptr());
}
