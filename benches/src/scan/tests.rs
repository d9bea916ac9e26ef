//! The scanners against full decodes of the same replies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::wire::Reply;

#[derive(Clone, Debug)]
struct Shown {
    partition_key: String,
    data: Vec<u8>,
}

fn records() -> impl Strategy<Value = Vec<Shown>> {
    // Keys that try to look like members of the reply.
    let key = prop_oneof![
        any::<String>(),
        Just("\"Data\":\"AAAA\"".to_owned()),
        Just("Data".to_owned()),
        Just("\"NextShardIterator\":\"no\"".to_owned()),
        Just("\\".to_owned()),
    ];
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 3000..4000),
        Just(vec![0xff; 30]), // base64 of solidi
    ];
    prop::collection::vec((key, data).prop_map(|(partition_key, data)| Shown { partition_key, data }), 0..20)
}

fn tail_members() -> impl Strategy<Value = (Option<String>, Option<u64>)> {
    (prop::option::of("[A-Za-z0-9+/=]{1,400}"), prop::option::of(any::<u64>()))
}

/// The reply as a JSON encoder writes it: in one of the usual orders, spaces or none, solidi escaped or not.
fn json_reply(
    records: &[Shown],
    next: Option<&str>,
    behind: Option<u64>,
    style: (bool, bool, bool),
) -> Vec<u8> {
    let (records_last, spaced, escaped) = style;
    let quote = |text: &str| serde_json::to_string(text).unwrap();
    let list: Vec<_> = records
        .iter()
        .map(|record| {
            let mut data = quote(&STANDARD.encode(&record.data));
            if escaped {
                data = data.replace('/', "\\/");
            }
            let key = quote(&record.partition_key);
            format!(
                "{{\"SequenceNumber\":\"495\",\"ApproximateArrivalTimestamp\":1704067200.123,\
                 \"Data\":{data},\"PartitionKey\":{key}}}"
            )
        })
        .collect();
    let mut members = vec![format!("\"Records\":[{}]", list.join(","))];
    members.push(format!("\"NextShardIterator\":{}", next.map_or("null".to_owned(), quote)));
    members.extend(behind.map(|behind| format!("\"MillisBehindLatest\":{behind}")));
    if records_last {
        members.reverse();
    }
    let text = format!("{{{}}}", members.join(","));
    if spaced { text.replace("\":", "\" :\n ").into_bytes() } else { text.into_bytes() }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn cbor_reply(records: &[Shown], next: Option<&str>, behind: Option<u64>, records_last: bool) -> Vec<u8> {
    let record = |record: &Shown| {
        Value::Map(vec![
            (text("SequenceNumber"), text("495")),
            (
                text("ApproximateArrivalTimestamp"),
                Value::Tag(1, Box::new(Value::Integer(1_704_067_200_123_u64.into()))),
            ),
            (text("Data"), Value::Bytes(record.data.clone())),
            (text("PartitionKey"), text(&record.partition_key)),
        ])
    };
    let mut members = vec![(text("Records"), Value::Array(records.iter().map(record).collect()))];
    members.push((text("NextShardIterator"), next.map_or(Value::Null, text)));
    members.extend(behind.map(|behind| (text("MillisBehindLatest"), Value::Integer(behind.into()))));
    members.push((text("ChildShards"), Value::Array(vec![Value::Map(vec![(text("ShardId"), text("s"))])])));
    if records_last {
        members.reverse();
    }
    let mut bytes = Vec::new();
    ciborium::into_writer(&Value::Map(members), &mut bytes).unwrap();
    bytes
}

fn data_of(protocol: Protocol, body: &[u8]) -> (Page<'_>, Vec<Vec<u8>>) {
    let mut seen = Vec::new();
    let page = page(protocol, body, |data| {
        seen.push(match data {
            Data::Raw(bytes) => bytes.to_vec(),
            Data::Base64(encoded) => {
                let encoded: Vec<u8> = encoded.iter().copied().filter(|byte| *byte != b'\\').collect();
                STANDARD.decode(encoded).unwrap()
            }
        });
    });
    (page.unwrap(), seen)
}

proptest! {
    #[test]
    fn a_page_of_json_is_read_as_a_decoder_reads_it(
        records in records(), (next, behind) in tail_members(), last: bool, escaped: bool,
    ) {
        let body = json_reply(&records, next.as_deref(), behind, (last, false, escaped));
        let decoded: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let (page, seen) = data_of(Protocol::Json, &body);
        let expected: Vec<Vec<u8>> = decoded["Records"].as_array().unwrap().iter()
            .map(|record| STANDARD.decode(record["Data"].as_str().unwrap()).unwrap()).collect();
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(page.records, expected.len() as u64);
        prop_assert_eq!(page.data_bytes, expected.iter().map(|data| data.len() as u64).sum::<u64>());
        prop_assert_eq!(page.next_iterator.as_deref(), decoded["NextShardIterator"].as_str());
        prop_assert_eq!(page.millis_behind_latest, behind.unwrap_or(0));
    }

    #[test]
    fn spaces_between_tokens_change_nothing(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5),
    ) {
        let shown: Vec<_> =
            data.into_iter().map(|data| Shown { partition_key: "k".to_owned(), data }).collect();
        let tight = json_reply(&shown, Some("next"), Some(7), (false, false, false));
        let spaced = json_reply(&shown, Some("next"), Some(7), (false, true, false));
        prop_assert_eq!(data_of(Protocol::Json, &tight), data_of(Protocol::Json, &spaced));
    }

    #[test]
    fn a_page_of_cbor_is_read_as_a_decoder_reads_it(
        records in records(), (next, behind) in tail_members(), last: bool,
    ) {
        let body = cbor_reply(&records, next.as_deref(), behind, last);
        let (page, seen) = data_of(Protocol::Cbor, &body);
        let expected: Vec<_> = records.iter().map(|record| record.data.clone()).collect();
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(page.records, expected.len() as u64);
        prop_assert_eq!(page.data_bytes, expected.iter().map(|data| data.len() as u64).sum::<u64>());
        prop_assert_eq!(page.next_iterator.as_deref(), next.as_deref());
        prop_assert_eq!(page.millis_behind_latest, behind.unwrap_or(0));
    }

    #[test]
    fn an_event_is_read_as_a_decoder_reads_it(
        records in records(), (next, behind) in tail_members(), last: bool, escaped: bool,
    ) {
        let behind = behind.unwrap_or(0);
        let page = json_reply(&records, next.as_deref(), Some(behind), (last, false, escaped));
        let body = String::from_utf8(page).unwrap();
        // The name stands in partition keys too, there with its quotation marks escaped.
        let body = body.replace("\"NextShardIterator\":", "\"ContinuationSequenceNumber\":");
        let decoded: serde_json::Value = serde_json::from_str(&body).unwrap();
        let mut seen = 0;
        let event = event(body.as_bytes(), |_| seen += 1).unwrap();
        let expected: Vec<Vec<u8>> = decoded["Records"].as_array().unwrap().iter()
            .map(|record| STANDARD.decode(record["Data"].as_str().unwrap()).unwrap()).collect();
        prop_assert_eq!((event.records, seen), (expected.len() as u64, expected.len()));
        prop_assert_eq!(event.data_bytes, expected.iter().map(|data| data.len() as u64).sum::<u64>());
        prop_assert_eq!(event.continuation.as_deref(), decoded["ContinuationSequenceNumber"].as_str());
        prop_assert_eq!(event.millis_behind_latest, behind);
    }

    #[test]
    fn failed_entries_are_counted_by_code(codes in prop::collection::vec(prop::option::of("[A-Z][a-z]{1,8}"), 1..30)) {
        let mut expected = Failures::new();
        for code in codes.iter().flatten() {
            *expected.entry(code.clone()).or_default() += 1;
        }
        let failed: u64 = expected.values().sum();
        let json = json!({
            "FailedRecordCount": failed,
            "Records": codes.iter().map(|code| match code {
                Some(code) => json!({"ErrorCode": code, "ErrorMessage": "m"}),
                None => json!({"SequenceNumber": "495", "ShardId": "shardId-000000000000"}),
            }).collect::<Vec<_>>(),
        });
        let as_json = serde_json::to_vec(&json).unwrap();
        let mut as_cbor = Vec::new();
        ciborium::into_writer(&json, &mut as_cbor).unwrap();
        prop_assert_eq!(&put(Operation::PutRecords, Protocol::Json, &as_json).unwrap(), &expected);
        prop_assert_eq!(&put(Operation::PutRecords, Protocol::Cbor, &as_cbor).unwrap(), &expected);
    }

    #[test]
    fn no_bytes_upset_a_scanner(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for protocol in [Protocol::Json, Protocol::Cbor] {
            let _ = page(protocol, &bytes, |data| { let _ = data.stamp(); });
            let _ = put(Operation::PutRecord, protocol, &bytes);
            let _ = put(Operation::PutRecords, protocol, &bytes);
            let _ = event(&bytes, |data| { let _ = data.stamp(); });
            let _ = Refusal::of(Reply { status: 400, body: &bytes, wire_bytes: 0 }, protocol);
        }
    }

    #[test]
    fn a_reply_cut_short_is_never_a_success(records in records(), cut in 1_usize..100) {
        let cbor = cbor_reply(&records, Some("next"), Some(7), false);
        let cbor = &cbor[..cbor.len().saturating_sub(cut)];
        prop_assert!(page(Protocol::Cbor, cbor, drop).is_err());
        let json = json_reply(&[], Some("next"), Some(7), (false, false, false));
        let json = &json[..json.len().saturating_sub(cut)];
        prop_assert!(page(Protocol::Json, json, drop).is_err());
    }
}

