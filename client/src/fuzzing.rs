//! The decoders of this crate as a fuzzer sees them: any bytes in, and a panic where a promise is broken.

#![allow(clippy::expect_used, clippy::missing_panics_doc)] // panics are what a fuzzer looks for

use bytes::Bytes;
#[cfg(feature = "envelope")]
use bytestring::ByteString;
#[cfg(feature = "envelope")]
use millstream_model::limits::RECORD_BYTES_CEILING;
use millstream_model::{HashKey, HashKeyRange, Timestamp};
#[cfg(feature = "envelope")]
use millstream_runtime::SeededEntropy;

use crate::aggregation::{Container, Deaggregation, Member, MemberPolicy, framed};
#[cfg(feature = "envelope")]
use crate::aggregation::{Tag, UserRecord};
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

/// Data under tags that say what was done to them: the first byte chooses how the rest is sealed and changed; the rest up
/// to a line break is what a tag says of data that nobody sealed.
#[cfg(feature = "envelope")]
pub fn envelope(bytes: &[u8]) {
    use crate::envelope::Opener;

    let Some((choice, rest)) = bytes.split_first() else { return };
    check_sealed(*choice, &Bytes::copy_from_slice(rest));
    let (says, data) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, &[][..]),
    };
    let tag = |key: &'static str, value: &[u8]| Tag {
        key: ByteString::from_static(key),
        value: Some(String::from_utf8_lossy(value).into_owned().into()),
    };
    let member = member(Bytes::copy_from_slice(data), vec![tag("ms-id", b"7"), tag("ms-seal", says)]);
    for opener in [Opener::default(), Opener::new(Some(keys()))] {
        if let Ok(opened) = opener.open(&member.partition_key, &member.tags, &member.data) {
            let opened = opened.expect("there is a tag that says so");
            assert!(opened.len() <= RECORD_BYTES_CEILING);
        }
    }
}

/// What was sealed is opened as it was; changed, it is no other data of whoever has the key.
#[cfg(feature = "envelope")]
fn check_sealed(choice: u8, data: &Bytes) {
    use crate::envelope::{Compression, Opener, Sealer};

    let compression = match choice % 3 {
        0 => None,
        1 => Some(Compression::Lz4),
        _ => Some(Compression::Zstd { level: 1 }),
    };
    let is_encrypted = choice & 0x40 != 0;
    let keys = is_encrypted.then(keys);
    let sealer = Sealer::new(compression, keys.clone(), SeededEntropy::shared(7));
    let sealed = sealer.seal("k", None, data).expect("it can be sealed");
    let sealed = member(sealed.data, sealed.tags);
    let opener = Opener::new(keys);
    let open = |data: &Bytes| opener.open(&sealed.partition_key, &sealed.tags, data);
    let opened = open(&sealed.data).expect("what was sealed can be opened");
    assert_eq!(&opened.unwrap_or_else(|| sealed.data.clone()), data);
    if is_encrypted {
        let mut changed = sealed.data.to_vec();
        let at = usize::from(choice) % changed.len();
        changed[at] ^= 1;
        assert!(open(&changed.into()).is_err(), "it was changed and opened");
    }
}

#[cfg(feature = "envelope")]
fn keys() -> std::sync::Arc<dyn crate::envelope::KeyProvider> {
    use crate::envelope::{SecretKey, StaticKeys};
    std::sync::Arc::new(StaticKeys::new("name", SecretKey::new([7; 32])))
}

/// A member, through a container and back.
#[cfg(feature = "envelope")]
fn member(data: Bytes, tags: Vec<Tag>) -> UserRecord {
    let partition_key = "k".to_owned();
    let mut container = Container::default();
    // With another one, so that it does not go alone.
    for (data, tags) in [(data, tags), (Bytes::new(), Vec::new())] {
        let record = NewRecord { partition_key: partition_key.clone(), explicit_hash_key: None, data };
        container.push(Member { record, tags });
    }
    let written = container.finish().expect("there are members in it");
    let mut members = Deaggregation::default().take_apart(record(written.data));
    members.next().expect("there are members in it").expect("what was written can be read")
}

fn record(data: Bytes) -> Record {
    Record {
        sequence_number: "0".parse().expect("a sequence number"),
        approximate_arrival: Timestamp::from_millis(0),
        partition_key: String::new(),
        data,
    }
}
