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
