//! Kinesis streams that get the changes of tables.

use millstream_storage::ScanOptions;

use super::*;
use crate::{Delivery, DestinationStatus, Precision};

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/changes";
const OTHER: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/others";

async fn next(tables: &Tables, arn: &TableArn) -> Option<Delivery> {
    let options = ScanOptions { entries_max: 2, ..ScanOptions::default() };
    tables.next_for_destination(arn, options).await.unwrap()
}

fn ids(delivery: &Delivery) -> Vec<Value> {
    delivery.changes.iter().map(|one| one.change.keys.get("id").unwrap().clone()).collect()
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn changes_are_carried_in_order_until_they_arrived() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    put(&tables, &arn, id("before")).await.unwrap();
    assert_eq!(next(&tables, &arn).await, None);
    tables.enable_destination(&arn, STREAM.to_owned(), None).await.unwrap();
    assert_eq!(tables.tables_with_destination(), [arn.clone()]);
    for name in ["a", "b", "c"] {
        put(&tables, &arn, id(name)).await.unwrap();
    }
    let first = next(&tables, &arn).await.unwrap();
    assert_eq!((ids(&first), first.stream_arn.as_str()), (vec!["a".into(), "b".into()], STREAM));
    assert_eq!(next(&tables, &arn).await.unwrap(), first, "it did not arrive");
    // Neither a stop nor the destination's absence loses anything.
    tables.close().await;
    let tables = world.open().await;
    assert_eq!(next(&tables, &arn).await.unwrap(), first);
    tables.delivered(&first).await.unwrap();
    let second = next(&tables, &arn).await.unwrap();
    assert_eq!(ids(&second), ["c".into()]);
    tables.delivered(&second).await.unwrap();
    let (waiting, ()) = tokio::join!(next(&tables, &arn), async {
        put(&tables, &arn, id("d")).await.unwrap();
    });
    assert_eq!(ids(&waiting.unwrap()), ["d".into()]);
}

#[tokio::test]
async fn one_that_was_disabled_gets_nothing_more() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    tables.enable_destination(&arn, STREAM.to_owned(), None).await.unwrap();
    put(&tables, &arn, id("a")).await.unwrap();
    let disabled = tables.disable_destination(&arn, STREAM.to_owned()).await.unwrap();
    assert_eq!(disabled.status, DestinationStatus::Disabling);
    assert_eq!(next(&tables, &arn).await, None);
    put(&tables, &arn, id("b")).await.unwrap();
    tables.enable_destination(&arn, OTHER.to_owned(), None).await.unwrap();
    put(&tables, &arn, id("c")).await.unwrap();
    let delivery = next(&tables, &arn).await.unwrap();
    assert_eq!((ids(&delivery), delivery.stream_arn.as_str()), (vec!["c".into()], OTHER));
    let all = tables.describe_destinations(&arn).unwrap();
    let shown: Vec<_> = all.iter().map(|one| (one.stream_arn.as_str(), one.status)).collect();
    assert_eq!(shown, [(STREAM, DestinationStatus::Disabled), (OTHER, DestinationStatus::Active)]);
}

#[tokio::test]
async fn states_and_their_words() {
    let mut world = World::new();
    world.settings.delays.update = Duration::from_secs(5);
    let (tables, arn) = world.with_table().await;
    let not_valid = "Table is not in a valid state to enable Kinesis Streaming Destination:";
    let enable = async |stream: &str| tables.enable_destination(&arn, stream.to_owned(), None).await;
    let update = async |precision| tables.update_destination(&arn, STREAM.to_owned(), precision).await;
    let disable = async || tables.disable_destination(&arn, STREAM.to_owned()).await;
    assert_eq!(enable(STREAM).await.unwrap().status, DestinationStatus::Enabling);
    let twice = format!(
        "{not_valid} EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE \
         operation."
    );
    assert_eq!(message(enable(OTHER).await), twice);
    assert_eq!(
        message(disable().await),
        format!("{not_valid} KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")
    );
    assert_eq!(
        message(update(Some(Precision::Microsecond)).await),
        format!(
            "{not_valid} Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. \
             TableName: orders"
        )
    );
    world.clock.advance(Duration::from_secs(5));
    let meta_id = tables.describe_table(&arn).unwrap().meta.id.clone();
    assert_eq!(
        message(update(Some(Precision::Millisecond)).await),
        format!(
            "Invalid Request: Precision is already set to the desired value of MILLISECOND for tableId: \
             {meta_id}, kdsArn: {STREAM}"
        )
    );
    assert_eq!(
        message(update(None).await),
        "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration \
         cannot be null or contain only null values"
    );
    assert_eq!(update(Some(Precision::Microsecond)).await.unwrap().status, DestinationStatus::Updating);
    world.clock.advance(Duration::from_secs(5));
    disable().await.unwrap();
    assert_eq!(message(enable(OTHER).await), twice, "it is still going");
    world.clock.advance(Duration::from_secs(5));
    enable(STREAM).await.unwrap();
    assert_eq!(tables.describe_destinations(&arn).unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_carried_for_a_day_is_given_up() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    tables.enable_destination(&arn, STREAM.to_owned(), None).await.unwrap();
    put(&tables, &arn, id("a")).await.unwrap();
    world.clock.advance(crate::stream::RETENTION + Duration::from_secs(1));
    put(&tables, &arn, id("b")).await.unwrap();
    tables.inner.keep_streams().await.unwrap();
    assert_eq!(ids(&next(&tables, &arn).await.unwrap()), ["b".into()]);
}
