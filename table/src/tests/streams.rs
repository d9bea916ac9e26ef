//! Streams of tables.

use super::*;
use crate::stream::{RETENTION, SHARD_LIFETIME};
use crate::{
    ChangeKind, DeleteItem, DescribeStream, Error, StreamArn, StreamRecord, StreamRecords, StreamSpec,
    StreamStart, StreamView, UpdateTable, Value,
};

async fn with_stream(world: &World, view: StreamView) -> (Tables, TableArn, StreamArn) {
    let (tables, arn) = (world.open().await, arn("orders"));
    let mut create = on_demand(&arn);
    create.stream = Some(StreamSpec { enabled: true, view: Some(view) });
    tables.create_table(create).await.unwrap();
    let streams = streams(&tables, &arn);
    (tables, arn, streams[0].clone())
}

pub(super) fn streams(tables: &Tables, arn: &TableArn) -> Vec<StreamArn> {
    tables.list_streams(&arn.account, &arn.region, None, None, 100).unwrap().streams
}

async fn shards(tables: &Tables, stream: &StreamArn) -> Vec<crate::StreamShard> {
    let call = DescribeStream { stream: stream.clone(), limit: 100, start: None, children_of: None };
    tables.describe_stream(call).await.unwrap().shards
}

async fn iterator(tables: &Tables, stream: &StreamArn, shard: usize, start: StreamStart) -> String {
    let id = shards(tables, stream).await[shard].id.clone();
    tables.stream_iterator(stream.clone(), &id, start).await.unwrap()
}

pub(super) async fn read(tables: &Tables, iterator: &str) -> StreamRecords {
    tables.stream_records(iterator, None).await.unwrap()
}

pub(super) async fn from_horizon(tables: &Tables, stream: &StreamArn, shard: usize) -> StreamRecords {
    read(tables, &iterator(tables, stream, shard, StreamStart::TrimHorizon).await).await
}

fn order(id: &str, total: u64) -> Item {
    item([("id", id.into()), ("total", total.into())])
}

fn kinds(records: &[StreamRecord]) -> Vec<ChangeKind> {
    records.iter().map(|record| record.change.kind).collect()
}

#[tokio::test]
async fn each_change_is_shown_once_in_its_order() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewAndOldImages).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    put(&tables, &arn, order("a", 2)).await.unwrap();
    // Nothing changes, so nothing is shown.
    put(&tables, &arn, order("a", 2)).await.unwrap();
    tables.delete_item(DeleteItem::new(arn.clone(), id("a"))).await.unwrap();
    tables.delete_item(DeleteItem::new(arn.clone(), id("a"))).await.unwrap();
    let page = from_horizon(&tables, &stream, 0).await;
    assert_eq!(kinds(&page.records), [ChangeKind::Insert, ChangeKind::Modify, ChangeKind::Remove]);
    let modified = &page.records[1];
    assert_eq!((&modified.change.old, &modified.change.new), (&Some(order("a", 1)), &Some(order("a", 2))));
    assert_eq!(modified.change.keys, id("a"));
    assert_eq!(modified.size_bytes, (id("a").size() + 2 * order("a", 1).size()) as u64);
    assert!(page.records.is_sorted_by(|a, b| a.sequence_number < b.sequence_number));
    assert!(
        page.records.iter().all(|record| record.sequence_number.len() == 21 && record.event_id.len() == 32)
    );
    let page = read(&tables, &page.next.unwrap()).await;
    assert!(page.records.is_empty() && page.next.is_some());
}

#[tokio::test]
async fn images_are_shown_as_the_stream_was_asked_to() {
    for (view, old, new) in [
        (StreamView::KeysOnly, false, false),
        (StreamView::OldImage, true, false),
        (StreamView::NewImage, false, true),
    ] {
        let world = World::new();
        let (tables, arn, stream) = with_stream(&world, view).await;
        put(&tables, &arn, order("a", 1)).await.unwrap();
        put(&tables, &arn, order("a", 2)).await.unwrap();
        let change = from_horizon(&tables, &stream, 0).await.records[1].change.clone();
        assert_eq!((change.old.is_some(), change.new.is_some()), (old, new), "{view:?}");
    }
}

