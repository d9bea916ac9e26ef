//! Tables take no more than was provisioned for them.

use super::*;
use crate::{BatchWrite, Error, Units, WriteRequest};

async fn provisioned(world: &World, read: u64, write: u64) -> (Tables, TableArn) {
    let (tables, arn) = (world.open().await, arn("orders"));
    let throughput = Some(Units { read, write });
    let call = CreateTable { billing: None, throughput, ..on_demand(&arn) };
    tables.create_table(call).await.unwrap();
    (tables, arn)
}

#[tokio::test]
async fn five_minutes_are_saved_and_then_it_goes_at_the_rate() {
    let world = World::new();
    let (tables, arn) = provisioned(&world, 1, 1).await;
    // A bucket of 300 units, and one write more, for a debt is taken before it is waited out.
    for _ in 0..301 {
        put(&tables, &arn, id("a")).await.unwrap();
    }
    let error = put(&tables, &arn, id("a")).await.unwrap_err();
    let Error::ProvisionedThroughputExceeded { reasons } = &error else { panic!("{error}") };
    assert_eq!(reasons[0].reason, "TableWriteProvisionedThroughputExceeded");
    assert_eq!(reasons[0].resource, arn.to_string());
    get(&tables, &arn, id("a")).await.unwrap();
    let requests = vec![WriteRequest::Put(id("b"))];
    let batch = BatchWrite { tables: [(arn.clone(), requests)].into(), with_collections: false };
    assert_eq!(tables.batch_write_items(batch).await.unwrap_err(), error);
    world.clock.advance(Duration::from_secs(1));
    put(&tables, &arn, id("a")).await.unwrap();
}

#[tokio::test]
async fn without_limits_nobody_waits() {
    let mut world = World::new();
    world.settings.throughput = crate::ThroughputLimits::Off;
    let (tables, arn) = provisioned(&world, 1, 1).await;
    for _ in 0..400 {
        put(&tables, &arn, id("a")).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_without_capacity_holds_up_the_writes_of_its_table() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let mut call = super::indexes::indexed(&arn);
    (call.billing, call.throughput) = (None, Some(Units { read: 1, write: 1000 }));
    for spec in call.global_indexes.iter_mut().flatten() {
        spec.throughput = Some(Units { read: 1, write: 1 });
    }
    tables.create_table(call).await.unwrap();
    let of =
        |rank: u64| item([("h", "a".into()), ("r", 1.into()), ("owner", "x".into()), ("rank", rank.into())]);
    // The first write puts an entry, each of the others moves it, which is two units.
    for rank in 0..151 {
        put(&tables, &arn, of(rank)).await.unwrap();
    }
    let error = put(&tables, &arn, of(151)).await.unwrap_err();
    let Error::ProvisionedThroughputExceeded { reasons } = error else { panic!("{error}") };
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0].reason, "IndexWriteProvisionedThroughputExceeded");
    assert_eq!(reasons[0].resource, arn.index("by-owner"));
    // An item that is not in the index costs it nothing.
    put(&tables, &arn, item([("h", "b".into()), ("r", 1.into())])).await.unwrap();
}

#[tokio::test]
async fn what_pays_per_request_has_a_limit_if_it_was_given_one() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let limits = OnDemandThroughput { read_max: Some(1), write_max: None };
    tables.create_table(CreateTable { limits, ..on_demand(&arn) }).await.unwrap();
    for _ in 0..301 {
        put(&tables, &arn, id("a")).await.unwrap();
        get(&tables, &arn, id("a")).await.unwrap();
    }
    put(&tables, &arn, id("a")).await.unwrap();
    let error = get(&tables, &arn, id("a")).await.unwrap_err();
    let Error::Throttling { reasons } = error else { panic!("{error}") };
    assert_eq!(reasons[0].reason, "TableReadMaxOnDemandThroughputExceeded");
}
