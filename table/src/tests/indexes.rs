//! What is derived from items never differs from them: after any history, indexes, times of expiry, sizes of
//! collections and counts are what a fresh computation from the items gives.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_storage::KeyRange;
use proptest::prelude::*;

use super::*;
use crate::keyspace::entry_key::{collection_key, expiry_key, index_entry_key};
use crate::keyspace::{COLLECTION, EXPIRY, INDEX_ENTRY, ITEM, part_prefix, table_prefix};
use crate::mutation::expiry_seconds;
use crate::recovery::scan_all;
use crate::{
    BatchWrite, Consumed, DeleteItem, Error, ExpiryStatus, GlobalIndexSpec, GlobalIndexUpdate, IndexSpec,
    ProjectionType, TransactAction, TransactWrite, TransactWriteItems, UpdateItem, UpdateTable, WriteRequest,
};

#[derive(Clone, Debug)]
enum Step {
    Put(Item),
    Delete(Item),
    Update(Item, Option<u64>),
    Batch(Vec<WriteRequest>),
    Transact(Vec<WriteRequest>),
    AddIndex,
    DropIndex,
    Expire(bool),
    Reopen,
}

fn key() -> impl Strategy<Value = Item> {
    (0..3_u64, 0..3_u64)
        .prop_map(|(hash, range)| item([("h", hash.to_string().as_str().into()), ("r", range.into())]))
}

fn whole() -> impl Strategy<Value = Item> {
    let owner = prop::option::of(prop_oneof![Just(Value::from("x")), Just(Value::from("yy"))]);
    (key(), owner, prop::option::of(0..4_u64), prop::option::of(0..9_u64)).prop_map(
        |(mut item, owner, rank, note)| {
            let attributes =
                [("owner", owner), ("rank", rank.map(Value::from)), ("note", note.map(Value::from))];
            for (name, value) in attributes {
                if let Some(value) = value {
                    item.insert(name, value);
                }
            }
            item
        },
    )
}

fn request() -> impl Strategy<Value = WriteRequest> {
    prop_oneof![3 => whole().prop_map(WriteRequest::Put), 1 => key().prop_map(WriteRequest::Delete)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => whole().prop_map(Step::Put),
        2 => key().prop_map(Step::Delete),
        4 => (key(), prop::option::of(0..4_u64)).prop_map(|(key, rank)| Step::Update(key, rank)),
        2 => prop::collection::vec(request(), 1..5).prop_map(Step::Batch),
        2 => prop::collection::vec(request(), 1..5).prop_map(Step::Transact),
        1 => Just(Step::AddIndex),
        1 => Just(Step::DropIndex),
        1 => any::<bool>().prop_map(Step::Expire),
        1 => Just(Step::Reopen),
    ]
}

pub(super) fn index(name: &str, hash: &str, range: Option<&str>, projection: ProjectionType) -> IndexSpec {
    let range = range.map(|range| key_part(range, KeyPart::Range));
    IndexSpec {
        name: name.to_owned(),
        keys: std::iter::once(key_part(hash, KeyPart::Hash)).chain(range).collect(),
        projection: Some(projection),
        non_key_attributes: (projection == ProjectionType::Include).then(|| vec!["note".to_owned()]),
    }
}

pub(super) fn global(index: IndexSpec) -> GlobalIndexSpec {
    GlobalIndexSpec { index, throughput: None, limits: OnDemandThroughput::default(), warm: None }
}

/// Two hash keys and two range keys, of which one is the table's as well.
fn by_several() -> IndexSpec {
    let keys = vec![
        key_part("owner", KeyPart::Hash),
        key_part("rank", KeyPart::Hash),
        key_part("note", KeyPart::Range),
        key_part("r", KeyPart::Range),
    ];
    IndexSpec { keys, ..index("by-several", "owner", None, ProjectionType::KeysOnly) }
}

pub(super) fn indexed(arn: &TableArn) -> CreateTable {
    CreateTable {
        attributes: vec![
            element("h", KeyType::S),
            element("r", KeyType::N),
            element("owner", KeyType::S),
            element("rank", KeyType::N),
            element("note", KeyType::N),
        ],
        keys: vec![key_part("h", KeyPart::Hash), key_part("r", KeyPart::Range)],
        local_indexes: Some(vec![index("by-rank", "h", Some("rank"), ProjectionType::KeysOnly)]),
        global_indexes: Some(vec![
            global(index("by-owner", "owner", Some("rank"), ProjectionType::Include)),
            global(by_several()),
        ]),
        ..on_demand(arn)
    }
}

