use millstream_consumer_sdk::{LossReason, Tags};
use millstream_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn record(key: &str, data: &[u8], number: u128, sub_sequence: u64) -> UserRecord {
    UserRecord {
        sequence_number: number.to_string().parse().unwrap(),
        sub_sequence,
        is_member: sub_sequence > 0,
        partition_key: key.into(),
        explicit_hash_key: None,
        data: data.to_vec().into(),
        tags: Tags::default(),
        approximate_arrival: Timestamp::from_millis(1_700_000_000_123),
    }
}

/// As it goes to a child, whole.
fn whole(request: Request<'_>) -> String {
    let (mut line, tail) = request.frame();
    if let Request::ProcessRecords(batch) = request {
        for (place, record) in batch.records.iter().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            write_record(&mut line, record);
        }
    }
    line.extend(tail);
    String::from_utf8(line).unwrap()
}

#[test]
fn requests_are_written_as_kcl_writes_them() {
    let from = Checkpoint::TRIM_HORIZON;
    assert_eq!(
        whole(Request::Initialize { shard: "shardId-000000000000", from: &from }),
        "{\"action\":\"initialize\",\"shardId\":\"shardId-000000000000\",\"sequenceNumber\":\"TRIM_HORIZON\",\"subSequenceNumber\":0}\n"
    );
    let batch = Batch {
        records: vec![record("k", b"hello", 7, 0), record("\u{2028}\"\u{e9}", b"", 8, 3)],
        millis_behind_latest: 12,
    };
    assert_eq!(
        whole(Request::ProcessRecords(&batch)),
        concat!(
            "{\"action\":\"processRecords\",\"records\":[",
            "{\"action\":\"record\",\"data\":\"aGVsbG8=\",\"partitionKey\":\"k\",\"sequenceNumber\":\"7\",",
            "\"subSequenceNumber\":0,\"approximateArrivalTimestamp\":1700000000123},",
            "{\"action\":\"record\",\"data\":\"\",\"partitionKey\":\"\\u2028\\\"\u{e9}\",\"sequenceNumber\":\"8\",",
            "\"subSequenceNumber\":3,\"approximateArrivalTimestamp\":1700000000123}",
            "],\"millisBehindLatest\":12}\n"
        )
    );
    assert_eq!(whole(Request::LeaseLost), "{\"action\":\"leaseLost\"}\n");
    assert_eq!(whole(Request::ShardEnded), "{\"action\":\"shardEnded\"}\n");
    assert_eq!(whole(Request::ShutdownRequested), "{\"action\":\"shutdownRequested\"}\n");
}

#[test]
fn replies_name_the_exception_or_null() {
    let wanted = WantedCheckpoint { sequence_number: Some("7".to_owned()), sub_sequence: None };
    assert_eq!(
        checkpoint_reply(&wanted, None),
        b"{\"action\":\"checkpoint\",\"sequenceNumber\":\"7\",\"subSequenceNumber\":null,\"error\":null}\n"
    );
    let reply = checkpoint_reply(&WantedCheckpoint::default(), Some(Refusal::Throttling));
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    assert_eq!(
        reply,
        json!({ "action": "checkpoint", "sequenceNumber": null, "subSequenceNumber": null, "error": "ThrottlingException" })
    );
}

