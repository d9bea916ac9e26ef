//! How one record looks.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millstream_client::aggregation::UserRecord;
use millstream_model::ShardId;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::exit::Failure;
use crate::moment::format_time;
use crate::output::{Format, write_line, write_pretty};

/// Characters of data that a table shows.
const TABLE_DATA_CHARS: usize = 500;
/// Most keys fit; longer ones push their line's data to the right.
const TABLE_KEY_CHARS: usize = 16;

/// The fields of `-o ndjson` and `-o json`. Names and meaning are stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    shard_id: String,
    sequence_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sequence_number: Option<u64>,
    approximate_arrival_timestamp: String,
    partition_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    explicit_hash_key: Option<&'a str>,
    #[serde(flatten)]
    data: Data<'a>,
}

/// As it is if that is possible. Only indented JSON shows data as JSON: lines are for programs, for which a
/// field has one type.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Data<'a> {
    #[serde(rename = "data")]
    Json(&'a RawValue),
    #[serde(rename = "data")]
    Text(&'a str),
    #[serde(rename = "dataBase64")]
    Binary(String),
}

pub(crate) fn render(
    format: Format,
    shard: ShardId,
    record: &UserRecord,
    buffer: &mut Vec<u8>,
) -> Result<(), Failure> {
    match format {
        Format::Table => {
            buffer.extend(table_line(shard, record).into_bytes());
            Ok(())
        }
        Format::Ndjson => write_line(buffer, &shown(shard, record, text(&record.data))),
        Format::Json => {
            let data = serde_json::from_slice(&record.data).map_or_else(|_| text(&record.data), Data::Json);
            write_pretty(buffer, &shown(shard, record, data))
        }
    }
}

fn shown<'a>(shard: ShardId, record: &'a UserRecord, data: Data<'a>) -> Shown<'a> {
    Shown {
        shard_id: shard.to_string(),
        sequence_number: record.sequence_number.as_str(),
        sub_sequence_number: record.is_member.then_some(record.sub_sequence_number),
        approximate_arrival_timestamp: format_time(record.approximate_arrival),
        partition_key: &record.partition_key,
        explicit_hash_key: record.explicit_hash_key.as_deref(),
        data,
    }
}

fn text(data: &[u8]) -> Data<'_> {
    std::str::from_utf8(data).map_or_else(|_| Data::Binary(BASE64_STANDARD.encode(data)), Data::Text)
}

fn table_line(shard: ShardId, record: &UserRecord) -> String {
    let time = format_time(record.approximate_arrival);
    let mut line = format!("{time}  {shard}  ");
    let key_starts = line.len();
    push_printable(&mut line, &record.partition_key, usize::MAX);
    let key_chars = line[key_starts..].chars().count();
    let _ = write!(line, "{:width$}  ", "", width = TABLE_KEY_CHARS.saturating_sub(key_chars));
    match std::str::from_utf8(&record.data) {
        Ok(data) => push_printable(&mut line, data, TABLE_DATA_CHARS),
        Err(_) => {
            let _ = write!(line, "({} bytes that are not text)", record.data.len());
        }
    }
    line.push('\n');
    line
}

/// Control characters are escaped: data must not move the cursor or set the terminal's title.
fn push_printable(line: &mut String, text: &str, chars_max: usize) {
    for (count, character) in text.chars().enumerate() {
        if count == chars_max {
            let _ = write!(line, "… ({} bytes)", text.len());
            return;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millstream_client::Record;
    use millstream_model::Timestamp;

    use super::*;

    fn rendered(format: Format, data: &'static [u8]) -> String {
        let record = Record {
            sequence_number: "17".parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(1_357_016_400_000),
            partition_key: "N\"1".to_owned(),
            data: Bytes::from_static(data),
        };
        rendered_record(format, &record.into())
    }

    fn rendered_record(format: Format, record: &UserRecord) -> String {
        let mut buffer = Vec::new();
        render(format, ShardId::new(3).unwrap(), record, &mut buffer).unwrap();
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn a_line_of_json_has_stable_fields() {
        let begin = r#"{"shardId":"shardId-000000000003","sequenceNumber":"17","approximateArrivalTimestamp":"2013-01-01T05:00:00.000Z","partitionKey":"N\"1","#;
        assert_eq!(
            rendered(Format::Ndjson, b"{\"a\":1}"),
            format!("{begin}\"data\":\"{{\\\"a\\\":1}}\"}}\n")
        );
        assert_eq!(rendered(Format::Ndjson, b"\xff\x00"), format!("{begin}\"dataBase64\":\"/wA=\"}}\n"));
        assert_eq!(rendered(Format::Ndjson, b""), format!("{begin}\"data\":\"\"}}\n"));
    }

    #[test]
    fn a_member_of_a_container_tells_its_place() {
        let record = Record {
            sequence_number: "17".parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(0),
            partition_key: "k".to_owned(),
            data: Bytes::from_static(b"x"),
        };
        let explicit_hash_key = Some("5".into());
        let member =
            UserRecord { sub_sequence_number: 2, is_member: true, explicit_hash_key, ..record.into() };
        let line = rendered_record(Format::Ndjson, &member);
        assert!(line.contains(r#""sequenceNumber":"17","subSequenceNumber":2,"#), "{line}");
        assert!(line.contains(r#""partitionKey":"k","explicitHashKey":"5","data":"x""#), "{line}");
    }

    #[test]
    fn a_document_shows_json_as_json() {
        assert!(rendered(Format::Json, br#"{"a":1.50}"#).contains("\"data\": {\"a\":1.50}\n}"));
        assert!(rendered(Format::Json, b"1 2").contains("\"data\": \"1 2\"\n}"));
        assert!(rendered(Format::Json, b"\xff").contains("\"dataBase64\": \"/w==\"\n}"));
    }

    #[test]
    fn a_table_shows_nothing_that_moves_the_cursor() {
        let line = "2013-01-01T05:00:00.000Z  shardId-000000000003  N\"1               ";
        assert_eq!(rendered(Format::Table, b"a\x1b[2J\nb"), format!("{line}a\\u{{1b}}[2J\\nb\n"));
        assert_eq!(rendered(Format::Table, b"\xff"), format!("{line}(1 bytes that are not text)\n"));
        let long: &'static [u8] = "é".repeat(600).leak().as_bytes();
        assert_eq!(rendered(Format::Table, long), format!("{line}{}… (1200 bytes)\n", "é".repeat(500)));
    }
}