#[test]
fn indefinite_lengths_are_walked_as_definite_ones() {
    let body = b"\xbf\x67Records\x9f\xbf\x64Data\x42\x01\x02\xff\xff\x61x\x5f\x41a\x41b\xff\xff";
    assert_eq!(
        data_of(Protocol::Cbor, body),
        (Page { records: 1, data_bytes: 2, ..Page::default() }, vec![vec![1, 2]])
    );
}

#[test]
fn a_reply_that_proves_nothing_is_an_error() {
    for (operation, body) in [
        (Operation::PutRecord, "{}"),
        (Operation::PutRecord, "SequenceNumber"),
        (Operation::PutRecords, "{}"),
        (Operation::PutRecords, r#"{"FailedRecordCount":null}"#),
        (Operation::PutRecords, r#"{"FailedRecordCount":1,"Records":[{}]}"#),
    ] {
        assert!(put(operation, Protocol::Json, body.as_bytes()).is_err(), "{body}");
    }
    for body in [&b"\xa0"[..], b"\xa1\x71FailedRecordCount\xf6", b"\xa1\x71FailedRecordCount\x01"] {
        assert!(put(Operation::PutRecords, Protocol::Cbor, body).is_err());
    }
    assert!(page(Protocol::Json, b"{}", |_| {}).is_err());
    assert!(page(Protocol::Cbor, b"\xa0", |_| {}).is_err());
}

#[test]
fn an_event_at_the_end_of_a_shard_has_no_continuation() {
    let end = br#"{"Records":[],"MillisBehindLatest":0,"ChildShards":[{"ShardId":"shardId-000000000001"}]}"#;
    assert_eq!(event(end, |_| {}).unwrap(), Event::default());
    for body in [&b"{}"[..], br#"{"Records":[]}"#, br#"{"MillisBehindLatest":0}"#, br#"{"Records":[]"#] {
        assert!(event(body, |_| {}).is_err());
    }
}

#[test]
fn error_replies_give_their_name() {
    let refusal = |protocol, status, body: &[u8]| {
        Refusal::of(Reply { status, body, wire_bytes: 0 }, protocol).map(|r| (r.kind, r.message))
    };
    let owned = |kind: &str, message: &str| Some((kind.to_owned(), message.to_owned()));
    let json = br#"{"__type":"com.amazon#LimitExceededException:x","message":"Rate \"exceeded\""}"#;
    assert_eq!(refusal(Protocol::Json, 400, json), owned("LimitExceededException", "Rate \"exceeded\""));
    let cbor = b"\xa2\x66__type\x61E\x67Message\x61m";
    assert_eq!(refusal(Protocol::Cbor, 400, cbor), owned("E", "m"));
    assert_eq!(refusal(Protocol::Json, 503, b"busy"), owned("HTTP 503", ""));
    assert_eq!(refusal(Protocol::Json, 200, b"{}"), None);
}
