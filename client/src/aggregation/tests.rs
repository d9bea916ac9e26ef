//! Containers against an independent reading of the format: generated messages, and rules written down naively.

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::{HashKey, HashKeyRange, Timestamp};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::api::{NewRecord, Record};

/// The format as a generated decoder sees it.
#[derive(Clone, PartialEq, prost::Message)]
struct AggregatedRecord {
    #[prost(string, repeated, tag = "1")]
    partition_keys: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<AggregatedMember>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AggregatedMember {
    #[prost(uint64, required, tag = "1")]
    partition_key: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key: Option<u64>,
    #[prost(bytes = "bytes", required, tag = "3")]
    data: Bytes,
    #[prost(message, repeated, tag = "4")]
    tags: Vec<AggregatedTag>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AggregatedTag {
    #[prost(string, required, tag = "1")]
    key: String,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

fn record(data: impl Into<Bytes>) -> Record {
    Record {
        sequence_number: "17".parse().unwrap(),
        approximate_arrival: Timestamp::from_millis(5),
        partition_key: "a".to_owned(),
        data: data.into(),
    }
}

fn new_record(partition_key: &str, explicit_hash_key: Option<u128>, data: &'static [u8]) -> NewRecord {
    let data = Bytes::from_static(data);
    NewRecord {
        partition_key: partition_key.to_owned(),
        explicit_hash_key: explicit_hash_key.map(HashKey),
        data,
    }
}

fn container(members: impl IntoIterator<Item = Member>) -> Container {
    let mut container = Container::default();
    members.into_iter().for_each(|member| container.push(member));
    container
}

fn is_alone(data: impl Into<Bytes>) -> bool {
    let record = record(data);
    let mut given = Deaggregation::default().take_apart(record.clone());
    let is_container = given.is_container();
    assert!(is_container || given.next() == Some(Ok(record.into())));
    !is_container
}

/// Member indexes that were given, and what was counted.
fn given(data: &Bytes, policy: MemberPolicy, range: Option<HashKeyRange>) -> (Vec<u64>, Tally) {
    let mut members = Deaggregation { policy, range }.take_apart(record(data.clone()));
    let given = members.by_ref().flatten().map(|member| member.sub_sequence_number).collect();
    (given, members.tally())
}

/// What Python's `aws_kinesis_agg` 1.2.3 makes of ("pk1", "hello"), ("pk2", "w", explicit hash key 5) and
/// ("pk1", 00 ff).
const FROM_PYTHON: &str = "f3899ac20a03706b310a03706b321201351a0908001a0568656c6c6f1a07080110001a01771a06\
                           08001a0200ff9312302c4869663cf18c03e410afb1ba";

fn from_python() -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&FROM_PYTHON[at..at + 2], 16).unwrap();
    (0..FROM_PYTHON.len()).step_by(2).map(byte).collect()
}

#[test]
fn other_libraries_containers_are_read_and_written() {
    let records = [
        new_record("pk1", None, b"hello"),
        new_record("pk2", Some(5), b"w"),
        new_record("pk1", None, b"\x00\xff"),
    ];
    let members = Deaggregation::default().take_apart(record(from_python()));
    for ((index, member), expected) in (0..).zip(members).zip(&records) {
        let member = member.unwrap();
        assert_eq!((member.sub_sequence_number, member.is_member), (index, true));
        assert_eq!(member.partition_key, expected.partition_key);
        assert_eq!(member.explicit_hash_key, expected.explicit_hash_key.map(|key| key.to_string().into()));
        assert_eq!(member.data, expected.data);
    }
    let written = container(records.map(Member::from)).finish().unwrap();
    assert_eq!(written.data, from_python());
    assert_eq!(written.partition_key, "a");
    assert_eq!(written.explicit_hash_key, Some(HashKey::of_partition_key("pk1")));
}

#[test]
fn what_is_no_container_is_one_user_record() {
    assert!(!is_alone(from_python()));
    assert!(is_alone(Bytes::new()));
    assert!(is_alone(Bytes::from_static(&MAGIC)));
    assert!(is_alone(framed(b"")), "a digest of nothing");
    assert!(!is_alone(framed(b"\x20\x01")), "unknown fields, no member");
    for at in [0, 5, from_python().len() - 1] {
        let mut changed = from_python();
        changed[at] ^= 1;
        assert!(is_alone(changed), "byte {at}");
    }
    let mut longer = from_python();
    longer.push(0);
    assert!(is_alone(longer));
    // Digests are right, and the message is cut off, or a required field is missing.
    let wrong: [&[u8]; 5] =
        [b"\x0a\x05ab", b"\x1a\x00", b"\x1a\x02\x08\x00", b"\x1a\x02\x1a\x00", b"\x1a\x07"];
    for message in wrong {
        assert!(is_alone(framed(message)), "{message:x?}");
    }
    assert!(is_alone(framed(b"\x1a\x06\x08\x00\x1a\x00\x22\x00")), "a tag without a key");
}

#[test]
fn a_lone_member_goes_as_it_is_unless_something_would_be_lost() {
    assert_eq!(Container::default().finish(), None);
    for plain in [new_record("k", None, b"data"), new_record("", Some(7), b"")] {
        assert_eq!(container([plain.clone().into()]).finish(), Some(plain));
    }
    let tags = vec![Tag { key: "k".into(), value: None }];
    let tagged = Member { record: new_record("k", None, b"data"), tags: tags.clone() };
    let looks_like_one = new_record("k", None, from_python().leak());
    for member in [tagged, looks_like_one.into()] {
        let written = container([member.clone()]).finish().unwrap();
        let members: Vec<_> = Deaggregation::default().take_apart(record(written.data)).collect();
        let [Ok(read)] = members.as_slice() else { panic!("{members:?}") };
        assert_eq!((&read.data, read.tags.iter().collect()), (&member.record.data, member.tags));
    }
}

#[test]
fn texts_that_are_not_utf_8_are_replaced() {
    let message = b"\x0a\x01\xff\x1a\x09\x08\x00\x1a\x00\x22\x03\x0a\x01\xfe";
    let member = Deaggregation::default().take_apart(record(framed(message))).next().unwrap().unwrap();
    assert_eq!(member.partition_key, "\u{fffd}");
    let key: ByteString = "\u{fffd}".into();
    assert_eq!(member.tags.iter().collect::<Vec<_>>(), [Tag { key, value: None }]);
}

#[test]
fn a_long_key_is_shared_by_all_its_members() {
    let message = AggregatedRecord {
        partition_keys: vec!["k".repeat(100_000)],
        explicit_hash_keys: vec![],
        records: vec![AggregatedMember::default(); 1000],
    };
    let data = framed(&message.encode_to_vec());
    let how = Deaggregation { range: Some(HashKeyRange::FULL), ..Deaggregation::default() };
    let members: Vec<_> = how.take_apart(record(data.clone())).map(Result::unwrap).collect();
    assert_eq!(members.len(), 1000);
    let container = data.as_ptr_range();
    assert!(
        members.iter().all(|member| container.contains(&member.partition_key.as_ptr())),
        "none is a copy"
    );
}

fn with_hash_keys(keys: &[&str]) -> Bytes {
    let records = (0..).zip(keys).map(|(index, _)| AggregatedMember {
        partition_key: 0,
        explicit_hash_key: Some(index),
        ..AggregatedMember::default()
    });
    let message = AggregatedRecord {
        partition_keys: vec!["k".to_owned()],
        explicit_hash_keys: keys.iter().map(|&key| key.to_owned()).collect(),
        records: records.collect(),
    };
    framed(&message.encode_to_vec())
}

#[test]
fn members_of_other_shards_are_treated_by_policy() {
    use MemberPolicy::{FilterMember, KclStrict, KeepAll};
    let shard = HashKeyRange::new(HashKey(10), HashKey(19));
    let mixed = with_hash_keys(&["10", "20", "19"]);
    let tally = Tally::default();
    assert_eq!(given(&mixed, KeepAll, None), (vec![0, 1, 2], Tally { given: 3, ..tally }));
    assert_eq!(given(&mixed, KeepAll, shard), (vec![0, 1, 2], Tally { given: 3, foreign: 1, ..tally }));
    assert_eq!(given(&mixed, FilterMember, shard), (vec![0, 2], Tally { given: 2, dropped: 1, ..tally }));
    assert_eq!(given(&mixed, FilterMember, None), (vec![0, 1, 2], Tally { given: 3, ..tally }));
    assert_eq!(given(&mixed, KclStrict, shard), (vec![], Tally { dropped: 3, ..tally }));
    assert_eq!(given(&mixed, KclStrict, None), (vec![0, 1, 2], Tally { given: 3, ..tally }));
}

#[test]
fn a_member_of_no_shard_at_all_is_lost_to_java_alone() {
    use MemberPolicy::{FilterMember, KclStrict, KeepAll};
    let shard = HashKeyRange::new(HashKey(10), HashKey(19));
    let tally = Tally::default();
    for (keys, strictly) in [
        (["10", "-1", "19"], (vec![], Tally { dropped: 3, ..tally })),
        (["10", "ten", "19"], (vec![0], Tally { given: 1, broken: 1, dropped: 1, ..tally })),
    ] {
        let data = with_hash_keys(&keys);
        for policy in [KeepAll, FilterMember] {
            assert_eq!(given(&data, policy, shard), (vec![0, 1, 2], Tally { given: 3, foreign: 1, ..tally }));
        }
        for range in [shard, None] {
            assert_eq!(given(&data, KclStrict, range), strictly, "{keys:?}");
        }
    }
}

#[test]
fn a_member_that_cannot_be_read_is_an_error_with_its_data() {
    let member = |partition_key, explicit_hash_key, data| AggregatedMember {
        partition_key,
        explicit_hash_key,
        data: Bytes::from_static(data),
        tags: vec![],
    };
    let message = AggregatedRecord {
        partition_keys: vec!["k".to_owned()],
        explicit_hash_keys: vec![],
        records: vec![
            member(0, None, b"a"),
            member(1, None, b"b"),
            member(0, Some(0), b"c"),
            member(0, None, b"d"),
        ],
    };
    let data = framed(&message.encode_to_vec());
    let take = |policy| {
        let members = Deaggregation { policy, range: None }.take_apart(record(data.clone()));
        members.map(|member| member.map(|member| member.data).map_err(|broken| (broken.fault, broken.data)))
    };
    let (a, b) = (Ok("a".into()), Err((MemberFault::PartitionKeyIndex(1), "b".into())));
    let (c, d) = (Err((MemberFault::ExplicitHashKeyIndex(0), "c".into())), Ok("d".into()));
    let all = [a.clone(), b.clone(), c, d];
    assert!(take(MemberPolicy::KeepAll).eq(all.clone()));
    assert!(take(MemberPolicy::FilterMember).eq(all));
    assert!(take(MemberPolicy::KclStrict).eq([a, b]));
}

fn any_tag() -> impl Strategy<Value = Tag> {
    ("[a-c]{0,3}", prop::option::of(".{0,3}"))
        .prop_map(|(key, value)| Tag { key: key.into(), value: value.map(ByteString::from) })
}

fn any_member() -> impl Strategy<Value = Member> {
    let key = prop_oneof![4 => "[a-d]", 1 => ".{0,200}"];
    let hash_key = prop::option::of(prop_oneof![
        (0_u32..129).prop_map(|bits| u128::MAX.checked_shr(bits).unwrap_or(0)),
        any::<u128>()
    ]);
    let data = prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..20), 1 => prop::collection::vec(any::<u8>(), 100..300)];
    let data = (prop::bool::weighted(0.1), data)
        .prop_map(|(magic, data)| if magic { [&MAGIC[..], &data].concat() } else { data });
    let tags = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(any_tag(), 0..3)];
    (key, hash_key, data, tags).prop_map(|(partition_key, hash_key, data, tags)| {
        let explicit_hash_key = hash_key.map(HashKey);
        Member { record: NewRecord { partition_key, explicit_hash_key, data: data.into() }, tags }
    })
}

