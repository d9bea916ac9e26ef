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
        let mut call = UpdateItem::new(arn.clone(), id("a"), "REMOVE a1, x.y");
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
        let mut call = UpdateItem::new(arn.clone(), id("a"), "ADD tally :one SET seen = :one");
        call.placeholders = values([(":one", 1.into())]);
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

/// What KCL does with its leases, in the spelling that came before expressions.
#[tokio::test]
async fn legacy_parameters_work_as_kcl_uses_them() {
    use crate::legacy::{AttributeUpdate, Expected, UpdateAction};
    use crate::{UpdateSpec, WrittenItem};
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let expect = |name: &str, value: Option<Value>, exists: Option<bool>| ConditionSpec {
        expected: Some([(name.to_owned(), Expected { value, exists, ..Expected::default() })].into()),
        ..ConditionSpec::default()
    };
    let mut create = PutItem::new(arn.clone(), item([("id", "lease".into()), ("counter", 0.into())]));
    create.condition = expect("id", None, Some(false));
    tables.put_item(create.clone()).await.unwrap();
    assert_eq!(tables.put_item(create).await, Err(Error::ConditionalCheckFailed { item: None }));
    let take = async |counter: u64, owner: &str| -> Result<WrittenItem> {
        let put = |value: Value| AttributeUpdate { value: Some(value), action: UpdateAction::Put };
        let add = AttributeUpdate { value: Some(1.into()), action: UpdateAction::Add };
        let gone = AttributeUpdate { value: None, action: UpdateAction::Delete };
        let updates = [("owner", put(owner.into())), ("counter", add), ("checkpointOwner", gone)];
        let updates = updates.map(|(name, update)| (name.to_owned(), update));
        let update = UpdateSpec { expression: None, attributes: Some(updates.into()) };
        let mut call = UpdateItem::new(arn.clone(), id("lease"), update);
        call.condition = expect("counter", Some(counter.into()), None);
        (call.return_values, call.shows_failure) = (ReturnValues::AllNew, true);
        tables.update_item(call).await
    };
    let taken = item([("id", "lease".into()), ("counter", 1.into()), ("owner", "w1".into())]);
    assert_eq!(take(0, "w1").await.unwrap().attributes, Some(taken.clone()));
    let late = Error::ConditionalCheckFailed { item: Some(Box::new(taken)) };
    assert_eq!(take(0, "w2").await, Err(late));
}
