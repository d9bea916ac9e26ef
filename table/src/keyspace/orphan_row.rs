//! `2e ‖ table uid u32 ‖ stream number u32` → a stream whose table is gone.

use bytes::Bytes;
use millstream_storage::KeyRange;
use prost::Message;

use super::table_row::{KeysRow, StreamRow};
use super::{ORPHAN, TableUid, corrupt, part_prefix};
use crate::Result;
use crate::stream::orphans::Orphan;

#[derive(Clone, PartialEq, Eq, Message)]
struct Row {
    #[prost(string, tag = "1")]
    table_arn: String,
    #[prost(message, optional, tag = "2")]
    keys: Option<KeysRow>,
    #[prost(message, optional, tag = "3")]
    stream: Option<StreamRow>,
}

pub(crate) fn orphan_key(table: TableUid, stream: u32) -> Bytes {
    part_prefix(ORPHAN, table, stream)
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[ORPHAN])
}

pub(crate) fn encode(orphan: &Orphan) -> Bytes {
    let row = Row {
        table_arn: orphan.table.to_string(),
        keys: Some(KeysRow::of(&orphan.keys)),
        stream: Some(StreamRow::of(&orphan.stream)),
    };
    row.encode_to_vec().into()
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<Orphan> {
    try_decode(key, row).ok_or_else(|| corrupt("the stream of a deleted table", key))
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<Orphan> {
    let row = Row::decode(row).ok()?;
    let stream = row.stream?.stream()?;
    let table_uid = TableUid::from_be_bytes(*key.get(1..)?.first_chunk()?);
    let orphan = Orphan { table: row.table_arn.parse().ok()?, table_uid, keys: row.keys?.schema()?, stream };
    (orphan_key(table_uid, stream.number) == key).then_some(orphan)
}

#[cfg(test)]
mod tests {
    use millstream_model::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::key::{KeyElement, KeySchema, KeyType};
    use crate::meta::{StreamView, TableStream};

    proptest! {
        #[test]
        fn round_trips(table_uid: u32, number: u32, created: u64, disabled: Option<u64>, has_range: bool) {
            let element = |name: &str| KeyElement { name: name.to_owned(), kind: KeyType::B };
            let stream = TableStream {
                number,
                view: StreamView::OldImage,
                created: Timestamp::from_millis(created),
                disabled: disabled.map(Timestamp::from_millis),
            };
            let orphan = Orphan {
                table: "arn:aws:dynamodb:us-east-1:000000000000:table/orders".parse().unwrap(),
                table_uid,
                keys: KeySchema { hash: vec![element("h")], range: has_range.then(|| element("r")).into_iter().collect() },
                stream,
            };
            let (key, row) = (orphan_key(table_uid, number), encode(&orphan));
            prop_assert!(decode(&orphan_key(table_uid, number.wrapping_add(1)), &row).is_err());
            prop_assert_eq!(decode(&key, &row), Ok(orphan));
        }

        #[test]
        fn other_bytes_are_refused(row: Vec<u8>) {
            let _ = decode(&orphan_key(1, 2), &row);
        }
    }
}
