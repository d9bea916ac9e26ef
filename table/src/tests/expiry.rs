//! Items expire.

use super::streams::{from_horizon, read, streams};
use super::*;
use crate::{Cause, ChangeKind, ExpiryStatus, StreamSpec, StreamView};

const NOW: u64 = START.as_secs();

async fn enabled(tables: &Tables, arn: &TableArn) {
    for _ in 0..10_000 {
        if tables.describe_time_to_live(arn).unwrap().status == ExpiryStatus::Enabled {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("never enabled");
}

fn expiring(key: &str, at: impl Into<Value>) -> Item {
    item([("id", key.into()), ("until", at.into())])
}

#[tokio::test]
async fn what_has_expired_is_deleted_and_readers_see_by_whom() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let stream = Some(StreamSpec { enabled: true, view: Some(StreamView::OldImage) });
    tables.create_table(CreateTable { stream, ..on_demand(&arn) }).await.unwrap();
    put(&tables, &arn, expiring("before", NOW + 10)).await.unwrap();
    tables.update_time_to_live(&arn, true, "until".to_owned()).await.unwrap();
    enabled(&tables, &arn).await;
    put(&tables, &arn, expiring("after", NOW + 10)).await.unwrap();
    put(&tables, &arn, expiring("later", NOW + 11)).await.unwrap();
    put(&tables, &arn, expiring("text", "1")).await.unwrap();
    put(&tables, &arn, expiring("mistaken", NOW - 6 * 31_557_600)).await.unwrap();
    put(&tables, &arn, expiring("renewed", NOW + 10)).await.unwrap();
    put(&tables, &arn, expiring("renewed", NOW + 99)).await.unwrap();
    world.clock.advance(Duration::from_secs(11));
    tables.expire().await.unwrap();
    for (key, is_there) in [
        ("before", false),
        ("after", false),
        ("later", true),
        ("text", true),
        ("mistaken", true),
        ("renewed", true),
    ] {
        assert_eq!(get(&tables, &arn, id(key)).await.unwrap().is_some(), is_there, "{key}");
    }
    let stream = &streams(&tables, &arn)[0];
    let page = from_horizon(&tables, stream, 0).await;
    let changes = page.records.iter().map(|record| &record.change);
    let removed: Vec<_> = changes.filter(|change| change.kind == ChangeKind::Remove).collect();
    assert_eq!(removed.len(), 2);
    for change in removed {
        assert_eq!(change.cause, Cause::Expiry);
        assert!(change.old.is_some() && change.new.is_none());
    }
    assert!(page.records.is_sorted_by_key(|record| &record.sequence_number));
    let rest = read(&tables, page.next.as_ref().unwrap()).await;
    assert_eq!((rest.records, rest.next), (Vec::new(), page.next));
}

#[tokio::test]
async fn expiry_is_switched_on_and_off_once() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let update = async |on, name: &str| {
        let outcome = tables.update_time_to_live(&arn, on, name.to_owned()).await;
        outcome.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(tables.describe_time_to_live(&arn).unwrap().status, ExpiryStatus::Disabled);
    assert_eq!(update(false, "a").await, "TimeToLive is already disabled");
    assert_eq!(update(true, "a").await, "");
    assert_eq!(update(true, "a").await, "TimeToLive is already enabled");
    let other = "TimeToLive is active on a different AttributeName: current AttributeName is a";
    assert_eq!(update(true, "b").await, other);
    assert_eq!(update(false, "b").await, other);
    assert_eq!(update(false, "a").await, "");
    assert_eq!(update(true, "b").await, "");
    enabled(&tables, &arn).await;
    assert_eq!(tables.describe_time_to_live(&arn).unwrap().attribute.as_deref(), Some("b"));
}
