//! `22 ‖ table uid u32 ‖ partition u64 ‖ key` → an item, and what is derived from items: entries of indexes,
//! times of expiry, sizes of collections.
//!
//! Encoded keys are never the beginning of one another, so a key behind another one is found again, and items
//! with the same key in an index lie side by side.

use bytes::{BufMut, Bytes};

use super::{COLLECTION, EXPIRY, INDEX_ENTRY, ITEM, IndexUid, TableUid};
use crate::key::{Key, KeyValue};

/// Where an item is.
pub(crate) fn item_key(table: TableUid, key: &Key) -> Bytes {
    let mut to = begin(ITEM, &[table]);
    key.encode_placed(&mut to);
    to.into()
}

/// Where an index has the item with this base key.
pub(crate) fn index_entry_key(table: TableUid, index: IndexUid, index_key: &Key, base: &Key) -> Bytes {
    let mut to = begin(INDEX_ENTRY, &[table, index]);
    index_key.encode_placed(&mut to);
    base.encode(&mut to);
    to.into()
}

/// Where it says when an item expires; behind the prefix and eight bytes of seconds is the item's key.
pub(crate) fn expiry_key(table: TableUid, index: IndexUid, seconds: u64, key: &Key) -> Bytes {
    let mut to = begin(EXPIRY, &[table, index]);
    to.put_u64(seconds);
    key.encode_placed(&mut to);
    to.into()
}

/// The key of the item of which an expiry key speaks.
pub(crate) fn item_key_of_expiry(table: TableUid, expiry: &[u8]) -> Option<Bytes> {
    let placed = expiry.get(EXPIRY_HEADER..)?;
    let mut to = begin(ITEM, &[table]);
    to.put_slice(placed);
    Some(to.into())
}

/// Tag, table, index, seconds.
const EXPIRY_HEADER: usize = 1 + 4 + 4 + 8;

/// Where the size of a collection is: of all items with this hash key.
pub(crate) fn collection_key(table: TableUid, hash: &[KeyValue]) -> Bytes {
    let mut to = begin(COLLECTION, &[table]);
    Key::of_hash(hash.to_vec()).encode_placed(&mut to);
    to.into()
}

fn begin(tag: u8, words: &[u32]) -> Vec<u8> {
    let mut to = Vec::with_capacity(128);
    to.put_u8(tag);
    words.iter().for_each(|word| to.put_u32(*word));
    to
}

#[cfg(test)]
mod tests {
    use super::super::{part_prefix, table_prefix};
    use super::*;

    fn key() -> Key {
        Key { hash: vec![KeyValue::S("a".to_owned())], range: vec![KeyValue::N(7.into())] }
    }

    #[test]
    fn what_belongs_to_a_table_has_its_prefix() {
        assert!(item_key(7, &key()).starts_with(&table_prefix(ITEM, 7)));
        assert!(index_entry_key(7, 3, &key(), &key()).starts_with(&part_prefix(INDEX_ENTRY, 7, 3)));
        assert!(expiry_key(7, 3, 1, &key()).starts_with(&part_prefix(EXPIRY, 7, 3)));
        assert!(collection_key(7, &key().hash).starts_with(&table_prefix(COLLECTION, 7)));
    }

    #[test]
    fn expiry_leads_to_the_item() {
        assert_eq!(item_key_of_expiry(7, &expiry_key(7, 3, 1, &key())), Some(item_key(7, &key())));
        assert_eq!(item_key_of_expiry(7, b"too short"), None);
    }
}
