//! `7e` → how often the store's content was replaced as a whole, and whether that is being done; and
//! `7f ‖ key`, where what is to replace it waits.
//!
//! Storage's marks speak of one content. The number stands among the marks as well, so that marks of the
//! content before, which a crash may leave, are told from those of the present one.

use bytes::{BufMut, Bytes, BytesMut};
use millstream_storage::Marks;
use prost::Message;

use super::{CHANGE, PROBE, REPLACEMENT, STAGED, key};

/// No shard's mark has this name: theirs have 8 bytes.
const MARK_NAME: &[u8] = b"replacement";

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Replacement {
    /// Rises with every replacement.
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    /// Not all of the old content may be gone, nor all of the new one there.
    #[prost(bool, tag = "2")]
    pub(crate) under_way: bool,
    /// What is staged is the new content; else there is none.
    #[prost(bool, tag = "3")]
    pub(crate) staged: bool,
}

pub(crate) fn replacement_key() -> Bytes {
    key(REPLACEMENT, &[])
}

/// Name and value of the mark for the content with this number.
pub(crate) fn mark(number: u64) -> (Bytes, Bytes) {
    (Bytes::from_static(MARK_NAME), Bytes::copy_from_slice(&number.to_be_bytes()))
}

/// The marks of the content itself, and the number of the replacement that it came with.
pub(crate) fn split_marks(mut marks: Marks) -> (Marks, u64) {
    let number = marks.remove(MARK_NAME).and_then(|number| number.as_ref().try_into().ok());
    (marks, number.map_or(0, u64::from_be_bytes))
}

/// Where an entry with this key waits.
pub(crate) fn staged_key(key: &[u8]) -> Bytes {
    let mut staged = BytesMut::with_capacity(1 + key.len());
    staged.put_u8(STAGED);
    staged.put_slice(key);
    staged.freeze()
}

/// Where a mark with this name waits. No key of the engine begins with 0.
pub(crate) fn staged_mark_key(name: &[u8]) -> Bytes {
    staged_key(&[&[0], name].concat())
}

/// Whether a key belongs to the content, which a replacement replaces.
pub(crate) fn is_content(key: &[u8]) -> bool {
    key.first().is_some_and(|tag| !matches!(*tag, 0 | PROBE | CHANGE | REPLACEMENT | STAGED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_told_from_the_marks_of_shards() {
        let shard = (Bytes::from_static(b"01234567"), Bytes::from_static(b"far"));
        let marks: Marks = [shard.clone(), mark(7)].into();
        assert_eq!(split_marks(marks), ([shard.clone()].into(), 7));
        assert_eq!(split_marks([shard.clone()].into()), ([shard].into(), 0));
    }

    #[test]
    fn the_content_is_all_but_the_rows_of_replacements_and_probes() {
        assert!(is_content(&super::super::store_row::store_key()));
        assert!(is_content(&[super::super::RECORD_BLOCK, 1]));
        for key in [
            replacement_key(),
            staged_key(&[1]),
            key(PROBE, &[]),
            key(CHANGE, &[]),
            Bytes::new(),
            Bytes::from_static(&[0]),
        ] {
            assert!(!is_content(&key));
        }
    }
}
