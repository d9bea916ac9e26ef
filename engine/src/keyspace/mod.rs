//! Every persisted key of the engine, with its layout; one file each for what stands behind them.
//!
//! A key is a tag byte and big-endian fields, so that byte order is the order that scans want. Tags are
//! persisted: they must be kept as they are, and a retired one must not be used again. Rows other than
//! blocks are protocol buffers, which lets fields be added.
//!
//! | tag | key | row |
//! |---|---|---|
//! | 01 | – | [`store_row`]: what belongs to the store as a whole |
//! | 02 | account ‖ 0 ‖ region ‖ 0 ‖ name | [`stream_row`]: a stream |
//! | 03 | stream uid u32 ‖ shard index u32 | [`shard_row`]: a shard |
//! | 04 | stream uid u32 | empty: a deleted stream whose data has yet to be removed, or just was |
//! | 05 | – | empty: written to learn if writing works |
//! | 06 | shard uid u64 | [`tail_row`]: up to where a shard was trimmed |
//! | 07 | stream uid u32 ‖ name | [`consumer_row`]: a consumer of a stream |
//! | 08 | stream uid u32 ‖ epoch u32 | [`data_key_row`]: a data key of a stream, wrapped |
//! | 09 | account ‖ 0 ‖ region | [`account_row`]: what an account has set in a region |
//! | 0a | – | 16 bytes: the number of the last [`crate::change`] |
//! | 10 | shard uid u64 ‖ first index u64 | a [`crate::record_block`] |
//! | 11 | shard uid u64 ‖ milliseconds u64 | [`time_index`]: the first block of that time |
//! | 7e | – | [`replacement_row`]: how often all of this was replaced by a reset or a snapshot |
//! | 7f | any other key | what is to replace that key's value |

pub(crate) mod account_row;
mod capacity_row;
pub(crate) mod consumer_row;
pub(crate) mod data_key_row;
pub(crate) mod record_key;
pub(crate) mod replacement_row;
pub(crate) mod shard_row;
pub(crate) mod store_row;
pub(crate) mod stream_row;
pub(crate) mod tail_row;
pub(crate) mod time_index;

use bytes::{BufMut, Bytes, BytesMut};
use millstream_model::ShardIndex;

pub(crate) const STORE: u8 = 0x01;
pub(crate) const STREAM: u8 = 0x02;
pub(crate) const SHARD: u8 = 0x03;
pub(crate) const GRAVE: u8 = 0x04;
pub(crate) const PROBE: u8 = 0x05;
pub(crate) const TAIL: u8 = 0x06;
pub(crate) const CONSUMER: u8 = 0x07;
pub(crate) const DATA_KEY: u8 = 0x08;
pub(crate) const ACCOUNT: u8 = 0x09;
pub(crate) const CHANGE: u8 = 0x0a;
pub(crate) const RECORD_BLOCK: u8 = 0x10;
pub(crate) const TIME_INDEX: u8 = 0x11;
pub(crate) const REPLACEMENT: u8 = 0x7e;
pub(crate) const STAGED: u8 = 0x7f;

/// A stream in this store, never used twice.
pub(crate) type StreamUid = u32;

/// A shard in this store: its stream's uid and its index in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShardUid(pub(crate) u64);

impl ShardUid {
    pub(crate) fn new(stream: StreamUid, index: u32) -> Self {
        Self(u64::from(stream) << 32 | u64::from(index))
    }

    /// The name under which storage keeps the shard's mark.
    pub(crate) fn mark_name(self) -> Bytes {
        Bytes::copy_from_slice(&self.0.to_be_bytes())
    }

    /// The shard that a mark of this name is for.
    pub(crate) fn of_mark(name: &[u8]) -> Option<Self> {
        name.try_into().ok().map(|name| Self(u64::from_be_bytes(name)))
    }

    pub(crate) fn stream(self) -> StreamUid {
        (self.0 >> 32) as StreamUid
    }

    /// The shard's index in its stream.
    #[allow(clippy::cast_possible_truncation)] // the lower half is what is wanted
    pub(crate) fn index(self) -> ShardIndex {
        self.0 as ShardIndex
    }
}

/// A tag and big-endian words.
pub(crate) fn key(tag: u8, words: &[u64]) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + words.len() * 8);
    key.put_u8(tag);
    words.iter().for_each(|word| key.put_u64(*word));
    key.freeze()
}

/// The keys with this tag that belong to one stream: a prefix of tag and stream uid.
pub(crate) fn stream_prefix(tag: u8, stream: StreamUid) -> Bytes {
    let mut key = BytesMut::with_capacity(5);
    key.put_u8(tag);
    key.put_u32(stream);
    key.freeze()
}

/// What a row or key should have been and is not.
pub(crate) fn corrupt(what: &str, key: &[u8]) -> crate::Error {
    crate::Error::Internal(format!("corrupt data: {what} at key {}", key.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_of_a_stream_share_its_prefix() {
        let uid = ShardUid::new(7, 3);
        assert!(key(RECORD_BLOCK, &[uid.0, 9]).starts_with(&stream_prefix(RECORD_BLOCK, 7)));
        assert!(!key(RECORD_BLOCK, &[uid.0, 9]).starts_with(&stream_prefix(RECORD_BLOCK, 8)));
    }
}
