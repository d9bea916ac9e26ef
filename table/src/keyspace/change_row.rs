//! `24 ‖ table uid u32 ‖ stream number u32 ‖ sequence u64` → a change in a table's stream, and
//! `25 ‖ table uid u32 ‖ sequence u64` → one that a Kinesis stream has yet to get.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::{CHANGE, OUTBOX, Sequence, TableUid, corrupt, part_prefix, table_prefix};
use crate::Result;
use crate::change_log::{Cause, Change, ChangeKind};
use crate::item::Item;

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(uint64, tag = "1")]
    at_micros: u64,
    /// 1 insert, 2 modify, 3 remove.
    #[prost(uint32, tag = "2")]
    kind: u32,
    #[prost(bytes = "bytes", tag = "3")]
    keys: Bytes,
    #[prost(bytes = "bytes", optional, tag = "4")]
    old: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    new: Option<Bytes>,
    #[prost(bool, tag = "6")]
    expired: bool,
}

pub(crate) fn change_key(table: TableUid, stream: u32, sequence: Sequence) -> Bytes {
    [part_prefix(CHANGE, table, stream), sequence.to_be_bytes().to_vec().into()].concat().into()
}

pub(crate) fn outbox_key(table: TableUid, sequence: Sequence) -> Bytes {
    let mut key = BytesMut::from(table_prefix(OUTBOX, table));
    key.put_u64(sequence);
    key.freeze()
}

/// The sequence at the end of a key of either kind.
pub(crate) fn sequence_of(key: &[u8]) -> Option<Sequence> {
    key.last_chunk::<8>().map(|bytes| Sequence::from_be_bytes(*bytes))
}

pub(crate) fn encode(change: &Change) -> Bytes {
    let row = Row {
        at_micros: change.at_micros,
        kind: match change.kind {
            ChangeKind::Insert => 1,
            ChangeKind::Modify => 2,
            ChangeKind::Remove => 3,
        },
        keys: change.keys.encode().into(),
        old: change.old.as_ref().map(|item| item.encode().into()),
        new: change.new.as_ref().map(|item| item.encode().into()),
        expired: change.cause == Cause::Expiry,
    };
    row.encode_to_vec().into()
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<Change> {
    let corrupt = || corrupt("a change of an item", key);
    let row = Row::decode(row).map_err(|_| corrupt())?;
    let item = |bytes: Option<Bytes>| bytes.map(|bytes| Item::decode(&bytes)).transpose();
    Ok(Change {
        at_micros: row.at_micros,
        kind: match row.kind {
            1 => ChangeKind::Insert,
            2 => ChangeKind::Modify,
            3 => ChangeKind::Remove,
            _ => return Err(corrupt()),
        },
        keys: Item::decode(&row.keys)?,
        old: item(row.old)?,
        new: item(row.new)?,
        cause: if row.expired { Cause::Expiry } else { Cause::Caller },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generators::item;

    proptest! {
        #[test]
        fn round_trips(at_micros: u64, kind in 0_usize..3, keys in item(), old in prop::option::of(item()),
                       new in prop::option::of(item()), expired: bool) {
            let kind = [ChangeKind::Insert, ChangeKind::Modify, ChangeKind::Remove][kind];
            let cause = if expired { Cause::Expiry } else { Cause::Caller };
            let change = Change { at_micros, kind, keys, old, new, cause };
            prop_assert_eq!(decode(&change_key(1, 2, 3), &encode(&change)), Ok(change));
        }

        #[test]
        fn other_bytes_are_refused(row: Vec<u8>) {
            let _ = decode(&[], &row);
        }
    }

    #[test]
    fn keys_tell_their_sequence() {
        assert_eq!(sequence_of(&change_key(1, 2, 3)), Some(3));
        assert_eq!(sequence_of(&outbox_key(1, 4)), Some(4));
        assert_eq!(sequence_of(&[1]), None);
    }
}