/// A message whose indexes may lie beyond its tables, and whose hash keys may be anything.
fn any_message() -> impl Strategy<Value = AggregatedRecord> {
    let hash_key = prop_oneof![8 => (0_u8..40).prop_map(|key| key.to_string()), 1 => Just("-1".to_owned()), 1 => Just("x".to_owned())];
    let member = (0_u64..5, prop::option::of(0_u64..7)).prop_map(|(partition_key, explicit_hash_key)| {
        AggregatedMember { partition_key, explicit_hash_key, ..AggregatedMember::default() }
    });
    let keys = prop::collection::vec("[a-z]{1,3}", 3..6);
    (keys, prop::collection::vec(hash_key, 4..8), prop::collection::vec(member, 1..8)).prop_map(
        |(partition_keys, explicit_hash_keys, records)| AggregatedRecord {
            partition_keys,
            explicit_hash_keys,
            records,
        },
    )
}

/// Which members the Kinesis Client Library would give, by its rules: all before the first that cannot be
/// read, unless one of these lies outside the range.
fn as_java_does(message: &AggregatedRecord, range: HashKeyRange) -> Vec<u64> {
    let mut kept = Vec::new();
    for (index, member) in (0..).zip(&message.records) {
        let at = |index: u64| usize::try_from(index).unwrap();
        let Some(partition_key) = message.partition_keys.get(at(member.partition_key)) else { return kept };
        let hash_key = match member.explicit_hash_key {
            None => HashKey::of_partition_key(partition_key),
            Some(index) => match message.explicit_hash_keys.get(at(index)).map(String::as_str) {
                None | Some("x") => return kept,
                Some("-1") => return vec![],
                Some(key) => key.parse().unwrap(),
            },
        };
        if !range.contains(hash_key) {
            return vec![];
        }
        kept.push(index);
    }
    kept
}

