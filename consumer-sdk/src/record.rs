//! Records as a processor gets them.

use bytes::Bytes;
use millstream_client::SequenceNumber;
use millstream_lease::Checkpoint;
use millstream_model::{HashKey, Timestamp};

/// What a producer put: a record of the stream, or one member of an aggregated one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    pub sequence_number: SequenceNumber,
    /// The place among the members of an aggregated record; 0 for records that are not aggregated.
    pub sub_sequence: u64,
    pub partition_key: String,
    pub explicit_hash_key: Option<HashKey>,
    pub data: Bytes,
    /// When the service took the record, to the millisecond.
    pub approximate_arrival: Timestamp,
}

impl UserRecord {
    /// The checkpoint that says that everything up to this record was processed.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::at(self.sequence_number.clone(), self.sub_sequence)
    }
}
