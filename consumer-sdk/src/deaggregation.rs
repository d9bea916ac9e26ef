//! From records of the stream to the records that producers put: pure.
//!
//! What a container is and whose its members are is known in `client`; here it is applied to what was read, and every
//! member that no processor will see is either counted or named.

use millstream_client::Record;
use millstream_client::aggregation::{Deaggregation, MemberPolicy, Tally};
use millstream_lease::Checkpoint;

use crate::record::UserRecord;

/// What was in records, in its order.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    pub(crate) records: Vec<UserRecord>,
    /// Members that cannot be read. Whoever has them decides what that means.
    pub(crate) broken: Vec<Broken>,
    pub(crate) tally: Tally,
    /// Behind everything that was in the records, whether it can be read or not; `None` where nothing was.
    pub(crate) end: Option<Checkpoint>,
}

/// A member that cannot be read, and why.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) remains: UserRecord,
    pub(crate) why: String,
}

/// Takes records apart, and leaves out what lies up to `processed`.
pub(crate) fn unpack(records: Vec<Record>, how: Deaggregation, processed: &Checkpoint) -> Unpacked {
    let mut unpacked = Unpacked { records: Vec::with_capacity(records.len()), ..Unpacked::default() };
    for record in records {
        let arrival = record.approximate_arrival;
        let mut members = how.take_apart(record);
        for member in members.by_ref() {
            let (record, fault) = match member {
                Ok(record) => (UserRecord::from(record), None),
                Err(broken) => {
                    let why = broken.to_string();
                    (UserRecord::of_broken(broken, arrival), Some(why))
                }
            };
            let at = record.checkpoint();
            if at <= *processed {
                continue;
            }
            unpacked.end = Some(at);
            match fault {
                None => unpacked.records.push(record),
                // As Java does, which logs it and goes on.
                Some(why) if how.policy == MemberPolicy::KclStrict => {
                    tracing::error!(%why, "a member of an aggregated record, and those behind it, are left out");
                    unpacked.tally.dropped += 1;
                }
                Some(why) => unpacked.broken.push(Broken { remains: record, why }),
            }
        }
        let tally = members.tally();
        unpacked.tally.given += tally.given;
        unpacked.tally.foreign += tally.foreign;
        unpacked.tally.dropped += tally.dropped;
        unpacked.tally.broken += tally.broken;
    }
    unpacked
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millstream_client::NewRecord;
    use millstream_client::aggregation::Container;
    use millstream_model::{HashKey, HashKeyRange, Timestamp};

    use super::*;

    fn record(number: u64, data: Bytes) -> Record {
        Record {
            sequence_number: number.to_string().parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(7),
            partition_key: "key".to_owned(),
            data,
        }
    }

    /// Members at the hash keys 0, 1 and so on.
    fn container(members: u64) -> Bytes {
        let mut container = Container::default();
        for hash_key in 0..members {
            let explicit_hash_key = Some(HashKey(hash_key.into()));
            let data = Bytes::from_static(b"data");
            container.push(NewRecord { partition_key: "key".to_owned(), explicit_hash_key, data }.into());
        }
        container.finish().unwrap().data
    }

    fn places(unpacked: &Unpacked) -> Vec<(String, u64)> {
        let place = |record: &UserRecord| (record.sequence_number.to_string(), record.sub_sequence);
        unpacked.records.iter().map(place).collect()
    }

    #[test]
    fn what_was_processed_is_left_out_be_it_half_of_a_container() {
        let records = || vec![record(1, Bytes::from_static(b"alone")), record(2, container(3))];
        let all = unpack(records(), Deaggregation::default(), &Checkpoint::TRIM_HORIZON);
        let two = |sub| ("2".to_owned(), sub);
        assert_eq!(places(&all), [("1".to_owned(), 0), two(0), two(1), two(2)]);
        let half = Checkpoint::at("2".parse().unwrap(), 0);
        let rest = unpack(records(), Deaggregation::default(), &half);
        assert_eq!(places(&rest), [two(1), two(2)]);
        assert_eq!(rest.end, Some(Checkpoint::at("2".parse().unwrap(), 2)));
    }

    #[test]
    fn members_of_other_shards_are_counted() {
        let range = HashKeyRange::new(HashKey(0), HashKey(0)).unwrap();
        let by = |policy| {
            let how = Deaggregation { policy, range: Some(range) };
            let unpacked = unpack(vec![record(1, container(3))], how, &Checkpoint::TRIM_HORIZON);
            (unpacked.records.len(), unpacked.tally.foreign, unpacked.tally.dropped)
        };
        assert_eq!(by(MemberPolicy::KeepAll), (3, 2, 0));
        assert_eq!(by(MemberPolicy::FilterMember), (1, 0, 2));
        assert_eq!(by(MemberPolicy::KclStrict), (0, 0, 3));
    }
}
