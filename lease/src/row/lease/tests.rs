use proptest::collection::btree_set;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::names::StreamIdentifier;

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.-]{1,20}"
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![
        Just(Position::AtTimestamp),
        Just(Position::TrimHorizon),
        Just(Position::Latest),
        Just(Position::ShardEnd),
        any::<u128>().prop_map(|number| Position::At(number.to_string().parse().unwrap())),
    ]
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    (position(), any::<u64>()).prop_map(|(position, sub_sequence)| Checkpoint { position, sub_sequence })
}

fn shards() -> impl Strategy<Value = BTreeSet<ShardName>> {
    btree_set(name().prop_map(|name| name.parse().unwrap()), 0..3)
}

prop_compose! {
    fn lease()(
        names in (name(), option::of(name()), option::of(name())),
        counter: u64,
        checkpoint in checkpoint(),
        pending in option::of((self::checkpoint(), option::of(any::<Vec<u8>>()))),
        switches: u64,
        parents in shards(),
        children in shards(),
        range in option::of(any::<(u128, u128)>()),
        throughput in option::of(0.0..1e9_f64),
        stream in option::of((name(), name(), any::<u64>(), name())),
        unknown in option::of(name()),
    ) -> Lease {
        let mut lease = Lease::new(names.0.parse().unwrap(), checkpoint);
        lease.owner = names.1.map(|name| name.parse().unwrap());
        lease.checkpoint_owner = names.2.map(|name| name.parse().unwrap());
        lease.counter = counter;
        lease.pending = pending.map(|(checkpoint, state)| PendingCheckpoint { checkpoint, state });
        lease.owner_switches_since_checkpoint = switches;
        (lease.parents, lease.children) = (parents, children);
        lease.hash_range =
            range.and_then(|(a, b)| HashKeyRange::new(HashKey(a.min(b)), HashKey(a.max(b))));
        lease.throughput_kbps = throughput;
        lease.stream = stream.map(|(account, stream, creation_epoch, shard)| StreamOfLease {
            stream: StreamIdentifier { account, stream, creation_epoch },
            shard: shard.parse().unwrap(),
        });
        if let Some(name) = unknown {
            lease.unknown.insert(format!("x-{name}"), Value::L(vec![Value::Bool(true), Value::Null]));
        }
        lease
    }
}

/// Any value where any attribute of a lease may stand.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::S),
        "-?[0-9]{0,40}(\\.[0-9]{1,5})?(E-?[0-9]{1,3})?".prop_map(Value::N),
        any::<Vec<u8>>().prop_map(Value::B),
        btree_set(any::<String>(), 0..3).prop_map(Value::Ss),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
    ]
}

proptest! {
    #[test]
    fn a_lease_is_what_its_row_says(lease in lease()) {
        prop_assert_eq!(of_row(to_row(&lease)), Ok(lease));
    }

    #[test]
    fn no_row_is_too_strange_to_be_judged(
        lease in lease(),
        index in any::<proptest::sample::Index>(),
        value in any_value(),
    ) {
        let mut row = to_row(&lease);
        let name = row.keys().nth(index.index(row.len())).unwrap().clone();
        row.insert(name, value);
        // Either it is understood, and then the same again, or the attribute is named.
        match of_row(row) {
            Ok(mut read) => {
                // What no table holds is not written again.
                read.throughput_kbps = read.throughput_kbps.filter(|kbps| *kbps == 0.0 || (1e-20..1e20).contains(&kbps.abs()));
                prop_assert_eq!(of_row(to_row(&read)), Ok(read));
            }
            Err(bad) => prop_assert!(!bad.attribute.is_empty() && !bad.problem.is_empty()),
        }
    }
}

fn row(attributes: &[(&str, Value)]) -> Row {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn s(text: &str) -> Value {
    Value::S(text.to_owned())
}

fn n(text: &str) -> Value {
    Value::N(text.to_owned())
}

#[test]
fn a_row_of_the_first_version_is_read() {
    let read = of_row(row(&[
        ("leaseKey", s("shardId-000000000001")),
        ("leaseOwner", s("worker-1")),
        ("leaseCounter", n("42")),
        ("ownerSwitchesSinceCheckpoint", n("1")),
        ("checkpoint", s("49590338271490256608559692538361571095921575989136588898")),
        ("checkpointSubSequenceNumber", n("3")),
        ("parentShardId", Value::Ss(["shardId-000000000000".to_owned()].into())),
    ]))
    .unwrap();
    assert_eq!(read.owner.as_ref().unwrap().as_str(), "worker-1");
    assert_eq!((read.counter, read.checkpoint.sub_sequence, read.hash_range), (42, 3, None));
    assert_eq!(read.parents.len(), 1);
    assert!(read.unknown.is_empty());
}

#[test]
fn oddities_of_the_third_version_are_read() {
    let read = of_row(row(&[
        ("leaseKey", s("a:b:1:shardId-1")),
        ("entityType", s("LEASE")),
        ("leaseCounter", n("7")),
        ("checkpoint", s("TRIM_HORIZON")),
        ("pendingCheckpoint", s("12")),
        ("pendingCheckpointSubSequenceNumber", n("0")),
        ("pendingCheckpointState", n("0")),
        ("throughputKBps", n("1.0E-5")),
        ("streamName", s("a:b:1")),
        ("shardId", s("shardId-1")),
        ("fromTheFuture", Value::Bool(true)),
    ]))
    .unwrap();
    assert_eq!(read.pending.as_ref().unwrap().state, None);
    assert_eq!(read.throughput_kbps, Some(1e-5));
    assert_eq!(read.shard().as_str(), "shardId-1");
    assert_eq!(read.unknown.len(), 1);
    assert!(to_row(&read).contains_key("fromTheFuture"));
}

#[test]
fn what_is_wrong_is_named() {
    let good = [("leaseKey", s("k")), ("leaseCounter", n("1")), ("checkpoint", s("LATEST"))];
    let wrongs = [
        ("leaseKey", n("1"), "leaseKey should be of type S"),
        ("leaseCounter", s("1"), "leaseCounter should be of type N"),
        ("leaseCounter", n("-1"), "leaseCounter is -1"),
        ("checkpoint", s("NOWHERE"), "checkpoint is \"NOWHERE\""),
        ("shardId", s("x"), "streamName is missing"),
        ("pendingCheckpointState", s("x"), "pendingCheckpointState should be of type B"),
    ];
    for (name, value, expected) in wrongs {
        let mut row = row(&good);
        row.insert(name.to_owned(), value);
        let message = of_row(row).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert!(of_row(row(&good[..2])).unwrap_err().to_string().contains("row k: checkpoint is missing"));
}