async fn carry_out(world: &World, tables: &mut Tables, arn: &TableArn, step: Step) -> Result<()> {
    match step {
        Step::Put(item) => put(tables, arn, item).await,
        Step::Delete(key) => tables.delete_item(DeleteItem::new(arn.clone(), key)).await.map(|_| ()),
        Step::Update(key, rank) => {
            let call = match rank {
                Some(rank) => {
                    let placeholders = values([(":rank", rank.into())]);
                    let update = "SET rank = :rank, note = if_not_exists(note, :rank)";
                    UpdateItem { placeholders, ..UpdateItem::new(arn.clone(), key, update) }
                }
                None => UpdateItem::new(arn.clone(), key, "REMOVE rank"),
            };
            tables.update_item(call).await.map(|_| ())
        }
        Step::Batch(requests) => {
            let batch = BatchWrite { tables: [(arn.clone(), requests)].into(), with_collections: true };
            tables.batch_write_items(batch).await.map(|_| ())
        }
        Step::Transact(requests) => {
            let writes = requests.into_iter().map(|request| TransactWrite {
                table: arn.clone(),
                action: match request {
                    WriteRequest::Put(item) => TransactAction::Put(item),
                    WriteRequest::Delete(key) => TransactAction::Delete(key),
                },
                condition: None,
                placeholders: Placeholders::default(),
                shows_failure: false,
            });
            let writes = writes.collect();
            let call = TransactWriteItems { writes, token: None, with_collections: true };
            tables.transact_write_items(call).await.map(|_| ())
        }
        Step::AddIndex => {
            let create = Some(global(index("by-note", "note", None, ProjectionType::All)));
            let update = GlobalIndexUpdate { create, ..GlobalIndexUpdate::default() };
            let attributes = vec![element("note", KeyType::N)];
            let call =
                UpdateTable { attributes, global_indexes: vec![update], ..UpdateTable::new(arn.clone()) };
            tables.update_table(call).await.map(|_| ())
        }
        Step::DropIndex => {
            let update =
                GlobalIndexUpdate { delete: Some("by-note".to_owned()), ..GlobalIndexUpdate::default() };
            let call = UpdateTable { global_indexes: vec![update], ..UpdateTable::new(arn.clone()) };
            tables.update_table(call).await.map(|_| ())
        }
        Step::Expire(on) => tables.update_time_to_live(arn, on, "rank".to_owned()).await,
        Step::Reopen => {
            tables.close().await;
            *tables = world.open().await;
            Ok(())
        }
    }
}