proptest! {
    #[test]
    fn members_round_trip_in_order(members in prop::collection::vec(any_member(), 1..40)) {
        let written = container(members.clone()).finish().unwrap();
        let given: Vec<_> = Deaggregation::default().take_apart(record(written.data.clone())).map(Result::unwrap).collect();
        prop_assert_eq!(given.len(), members.len());
        let lone = !given[0].is_member;
        for ((index, member), read) in (0..).zip(&members).zip(&given) {
            let Member { record: NewRecord { partition_key, explicit_hash_key, data }, tags } = member;
            prop_assert_eq!(&read.data, data);
            prop_assert_eq!(read.sub_sequence_number, index);
            prop_assert_eq!(&read.tags.iter().collect::<Vec<_>>(), tags);
            if lone {
                prop_assert_eq!(&written, &member.record);
            } else {
                prop_assert_eq!(&read.partition_key, partition_key);
                prop_assert_eq!(&read.explicit_hash_key, &explicit_hash_key.map(|key| key.to_string().into()));
                // Nothing was copied.
                prop_assert!(data.is_empty() || written.data.as_ptr_range().contains(&read.data.as_ptr()));
            }
        }
    }

    #[test]
    fn sizes_are_known_beforehand(members in prop::collection::vec(any_member(), 1..50)) {
        let mut container = Container::default();
        prop_assert_eq!(container.size(), 0);
        for (count, member) in (1..).zip(members) {
            let expected = container.size_with(&member);
            container.push(member);
            prop_assert_eq!(container.len(), count);
            prop_assert_eq!(container.size(), expected);
            prop_assert_eq!(container.clone().finish().unwrap().size(), expected);
        }
    }

    #[test]
    fn a_generated_decoder_agrees(members in prop::collection::vec(any_member(), 2..40)) {
        let written = container(members.clone()).finish().unwrap();
        let message = AggregatedRecord::decode(&written.data[4..written.data.len() - 16]).unwrap();
        prop_assert_eq!(framed(&message.encode_to_vec()), &written.data, "a canonical encoding");
        prop_assert_eq!(message.records.len(), members.len());
        for keys in [&message.partition_keys, &message.explicit_hash_keys] {
            let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
            prop_assert_eq!(distinct.len(), keys.len(), "each key once");
        }
        let first = &members[0].record;
        let place = first.explicit_hash_key.unwrap_or_else(|| HashKey::of_partition_key(&first.partition_key));
        prop_assert_eq!(written.explicit_hash_key, Some(place));
    }

    #[test]
    fn strict_is_what_java_does(message in any_message(), start in 0_u128..20, known: bool) {
        let range = HashKeyRange::new(HashKey(start), HashKey(u128::MAX)).unwrap();
        let expected = as_java_does(&message, if known { range } else { HashKeyRange::FULL });
        let data = framed(&message.encode_to_vec());
        let (strictly, tally) = given(&data, MemberPolicy::KclStrict, known.then_some(range));
        prop_assert_eq!(strictly, expected);
        prop_assert_eq!(tally.given + tally.dropped + tally.broken, message.records.len() as u64);
    }

    /// Who writes foreign members again to their own shards, and reads all shards with the filter, has all of them.
    #[test]
    fn a_filter_drops_what_another_shard_keeps(message in any_message(), split in 1_u128..40) {
        let data = framed(&message.encode_to_vec());
        let lower = HashKeyRange::new(HashKey::MIN, HashKey(split - 1));
        let upper = HashKeyRange::new(HashKey(split), HashKey::MAX);
        let (all, _) = given(&data, MemberPolicy::KeepAll, lower);
        let (mut kept, tally) = given(&data, MemberPolicy::FilterMember, lower);
        let (others, _) = given(&data, MemberPolicy::FilterMember, upper);
        prop_assert_eq!(tally.given + tally.dropped + tally.broken, message.records.len() as u64);
        kept.extend(others);
        kept.sort_unstable();
        kept.dedup();
        prop_assert_eq!(kept, all);
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
        crate::fuzzing::container(&bytes);
    }

    #[test]
    fn changed_containers_are_read_without_harm(message in any_message(), at: prop::sample::Index, byte: u8) {
        let mut message = message.encode_to_vec();
        let at = at.index(message.len());
        message[at] = byte;
        crate::fuzzing::container(&message);
    }
}
