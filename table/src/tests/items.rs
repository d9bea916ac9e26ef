//! Single items.

use super::*;
use crate::{ConditionSpec, DeleteItem, Error, ReturnValues, UpdateItem};

#[tokio::test]
async fn an_item_that_was_put_is_there_after_a_restart() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let order = item([("id", "a".into()), ("tally", 7.into())]);
    put(&tables, &arn, order.clone()).await.unwrap();
    assert_eq!(get(&tables, &arn, id("a")).await.unwrap(), Some(order.clone()));
    tables.close().await;
    assert!(matches!(put(&tables, &arn, id("b")).await, Err(Error::Unavailable(_))));
    let tables = world.open().await;
    assert_eq!(get(&tables, &arn, id("a")).await.unwrap(), Some(order));
    assert_eq!(get(&tables, &arn, id("b")).await.unwrap(), None);
    assert_eq!(tables.describe_table(&arn).unwrap().items, 1);
}

#[tokio::test]
async fn a_condition_sees_the_item_and_its_failure_shows_it() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let create = |tally: u64, shows_failure| {
        let mut call = PutItem::new(arn.clone(), item([("id", "a".into()), ("tally", tally.into())]));
        call.condition = ConditionSpec::expression("attribute_not_exists(id)");
        call.shows_failure = shows_failure;
        call
    };
    tables.put_item(create(1, false)).await.unwrap();
    let first = item([("id", "a".into()), ("tally", 1.into())]);
    let error = tables.put_item(create(2, false)).await.unwrap_err();
    assert_eq!(error, Error::ConditionalCheckFailed { item: None });
    let error = tables.put_item(create(2, true)).await.unwrap_err();
    assert_eq!(error, Error::ConditionalCheckFailed { item: Some(Box::new(first.clone())) });
    let mut delete = DeleteItem::new(arn.clone(), id("a"));
    delete.return_values = ReturnValues::AllOld;
    assert_eq!(tables.delete_item(delete.clone()).await.unwrap().attributes, Some(first));
    assert_eq!(tables.delete_item(delete).await.unwrap().attributes, None);
    tables.put_item(create(3, false)).await.unwrap();
}

#[tokio::test]
async fn an_update_that_only_removes_makes_no_item() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    for return_values in [ReturnValues::AllNew, ReturnValues::UpdatedNew] {
        let mut call = UpdateItem::new(arn.clone(), id("a"), "REMOVE total, x.y", Placeholders::default());
        call.return_values = return_values;
        assert_eq!(tables.update_item(call).await.unwrap().attributes, None);
    }
    assert_eq!(get(&tables, &arn, id("a")).await.unwrap(), None);
    assert_eq!(tables.describe_table(&arn).unwrap().items, 0);
}

#[tokio::test]
async fn an_update_makes_the_item_and_returns_what_was_asked_for() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let add = |return_values| {
        let mut call = UpdateItem::new(
            arn.clone(),
            id("a"),
            "ADD tally :one SET seen = :one",
            values([(":one", 1.into())]),
        );
        call.return_values = return_values;
        call
    };
    let both = |tally: u64| item([("tally", tally.into()), ("seen", 1.into())]);
    let all = |tally: u64| item([("id", "a".into()), ("tally", tally.into()), ("seen", 1.into())]);
    for (number, (return_values, expected)) in [
        (ReturnValues::UpdatedOld, None),
        (ReturnValues::None, None),
        (ReturnValues::AllOld, Some(all(2))),
        (ReturnValues::UpdatedOld, Some(both(3))),
        (ReturnValues::AllNew, Some(all(5))),
        (ReturnValues::UpdatedNew, Some(both(6))),
    ]
    .into_iter()
    .enumerate()
    {
        let written = tables.update_item(add(return_values)).await.unwrap();
        assert_eq!(written.attributes, expected, "{number}");
    }
}
