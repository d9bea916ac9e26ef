use millstream_model::Span;
use proptest::prelude::*;

use super::*;
use crate::index::{IndexPhase, IndexProjection};
use crate::key::KeySchema;
use crate::meta::{Phase, Throughput, Units};

fn time_strategy() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn maybe_time() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of(time_strategy())
}

fn span() -> impl Strategy<Value = Span> {
    (time_strategy(), time_strategy()).prop_map(|(since, until)| Span { since, until })
}

fn element() -> impl Strategy<Value = KeyElement> {
    (".{0,5}", prop::sample::select(vec![KeyType::S, KeyType::N, KeyType::B]))
        .prop_map(|(name, kind)| KeyElement { name, kind })
}

fn keys() -> impl Strategy<Value = KeySchema> {
    let elements = |count: std::ops::Range<usize>| prop::collection::vec(element(), count);
    (elements(1..5), elements(0..5)).prop_map(|(hash, range)| KeySchema { hash, range })
}

fn units() -> impl Strategy<Value = Units> {
    any::<(u64, u64)>().prop_map(|(read, write)| Units { read, write })
}

fn throughput() -> impl Strategy<Value = Throughput> {
    (units(), maybe_time(), maybe_time(), any::<u32>()).prop_map(
        |(units, increased, decreased, decreases)| Throughput { units, increased, decreased, decreases },
    )
}

fn index() -> impl Strategy<Value = Index> {
    let projection = prop_oneof![
        Just(IndexProjection::All),
        Just(IndexProjection::KeysOnly),
        prop::collection::vec(".{0,5}", 0..3).prop_map(IndexProjection::Include),
    ];
    (any::<u32>(), ".{0,5}", keys(), projection).prop_map(|(uid, name, keys, projection)| Index {
        uid,
        name,
        keys,
        projection,
    })
}

fn global() -> impl Strategy<Value = GlobalIndex> {
    let phase = (0..5, span()).prop_map(|(kind, span)| match kind {
        0 => IndexPhase::Steady,
        1 => IndexPhase::Creating(span),
        2 => IndexPhase::Filling(span),
        3 => IndexPhase::Updating(span),
        _ => IndexPhase::Deleting(span),
    });
    (index(), throughput(), limits(), prop::option::of(units()), phase).prop_map(
        |(index, throughput, limits, warm, phase)| GlobalIndex { index, throughput, limits, warm, phase },
    )
}

fn limits() -> impl Strategy<Value = OnDemandThroughput> {
    any::<(Option<u64>, Option<u64>)>()
        .prop_map(|(read_max, write_max)| OnDemandThroughput { read_max, write_max })
}

fn phase() -> impl Strategy<Value = Phase> {
    (0..4, span()).prop_map(|(kind, span)| match kind {
        0 => Phase::Steady,
        1 => Phase::Creating(span),
        2 => Phase::Updating(span),
        _ => Phase::Deleting(span),
    })
}

fn stream_strategy() -> impl Strategy<Value = TableStream> {
    let views =
        vec![StreamView::KeysOnly, StreamView::NewImage, StreamView::OldImage, StreamView::NewAndOldImages];
    (any::<u32>(), prop::sample::select(views), time_strategy(), maybe_time())
        .prop_map(|(number, view, created, disabled)| TableStream { number, view, created, disabled })
}

fn expiry() -> impl Strategy<Value = TimeToLive> {
    (any::<u32>(), ".{0,5}", 0..3, span()).prop_map(|(uid, attribute, kind, span)| {
        let phase = match kind {
            0 => ExpiryPhase::Enabling,
            1 => ExpiryPhase::Enabled,
            _ => ExpiryPhase::Disabling(span),
        };
        TimeToLive { uid, attribute, phase }
    })
}

fn destination_strategy() -> impl Strategy<Value = KinesisDestination> {
    (".{0,9}", any::<bool>(), 0..4, span()).prop_map(|(stream_arn, is_fine, kind, span)| KinesisDestination {
        stream_arn,
        precision: if is_fine { Precision::Microsecond } else { Precision::Millisecond },
        phase: match kind {
            0 => DestinationPhase::Active,
            1 => DestinationPhase::Enabling(span),
            2 => DestinationPhase::Updating(span),
            _ => DestinationPhase::Disabling(span),
        },
    })
}

prop_compose! {
    fn schema_part()(
        numbers in any::<(u32, u32)>(), phase in phase(), id in ".{0,9}", created in time_strategy(),
        attributes in prop::collection::vec(element(), 0..4), keys in keys(),
        local_indexes in prop::collection::vec(index(), 0..3),
        global_indexes in prop::collection::vec(global(), 0..3),
        throughput in throughput(), limits in limits(),
    ) -> TableMeta {
        TableMeta {
            uid: numbers.0, next_index_uid: numbers.1, phase, id, created, attributes, keys, local_indexes,
            global_indexes, throughput, limits,
            billing: BillingMode::default(), on_demand_since: None, warm: None, streams: Vec::new(),
            tags: BTreeMap::new(), deletion_protection: false, recovery: None, expiry: None, class: None,
            class_changed: None, encryption: None, policy: None, destinations: Vec::new(),
        }
    }
}

prop_compose! {
    fn meta()(
        schema in schema_part(), flags in any::<(bool, bool)>(), on_demand_since in maybe_time(),
        warm in prop::option::of(units()), streams in prop::collection::vec(stream_strategy(), 0..3),
        tags in prop::collection::btree_map(".{0,5}", ".{0,5}", 0..3),
        recovery in prop::option::of((time_strategy(), any::<u32>())), expiry in prop::option::of(expiry()),
        class in (0..3, maybe_time()), texts in any::<(Option<Option<u8>>, Option<(u8, u8)>)>(),
        destinations in prop::collection::vec(destination_strategy(), 0..3),
    ) -> TableMeta {
        TableMeta {
            billing: if flags.0 { BillingMode::PayPerRequest } else { BillingMode::Provisioned },
            on_demand_since, warm, streams, tags, deletion_protection: flags.1,
            recovery: recovery.map(|(since, days)| PointInTimeRecovery { since, days }),
            expiry,
            class: [None, Some(TableClass::Standard), Some(TableClass::StandardInfrequentAccess)]
                [class.0 as usize],
            class_changed: class.1,
            encryption: texts.0.map(|key| ServerSideEncryption { key: key.map(|key| key.to_string()) }),
            policy: texts.1.map(|(text, revision)| Policy { text: text.to_string(), revision: revision.to_string() }),
            destinations,
            ..schema
        }
    }
}

proptest! {
    #[test]
    fn round_trips(name in "[a-zA-Z0-9_.-]{3,255}", meta in meta()) {
        let arn = TableArn {
            account: "000000000000".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            name: name.parse().unwrap(),
        };
        prop_assert_eq!(decode(&table_key(&arn), &encode(&meta)), Ok((arn, meta)));
    }

    #[test]
    fn other_bytes_are_refused(key: Vec<u8>, row: Vec<u8>) {
        let _ = decode(&key, &row);
    }
}
