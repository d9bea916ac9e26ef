//! Outputs in both formats, read back by other people's parsers; errors; and the way through `dispatch`.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use bytestring::ByteString;
use ciborium::Value as Cbor;
use millstream_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::generated::*;
use super::decode_json;
use crate::aws::codec::{ApiError, Encode, Format, ProtocolError, encode};

fn encoded(format: Format, output: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    encode(format, output, &mut out);
    out
}

/// Both forms as JSON. The one from CBOR has AWS's conversions made: bytes to base64, tag 1 to seconds.
pub(super) fn both(output: &impl Encode) -> (Json, Json) {
    let json = serde_json::from_slice(&encoded(Format::Json, output)).unwrap();
    let cbor: Cbor = ciborium::from_reader(encoded(Format::Cbor, output).as_slice()).unwrap();
    (json, as_json(cbor))
}

pub(super) fn as_json(value: Cbor) -> Json {
    match value {
        Cbor::Integer(value) => json!(i64::try_from(value).unwrap()),
        Cbor::Bytes(blob) => json!(base64_simd::STANDARD.encode_to_string(blob)),
        Cbor::Text(text) => json!(text),
        Cbor::Bool(value) => json!(value),
        Cbor::Tag(1, millis) => {
            let millis = u64::try_from(millis.into_integer().unwrap()).unwrap();
            serde_json::from_str(&format!("{}.{:03}", millis / 1000, millis % 1000)).unwrap()
        }
        Cbor::Array(items) => items.into_iter().map(as_json).collect(),
        Cbor::Map(entries) => {
            entries.into_iter().map(|(key, value)| (key.into_text().unwrap(), as_json(value))).collect()
        }
        other => panic!("{other:?}"),
    }
}

prop_compose! {
    fn any_record()(
        sequence_number in "[1-9][0-9]{0,55}",
        millis in proptest::option::of(0_u64..(1 << 42)),
        data in any::<Vec<u8>>(),
        partition_key in proptest::option::of(any::<String>()),
        encryption_type in proptest::option::of(prop_oneof![Just(EncryptionType::None), Just(EncryptionType::Kms)]),
    ) -> Record {
        Record {
            sequence_number: sequence_number.into(),
            approximate_arrival_timestamp: millis.map(Timestamp::from_millis),
            data: data.into(),
            partition_key: partition_key.map(Into::into),
            encryption_type,
        }
    }
}

prop_compose! {
    fn any_output()(
        records in proptest::collection::vec(any_record(), 0..4),
        next_shard_iterator in proptest::option::of(any::<String>()),
        millis_behind_latest in proptest::option::of(any::<i64>()),
        children in proptest::option::of(proptest::collection::vec((any::<String>(), any::<Vec<String>>()), 0..3)),
    ) -> GetRecordsOutput {
        let child = |(shard_id, parents): (String, Vec<String>)| ChildShard {
            shard_id: shard_id.into(),
            parent_shards: parents.into_iter().map(ByteString::from).collect(),
            hash_key_range: HashKeyRange { starting_hash_key: "0".into(), ending_hash_key: "9".into() },
        };
        GetRecordsOutput {
            records,
            next_shard_iterator: next_shard_iterator.map(Into::into),
            millis_behind_latest,
            child_shards: children.map(|children| children.into_iter().map(child).collect()),
        }
    }
}

proptest! {
    #[test]
    fn both_formats_say_the_same(output in any_output()) {
        let (json, cbor) = both(&output);
        prop_assert_eq!(&json, &cbor);
        prop_assert_eq!(json["Records"].as_array().unwrap().len(), output.records.len());
        for (shown, record) in json["Records"].as_array().unwrap().iter().zip(&output.records) {
            prop_assert_eq!(shown["SequenceNumber"].as_str().unwrap(), &*record.sequence_number);
            let data = base64_simd::STANDARD.encode_to_string(&record.data);
            prop_assert_eq!(shown["Data"].as_str().unwrap(), data);
            prop_assert_eq!(shown.get("PartitionKey").map(|key| key.as_str().unwrap()), record.partition_key.as_deref());
        }
    }
}

#[test]
fn outputs_have_awss_names_and_leave_out_what_is_absent() {
    let output = ListShardsOutput {
        shards: Some(vec![Shard {
            shard_id: "shardId-000000000000".into(),
            parent_shard_id: None,
            adjacent_parent_shard_id: None,
            hash_key_range: HashKeyRange { starting_hash_key: "0".into(), ending_hash_key: "5".into() },
            sequence_number_range: SequenceNumberRange {
                starting_sequence_number: "1".into(),
                ending_sequence_number: None,
            },
        }]),
        next_token: None,
    };
    let (json, cbor) = both(&output);
    assert_eq!(json, cbor);
    let shard = json!({
        "ShardId": "shardId-000000000000",
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "5"},
        "SequenceNumberRange": {"StartingSequenceNumber": "1"},
    });
    assert_eq!(json, json!({"Shards": [shard]}));
}

