//! From records of the stream to the records that producers put: pure.
//!
//! What a container is, whose its members are, and what their producers did to their data, is known in `client`; here it
//! is applied to what was read, and every member that no processor will see is either counted or named.

use millstream_client::Record;
use millstream_client::aggregation::{Deaggregation, MemberPolicy, Tally};
use millstream_client::envelope::Opener;
use millstream_lease::Checkpoint;

use crate::record::UserRecord;
use crate::repetitions::Window;

/// What was in records, in its order.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    pub(crate) records: Vec<UserRecord>,
    /// Members that cannot be read. Whoever has them decides what that means.
    pub(crate) broken: Vec<Broken>,
    pub(crate) tally: Tally,
    /// Records that were left out because they came before.
    pub(crate) repetitions: u64,
    /// Behind everything that was in the records, whether it can be read or not; `None` where nothing was.
    pub(crate) end: Option<Checkpoint>,
}

/// A member that cannot be read, and why.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) remains: UserRecord,
    pub(crate) why: String,
}

/// Takes records apart, opens them, and leaves out what lies up to `processed`, and what came before.
pub(crate) fn unpack(
    records: Vec<Record>,
    how: Deaggregation,
    opener: &Opener,
    window: &mut Window,
    processed: &Checkpoint,
) -> Unpacked {
    let mut unpacked = Unpacked { records: Vec::with_capacity(records.len()), ..Unpacked::default() };
    for record in records {
        let arrival = record.approximate_arrival;
        let mut members = how.take_apart(record);
        for member in members.by_ref() {
            let (record, fault) = match member {
                Ok(record) => opened(UserRecord::from(record), opener),
                Err(broken) => {
                    let why = broken.to_string();
                    (UserRecord::of_broken(broken, arrival), Some(Fault::Unreadable(why)))
                }
            };
            let at = record.checkpoint();
            if at <= *processed {
                continue;
            }
            unpacked.end = Some(at);
            match fault {
                None if window.is_repetition(&record) => unpacked.repetitions += 1,
                None => unpacked.records.push(record),
                // As Java does, which logs it and goes on.
                Some(Fault::Unreadable(why)) if how.policy == MemberPolicy::KclStrict => {
                    tracing::error!(%why, "a member of an aggregated record, and those behind it, are left out");
                    unpacked.tally.dropped += 1;
                }
                Some(Fault::Unreadable(why) | Fault::Sealed(why)) => {
                    unpacked.broken.push(Broken { remains: record, why });
                }
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

/// Why a member cannot be given to a processor.
enum Fault {
    Unreadable(String),
    /// What its producer did to it cannot be undone.
    Sealed(String),
}

/// A record with its data as they were put.
fn opened(mut record: UserRecord, opener: &Opener) -> (UserRecord, Option<Fault>) {
    match opener.open(&record.partition_key, &record.tags, &record.data) {
        Ok(None) => (record, None),
        Ok(Some(data)) => {
            record.data = data;
            (record, None)
        }
        Err(error) => {
            let (number, sub_sequence) = (&record.sequence_number, record.sub_sequence);
            let why = format!("record {number}, member {sub_sequence}, cannot be opened: {error}");
            (record, Some(Fault::Sealed(why)))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millstream_client::NewRecord;
    use millstream_client::aggregation::{Container, MemberRef};
    use millstream_client::envelope::{Compression, Sealer, SecretKey, StaticKeys};
    use millstream_model::{HashKey, HashKeyRange, Timestamp};
    use millstream_runtime::SystemEntropy;
    use std::sync::Arc;

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

    fn unpack(records: Vec<Record>, how: Deaggregation, processed: &Checkpoint) -> Unpacked {
        super::unpack(records, how, &Opener::default(), &mut Window::new(0), processed)
    }

    /// One member, sealed, with a tag that a repetition is known by.
    fn sealed(number: u64, tag: &str) -> Record {
        let keys = Arc::new(StaticKeys::new("key", SecretKey::new([1; 32])));
        let sealer = Sealer::new(Some(Compression::Lz4), Some(keys), SystemEntropy::shared());
        let sealed = sealer.seal("key", Some(&tag.into()), &"data".repeat(50).into()).unwrap();
        let mut container = Container::default();
        let (data, tags) = (&sealed.data[..], &sealed.tags[..]);
        container.try_push(MemberRef { partition_key: "key", explicit_hash_key: None, data, tags }, 1_000);
        record(number, container.finish().unwrap().data)
    }

    #[test]
    fn what_a_producer_did_is_undone_or_named() {
        let key = |byte| Opener::new(Some(Arc::new(StaticKeys::new("key", SecretKey::new([byte; 32])))));
        let unpack = |opener: &Opener, policy| {
            let how = Deaggregation { policy, range: None };
            let records = vec![sealed(1, "a"), sealed(2, "b"), sealed(3, "a")];
            super::unpack(records, how, opener, &mut Window::new(10), &Checkpoint::TRIM_HORIZON)
        };
        let opened = unpack(&key(1), MemberPolicy::KeepAll);
        assert_eq!(places(&opened), [("1".to_owned(), 0), ("2".to_owned(), 0)]);
        assert!(opened.records.iter().all(|record| record.data == "data".repeat(50)));
        assert_eq!((opened.repetitions, opened.broken.len()), (1, 0));
        assert_eq!(opened.end, Some(Checkpoint::at("3".parse().unwrap(), 0)));
        for policy in [MemberPolicy::KeepAll, MemberPolicy::KclStrict] {
            let wrong = unpack(&key(2), policy);
            assert_eq!((wrong.records.len(), wrong.repetitions, wrong.broken.len()), (0, 0, 3));
            assert!(wrong.broken[0].why.contains("not authentic"), "{}", wrong.broken[0].why);
        }
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
