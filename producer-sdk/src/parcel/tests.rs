use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use millstream_client::Acknowledgement;
use millstream_client::aggregation::Tag;
use millstream_model::ShardId;
use proptest::prelude::*;

use super::*;
use crate::flushes::Flushes;
use crate::pending::Pending;

/// A parcel of members at these hash keys, with or without tags, and who waits for them.
fn parcel(keys: &[u128], tags: &[Tag]) -> (Parcel, Vec<Pending>) {
    let batch = Batch::new(&Arc::new(Flushes::default()));
    let (mut container, mut charge, mut pending) = (Container::default(), Charge::default(), Vec::new());
    for (index, key) in (0..).zip(keys) {
        let data = index_bytes(index);
        let member =
            MemberRef { partition_key: "key", explicit_hash_key: Some(HashKey(*key)), data: &data, tags };
        charge += charge_of(&member);
        container.try_push(member, usize::MAX);
        pending.push(batch.pending(index, Duration::ZERO, Duration::ZERO));
    }
    let parcel = Parcel::new(container, batch, charge, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    (parcel, pending)
}

fn index_bytes(index: u32) -> [u8; 4] {
    index.to_be_bytes()
}

/// What became of a record, if that is known.
fn outcome(pending: Pending) -> Option<(ShardId, u64)> {
    match pin!(pending).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => {
            let receipt = outcome.unwrap();
            Some((receipt.shard(), receipt.sub_sequence_number()))
        }
        Poll::Pending => None,
    }
}

fn stored(shard: usize) -> End {
    let shard = ShardId::new(u32::try_from(shard).unwrap()).unwrap();
    End::Stored(Acknowledgement { shard, sequence_number: "1".parse().unwrap() })
}

#[test]
fn a_parcel_of_one_place_stays_as_it_is() {
    for keys in [&[5][..], &[5, 6, 7]] {
        let (mut whole, pending) = parcel(keys, &[]);
        let before = whole.take_record();
        whole.restore(before.clone());
        let mut parts = whole.split_by(|_, key| if key == "key" { 3 } else { 4 });
        let (place, mut part) = parts.pop().unwrap();
        assert_eq!((parts.len(), place, part.take_record()), (0, 3, before));
        part.settle(stored(1), Duration::ZERO);
        let expected: Vec<_> =
            (0..keys.len() as u64).map(|index| Some((ShardId::new(1).unwrap(), index))).collect();
        assert_eq!(pending.into_iter().map(outcome).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn whether_all_members_are_within_a_range_is_known() {
    let (mut parcel, _pending) = parcel(&[10, 20, 30], &[]);
    let within = |start, end| HashKeyRange::new(HashKey(start), HashKey(end)).unwrap();
    assert!(parcel.is_within(within(10, 30)));
    assert!(!parcel.is_within(within(11, 30)) && !parcel.is_within(within(10, 29)));
    assert_eq!(parcel.hash_key(), HashKey(10));
}

proptest! {
    /// However often it is taken apart, each member has its own outcome, in the order in which they were.
    #[test]
    fn nobody_is_forgotten_when_a_parcel_is_taken_apart(
        keys in prop::collection::vec(0_u128..12, 1..30),
        is_tagged: bool,
    ) {
        let tags = [Tag { key: "k".into(), value: Some("v".into()) }];
        let (whole, pending) = parcel(&keys, if is_tagged { &tags } else { &[] });
        let charge = whole.charge;
        let mut after = Charge::default();
        // By fours first, then each key by itself, as after one reshard and another.
        for (_, part) in whole.split_by(|key, _| usize::try_from(key.0 / 4).unwrap()) {
            for (place, mut part) in part.split_by(|key, _| usize::try_from(key.0).unwrap()) {
                after += part.charge;
                let size = part.size;
                let record = part.take_record();
                prop_assert_eq!(record.size(), size);
                prop_assert_eq!(hash_key_of(&record), HashKey(place as u128));
                part.restore(record);
                part.settle(stored(place), Duration::ZERO);
            }
        }
        prop_assert_eq!(after, charge);
        for (index, (pending, key)) in pending.into_iter().zip(&keys).enumerate() {
            let before = keys[..index].iter().filter(|other| *other == key).count() as u64;
            let shard = ShardId::new(u32::try_from(*key).unwrap());
            prop_assert_eq!(outcome(pending), Some((shard.unwrap(), before)));
        }
    }
}