/// Until indexes are filled and what was removed is gone.
async fn settle(tables: &Tables, arn: &TableArn) {
    for _ in 0..10_000 {
        tables.inner.tidy_up().await.unwrap();
        let described = tables.describe_table(arn).unwrap();
        let is_filling = described.meta.global_indexes.iter().any(crate::GlobalIndex::is_filling);
        let expiry = tables.describe_time_to_live(arn).unwrap().status;
        if !is_filling && expiry != ExpiryStatus::Enabling {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the index is never filled");
}

async fn stored(tables: &Tables, prefix: &[u8]) -> BTreeMap<Bytes, Bytes> {
    let entries = scan_all(&*tables.inner.slot, KeyRange::prefix(prefix)).await.unwrap();
    entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

async fn items(tables: &Tables, uid: u32) -> Vec<Item> {
    let items = stored(tables, &table_prefix(ITEM, uid)).await;
    items.values().map(|item| Item::decode(item).unwrap()).collect()
}

async fn check(tables: &Tables, arn: &TableArn) {
    check_derived(tables, arn).await;
    let description = tables.describe_table(arn).unwrap();
    let items = items(tables, description.meta.uid).await;
    assert_eq!(description.items, items.len() as u64);
    assert_eq!(description.bytes, items.iter().map(|item| item.size() as u64).sum::<u64>());
    for index in description.meta.indexes() {
        let inside = items.iter().filter(|item| index.keys.stored_key_of(item).is_some());
        let sizes: Vec<_> =
            inside.map(|item| index.project(item, &description.meta.keys).size() as u64).collect();
        let counted = (description.index_items(index), description.index_bytes(index));
        assert_eq!(counted, (sizes.len() as u64, sizes.iter().sum()), "{}", index.name);
    }
}

/// Holds after a crash too, unlike the counts.
pub(super) async fn check_derived(tables: &Tables, arn: &TableArn) {
    let description = tables.describe_table(arn).unwrap();
    let meta = &description.meta;
    let items = items(tables, meta.uid).await;
    let (mut entries, mut collections) = (BTreeMap::new(), BTreeMap::<Bytes, u64>::new());
    let mut expiries = Vec::new();
    for item in &items {
        let key = meta.keys.key_of_item(item).unwrap();
        let collection = collections.entry(collection_key(meta.uid, &key.hash)).or_default();
        *collection += item.size() as u64;
        for (number, index) in meta.indexes().enumerate() {
            let Some(index_key) = index.keys.stored_key_of(item) else { continue };
            let shown = index.project(item, &meta.keys);
            if number < meta.local_indexes.len() {
                *collection += shown.size() as u64;
            }
            let at = index_entry_key(meta.uid, index.uid, &index_key, &key);
            entries.insert(at, Bytes::from(shown.encode()));
        }
        if let Some(expiry) = meta.expiry.as_ref().filter(|expiry| expiry.is_kept())
            && let Some(seconds) = item.get(&expiry.attribute).and_then(expiry_seconds)
        {
            expiries.push(expiry_key(meta.uid, expiry.uid, seconds, &key));
        }
    }
    expiries.sort_unstable();
    assert_eq!(stored(tables, &table_prefix(INDEX_ENTRY, meta.uid)).await, entries);
    let found: Vec<_> = stored(tables, &table_prefix(EXPIRY, meta.uid)).await.into_keys().collect();
    assert_eq!(found, expiries);
    let found = stored(tables, &table_prefix(COLLECTION, meta.uid)).await;
    let sizes =
        found.into_iter().map(|(key, size)| (key, u64::from_be_bytes(size.as_ref().try_into().unwrap())));
    assert_eq!(sizes.collect::<BTreeMap<_, _>>(), collections);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn indexes_are_what_the_items_say(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let (mut tables, arn) = (world.open().await, arn("orders"));
            tables.create_table(indexed(&arn)).await.unwrap();
            for step in steps {
                let outcome = carry_out(&world, &mut tables, &arn, step.clone()).await;
                // Twice the same item, an index that is there or not: refused, and nothing is changed.
                let is_refusal = |error: &Error| matches!(error, Error::Validation(_) | Error::EmptyKey(_) | Error::ResourceNotFound(_) | Error::LimitExceeded(_));
                assert!(outcome.as_ref().map_or_else(is_refusal, |()| true), "{step:?}: {outcome:?}");
            }
            settle(&tables, &arn).await;
            check(&tables, &arn).await;
        });
    }
}

#[tokio::test]
async fn an_index_is_filled_while_items_are_written() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    tables.create_table(indexed(&arn)).await.unwrap();
    let of = |number: u64| {
        item([("h", number.to_string().as_str().into()), ("r", 1.into()), ("note", (number % 7).into())])
    };
    for number in 0..350 {
        put(&tables, &arn, of(number)).await.unwrap();
    }
    let mut world_tables = tables.clone();
    carry_out(&world, &mut world_tables, &arn, Step::AddIndex).await.unwrap();
    for number in (0..350).step_by(3) {
        let key = item([("h", number.to_string().as_str().into()), ("r", 1.into())]);
        match number % 2 {
            0 => carry_out(&world, &mut world_tables, &arn, Step::Delete(key)).await.unwrap(),
            _ => put(&tables, &arn, of(number + 1000)).await.unwrap(),
        }
    }
    settle(&tables, &arn).await;
    check(&tables, &arn).await;
    let uid = tables.describe_table(&arn).unwrap().meta.index("by-note").unwrap().uid;
    assert!(!stored(&tables, &part_prefix(INDEX_ENTRY, 0, uid)).await.is_empty());
}

#[tokio::test]
async fn a_key_of_an_index_must_be_able_to_be_one_and_each_index_is_paid_for() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    tables.create_table(indexed(&arn)).await.unwrap();
    let wrong = item([("h", "a".into()), ("r", 1.into()), ("owner", 1.into())]);
    assert_eq!(
        put(&tables, &arn, wrong).await.unwrap_err().to_string(),
        "One or more parameter values were invalid: Type mismatch for Index Key owner Expected: S Actual: N \
         IndexName: by-owner"
    );
    let full = item([("h", "a".into()), ("r", 1.into()), ("owner", "x".into()), ("rank", 3.into())]);
    let mut call = PutItem::new(arn.clone(), full.clone());
    call.with_collection = true;
    let written = tables.put_item(call).await.unwrap();
    let units = |consumed: &Consumed| {
        let of =
            |costs: &BTreeMap<String, crate::Capacity>, name: &str| costs.get(name).map(|cost| cost.halves());
        (
            consumed.base.halves(),
            of(&consumed.local_indexes, "by-rank"),
            of(&consumed.global_indexes, "by-owner"),
        )
    };
    assert_eq!(units(&written.consumed), (2, Some(2), Some(2)));
    assert_eq!(written.collection.unwrap().range_gb(), [0.0, 1.0]);
    let mut moved = full.clone();
    moved.insert("owner", "y".into());
    let written = tables.put_item(PutItem::new(arn.clone(), moved.clone())).await.unwrap();
    assert_eq!(units(&written.consumed), (2, None, Some(4)));
    let written = tables.put_item(PutItem::new(arn.clone(), moved)).await.unwrap();
    assert_eq!(units(&written.consumed), (2, None, None));
}
