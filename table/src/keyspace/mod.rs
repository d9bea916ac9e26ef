//! Every persisted key of the tables, with its layout; one file each for what stands behind them.
//!
//! A key is a tag byte and big-endian fields, so that byte order is the order that scans want. The slot is
//! shared: tags 20 to 2f are the tables', all others belong to somebody else. Tags are persisted: they must be
//! kept as they are, and a retired one must not be used again. Rows other than items are protocol buffers,
//! which lets fields be added. "Key" below is what [`crate::Key::encoded`] gives; partition is
//! [`crate::KeyValue::partition`] of its hash key, which is what parallel scans divide.
//!
//! | tag | key | row |
//! |---|---|---|
//! | 20 | – | [`store_row`]: what belongs to all tables together |
//! | 21 | account ‖ 0 ‖ region ‖ 0 ‖ name | [`table_row`]: a table |
//! | 22 | table uid u32 ‖ partition u64 ‖ key | an [`crate::Item`] |
//! | 23 | table uid u32 ‖ index uid u32 ‖ partition u64 ‖ index key ‖ key | what of an item an index shows |
//! | 24 | table uid u32 ‖ stream number u32 ‖ sequence u64 | [`change_row`]: a change, in a table's stream |
//! | 25 | table uid u32 ‖ sequence u64 | [`change_row`]: a change that a Kinesis stream has yet to get |
//! | 26 | table uid u32 ‖ index uid u32 ‖ seconds u64 ‖ key | empty: when an item expires |
//! | 27 | account ‖ 0 ‖ region ‖ 0 ‖ token | [`token_row`]: a transaction that was carried out |
//! | 28 | milliseconds u64 ‖ key of 27 without its tag | empty: when a token expires |
//! | 29 | table uid u32 ‖ index uid u32 | empty: an index, or for index 0 a table, whose data has yet to go |
//! | 2a | table uid u32 ‖ partition u64 ‖ hash key | u64: bytes of an item collection, local indexes included |
//! | 2b | – | empty: written to learn if writing works |
//! | 2c | table uid u32 | [`count_row`]: how many items a table and its indexes have, about |
//! | 2d | table uid u32 ‖ stream number u32 | [`stream_row`]: the shards of a table's stream, and how far it is trimmed |
//! | 2e | table uid u32 ‖ stream number u32 | [`orphan_row`]: a stream whose table is gone |

pub(crate) mod change_row;
pub(crate) mod count_row;
pub(crate) mod entry_key;
pub(crate) mod orphan_row;
pub(crate) mod store_row;
pub(crate) mod stream_row;
pub(crate) mod table_row;
pub(crate) mod token_row;

use bytes::{BufMut, Bytes, BytesMut};

pub(crate) const STORE: u8 = 0x20;
pub(crate) const TABLE: u8 = 0x21;
pub(crate) const ITEM: u8 = 0x22;
pub(crate) const INDEX_ENTRY: u8 = 0x23;
pub(crate) const CHANGE: u8 = 0x24;
pub(crate) const OUTBOX: u8 = 0x25;
pub(crate) const EXPIRY: u8 = 0x26;
pub(crate) const TOKEN: u8 = 0x27;
pub(crate) const TOKEN_EXPIRY: u8 = 0x28;
pub(crate) const GRAVE: u8 = 0x29;
pub(crate) const COLLECTION: u8 = 0x2a;
pub(crate) const PROBE: u8 = 0x2b;
pub(crate) const COUNT: u8 = 0x2c;
pub(crate) const STREAM: u8 = 0x2d;
pub(crate) const ORPHAN: u8 = 0x2e;

/// A table in this store, never used twice.
pub(crate) type TableUid = u32;
/// An index of a table, or the times at which its items expire; never used twice in one table. 0 is none.
pub(crate) type IndexUid = u32;
/// The place of a change among all changes of this store. Rises, and may skip.
pub(crate) type Sequence = u64;

/// A tag alone.
pub(crate) fn tag_key(tag: u8) -> Bytes {
    Bytes::copy_from_slice(&[tag])
}

/// What all keys of a tag begin with that belong to one table.
pub(crate) fn table_prefix(tag: u8, table: TableUid) -> Bytes {
    prefix(tag, table).freeze()
}

/// What all keys of a tag begin with that belong to one index, or stream, of a table.
pub(crate) fn part_prefix(tag: u8, table: TableUid, part: u32) -> Bytes {
    let mut key = prefix(tag, table);
    key.put_u32(part);
    key.freeze()
}

fn prefix(tag: u8, table: TableUid) -> BytesMut {
    let mut key = BytesMut::with_capacity(64);
    key.put_u8(tag);
    key.put_u32(table);
    key
}

/// What a row or key should have been and is not.
pub(crate) fn corrupt(what: &str, key: &[u8]) -> crate::Error {
    crate::Error::Internal(format!("corrupt data: {what} at key {}", key.escape_ascii()))
}

/// Texts that are no part of one another, with a zero in between, which none of them has.
pub(crate) fn owned_key(tag: u8, account: &str, region: &str, name: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(3 + account.len() + region.len() + name.len());
    key.put_u8(tag);
    key.put_slice(account.as_bytes());
    key.put_u8(0);
    key.put_slice(region.as_bytes());
    key.put_u8(0);
    key.put_slice(name.as_bytes());
    key.freeze()
}
