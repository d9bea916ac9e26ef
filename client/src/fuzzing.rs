//! The decoders of this crate as a fuzzer sees them: any bytes in, and a panic where a promise is broken.

#![allow(clippy::expect_used, clippy::missing_panics_doc)] // panics are what a fuzzer looks for

use bytes::Bytes;
use millstream_model::{HashKey, HashKeyRange, Timestamp};

use crate::aggregation::{Container, Deaggregation, Member, MemberPolicy, framed};
use crate::api::{NewRecord, Record};

/// A record's data: as they are, and as the message of a container, with a digest that lets it through.
pub fn container(bytes: &[u8]) {
    check_container(&Bytes::copy_from_slice(bytes));
    check_container(&framed(bytes));
}

fn check_container(data: &Bytes) {
    let lower = HashKeyRange::new(HashKey::MIN, HashKey(u128::MAX / 2));
    let mut total = None;
    for policy in [MemberPolicy::KeepAll, MemberPolicy::FilterMember, MemberPolicy::KclStrict] {
        for range in [None, lower] {
            let mut members = Deaggregation { policy, range }.take_apart(record(data.clone()));
            let given = members.by_ref().filter(Result::is_ok).count() as u64;
            let tally = members.tally();
            if members.is_container() {
                assert_eq!(tally.given, given);
                assert!(tally.foreign <= given);
                // Whatever the policy, every member is accounted for.
                let members = tally.given + tally.dropped + tally.broken;
                assert_eq!(*total.get_or_insert(members), members);
            } else {
                assert_eq!((given, total), (1, None));
            }
        }
    }
    check_again(data);
}

/// What was read is written, and read as the same.
fn check_again(data: &Bytes) {
    let members = Deaggregation::default().take_apart(record(data.clone())).flatten();
    let members: Vec<_> = members.filter(|member| member.is_member).collect();
    let mut container = Container::default();
    for member in &members {
        let record = NewRecord {
            partition_key: member.partition_key.to_string(),
            explicit_hash_key: member.explicit_hash_key.as_ref().and_then(|key| key.parse().ok()),
            data: member.data.clone(),
        };
        let member = Member { record, tags: member.tags.iter().collect() };
        let size = container.size_with(&member);
        container.push(member);
        assert_eq!(container.size(), size);
    }
    let size = container.size();
    let Some(written) = container.finish() else { return };
    assert_eq!(written.size(), size);
    let again = Deaggregation::default().take_apart(record(written.data));
    let again: Vec<_> = again.collect::<Result<_, _>>().expect("what was written can be read");
    assert!(again.iter().map(|member| &member.data).eq(members.iter().map(|member| &member.data)));
    assert!(again.iter().map(|member| &member.tags).eq(members.iter().map(|member| &member.tags)));
}

fn record(data: Bytes) -> Record {
    Record {
        sequence_number: "0".parse().expect("a sequence number"),
        approximate_arrival: Timestamp::from_millis(0),
        partition_key: String::new(),
        data,
    }
}
