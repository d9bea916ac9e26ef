//! Transactions and batches.

use millstream_runtime::{OnFailure, TaskSet};

use super::*;
use crate::{
    BatchGet, BatchGetItems, CancellationCode, Error, TransactAction, TransactGet, TransactWrite,
    TransactWriteItems,
};

pub(super) fn write(
    arn: &TableArn,
    action: TransactAction,
    condition: Option<&str>,
    placeholders: Placeholders,
) -> TransactWrite {
    let condition = condition.map(str::to_owned);
    TransactWrite { table: arn.clone(), action, condition, placeholders, shows_failure: true }
}

fn add(arn: &TableArn, key: &str, amount: &str) -> TransactWrite {
    let amount = Value::N(amount.parse().unwrap());
    let action = TransactAction::Update(id(key), "ADD tally :amount".to_owned());
    write(arn, action, None, values([(":amount", amount)]))
}

pub(super) fn all(writes: Vec<TransactWrite>, token: Option<&str>) -> TransactWriteItems {
    TransactWriteItems { writes, token: token.map(str::to_owned), with_collections: false }
}

fn transact_get(arn: &TableArn, key: &str) -> TransactGet {
    TransactGet { table: arn.clone(), key: id(key), projection: None, placeholders: Placeholders::default() }
}

async fn tally(tables: &Tables, arn: &TableArn, key: &str) -> Option<Value> {
    get(tables, arn, id(key)).await.unwrap().and_then(|item| item.get("tally").cloned())
}

#[tokio::test]
async fn all_or_nothing_with_a_reason_for_each() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    put(&tables, &arn, id("there")).await.unwrap();
    let check = write(
        &arn,
        TransactAction::Check(id("there")),
        Some("attribute_not_exists(id)"),
        Placeholders::default(),
    );
    let call = all(vec![add(&arn, "a", "1"), check], None);
    let error = tables.transact_write_items(call).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, \
         ConditionalCheckFailed]"
    );
    let Error::TransactionCanceled { reasons } = error else { panic!("another error") };
    assert_eq!(reasons[1].item, Some(id("there")));
    assert_eq!(reasons[1].message.as_deref(), Some("The conditional request failed"));
    assert_eq!(tally(&tables, &arn, "a").await, None);
    let twice = all(vec![add(&arn, "a", "1"), add(&arn, "a", "1")], None);
    assert_eq!(
        tables.transact_write_items(twice).await.unwrap_err().to_string(),
        "Transaction request cannot include multiple operations on one item"
    );
    let wrong = write(
        &arn,
        TransactAction::Update(id("there"), "SET doc.entry = :one".to_owned()),
        None,
        values([(":one", 1.into())]),
    );
    let error = tables.transact_write_items(all(vec![wrong], None)).await.unwrap_err();
    let Error::TransactionCanceled { reasons } = error else { panic!("another error") };
    assert_eq!(reasons[0].code, CancellationCode::ValidationError);
}

#[tokio::test]
async fn a_token_stands_for_one_transaction_for_ten_minutes() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let call = |amount: &str| all(vec![add(&arn, "a", amount)], Some("token"));
    let first = tables.transact_write_items(call("1")).await.unwrap();
    assert_eq!(first.consumed[0].base, crate::Capacity::units(2));
    tables.transact_write_items(call("1")).await.unwrap();
    let error = tables.transact_write_items(call("2")).await.unwrap_err();
    assert!(matches!(error, Error::IdempotentParameterMismatch(_)), "{error}");
    tables.close().await;
    let tables = world.open().await;
    tables.transact_write_items(call("1")).await.unwrap();
    assert_eq!(tally(&tables, &arn, "a").await, Some(1.into()));
    world.clock.advance(Duration::from_secs(601));
    tables.inner.tidy_up().await.unwrap();
    let range =
        millstream_storage::KeyRange::new(&[crate::keyspace::TOKEN][..], &[crate::keyspace::GRAVE][..]);
    assert!(crate::recovery::scan_all(&*tables.inner.slot, range).await.unwrap().is_empty());
    tables.transact_write_items(call("2")).await.unwrap();
    assert_eq!(tally(&tables, &arn, "a").await, Some(3.into()));
}

#[tokio::test]
async fn a_transaction_reads_at_most_four_megabytes() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let names: Vec<_> = (0..11).map(|number| format!("{number:02}")).collect();
    for name in &names {
        put(&tables, &arn, item([("id", name.as_str().into()), ("x", "x".repeat(390_000).as_str().into())]))
            .await
            .unwrap();
    }
    let mut gets: Vec<_> = names.iter().map(|name| transact_get(&arn, name)).collect();
    let error = tables.transact_get_items(gets.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Validation(_)), "{error}");
    gets.pop();
    assert_eq!(tables.transact_get_items(gets).await.unwrap().items.iter().flatten().count(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_keep_the_sum_and_readers_see_it_whole() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let names = ["a", "b", "c"];
    let tasks = TaskSet::default();
    for turn in 0..60 {
        let (tables, arn) = (tables.clone(), arn.clone());
        tasks.spawn("transfer", OnFailure::Shutdown, async move {
            let (from, to) = (names[turn % 3], names[(turn + 1 + turn % 2) % 3]);
            let writes = vec![add(&arn, from, "-1"), add(&arn, to, "1")];
            tables.transact_write_items(all(writes, None)).await?;
            let gets = names.map(|key| transact_get(&arn, key)).to_vec();
            let got = tables.transact_get_items(gets).await?;
            let amounts = got.items.iter().flatten().filter_map(|item| match item.get("tally") {
                Some(Value::N(number)) => number.to_string().parse::<i64>().ok(),
                _ => None,
            });
            assert_eq!(amounts.sum::<i64>(), 0);
            Ok::<_, Error>(())
        });
    }
    assert!(tasks.join(&millstream_runtime::SystemClock::default(), Duration::from_secs(60)).await);
    assert!(!tasks.is_stopping());
}

#[tokio::test]
async fn a_batch_gets_what_is_there() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    for key in ["a", "b"] {
        put(&tables, &arn, id(key)).await.unwrap();
    }
    let call = |keys: &[&str]| {
        let get = BatchGet { keys: keys.iter().map(|key| id(key)).collect(), ..BatchGet::default() };
        BatchGetItems { tables: [(arn.clone(), get)].into() }
    };
    let got = tables.batch_get_items(call(&["a", "missing", "b"])).await.unwrap();
    assert_eq!(got.items[&arn], [id("a"), id("b")]);
    assert!(got.unprocessed.is_empty());
    assert_eq!(got.consumed[0].base.halves(), 3);
    let twice = tables.batch_get_items(call(&["a", "a"])).await.unwrap_err();
    assert_eq!(twice.to_string(), "Provided list of item keys contains duplicates");
}

#[tokio::test]
async fn a_token_under_which_something_is_being_done_is_refused() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let call = || all(vec![add(&arn, "a", "1")], Some("token"));
    world.faults().hold_commits(true);
    let mut first = Box::pin(tables.transact_write_items(call()));
    for _ in 0..100 {
        tokio::select! {
            biased;
            _ = &mut first => unreachable!("commits are held"),
            () = tokio::task::yield_now() => {}
        }
    }
    let error = tables.transact_write_items(call()).await.unwrap_err();
    assert!(matches!(error, Error::TransactionInProgress(_)), "{error}");
    world.faults().hold_commits(false);
    first.await.unwrap();
    tables.transact_write_items(call()).await.unwrap();
    assert_eq!(tally(&tables, &arn, "a").await, Some(1.into()));
}