#[test]
fn enums_booleans_and_timestamps() {
    let output = DescribeStreamOutput {
        stream_description: StreamDescription {
            stream_name: "s".into(),
            stream_arn: "arn".into(),
            stream_status: StreamStatus::Active,
            stream_mode_details: Some(StreamModeDetails { stream_mode: StreamMode::OnDemand }),
            shards: vec![],
            has_more_shards: false,
            retention_period_hours: 24,
            stream_creation_timestamp: Timestamp::from_millis(1_700_000_000_000),
            enhanced_monitoring: vec![EnhancedMetrics { shard_level_metrics: Some(vec![]) }],
            encryption_type: Some(EncryptionType::None),
            key_id: None,
        },
    };
    let text = concat!(
        r#"{"StreamDescription":{"StreamName":"s","StreamARN":"arn","StreamStatus":"ACTIVE","#,
        r#""StreamModeDetails":{"StreamMode":"ON_DEMAND"},"Shards":[],"HasMoreShards":false,"#,
        r#""RetentionPeriodHours":24,"StreamCreationTimestamp":1700000000.000,"#,
        r#""EnhancedMonitoring":[{"ShardLevelMetrics":[]}],"EncryptionType":"NONE"}}"#
    );
    assert_eq!(String::from_utf8(encoded(Format::Json, &output)).unwrap(), text);
    let (json, cbor) = both(&output);
    assert_eq!(json, cbor);
}

#[test]
fn the_last_event_of_a_shard_has_no_continuation() {
    let event = SubscribeToShardEvent {
        records: vec![],
        continuation_sequence_number: None,
        millis_behind_latest: 0,
        child_shards: Some(vec![]),
    };
    let text = r#"{"Records":[],"MillisBehindLatest":0,"ChildShards":[]}"#;
    assert_eq!(encoded(Format::Json, &event), text.as_bytes());
}

#[test]
fn outputs_are_appended_to_what_is_there() {
    let mut out = b"head".to_vec();
    encode(Format::Json, &(), &mut out);
    encode(Format::Json, &DescribeAccountSettingsOutput::default(), &mut out);
    assert_eq!(out, b"head{}");
}

#[test]
fn the_buffer_is_large_enough_from_the_start() {
    let record = Record {
        sequence_number: "4".repeat(56).into(),
        approximate_arrival_timestamp: Some(Timestamp::from_millis(1)),
        data: Bytes::from(vec![0; 1000]),
        partition_key: Some("k".into()),
        encryption_type: None,
    };
    let output = GetRecordsOutput {
        records: vec![record; 100],
        next_shard_iterator: Some("i".into()),
        millis_behind_latest: Some(i64::MIN),
        child_shards: None,
    };
    for (format, slack_percent) in [(Format::Json, 5), (Format::Cbor, 50)] {
        let out = encoded(format, &output);
        assert!(
            out.capacity() <= out.len() + out.len() * slack_percent / 100,
            "{} {}",
            out.capacity(),
            out.len()
        );
    }
}

#[test]
fn errors_carry_type_and_message() {
    let error = ApiError::new(Exception::ResourceNotFound, "Stream \"X\" not found.");
    assert_eq!((error.code(), error.status()), ("ResourceNotFoundException", 400));
    let (json, cbor) = both(&error);
    assert_eq!(json, cbor);
    assert_eq!(json, json!({"__type": "ResourceNotFoundException", "message": "Stream \"X\" not found."}));
    assert_eq!(ApiError::new(Exception::KmsOptInRequired, "").code(), "KMSOptInRequired");
    assert_eq!(ApiError::bare(Exception::InternalFailure).status(), 500);
    assert_eq!(ApiError::bare(ProtocolError::ServiceUnavailable).status(), 503);
}

#[test]
fn operations_are_found_by_name() {
    assert_eq!(Operation::ALL.len(), 57);
    for operation in Operation::ALL {
        assert_eq!(Operation::from_name(operation.name()), Some(operation));
    }
    for name in ["", "PutRecord ", "putRecord", "Zzz"] {
        assert_eq!(Operation::from_name(name), None);
    }
}

struct Echo;

impl KinesisService for Echo {
    type Context = &'static str;

    async fn list_streams(
        &self,
        caller: &Self::Context,
        input: ListStreamsInput,
    ) -> Result<ListStreamsOutput, ApiError> {
        Ok(ListStreamsOutput {
            stream_names: vec![ByteString::from_static(caller)],
            has_more_streams: input.limit == Some(1),
            next_token: None,
            stream_summaries: None,
        })
    }

    async fn delete_stream(&self, _: &Self::Context, _: DeleteStreamInput) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The output of a future that has nothing to wait for.
fn finish<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("there is nothing to wait for"),
    }
}

#[test]
fn dispatch_reaches_the_handler_and_encodes_its_output() {
    let call = |operation, body| {
        let mut out = Vec::new();
        let input = decode_json(operation, body).unwrap();
        finish(dispatch(&Echo, &"me", input, Format::Json, &mut out))?;
        Ok::<_, ApiError>(String::from_utf8(out).unwrap())
    };
    assert_eq!(
        call(Operation::ListStreams, r#"{"Limit": 1}"#).unwrap(),
        r#"{"StreamNames":["me"],"HasMoreStreams":true}"#
    );
    assert_eq!(call(Operation::DeleteStream, "{}").unwrap(), "");
    let error = call(Operation::DescribeLimits, "{}").unwrap_err();
    assert_eq!(error.message(), Some("DescribeLimits is not built yet."));
    assert_eq!(error.status(), 400);
}

/// A task of the server holds one of these for every request in flight.
#[test]
fn futures_stay_small() {
    let mut out = Vec::new();
    let input = Input::DescribeLimits(DescribeLimitsInput {});
    let future = dispatch(&Echo, &"me", input, Format::Json, &mut out);
    assert!(
        size_of_val(&future) <= 3 * size_of::<Input>(),
        "{} {}",
        size_of_val(&future),
        size_of::<Input>()
    );
    fn is_send(_: &impl Send) {}
    is_send(&future);
}