#[tokio::test]
async fn every_start_leads_to_its_record() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    for number in 0..4 {
        put(&tables, &arn, order("a", number)).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let all = from_horizon(&tables, &stream, 0).await.records;
    let number = |at: usize| all[at].sequence_number.clone();
    let time = |seconds: u64| at_time(START + Duration::from_secs(seconds));
    for (start, expected) in [
        (StreamStart::TrimHorizon, 0),
        (StreamStart::At(number(1)), 1),
        (StreamStart::After(number(1)), 2),
        (StreamStart::AtTimestamp(time(0)), 0),
        (StreamStart::AtTimestamp(time(3)), 3),
        (StreamStart::AtTimestamp(time(4)), 4),
        (StreamStart::Latest, 4),
    ] {
        let got = read(&tables, &iterator(&tables, &stream, 0, start.clone()).await).await.records;
        assert_eq!(got, all[expected..], "{start:?}");
    }
    let latest = iterator(&tables, &stream, 0, StreamStart::Latest).await;
    put(&tables, &arn, order("a", 9)).await.unwrap();
    assert_eq!(read(&tables, &latest).await.records.len(), 1);
    let page =
        tables.stream_records(&iterator(&tables, &stream, 0, StreamStart::TrimHorizon).await, Some(2)).await;
    let page = page.unwrap();
    assert_eq!(page.records, all[..2]);
    assert_eq!(read(&tables, &page.next.unwrap()).await.records.len(), 3);
}

fn at_time(time: Duration) -> millstream_model::Timestamp {
    millstream_model::Timestamp::from_unix(time)
}

#[tokio::test]
async fn a_page_has_at_most_a_megabyte() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    for number in 0..7_u64 {
        let text = Value::S("x".repeat(300_000));
        put(&tables, &arn, item([("id", number.to_string().as_str().into()), ("text", text)])).await.unwrap();
    }
    let mut next = Some(iterator(&tables, &stream, 0, StreamStart::TrimHorizon).await);
    let mut pages = Vec::new();
    while pages.iter().sum::<usize>() < 7 {
        let page = read(&tables, &next.unwrap()).await;
        pages.push(page.records.len());
        next = page.next;
    }
    assert_eq!(pages, [3, 3, 1]);
}

#[tokio::test]
async fn shards_have_children_and_end() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    world.clock.advance(SHARD_LIFETIME);
    tables.inner.keep_streams().await.unwrap();
    put(&tables, &arn, order("a", 2)).await.unwrap();
    let all = shards(&tables, &stream).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].parent.as_ref(), Some(&all[0].id));
    assert!(all[0].last_sequence_number.is_some() && all[1].last_sequence_number.is_none());
    let (old, new) = (from_horizon(&tables, &stream, 0).await, from_horizon(&tables, &stream, 1).await);
    assert_eq!((old.records.len(), old.next), (1, None));
    assert_eq!((new.records.len(), new.next.is_some()), (1, true));
    let children = |of: &str| DescribeStream {
        stream: stream.clone(),
        limit: 100,
        start: None,
        children_of: Some(of.to_owned()),
    };
    let described = tables.describe_stream(children(&all[0].id)).await.unwrap();
    assert_eq!(described.shards, all[1..]);
    assert!(tables.describe_stream(children(&all[1].id)).await.unwrap().shards.is_empty());
    let first = DescribeStream { limit: 1, children_of: None, ..children("") };
    let page = tables.describe_stream(first.clone()).await.unwrap();
    assert_eq!((&page.shards[..], page.last.as_ref()), (&all[..1], Some(&all[0].id)));
    let page = tables.describe_stream(DescribeStream { start: page.last, ..first }).await.unwrap();
    assert_eq!((&page.shards[..], page.last), (&all[1..], None));
}

