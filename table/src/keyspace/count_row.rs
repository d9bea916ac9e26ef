//! `2c ‖ table uid u32` → how many items a table has, and how large they are.
//!
//! Written now and then, so it lags behind what there is. Nothing is decided by it.

use bytes::Bytes;
use prost::Message;

use super::{COUNT, TableUid, corrupt, table_prefix};
use crate::Result;

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct CountRow {
    #[prost(int64, tag = "1")]
    pub(crate) items: i64,
    #[prost(int64, tag = "2")]
    pub(crate) bytes: i64,
}

pub(crate) fn count_key(table: TableUid) -> Bytes {
    table_prefix(COUNT, table)
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<CountRow> {
    CountRow::decode(row).map_err(|_| corrupt("a table's counts", key))
}
