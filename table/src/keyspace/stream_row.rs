//! `2d ‖ table uid u32 ‖ stream number u32` → the shards of a stream, and how far it is trimmed.

use bytes::Bytes;
use millstream_model::Timestamp;
use prost::Message;

use super::{STREAM, TableUid, corrupt, part_prefix};
use crate::Result;
use crate::stream::shards::{Begin, Shards};

#[derive(Clone, PartialEq, Eq, Message)]
struct Row {
    #[prost(uint64, tag = "1")]
    trimmed_below: u64,
    #[prost(message, repeated, tag = "2")]
    shards: Vec<ShardRow>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct ShardRow {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(uint64, tag = "2")]
    first: u64,
    #[prost(uint64, tag = "3")]
    begun_millis: u64,
}

pub(crate) fn stream_key(table: TableUid, stream: u32) -> Bytes {
    part_prefix(STREAM, table, stream)
}

pub(crate) fn encode(shards: &Shards) -> Bytes {
    let row = |begin: &Begin| ShardRow {
        number: begin.number,
        first: begin.first,
        begun_millis: begin.begun.as_millis(),
    };
    let row = Row { trimmed_below: shards.trimmed_below, shards: shards.all.iter().map(row).collect() };
    row.encode_to_vec().into()
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<Shards> {
    let row = Row::decode(row).ok().filter(|row| !row.shards.is_empty());
    let row = row.ok_or_else(|| corrupt("the shards of a table's stream", key))?;
    let begin = |row: ShardRow| Begin {
        number: row.number,
        first: row.first,
        begun: Timestamp::from_millis(row.begun_millis),
    };
    Ok(Shards { trimmed_below: row.trimmed_below, all: row.shards.into_iter().map(begin).collect() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(trimmed_below: u64, shards in prop::collection::vec(any::<(u32, u64, u64)>(), 1..4)) {
            let begin = |(number, first, begun)| Begin { number, first, begun: Timestamp::from_millis(begun) };
            let shards = Shards { trimmed_below, all: shards.into_iter().map(begin).collect() };
            prop_assert_eq!(decode(&stream_key(1, 2), &encode(&shards)), Ok(shards));
        }

        #[test]
        fn other_bytes_are_refused(row: Vec<u8>) {
            let _ = decode(&[], &row);
        }
    }
}
