//! Bodies of PutRecord and PutRecords in both encodings, byte by byte.
//!
//! JSON is written as boto3's without spaces, CBOR with indefinite maps and lists, as the SDK for Java does
//! it. Where the data of each record lies is remembered, for whoever changes it later.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Record;
use crate::wire::{Operation, Protocol};

/// The records of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) stream: &'a str,
    pub(crate) records: &'a [Record],
}

/// A body, and where in it the (encoded) data of each record begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) data_offsets: Vec<usize>,
}

impl Batch<'_> {
    /// A batch of one is a PutRecord, as a producer without batching sends it.
    pub(crate) fn operation(records: usize) -> Operation {
        if records == 1 { Operation::PutRecord } else { Operation::PutRecords }
    }

    pub(super) fn body(&self, protocol: Protocol) -> Body {
        let mut body = Body::default();
        match (protocol, self.records) {
            (Protocol::Json, [record]) => body.json_record(record, Some(self.stream)),
            (Protocol::Json, records) => body.json_records(self.stream, records),
            (Protocol::Cbor, [record]) => body.cbor_record(record, Some(self.stream)),
            (Protocol::Cbor, records) => body.cbor_records(self.stream, records),
        }
        body
    }
}

/// The body of a GetRecords call.
pub(crate) fn get_records(protocol: Protocol, iterator: &str, limit: u32) -> Vec<u8> {
    let mut body = Body::default();
    match protocol {
        Protocol::Json => {
            // Iterators are base64 with every target known; quoting them costs little and is always right.
            let quoted = serde_json::Value::from(iterator);
            body.text(&format!(r#"{{"ShardIterator":{quoted},"Limit":{limit}}}"#));
        }
        Protocol::Cbor => {
            body.bytes.push(CBOR_MAP);
            body.cbor_text("ShardIterator");
            body.cbor_text(iterator);
            body.cbor_text("Limit");
            body.cbor_length(CBOR_UNSIGNED, limit as usize);
            body.bytes.push(CBOR_END);
        }
    }
    body.bytes
}

impl Body {
    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn json_records(&mut self, stream: &str, records: &[Record]) {
        self.text(r#"{"StreamName":""#);
        self.text(stream);
        self.text(r#"","Records":["#);
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                self.text(",");
            }
            self.json_record(record, None);
        }
        self.text("]}");
    }

    fn json_record(&mut self, record: &Record, stream: Option<&str>) {
        self.text("{");
        if let Some(stream) = stream {
            self.text(r#""StreamName":""#);
            self.text(stream);
            self.text(r#"","#);
        }
        self.text(r#""Data":""#);
        self.data_offsets.push(self.bytes.len());
        self.text(&STANDARD.encode(&record.data));
        self.text(r#"","PartitionKey":""#);
        self.text(&record.partition_key);
        self.text(r#""}"#);
    }

    fn cbor_records(&mut self, stream: &str, records: &[Record]) {
        self.bytes.push(CBOR_MAP);
        self.cbor_text("StreamName");
        self.cbor_text(stream);
        self.cbor_text("Records");
        self.bytes.push(CBOR_LIST);
        for record in records {
            self.cbor_record(record, None);
        }
        self.bytes.extend([CBOR_END, CBOR_END]);
    }

    fn cbor_record(&mut self, record: &Record, stream: Option<&str>) {
        self.bytes.push(CBOR_MAP);
        if let Some(stream) = stream {
            self.cbor_text("StreamName");
            self.cbor_text(stream);
        }
        self.cbor_text("Data");
        self.cbor_length(CBOR_BYTES, record.data.len());
        self.data_offsets.push(self.bytes.len());
        self.bytes.extend_from_slice(&record.data);
        self.cbor_text("PartitionKey");
        self.cbor_text(&record.partition_key);
        self.bytes.push(CBOR_END);
    }

    fn cbor_text(&mut self, text: &str) {
        self.cbor_length(CBOR_TEXT, text.len());
        self.text(text);
    }

    #[allow(clippy::cast_possible_truncation)] // each arm's range fits its width
    fn cbor_length(&mut self, major: u8, length: usize) {
        match length {
            0..=23 => self.bytes.push(major | length as u8),
            24..=0xff => self.bytes.extend([major | 24, length as u8]),
            0x100..=0xffff => {
                self.bytes.push(major | 25);
                self.bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                self.bytes.push(major | 26);
                self.bytes.extend((length as u32).to_be_bytes());
            }
        }
    }
}

const CBOR_UNSIGNED: u8 = 0x00;
const CBOR_BYTES: u8 = 0x40;
const CBOR_TEXT: u8 = 0x60;
const CBOR_MAP: u8 = 0xbf;
const CBOR_LIST: u8 = 0x9f;
const CBOR_END: u8 = 0xff;

#[cfg(test)]
mod tests {
    use ciborium::Value;
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let data = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            prop::collection::vec(any::<u8>(), 65_500..65_600)
        ];
        let record =
            ("[a-z2-7]{1,64}", data).prop_map(|(partition_key, data)| Record { partition_key, data });
        prop::collection::vec(record, 1..8)
    }

    /// Stream name and records as a decoder that knows nothing of us reads them.
    fn read_json(bytes: &[u8]) -> (String, Vec<Record>) {
        let body: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let record = |value: &serde_json::Value| Record {
            partition_key: value["PartitionKey"].as_str().unwrap().to_owned(),
            data: STANDARD.decode(value["Data"].as_str().unwrap()).unwrap(),
        };
        let stream = body["StreamName"].as_str().unwrap().to_owned();
        match body["Records"].as_array() {
            Some(records) => (stream, records.iter().map(record).collect()),
            None => (stream, vec![record(&body)]),
        }
    }

    fn member<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
        map.as_map().unwrap().iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
    }

    fn read_cbor(bytes: &[u8]) -> (String, Vec<Record>) {
        let body: Value = ciborium::from_reader(bytes).unwrap();
        let record = |value: &Value| Record {
            partition_key: member(value, "PartitionKey").unwrap().as_text().unwrap().to_owned(),
            data: member(value, "Data").unwrap().as_bytes().unwrap().clone(),
        };
        let stream = member(&body, "StreamName").unwrap().as_text().unwrap().to_owned();
        match member(&body, "Records") {
            Some(records) => (stream, records.as_array().unwrap().iter().map(record).collect()),
            None => (stream, vec![record(&body)]),
        }
    }

    proptest! {
        #[test]
        fn a_full_decode_gives_back_the_records(stream in "[a-zA-Z0-9_.-]{1,128}", records in records()) {
            let batch = Batch { stream: &stream, records: &records };
            let (json_stream, json_records) = read_json(&batch.body(Protocol::Json).bytes);
            prop_assert_eq!((&json_stream, &json_records), (&stream, &records));
            let (cbor_stream, cbor_records) = read_cbor(&batch.body(Protocol::Cbor).bytes);
            prop_assert_eq!((&cbor_stream, &cbor_records), (&stream, &records));
        }

        #[test]
        fn offsets_point_at_the_data(records in records()) {
            let batch = Batch { stream: "s", records: &records };
            for protocol in [Protocol::Json, Protocol::Cbor] {
                let body = batch.body(protocol);
                prop_assert_eq!(body.data_offsets.len(), records.len());
                for (offset, record) in body.data_offsets.iter().zip(&records) {
                    let encoded = match protocol {
                        Protocol::Json => STANDARD.encode(&record.data).into_bytes(),
                        Protocol::Cbor => record.data.clone(),
                    };
                    prop_assert!(body.bytes[*offset..].starts_with(&encoded));
                }
            }
        }
    }

    #[test]
    fn a_read_names_its_iterator_and_limit() {
        let iterator = "AAAA\"/+=";
        for limit in [1, 100, 10_000] {
            let json: serde_json::Value =
                serde_json::from_slice(&get_records(Protocol::Json, iterator, limit)).unwrap();
            assert_eq!(json, serde_json::json!({"ShardIterator": iterator, "Limit": limit}));
            let cbor: Value =
                ciborium::from_reader(get_records(Protocol::Cbor, iterator, limit).as_slice()).unwrap();
            assert_eq!(member(&cbor, "ShardIterator").unwrap().as_text(), Some(iterator));
            assert_eq!(member(&cbor, "Limit").unwrap().as_integer(), Some(limit.into()));
        }
    }

    #[test]
    fn cbor_of_one_record_is_what_the_java_sdk_sends() {
        let record = Record { partition_key: "p\u{e9}".to_owned(), data: vec![0x00, 0xff] };
        let body = Batch { stream: "s", records: &[record] }.body(Protocol::Cbor).bytes;
        let expected =
            [&b"\xbf\x6aStreamName\x61s\x64Data\x42\x00\xff"[..], &b"\x6cPartitionKey\x63p\xc3\xa9\xff"[..]];
        assert_eq!(body, expected.concat());
    }
}
