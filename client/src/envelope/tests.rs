//! Whatever is sealed is opened again, and nothing else is.

use std::collections::BTreeSet;

use millstream_model::Timestamp;
use millstream_runtime::{SeededEntropy, SystemEntropy};
use proptest::prelude::*;

use super::*;
use crate::aggregation::{Container, Deaggregation, MemberRef, UserRecord};
use crate::api::Record;

fn keys() -> Arc<dyn KeyProvider> {
    let old = SecretKey::new([7; 32]);
    Arc::new(StaticKeys::new("2026-07", SecretKey::new([9; 32])).and("2026-06", old))
}

fn sealer(compression: Option<Compression>, is_encrypted: bool) -> Sealer {
    Sealer::new(compression, is_encrypted.then(keys), SystemEntropy::shared())
}

/// A member, through a container and back.
fn written(partition_key: &str, sealed: &Sealed) -> UserRecord {
    let mut container = Container::default();
    let member = MemberRef { partition_key, explicit_hash_key: None, data: &sealed.data, tags: &sealed.tags };
    assert!(container.try_push(member, usize::MAX));
    let record = container.finish().unwrap();
    let record = Record {
        sequence_number: "1".parse().unwrap(),
        approximate_arrival: Timestamp::from_millis(1),
        partition_key: record.partition_key,
        data: record.data,
    };
    Deaggregation::default().take_apart(record).next().unwrap().unwrap()
}

fn open(opener: &Opener, record: &UserRecord) -> Result<Bytes, OpenError> {
    let opened = opener.open(&record.partition_key, &record.tags, &record.data)?;
    Ok(opened.unwrap_or_else(|| record.data.clone()))
}

#[test]
fn data_without_a_seal_are_as_they_were_put() {
    let data = Bytes::from_static(b"plain");
    let sealed = sealer(None, false).seal("k", None, &data).unwrap();
    assert_eq!(sealed, Sealed { data: data.clone(), tags: Vec::new() });
    let record = written("k", &sealed);
    assert_eq!(Opener::default().open("k", &record.tags, &record.data), Ok(None));
    let tagged = sealer(None, false).seal("k", Some(&"order 7".into()), &data).unwrap();
    let record = written("k", &tagged);
    assert_eq!((record.data.clone(), idempotence_tag(&record.tags)), (data, Some("order 7".into())));
}

#[test]
fn what_repeats_itself_becomes_smaller_and_what_does_not_stays() {
    let text = Bytes::from("the same again, ".repeat(100));
    let noise: Bytes = SystemEntropy::shared().bytes::<512>().to_vec().into();
    for compression in [Compression::Lz4, Compression::Zstd { level: 3 }] {
        let sealer = sealer(Some(compression), false);
        assert!(sealer.seal("k", None, &text).unwrap().data.len() < 100);
        assert_eq!(sealer.seal("k", None, &noise).unwrap(), Sealed { data: noise.clone(), tags: Vec::new() });
    }
}

#[test]
fn encrypted_data_are_bound_to_their_key_and_their_tags() {
    let data = Bytes::from("secret ".repeat(20));
    let sealed = sealer(Some(Compression::Lz4), true).seal("k", Some(&"id".into()), &data).unwrap();
    assert!(!sealed.data.windows(6).any(|window| window == b"secret"));
    let opener = Opener::new(Some(keys()));
    let record = written("k", &sealed);
    assert_eq!(open(&opener, &record), Ok(data));
    assert_eq!(open(&opener, &written("other", &sealed)), Err(OpenError::NotAuthentic));
    let mut other = sealed.clone();
    other.tags[0].value = Some("other".into());
    assert_eq!(open(&opener, &written("k", &other)), Err(OpenError::NotAuthentic));
    let mut other = sealed.clone();
    other.tags[1].value = Some("zstd+xaes256gcm".into());
    assert_eq!(open(&opener, &written("k", &other)), Err(OpenError::NotAuthentic));
    let mut other = sealed.clone();
    other.tags[1].value = Some("rot13".into());
    assert_eq!(open(&opener, &written("k", &other)), Err(OpenError::UnknownMethod("rot13".to_owned())));
    for at in 0..sealed.data.len() {
        let mut changed = sealed.data.to_vec();
        changed[at] ^= 1;
        let changed = Sealed { data: changed.into(), ..sealed.clone() };
        assert!(open(&opener, &written("k", &changed)).is_err(), "byte {at}");
    }
}

