//! A data record as a consumer sees it.

use bytes::Bytes;

use crate::sequence_number::SequenceNumber;
use crate::time::Timestamp;

/// One record of a shard. `data` and `partition_key` share the memory of the block they were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub sequence_number: SequenceNumber,
    /// Never falls from one record of a shard to the next.
    pub approximate_arrival: Timestamp,
    /// UTF-8, 1 to 256 characters; empty if the producer sent none.
    pub partition_key: Bytes,
    /// Up to the stream's maximum record size.
    pub data: Bytes,
    /// It lies in storage encrypted, as its stream was set when it came.
    pub encrypted: bool,
}

impl Record {
    /// Bytes that count towards every limit on record data (AWS: data plus partition key).
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}
