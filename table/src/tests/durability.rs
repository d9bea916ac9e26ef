//! What survives, what waits, and what nobody is told too early.

use millstream_runtime::{OnFailure, TaskSet};
use tokio::sync::oneshot;

use super::*;
use crate::{Error, UpdateItem};

fn increment(arn: &TableArn, key: &str) -> UpdateItem {
    let placeholders = values([(":one", 1.into())]);
    UpdateItem { placeholders, ..UpdateItem::new(arn.clone(), id(key), "ADD tally :one") }
}

async fn tally(tables: &Tables, arn: &TableArn, key: &str) -> Option<Value> {
    get(tables, arn, id(key)).await.unwrap().and_then(|item| item.get("tally").cloned())
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_increments_sum_up() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let tasks = TaskSet::default();
    for number in 0..200 {
        let (tables, arn) = (tables.clone(), arn.clone());
        tasks.spawn("increments", OnFailure::Shutdown, async move {
            tables.update_item(increment(&arn, if number % 2 == 0 { "a" } else { "b" })).await.map(|_| ())
        });
    }
    assert!(tasks.join(&millstream_runtime::SystemClock::default(), Duration::from_secs(60)).await);
    assert!(!tasks.is_stopping());
    for key in ["a", "b"] {
        assert_eq!(tally(&tables, &arn, key).await, Some(100.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_creates_an_item() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let mut outcomes = Vec::new();
    for number in 0..50_u64 {
        let mut call = PutItem::new(arn.clone(), item([("id", "a".into()), ("by", number.into())]));
        call.condition = crate::ConditionSpec::expression("attribute_not_exists(id)");
        let (tell, told) = oneshot::channel();
        let tables = tables.clone();
        TaskSet::default().spawn("create", OnFailure::Log, async move {
            let _ = tell.send(tables.put_item(call).await);
            Ok::<_, std::convert::Infallible>(())
        });
        outcomes.push(told);
    }
    let mut won = 0;
    for outcome in outcomes {
        match outcome.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error, Error::ConditionalCheckFailed { item: None }),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn nobody_reads_what_is_not_durable_and_a_dropped_caller_changes_nothing() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    world.faults().hold_commits(true);
    {
        let mut write = Box::pin(tables.update_item(increment(&arn, "a")));
        // As far as it goes by itself.
        for _ in 0..100 {
            tokio::select! {
                biased;
                _ = &mut write => unreachable!("commits are held"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(tally(&tables, &arn, "a").await, None);
    }
    world.faults().hold_commits(false);
    // The one that was given up is first, for it has the item's lock.
    tables.update_item(increment(&arn, "a")).await.unwrap();
    assert_eq!(tally(&tables, &arn, "a").await, Some(2.into()));
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_looked_for() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    world.faults().answer_uncertain(true);
    let mut write = Box::pin(tables.update_item(increment(&arn, "a")));
    let mut second = Box::pin(tables.update_item(increment(&arn, "a")));
    for _ in 0..100 {
        tokio::select! {
            biased;
            _ = &mut write => unreachable!("nobody knows yet"),
            _ = &mut second => unreachable!("the item is locked"),
            () = tokio::task::yield_now() => {}
        }
    }
    world.faults().answer_uncertain(false);
    world.clock.advance(Duration::from_secs(1));
    write.await.unwrap();
    second.await.unwrap();
    assert_eq!(tally(&tables, &arn, "a").await, Some(2.into()));
}

#[tokio::test]
async fn a_full_disk_refuses_and_lets_delete() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    put(&tables, &arn, id("a")).await.unwrap();
    world.faults().disk_full(true);
    assert!(matches!(put(&tables, &arn, id("b")).await, Err(Error::Unavailable(_))));
    tables.delete_item(crate::DeleteItem::new(arn.clone(), id("a"))).await.unwrap();
    tables.close().await;
    let tables = world.open().await;
    assert_eq!(get(&tables, &arn, id("a")).await.unwrap(), None);
    world.faults().disk_full(false);
    put(&tables, &arn, id("b")).await.unwrap();
}

/// Everything that a power cut leaves of writes under way is whole: an item is there with all that is derived
/// from it, or not at all.
#[tokio::test]
async fn a_crash_leaves_whole_writes() {
    for kept in 0..3 {
        let world = World::new();
        let backend = MemoryBackend::manual();
        let open = || async {
            let slot = backend.open_slot(SlotId(0), None).unwrap();
            let mut opening = Box::pin(world.open_on(slot.clone()));
            loop {
                tokio::select! {
                    biased;
                    tables = &mut opening => return (slot, tables),
                    () = tokio::task::yield_now() => slot.sync(),
                }
            }
        };
        let (slot, tables) = open().await;
        let arn = arn("orders");
        let mut create = Box::pin(tables.create_table(super::indexes::indexed(&arn)));
        loop {
            tokio::select! {
                biased;
                created = &mut create => {
                    created.unwrap();
                    break;
                }
                () = tokio::task::yield_now() => slot.sync(),
            }
        }
        drop(create);
        // Two hash keys, for items of one collection wait for one another.
        let of = |hash: u64| {
            let text = hash.to_string();
            item([("h", text.as_str().into()), ("r", 1.into()), ("owner", "x".into()), ("rank", hash.into())])
        };
        let mut writes: Vec<_> = (0..2).map(|hash| Box::pin(put(&tables, &arn, of(hash)))).collect();
        for _ in 0..100 {
            for write in &mut writes {
                tokio::select! {
                    biased;
                    _ = write => unreachable!("nothing is synced"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        slot.crash_keeping(kept);
        for write in writes {
            assert!(matches!(write.await, Err(Error::Unavailable(_))));
        }
        let (_, tables) = open().await;
        super::indexes::check_derived(&tables, &arn).await;
    }
}

/// A process that is killed has not saved what it counted since it last did; whoever comes next counts.
#[tokio::test]
async fn items_are_counted_again_after_a_crash() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let count = |tables: &crate::Tables| {
        let described = tables.describe_table(&arn).unwrap();
        (described.items, described.bytes)
    };
    for name in ["a", "b", "c"] {
        put(&tables, &arn, id(name)).await.unwrap();
    }
    let before = count(&tables);
    drop(tables);
    let tables = world.open().await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&tables), before);
    tables.delete_item(crate::DeleteItem::new(arn.clone(), id("a"))).await.unwrap();
    tables.close().await;
    let tables = world.open().await;
    assert_eq!((count(&tables).0, before.0), (2, 3));
}