#[test]
fn keys_are_rotated_and_missing_ones_are_named() {
    let data = Bytes::from_static(b"from last month");
    let old: Arc<dyn KeyProvider> = Arc::new(StaticKeys::new("2026-06", SecretKey::new([7; 32])));
    let sealed = Sealer::new(None, Some(old), SystemEntropy::shared()).seal("k", None, &data).unwrap();
    let record = written("k", &sealed);
    assert_eq!(open(&Opener::new(Some(keys())), &record), Ok(data));
    let unknown = Err(OpenError::UnknownKey("2026-06".to_owned()));
    assert_eq!(open(&Opener::default(), &record), unknown);
    let others: Arc<dyn KeyProvider> = Arc::new(StaticKeys::new("other", SecretKey::new([7; 32])));
    assert_eq!(open(&Opener::new(Some(others)), &record), unknown);
    let same_name: Arc<dyn KeyProvider> = Arc::new(StaticKeys::new("2026-06", SecretKey::new([8; 32])));
    assert_eq!(open(&Opener::new(Some(same_name)), &record), Err(OpenError::NotAuthentic));
    let none: Arc<dyn KeyProvider> = Arc::new(StaticKeys::default());
    let sealed = Sealer::new(None, Some(none), SystemEntropy::shared()).seal("k", None, &Bytes::new());
    assert_eq!(sealed, Err(SealError::NoKey));
}

#[test]
fn no_nonce_comes_twice() {
    let nonce = |sealed: &Sealed| sealed.data[8..32].to_vec();
    let mut nonces = BTreeSet::new();
    for producer in 0..3 {
        let sealer = Sealer::new(None, Some(keys()), SeededEntropy::shared(producer));
        for _ in 0..100 {
            assert!(nonces.insert(nonce(&sealer.seal("k", None, &Bytes::new()).unwrap())));
        }
    }
}

#[test]
fn a_claim_of_gigabytes_is_not_believed() {
    let claim = [&u32::MAX.to_be_bytes()[..], b"little"].concat();
    for method in [ZSTD, LZ4] {
        let tags = vec![tag(SEAL_KEY, ByteString::from_static(method))];
        let record = written("k", &Sealed { data: claim.clone().into(), tags });
        assert_eq!(open(&Opener::default(), &record), Err(OpenError::Malformed));
    }
}

proptest! {
    #[test]
    fn whatever_is_sealed_is_opened_again(
        data: Vec<u8>,
        repeated in 1_usize..20,
        key in "\\PC{1,20}",
        id in prop::option::of("\\PC{1,20}"),
        compression in prop::option::of(prop_oneof![
            Just(Compression::Lz4),
            (1_i32..20).prop_map(|level| Compression::Zstd { level }),
        ]),
        is_encrypted: bool,
    ) {
        let data = Bytes::from(data.repeat(repeated));
        let id = id.map(ByteString::from);
        let sealed = sealer(compression, is_encrypted).seal(&key, id.as_ref(), &data).unwrap();
        let record = written(&key, &sealed);
        prop_assert_eq!(open(&Opener::new(Some(keys())), &record), Ok(data));
        prop_assert_eq!(idempotence_tag(&record.tags), id);
    }

    #[test]
    fn any_bytes_are_opened_or_refused(
        data: Vec<u8>,
        methods in prop_oneof![Just("zstd"), Just("lz4"), Just("xaes256gcm"), Just("zstd+xaes256gcm"), Just("")],
    ) {
        let tags = vec![tag(SEAL_KEY, ByteString::from_static(methods))];
        let record = written("k", &Sealed { data: data.into(), tags });
        let _ = open(&Opener::new(Some(keys())), &record);
    }
}

proptest! {
    /// What the fuzzer does, on a few bytes of every run.
    #[test]
    fn nothing_that_is_opened_breaks_a_promise(
        choice in any::<u8>(),
        says in "(zstd|lz4|xaes256gcm|nothing)(\\+(zstd|lz4|xaes256gcm)){0,2}",
        data in prop::collection::vec(0_u8..4, 0..200),
    ) {
        let bytes = [&[choice][..], says.as_bytes(), b"\n", &data].concat();
        crate::fuzzing::envelope(&bytes);
    }
}
