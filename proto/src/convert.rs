//! Between the messages and `model`'s nouns.
//!
//! What a message holds need not be a valid noun: whoever reads one gets it, or an error that names the field.

use std::fmt::Display;
use std::str::FromStr;

use millstream_model::{HashKeyRange, Record, ShardId, Timestamp};

use crate::v1;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// A message that cannot mean anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{field} is {value:?}")]
    Wrong { field: &'static str, value: String },
}

impl Unreadable {
    fn wrong(field: &'static str, value: impl Display) -> Self {
        Self::Wrong { field, value: value.to_string() }
    }
}

/// The value of a field that must be there.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or(Unreadable::Missing { field })
}

/// A noun out of its text.
pub fn parsed<T: FromStr>(field: &'static str, text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(|_| Unreadable::wrong(field, text))
}

/// Only ids that show as they came, since a changed id would name another shard when sent back.
pub fn shard_id(text: &str) -> Result<ShardId, Unreadable> {
    let id = ShardId::parse_lenient(text).filter(|id| id.to_string() == text);
    id.ok_or_else(|| Unreadable::wrong("shard_id", text))
}

/// Whether a `google.protobuf.Timestamp` may have these fields: it is of the years 1 to 9999.
#[must_use]
pub fn is_moment(seconds: i64, nanos: i64) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(&seconds) && (0..1_000_000_000).contains(&nanos)
}

/// Floored to the millisecond; what was before 1970 is 1970.
#[must_use]
pub fn timestamp(time: &prost_types::Timestamp) -> Timestamp {
    let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / NANOS_PER_MILLI);
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[must_use]
pub fn message_of_timestamp(time: Timestamp) -> prost_types::Timestamp {
    let millis = time.as_millis();
    prost_types::Timestamp {
        seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX),
        // Below a thousand million.
        nanos: i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000,
    }
}

impl TryFrom<&v1::HashKeyRange> for HashKeyRange {
    type Error = Unreadable;

    fn try_from(message: &v1::HashKeyRange) -> Result<Self, Unreadable> {
        let start = parsed("starting_hash_key", &message.starting_hash_key)?;
        let end = parsed("ending_hash_key", &message.ending_hash_key)?;
        Self::new(start, end).ok_or_else(|| Unreadable::wrong("hash_key_range", "it ends before it starts"))
    }
}

impl From<Record> for v1::Record {
    /// The data are shared. Partition keys are text from their taking on; were one not, the rest of the record would
    /// still be of more use than none.
    fn from(record: Record) -> Self {
        let key = Some(record.partition_key).filter(|key| !key.is_empty());
        Self {
            sequence_number: record.sequence_number.to_string(),
            approximate_arrival_timestamp: Some(message_of_timestamp(record.approximate_arrival)),
            data: record.data,
            partition_key: key.map(|key| String::from_utf8_lossy(&key).into_owned()),
            // Records in clear have no type.
            encryption_type: record.encrypted.then(|| v1::EncryptionType::Kms.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_that_would_change_is_refused() {
        assert!(shard_id("shardId-000000000003").is_ok());
        for text in ["shardId-3", "3", "shard-000000000003", "shardId-x", ""] {
            assert!(shard_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_floored_and_clamped() {
        let time = |seconds, nanos| timestamp(&prost_types::Timestamp { seconds, nanos }).as_millis();
        assert_eq!(time(7, 999_999), 7000);
        assert_eq!(time(7, 123_999_999), 7123);
        assert_eq!(time(-1, 0), 0);
        assert_eq!(time(i64::MAX, 0), u64::try_from(i64::MAX).unwrap());
    }

    proptest! {
        #[test]
        fn times_round_trip(millis in 0_u64..1 << 50) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(timestamp(&message_of_timestamp(time)), time);
        }
    }
}