#[test]
fn what_a_child_says_is_understood_and_everything_else_is_no_message() {
    let checkpoint = |number: Option<&str>, sub_sequence: Option<&str>| {
        let (sequence_number, sub_sequence) = (number.map(str::to_owned), sub_sequence.map(str::to_owned));
        Some(FromChild::Checkpoint(WantedCheckpoint { sequence_number, sub_sequence }))
    };
    let great = "49543463076548007577105092703039560359975228518395019266";
    for (line, expected) in [
        (
            r#"{"action": "status", "responseFor": "initialize"}"#.to_owned(),
            Some(FromChild::Status { response_for: "initialize".to_owned() }),
        ),
        (
            r#"{"action":"checkpoint","sequenceNumber":"7","subSequenceNumber":2}"#.to_owned(),
            checkpoint(Some("7"), Some("2")),
        ),
        (
            r#"{"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null}"#.to_owned(),
            checkpoint(None, None),
        ),
        (r#"{"action":"checkpoint","extra":[1,{}]}"#.to_owned(), checkpoint(None, None)),
        (
            format!(r#"{{"action":"checkpoint","sequenceNumber":{great},"subSequenceNumber":"3"}}"#),
            checkpoint(Some(great), Some("3")),
        ),
        // It is refused later, and answered.
        (
            r#"{"action":"checkpoint","sequenceNumber":"7","subSequenceNumber":-1}"#.to_owned(),
            checkpoint(Some("7"), Some("-1")),
        ),
        (
            r#"{"action":"\u0073tatus","responseFor":"\u0069nitialize"}"#.to_owned(),
            Some(FromChild::Status { response_for: "initialize".to_owned() }),
        ),
        (r#"{"action":"status"}"#.to_owned(), None),
        (r#"{"action":"other"}"#.to_owned(), None),
        ("hello".to_owned(), None),
        (String::new(), None),
        ("[]".to_owned(), None),
        ("{\"action\":".to_owned(), None),
    ] {
        assert_eq!(parse(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn errors_have_the_names_that_programs_know() {
    let name = |error: CheckpointError| Refusal::from(&error).name();
    let store = |error| name(CheckpointError::Store(error));
    assert_eq!(name(CheckpointError::Over), "ShutdownException");
    assert_eq!(name(CheckpointError::LeaseLost(LossReason::Lapsed)), "ShutdownException");
    assert_eq!(store(millstream_lease::Error::Throttled(String::new())), "ThrottlingException");
    assert_eq!(store(millstream_lease::Error::TableMissing(String::new())), "InvalidStateException");
    assert_eq!(
        store(millstream_lease::Error::Unavailable(String::new())),
        "KinesisClientLibDependencyException"
    );
    let (to, checkpointed) = (Box::new(Checkpoint::TRIM_HORIZON), Box::new(Checkpoint::LATEST));
    let error =
        CheckpointError::OutOfBounds { to, checkpointed: checkpointed.clone(), delivered: checkpointed };
    assert_eq!(name(error), "IllegalArgumentException");
}

proptest! {
    /// Whatever a record holds, a batch is one line, and what any reader of JSON gets is what was put.
    #[test]
    fn a_batch_is_one_line_that_says_everything(
        records in proptest::collection::vec((".{0,20}", any::<Vec<u8>>(), any::<u128>(), any::<u64>()), 0..5),
        millis_behind_latest: u64,
    ) {
        let batch = Batch {
            records: records.iter().map(|(key, data, number, sub)| record(key, data, *number, *sub)).collect(),
            millis_behind_latest,
        };
        let line = whole(Request::ProcessRecords(&batch));
        prop_assert_eq!(line.matches(['\n', '\r', '\u{2028}', '\u{2029}']).count(), 1);
        let read: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read["millisBehindLatest"].as_u64(), Some(millis_behind_latest));
        prop_assert_eq!(read["records"].as_array().unwrap().len(), records.len());
        for ((key, data, number, sub), read) in records.iter().zip(read["records"].as_array().unwrap()) {
            prop_assert_eq!(read["partitionKey"].as_str(), Some(key.as_str()));
            let decoded = base64_simd::STANDARD.decode_to_vec(read["data"].as_str().unwrap()).unwrap();
            prop_assert_eq!(&decoded, data);
            prop_assert_eq!(read["sequenceNumber"].as_str().unwrap(), number.to_string());
            prop_assert_eq!(read["subSequenceNumber"].as_u64(), Some(*sub));
        }
    }

    #[test]
    fn nothing_that_a_child_prints_makes_it_panic(line: Vec<u8>) {
        let _ = parse(&line);
    }
}
