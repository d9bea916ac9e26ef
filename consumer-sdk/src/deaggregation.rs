//! Where a record of the stream becomes the records that producers put.
//!
//! A consumer is given one [`Deaggregate`]; with [`Plain`] each record is one. Formats of aggregation belong to who
//! knows the wire.

use std::fmt;

use millstream_client::Record;
use millstream_model::HashKeyRange;

use crate::record::UserRecord;

/// Takes records apart. Members keep the order that they have in their record, and their places in it as
/// [`UserRecord::sub_sequence`], which must rise.
pub trait Deaggregate: fmt::Debug + Send + Sync {
    /// Adds the members of `record` to `members`. `range` are the hash keys of the shard that it was read from, where
    /// they are known.
    fn deaggregate(&self, record: Record, range: Option<HashKeyRange>, members: &mut Vec<UserRecord>);
}

/// Leaves records as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plain;

impl Deaggregate for Plain {
    fn deaggregate(&self, record: Record, _: Option<HashKeyRange>, members: &mut Vec<UserRecord>) {
        members.push(UserRecord {
            sequence_number: record.sequence_number,
            sub_sequence: 0,
            partition_key: record.partition_key,
            explicit_hash_key: None,
            data: record.data,
            approximate_arrival: record.approximate_arrival,
        });
    }
}
