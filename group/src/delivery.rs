//! From batches of a shard to the messages that they are sent in: pure.

use millstream_consumer_sdk::{Checkpoint, UserRecord};
use millstream_proto::convert::message_of_timestamp;
use millstream_proto::v1;

/// Data and keys of one message, unless one record is larger. Many clients take no message beyond 4 MiB.
pub(crate) const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// What a record counts for beside its data and keys, about what the rest of it takes in a message. Empty records
/// must not be free.
const RECORD_OVERHEAD_BYTES: usize = 64;

/// Records that are sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portion<'a> {
    pub(crate) records: &'a [UserRecord],
    pub(crate) bytes: usize,
}

impl Portion<'_> {
    /// The last record's place.
    pub(crate) fn last(&self) -> Option<Checkpoint> {
        self.records.last().map(UserRecord::checkpoint)
    }
}

/// Divides records, in their order.
pub(crate) fn portions(
    mut records: &[UserRecord],
    records_max: usize,
    bytes_max: usize,
) -> impl Iterator<Item = Portion<'_>> {
    std::iter::from_fn(move || {
        let (mut count, mut bytes) = (0, 0);
        for record in &records[..records.len().min(records_max.max(1))] {
            let more = weight(record);
            if count > 0 && bytes + more > bytes_max {
                break;
            }
            (count, bytes) = (count + 1, bytes + more);
        }
        let (taken, rest) = records.split_at(count);
        records = rest;
        (count > 0).then_some(Portion { records: taken, bytes })
    })
}

fn weight(record: &UserRecord) -> usize {
    let explicit = record.explicit_hash_key.as_ref().map_or(0, |key| key.len());
    record.data.len() + record.partition_key.len() + explicit + RECORD_OVERHEAD_BYTES
}

/// The data are shared.
pub(crate) fn message(record: &UserRecord) -> v1::UserRecord {
    let sub_sequence = i64::try_from(record.sub_sequence).unwrap_or(i64::MAX);
    v1::UserRecord {
        sequence_number: record.sequence_number.to_string(),
        sub_sequence_number: record.is_member.then_some(sub_sequence),
        partition_key: record.partition_key.to_string(),
        explicit_hash_key: record.explicit_hash_key.as_ref().map(ToString::to_string),
        data: record.data.clone(),
        approximate_arrival_timestamp: Some(message_of_timestamp(record.approximate_arrival)),
    }
}

#[cfg(test)]
mod tests {
    use millstream_model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn record(number: usize, bytes: usize) -> UserRecord {
        UserRecord {
            sequence_number: number.to_string().parse().unwrap(),
            sub_sequence: 3,
            is_member: false,
            partition_key: "k".into(),
            explicit_hash_key: None,
            data: vec![7; bytes].into(),
            tags: Default::default(),
            approximate_arrival: Timestamp::from_millis(1_700_000_000_123),
        }
    }

    #[test]
    fn a_record_is_told_whole() {
        let told =
            message(&UserRecord { is_member: true, explicit_hash_key: Some("9".into()), ..record(5, 2) });
        assert_eq!((told.sequence_number.as_str(), told.sub_sequence_number), ("5", Some(3)));
        assert_eq!((told.partition_key.as_str(), told.explicit_hash_key.as_deref()), ("k", Some("9")));
        assert_eq!(told.approximate_arrival_timestamp.unwrap().nanos, 123_000_000);
        assert_eq!(message(&record(5, 2)).sub_sequence_number, None);
    }

    proptest! {
        /// Nothing is left out or sent twice, and no message is larger than asked for unless it is one record.
        #[test]
        fn all_records_are_sent_in_order_and_in_bounds(
            sizes in proptest::collection::vec(0_usize..400, 0..60),
            records_max in 1_usize..20,
            bytes_max in 1_usize..1_000,
        ) {
            let records: Vec<_> = sizes.iter().enumerate().map(|(number, bytes)| record(number, *bytes)).collect();
            let mut sent = Vec::new();
            for portion in portions(&records, records_max, bytes_max) {
                prop_assert!((1..=records_max).contains(&portion.records.len()));
                prop_assert!(portion.bytes <= bytes_max || portion.records.len() == 1);
                prop_assert_eq!(portion.bytes, portion.records.iter().map(weight).sum::<usize>());
                sent.extend_from_slice(portion.records);
            }
            prop_assert_eq!(sent, records);
        }
    }
}