#[tokio::test]
async fn what_is_older_than_a_day_is_trimmed_and_told_so() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    let first = from_horizon(&tables, &stream, 0).await.records.remove(0);
    world.clock.advance(RETENTION);
    tables.inner.keep_streams().await.unwrap();
    // In the next shard.
    put(&tables, &arn, order("a", 2)).await.unwrap();
    let held = iterator(&tables, &stream, 0, StreamStart::TrimHorizon).await;
    world.clock.advance(Duration::from_secs(1));
    tables.inner.keep_streams().await.unwrap();
    let error = tables.stream_records(&held, None).await.unwrap_err();
    assert!(matches!(error, Error::TrimmedDataAccess(_)), "{error}");
    let id = shards(&tables, &stream).await[0].id.clone();
    let error = tables.stream_iterator(stream.clone(), &id, StreamStart::At(first.sequence_number)).await;
    assert!(matches!(error, Err(Error::TrimmedDataAccess(_))), "{error:?}");
    assert_eq!(kinds(&from_horizon(&tables, &stream, 1).await.records), [ChangeKind::Modify]);
}

#[tokio::test]
async fn an_iterator_is_good_for_a_quarter_of_an_hour() {
    let world = World::new();
    let (tables, _, stream) = with_stream(&world, StreamView::NewImage).await;
    let held = iterator(&tables, &stream, 0, StreamStart::Latest).await;
    world.clock.advance(Duration::from_secs(15 * 60));
    let next = read(&tables, &held).await.next.unwrap();
    world.clock.advance(Duration::from_millis(1));
    let error = tables.stream_records(&held, None).await.unwrap_err();
    assert!(matches!(error, Error::ExpiredIterator(_)), "{error}");
    read(&tables, &next).await;
}

#[tokio::test]
async fn a_stream_that_was_switched_off_can_be_read_for_a_day() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::KeysOnly).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    let mut update = UpdateTable::new(arn.clone());
    update.stream = Some(StreamSpec { enabled: false, view: None });
    tables.update_table(update.clone()).await.unwrap();
    put(&tables, &arn, order("a", 2)).await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    update.stream = Some(StreamSpec { enabled: true, view: Some(StreamView::NewImage) });
    tables.update_table(update).await.unwrap();
    put(&tables, &arn, order("a", 3)).await.unwrap();
    let both = streams(&tables, &arn);
    assert_eq!((both.len(), &both[0]), (2, &stream));
    let (old, new) = (from_horizon(&tables, &both[0], 0).await, from_horizon(&tables, &both[1], 0).await);
    assert_eq!((old.records.len(), old.next), (1, None));
    assert_eq!((new.records.len(), new.next.is_some()), (1, true));
    let tables_again = {
        tables.close().await;
        world.open().await
    };
    assert_eq!(from_horizon(&tables_again, &stream, 0).await.records, old.records);
    world.clock.advance(RETENTION);
    tables_again.inner.keep_streams().await.unwrap();
    assert_eq!(streams(&tables_again, &arn), both[1..]);
    let call = DescribeStream { stream: stream.clone(), limit: 1, start: None, children_of: None };
    assert_eq!(
        tables_again.describe_stream(call).await.unwrap_err().to_string(),
        format!("Requested resource not found: Stream: {stream} not found")
    );
}

#[tokio::test]
async fn nothing_is_shown_before_it_is_durable() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::KeysOnly).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    let under_way = tables.inner.sequences.take(1);
    put(&tables, &arn, order("b", 1)).await.unwrap();
    let page = from_horizon(&tables, &stream, 0).await;
    assert_eq!(page.records.len(), 1);
    drop(under_way);
    assert_eq!(read(&tables, &page.next.unwrap()).await.records.len(), 1);
}
