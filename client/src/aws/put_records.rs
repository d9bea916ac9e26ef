//! The body of PutRecords.
//!
//! The SDK would copy each record's data into its own types, those into text, and that into the body: for a producer,
//! these copies are most of what a record costs on its way out. So the body is written here at once, and handed to the
//! SDK in place of its own, to be signed and sent.

use std::fmt::Write;

use base64_simd::STANDARD as BASE64;

use crate::api::{NewRecord, StreamRef};

/// Bytes of an entry beyond its data and its partition key: names of members, quotes, an explicit hash key.
const ENTRY_BYTES_MAX: usize = 120;
/// Bytes around the entries, but for the stream.
const FRAME_BYTES: usize = 40;

/// The call in JSON.
pub(super) fn body(stream: &StreamRef, records: &[NewRecord]) -> String {
    let (member, name) = match stream {
        StreamRef::Name(name) => ("StreamName", name.to_string()),
        StreamRef::Arn(arn) => ("StreamARN", arn.to_string()),
    };
    let entry_bytes = |record: &NewRecord| {
        BASE64.encoded_length(record.data.len()) + record.partition_key.len() + ENTRY_BYTES_MAX
    };
    let bytes = records.iter().map(entry_bytes).sum::<usize>() + name.len() + FRAME_BYTES;
    let mut body = String::with_capacity(bytes);
    body.push_str("{\"");
    body.push_str(member);
    body.push_str("\":");
    put_text(&name, &mut body);
    body.push_str(",\"Records\":[");
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        put_entry(record, &mut body);
    }
    body.push_str("]}");
    body
}

fn put_entry(record: &NewRecord, body: &mut String) {
    body.push_str("{\"Data\":\"");
    BASE64.encode_append(&record.data, body);
    body.push_str("\",\"PartitionKey\":");
    put_text(&record.partition_key, body);
    if let Some(key) = record.explicit_hash_key {
        // Writing to a string cannot fail.
        let _ = write!(body, ",\"ExplicitHashKey\":\"{key}\"");
    }
    body.push('}');
}

/// A string of JSON.
fn put_text(text: &str, body: &mut String) {
    body.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                body.push('\\');
                body.push(character);
            }
            '\0'..' ' => {
                let _ = write!(body, "\\u{:04x}", u32::from(character));
            }
            _ => body.push(character),
        }
    }
    body.push('"');
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millstream_model::HashKey;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn shown(record: &NewRecord) -> Value {
        let data = BASE64.encode_to_string(&record.data);
        let mut shown = json!({ "Data": data, "PartitionKey": record.partition_key });
        if let Some(key) = record.explicit_hash_key {
            shown["ExplicitHashKey"] = key.to_string().into();
        }
        shown
    }

    proptest! {
        #[test]
        fn it_says_what_is_to_be_put(
            entries in prop::collection::vec((any::<String>(), any::<Option<u128>>(), any::<Vec<u8>>()), 0..8),
        ) {
            let record = |(partition_key, key, data): (String, Option<u128>, Vec<u8>)| NewRecord {
                partition_key,
                explicit_hash_key: key.map(HashKey),
                data: Bytes::from(data),
            };
            let records: Vec<_> = entries.into_iter().map(record).collect();
            let body = body(&"orders".parse().unwrap(), &records);
            let expected = json!({ "StreamName": "orders", "Records": records.iter().map(shown).collect::<Vec<_>>() });
            prop_assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        }
    }

    #[test]
    fn a_stream_may_be_named_by_its_arn() {
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
        let body: Value = serde_json::from_str(&body(&arn.parse().unwrap(), &[])).unwrap();
        assert_eq!(body, json!({ "StreamARN": arn, "Records": [] }));
    }

    #[test]
    fn there_is_room_for_all_from_the_start() {
        let record = NewRecord {
            partition_key: "key".to_owned(),
            explicit_hash_key: Some(HashKey::MAX),
            data: Bytes::from(vec![7; 1_000]),
        };
        let stream = "orders".parse().unwrap();
        let records = vec![record; 500];
        let body = body(&stream, &records);
        assert!(body.capacity() < body.len() * 11 / 10 && body.capacity() >= body.len());
    }
}
