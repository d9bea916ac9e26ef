//! What a producer's user wrote, whether it came in a container or alone.

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

use super::tags::Tags;
use crate::api::{Record, SequenceNumber};

/// A record as its producer was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Of the record of the stream: all members of a container have the same.
    pub sequence_number: SequenceNumber,
    /// The member's index in its container; 0 of a record that came alone.
    pub sub_sequence_number: u64,
    /// Whether it came in a container, be it as its only member.
    pub is_member: bool,
    /// When the service took the record that this one came in, to the millisecond.
    pub approximate_arrival: Timestamp,
    pub partition_key: ByteString,
    /// As the producer wrote it, a decimal number as a rule. It is known of members alone.
    pub explicit_hash_key: Option<ByteString>,
    /// Of a member a part of its container, which stays in memory as long as this does.
    pub data: Bytes,
    pub tags: Tags,
}

impl From<Record> for UserRecord {
    /// A record that came alone.
    fn from(record: Record) -> Self {
        Self {
            sequence_number: record.sequence_number,
            sub_sequence_number: 0,
            is_member: false,
            approximate_arrival: record.approximate_arrival,
            partition_key: record.partition_key.into(),
            explicit_hash_key: None,
            data: record.data,
            tags: Tags::default(),
        }
    }
}

/// A member that cannot be read, in a container that is whole: its producer made it so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("member {sub_sequence_number} of the container at {sequence_number} cannot be read: {fault}")]
pub struct BrokenMember {
    pub sequence_number: SequenceNumber,
    pub sub_sequence_number: u64,
    pub fault: MemberFault,
    /// What it holds all the same.
    pub data: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    #[error("the container has no partition key {0}")]
    PartitionKeyIndex(u64),
    #[error("the container has no explicit hash key {0}")]
    ExplicitHashKeyIndex(u64),
    /// With [`MemberPolicy::KclStrict`](super::MemberPolicy::KclStrict) alone: the others have a use for the member.
    #[error("its explicit hash key is no number")]
    ExplicitHashKey,
}
