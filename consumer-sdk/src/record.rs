//! Records as a processor gets them.

use bytes::Bytes;
use bytestring::ByteString;
use millstream_client::SequenceNumber;
use millstream_client::aggregation::{self, BrokenMember, Tags};
use millstream_client::envelope;
use millstream_lease::Checkpoint;
use millstream_model::Timestamp;

/// What a producer put: a record of the stream, or one member of an aggregated one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Of the record of the stream: all members of an aggregated one have the same.
    pub sequence_number: SequenceNumber,
    /// The place among the members of an aggregated record; 0 for records that are not aggregated.
    pub sub_sequence: u64,
    /// Whether it is a member of an aggregated record, be it the only one.
    pub is_member: bool,
    /// As the producer gave it.
    pub partition_key: ByteString,
    /// As the producer gave it, a decimal number as a rule. Known of members alone.
    pub explicit_hash_key: Option<ByteString>,
    /// As they were put: what the producer compressed or encrypted is undone. Of a member that was neither, a part of its
    /// aggregated record, which stays in memory as long as this does.
    pub data: Bytes,
    /// What the producer told about a member. Records that are not aggregated have none.
    pub tags: Tags,
    /// When the service took the record, to the millisecond.
    pub approximate_arrival: Timestamp,
}

impl UserRecord {
    /// The checkpoint that says that everything up to this record was processed.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::at(self.sequence_number.clone(), self.sub_sequence)
    }

    /// What the producer gave the record so that a repetition of it is known, if it gave anything.
    #[must_use]
    pub fn idempotence_tag(&self) -> Option<ByteString> {
        envelope::idempotence_tag(&self.tags)
    }

    /// What is left of a member that cannot be read: its place and its data. Its partition key is empty.
    pub(crate) fn of_broken(broken: BrokenMember, approximate_arrival: Timestamp) -> Self {
        Self {
            sequence_number: broken.sequence_number,
            sub_sequence: broken.sub_sequence_number,
            is_member: true,
            partition_key: ByteString::new(),
            explicit_hash_key: None,
            data: broken.data,
            tags: Tags::default(),
            approximate_arrival,
        }
    }
}

impl From<aggregation::UserRecord> for UserRecord {
    fn from(record: aggregation::UserRecord) -> Self {
        Self {
            sequence_number: record.sequence_number,
            sub_sequence: record.sub_sequence_number,
            is_member: record.is_member,
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key,
            data: record.data,
            tags: record.tags,
            approximate_arrival: record.approximate_arrival,
        }
    }
}
