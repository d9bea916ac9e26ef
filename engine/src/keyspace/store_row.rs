//! `01` → what belongs to the store as a whole.

use bytes::Bytes;
use prost::Message;

use super::{STORE, StreamUid, key};

/// Made when the store is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StoreRow {
    /// Raised when rows change in a way that older programs would misread.
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    /// Seals iterators and page tokens, so that they survive a restart. 32 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) token_key: Bytes,
    #[prost(uint32, tag = "3")]
    pub(crate) next_stream_uid: StreamUid,
}

pub(crate) const FORMAT: u32 = 1;

pub(crate) fn store_key() -> Bytes {
    key(STORE, &[])
}
