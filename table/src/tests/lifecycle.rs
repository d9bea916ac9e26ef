//! Tables are made, described, changed and deleted.

use super::streams::from_horizon;
use super::*;
use crate::{
    Error, GlobalIndexSpec, IndexSpec, NAMES_MAX, ProjectionType, Status, StreamArn, Units, UpdateTable,
};

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_table_is_creating_for_as_long_as_configured() {
    let mut world = World::new();
    world.settings.delays.create = Duration::from_secs(5);
    world.settings.delays.delete = Duration::from_secs(7);
    let (tables, arn) = (world.open().await, arn("orders"));
    let created = tables.create_table(on_demand(&arn)).await.unwrap();
    assert_eq!((created.status, created.items, created.bytes), (Status::Creating, 0, 0));
    assert_eq!(created.meta.id.len(), 36);
    assert_eq!(message(put(&tables, &arn, id("a")).await), "Requested resource not found");
    assert_eq!(
        message(tables.delete_table(&arn).await),
        "Attempt to change a resource which is still in use: Table is being created: orders"
    );
    assert_eq!(message(tables.create_table(on_demand(&arn)).await), "Table already exists: orders");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(tables.describe_table(&arn).unwrap().status, Status::Active);
    put(&tables, &arn, id("a")).await.unwrap();
    assert_eq!(tables.delete_table(&arn).await.unwrap().status, Status::Deleting);
    assert_eq!(tables.describe_table(&arn).unwrap().status, Status::Deleting);
    assert_eq!(tables.delete_table(&arn).await.unwrap().status, Status::Deleting);
    assert_eq!(message(put(&tables, &arn, id("a")).await), "Requested resource not found");
    world.clock.advance(Duration::from_secs(7));
    assert_eq!(message(tables.describe_table(&arn)), "Requested resource not found: Table: orders not found");
    tables.create_table(on_demand(&arn)).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(get(&tables, &arn, id("a")).await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_table_leaves_nothing_even_if_a_stop_comes_in_between() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    put(&tables, &arn, id("a")).await.unwrap();
    tables.delete_table(&arn).await.unwrap();
    tables.close().await;
    let slot = world.slot().await;
    let tables = world.open_on(slot.clone()).await;
    tables.inner.tidy_up().await.unwrap();
    let uid = 0;
    for tag in [crate::keyspace::ITEM, crate::keyspace::GRAVE] {
        let range = millstream_storage::KeyRange::prefix(&crate::keyspace::table_prefix(tag, uid));
        assert!(crate::recovery::scan_all(&*slot, range).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_awss_words() {
    let world = World::new();
    let tables = world.open().await;
    let arn = arn("orders");
    let prefix = "One or more parameter values were invalid:";
    let index = |name: &str, keys: Vec<KeySchemaElement>| IndexSpec {
        name: name.to_owned(),
        keys,
        projection: Some(ProjectionType::All),
        non_key_attributes: None,
    };
    type Change = Box<dyn Fn(&mut CreateTable)>;
    let cases: Vec<(Change, String)> = vec![
        (
            Box::new(|call| call.billing = None),
            format!(
                "{prefix} ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is \
                 PROVISIONED"
            ),
        ),
        (
            Box::new(|call| call.throughput = Some(Units { read: 1, write: 1 })),
            format!(
                "{prefix} Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode \
                 is PAY_PER_REQUEST"
            ),
        ),
        (
            Box::new(|call| call.attributes = vec![element("other", KeyType::S)]),
            "Invalid KeySchema: Some index key attribute have no definition".to_owned(),
        ),
        (
            Box::new(|call| call.attributes.push(element("other", KeyType::S))),
            format!(
                "{prefix} Number of attributes in KeySchema does not exactly match number of attributes \
                 defined in AttributeDefinitions"
            ),
        ),
        (
            Box::new(|call| call.keys[0].part = KeyPart::Range),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned(),
        ),
        (
            Box::new(|call| call.keys.push(key_part("id", KeyPart::Range))),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name".to_owned(),
        ),
        (
            Box::new(|call| call.local_indexes = Some(vec![])),
            format!("{prefix} List of LocalSecondaryIndexes is empty"),
        ),
        (
            Box::new(move |call| {
                call.local_indexes = Some(vec![index("i", vec![key_part("id", KeyPart::Hash)])]);
            }),
            format!(
                "{prefix} Table KeySchema does not have a range key, which is required when specifying a \
                 LocalSecondaryIndex"
            ),
        ),
        (
            Box::new(|call| call.global_indexes = Some(vec![])),
            format!("{prefix} List of GlobalSecondaryIndexes is empty"),
        ),
    ];
    for (change, expected) in cases {
        let mut call = on_demand(&arn);
        change(&mut call);
        assert_eq!(message(tables.create_table(call).await), expected);
    }
    assert!(tables.describe_table(&arn).is_err());
}

#[tokio::test]
async fn names_are_listed_in_pages() {
    let world = World::new();
    let tables = world.open().await;
    for name in ["ccc", "aaa", "bbb"] {
        tables.create_table(on_demand(&arn(name))).await.unwrap();
    }
    let (account, region) = (arn("aaa").account, arn("aaa").region);
    let list = |start: Option<&str>, limit| {
        let page = tables.list_tables(&account, &region, start, limit);
        let names: Vec<_> = page.names.iter().map(ToString::to_string).collect();
        (names.join(" "), page.last.map(|last| last.to_string()))
    };
    assert_eq!(list(None, NAMES_MAX), ("aaa bbb ccc".to_owned(), None));
    assert_eq!(list(None, 2), ("aaa bbb".to_owned(), Some("bbb".to_owned())));
    assert_eq!(list(Some("bbb"), 2), ("ccc".to_owned(), None));
    assert_eq!(list(Some("abc"), 1), ("bbb".to_owned(), Some("bbb".to_owned())));
}

#[tokio::test]
async fn a_protected_table_is_not_deleted() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let protect = |on| UpdateTable { deletion_protection: Some(on), ..UpdateTable::new(arn.clone()) };
    tables.update_table(protect(true)).await.unwrap();
    assert_eq!(
        message(tables.delete_table(&arn).await),
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
         protection first."
    );
    tables.update_table(protect(false)).await.unwrap();
    tables.delete_table(&arn).await.unwrap();
}

#[tokio::test]
async fn throughput_changes_and_says_when_it_does_not() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let units = |read, write| Some(Units { read, write });
    let mut create = on_demand(&arn);
    (create.billing, create.throughput) = (None, units(5, 5));
    tables.create_table(create).await.unwrap();
    let update = |throughput| UpdateTable { throughput, ..UpdateTable::new(arn.clone()) };
    assert_eq!(
        message(tables.update_table(update(units(5, 5))).await),
        "The provisioned throughput for the table will not change. The requested value equals the current \
         value. Current ReadCapacityUnits provisioned for the table: 5. Requested ReadCapacityUnits: 5. \
         Current WriteCapacityUnits provisioned for the table: 5. Requested WriteCapacityUnits: 5. Refer to \
         the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    );
    let begun = tables.update_table(update(units(9, 4))).await.unwrap();
    assert_eq!((begun.status, begun.meta.throughput.units), (Status::Updating, units(5, 5).unwrap()));
    let described = tables.describe_table(&arn).unwrap();
    let throughput = described.meta.throughput;
    assert_eq!((throughput.units, throughput.decreases_today(described.now)), (units(9, 4).unwrap(), 1));
    assert!(throughput.increased.is_some() && throughput.decreased.is_some());
    for write in [3, 2, 1] {
        tables.update_table(update(units(9, write))).await.unwrap();
    }
    let error = tables.update_table(update(units(8, 1))).await.unwrap_err();
    assert!(matches!(error, Error::LimitExceeded(_)), "{error}");
    world.clock.advance(Duration::from_secs(3600));
    tables.update_table(update(units(8, 1))).await.unwrap();
    let nothing = tables.update_table(UpdateTable::new(arn.clone())).await;
    assert_eq!(
        message(nothing),
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
         GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
    );
}

#[tokio::test]
async fn settings_of_a_table_survive_a_restart() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    tables.tag_resource(&arn, BTreeMap::from([("team".to_owned(), "a".to_owned())])).await.unwrap();
    let revision = tables.put_policy(&arn, "{}".to_owned(), None).await.unwrap();
    tables.update_continuous_backups(&arn, true, Some(7)).await.unwrap();
    tables.close().await;
    let tables = world.open().await;
    assert_eq!(tables.list_tags(&arn, None).unwrap().tags, [("team".to_owned(), "a".to_owned())]);
    assert_eq!(tables.policy(&arn).unwrap().revision, revision);
    let recovery = tables.describe_continuous_backups(&arn).unwrap().recovery.unwrap();
    assert_eq!((recovery.days, recovery.earliest), (7, recovery.latest));
    let wrong = tables.delete_policy(&arn, Some("other".to_owned())).await;
    assert!(matches!(wrong, Err(Error::PolicyNotFound(_))));
    assert_eq!(tables.delete_policy(&arn, Some(revision.clone())).await.unwrap(), Some(revision));
    assert!(tables.policy(&arn).is_err());
    tables.untag_resource(&arn, vec!["team".to_owned()]).await.unwrap();
    assert!(tables.list_tags(&arn, None).unwrap().tags.is_empty());
    let nowhere = super::arn("nowhere");
    assert_eq!(message(tables.describe_continuous_backups(&nowhere)), "Table not found: nowhere");
    assert_eq!(
        message(tables.list_tags(&nowhere, None)),
        format!("Requested resource not found: ResourcArn: {nowhere} not found")
    );
}

#[tokio::test]
async fn one_index_is_made_at_a_time() {
    let mut world = World::new();
    world.settings.delays.create = Duration::from_secs(60);
    let (tables, arn) = world.with_table().await;
    world.clock.advance(Duration::from_secs(60));
    let add = |name: &str| {
        let index = IndexSpec {
            name: name.to_owned(),
            keys: vec![key_part("owner", KeyPart::Hash)],
            projection: Some(ProjectionType::KeysOnly),
            non_key_attributes: None,
        };
        let spec = GlobalIndexSpec { index, throughput: None, limits: Default::default(), warm: None };
        let update = crate::GlobalIndexUpdate { create: Some(spec), ..Default::default() };
        let attributes = vec![element("owner", KeyType::S)];
        UpdateTable { attributes, global_indexes: vec![update], ..UpdateTable::new(arn.clone()) }
    };
    let described = tables.update_table(add("first")).await.unwrap();
    let global = described.meta.global_index("first").unwrap();
    assert_eq!((global.status(described.now), global.is_filling()), (Some(Status::Creating), true));
    let error = tables.update_table(add("second")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
    );
}

#[tokio::test]
async fn an_account_has_so_many_tables_and_no_more() {
    let mut world = World::new();
    world.settings.tables_max = 1;
    let (tables, arn) = world.with_table().await;
    let error = tables.create_table(on_demand(&super::arn("another"))).await.unwrap_err();
    assert_eq!(error.to_string(), "Subscriber limit exceeded: There is a limit of 1 tables per subscriber");
    tables.delete_table(&arn).await.unwrap();
    tables.create_table(on_demand(&super::arn("another"))).await.unwrap();
}

#[tokio::test]
async fn streams_are_switched_on_and_off_and_each_has_a_label() {
    use crate::{StreamSpec, StreamView};
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let update = async |enabled, view| {
        let stream = Some(StreamSpec { enabled, view });
        tables.update_table(UpdateTable { stream, ..UpdateTable::new(arn.clone()) }).await
    };
    let on = update(true, Some(StreamView::KeysOnly)).await.unwrap();
    assert_eq!(
        message(update(true, Some(StreamView::NewImage)).await),
        "Table already has an enabled stream: TableName: orders"
    );
    put(&tables, &arn, id("a")).await.unwrap();
    put(&tables, &arn, id("a")).await.unwrap();
    let off = update(false, None).await.unwrap();
    assert!(on.meta.stream().is_some() && off.meta.stream().is_none());
    put(&tables, &arn, id("b")).await.unwrap();
    let again = update(true, Some(StreamView::NewImage)).await.unwrap();
    put(&tables, &arn, id("c")).await.unwrap();
    tables.close().await;
    let tables = world.open().await;
    put(&tables, &arn, id("d")).await.unwrap();
    let mut sequences = Vec::new();
    for (label, keys) in [
        (on.meta.stream().unwrap().label(), vec![id("a")]),
        (again.meta.stream().unwrap().label(), vec![id("c"), id("d")]),
    ] {
        let records = from_horizon(&tables, &StreamArn { table: arn.clone(), label }, 0).await.records;
        // A write that changed nothing is not there.
        assert_eq!(records.iter().map(|record| record.change.keys.clone()).collect::<Vec<_>>(), keys);
        sequences.extend(records.into_iter().map(|record| record.sequence_number));
    }
    assert!(sequences.is_sorted_by(|a, b| a < b));
}
