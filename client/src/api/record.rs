//! Records on their way in and out.

use bytes::Bytes;
use millstream_model::{HashKey, ShardId, Timestamp};

use super::SequenceNumber;
use super::shard::ChildShard;
use crate::error::Error;

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// 1 to 256 characters; decides on the shard unless `explicit_hash_key` does.
    pub partition_key: String,
    pub explicit_hash_key: Option<HashKey>,
    pub data: Bytes,
}

impl NewRecord {
    /// Bytes that count towards every limit on record data.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}

/// What became of one record of a `put_records` call.
pub type EntryOutcome = Result<Acknowledgement, Error>;

/// Where an acknowledged record is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub shard: ShardId,
    pub sequence_number: SequenceNumber,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub sequence_number: SequenceNumber,
    /// When the service took the record, to the millisecond.
    pub approximate_arrival: Timestamp,
    /// Empty where the producer gave none, which streams that spread records themselves allow.
    pub partition_key: String,
    pub data: Bytes,
}

impl Record {
    /// Bytes that count towards every limit on record data.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}

/// A place in a shard from which records can be read for five minutes. Opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardIterator(pub String);

/// One reply of `get_records`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPage {
    pub records: Vec<Record>,
    pub next: Next,
    /// How far this reply lies behind the newest record of the shard; 0 when caught up.
    pub millis_behind_latest: u64,
}

/// What follows a page of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Iterator(ShardIterator),
    /// The shard was closed and this was its end. `children` go on with its hash keys; an endpoint that
    /// does not know them here leaves them out, and they have to be found by listing shards.
    ShardEnd {
        children: Vec<ChildShard>,
    },
}

/// The outcomes of a call, if each of its records has one: they are told apart by their order alone.
pub(crate) fn one_each(
    outcomes: Vec<EntryOutcome>,
    records: &[NewRecord],
) -> Result<Vec<EntryOutcome>, Error> {
    if outcomes.len() == records.len() {
        return Ok(outcomes);
    }
    let (given, got) = (records.len(), outcomes.len());
    Err(Error::UnreadableReply(format!("{got} outcomes for {given} records")))
}
