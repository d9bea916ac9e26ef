//! `20` → what belongs to all tables together.

use bytes::Bytes;
use prost::Message;

use super::{STORE, corrupt, tag_key};
use crate::Result;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StoreRow {
    /// Rises with every table that is made.
    #[prost(uint32, tag = "1")]
    pub(crate) next_table_uid: u32,
    /// Rises with every opening; the upper part of sequences, so that none is given twice.
    #[prost(uint32, tag = "2")]
    pub(crate) openings: u32,
}

pub(crate) fn store_key() -> Bytes {
    tag_key(STORE)
}

pub(crate) fn decode(row: &[u8]) -> Result<StoreRow> {
    StoreRow::decode(row).map_err(|_| corrupt("the row of all tables", &store_key()))
}
