//! `2c ‖ table uid u32` → how many items a table and its indexes have, and how large they are.
//!
//! Written now and then, so it lags behind what there is, and when the tables are closed. Nothing is decided by it.

use bytes::Bytes;
use prost::Message;

use super::{COUNT, IndexUid, TableUid, corrupt, table_prefix};
use crate::Result;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct CountRow {
    #[prost(int64, tag = "1")]
    pub(crate) items: i64,
    #[prost(int64, tag = "2")]
    pub(crate) bytes: i64,
    #[prost(message, repeated, tag = "3")]
    pub(crate) indexes: Vec<IndexCountRow>,
    /// The opening behind whose last write this was written; none where more may have come.
    #[prost(uint32, optional, tag = "4")]
    pub(crate) closed_in: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct IndexCountRow {
    #[prost(uint32, tag = "1")]
    pub(crate) uid: IndexUid,
    #[prost(int64, tag = "2")]
    pub(crate) items: i64,
    #[prost(int64, tag = "3")]
    pub(crate) bytes: i64,
}

pub(crate) fn count_key(table: TableUid) -> Bytes {
    table_prefix(COUNT, table)
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<CountRow> {
    CountRow::decode(row).map_err(|_| corrupt("a table's counts", key))
}
