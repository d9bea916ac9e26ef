//! Streams of tables.

use super::*;
use crate::keyspace::{CHANGE, ORPHAN, STREAM, table_prefix};
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

async fn describe(tables: &Tables, stream: &StreamArn) -> Result<crate::StreamDescription> {
    let call = DescribeStream { stream: stream.clone(), limit: 100, start: None, children_of: None };
    tables.describe_stream(call).await
}

/// What the store holds for the streams of the first table that was made in it.
async fn rows_of_streams(world: &World) -> usize {
    let slot = world.slot().await;
    let mut rows = 0;
    for tag in [CHANGE, STREAM, ORPHAN] {
        let range = millstream_storage::KeyRange::prefix(&table_prefix(tag, 0));
        rows += crate::recovery::scan_all(&*slot, range).await.unwrap().len();
    }
    rows
}

#[tokio::test]
async fn the_stream_of_a_deleted_table_can_be_read_for_a_day() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    put(&tables, &arn, order("a", 2)).await.unwrap();
    let held = iterator(&tables, &stream, 0, StreamStart::TrimHorizon).await;
    let before = from_horizon(&tables, &stream, 0).await.records;
    tables.delete_table(&arn).await.unwrap();
    tables.inner.tidy_up().await.unwrap();
    let described = describe(&tables, &stream).await.unwrap();
    assert_eq!((described.stream.disabled.is_some(), described.keys.range), (true, Vec::new()));
    assert_eq!(described.shards.len(), 1);
    assert_eq!(described.shards[0].last_sequence_number.as_ref(), Some(&before[1].sequence_number));
    assert_eq!(streams(&tables, &arn), std::slice::from_ref(&stream));
    let after = read(&tables, &held).await;
    assert_eq!((&after.records, after.next), (&before, None));
    tables.close().await;

    let tables = world.open().await;
    tables.inner.tidy_up().await.unwrap();
    world.clock.advance(RETENTION);
    tables.inner.keep_streams().await.unwrap();
    assert_eq!(describe(&tables, &stream).await.unwrap().shards, described.shards);
    assert_eq!(from_horizon(&tables, &stream, 0).await.records, before);
    let held = iterator(&tables, &stream, 0, StreamStart::TrimHorizon).await;
    world.clock.advance(Duration::from_millis(1));
    let not_found = format!("Requested resource not found: Stream: {stream} not found");
    assert_eq!(describe(&tables, &stream).await.unwrap_err().to_string(), not_found);
    assert_eq!(tables.stream_records(&held, None).await.unwrap_err().to_string(), not_found);
    assert!(tables.list_streams(&arn.account, &arn.region, Some(arn.name.clone()), None, 100).is_err());
    assert!(streams(&tables, &arn).is_empty());
    tables.inner.keep_streams().await.unwrap();
    assert!(tables.inner.orphans.all().is_empty());
    assert_eq!(rows_of_streams(&world).await, 0);
}

#[tokio::test]
async fn records_of_a_deleted_table_expire_one_by_one() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    world.clock.advance(RETENTION / 2);
    put(&tables, &arn, order("a", 2)).await.unwrap();
    let last = from_horizon(&tables, &stream, 0).await.records[1].clone();
    world.clock.advance(RETENTION / 4);
    tables.delete_table(&arn).await.unwrap();
    let shards_before = shards(&tables, &stream).await;
    for (passed, left) in [(RETENTION / 2, 1), (RETENTION / 2, 0)] {
        world.clock.advance(passed - Duration::from_secs(1));
        tables.inner.keep_streams().await.unwrap();
        assert_eq!(from_horizon(&tables, &stream, 0).await.records, vec![last.clone(); left]);
        // The shard ends where it ended, though what was there is gone.
        assert_eq!(shards(&tables, &stream).await, shards_before);
    }
}

#[tokio::test]
async fn a_new_table_has_a_stream_of_its_own_beside_the_old_ones() {
    let world = World::new();
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    tables.delete_table(&arn).await.unwrap();
    // At the same moment.
    tables.create_table(on_demand(&arn)).await.unwrap();
    let mut update = UpdateTable::new(arn.clone());
    update.stream = Some(StreamSpec { enabled: true, view: Some(StreamView::KeysOnly) });
    tables.update_table(update).await.unwrap();
    put(&tables, &arn, order("b", 1)).await.unwrap();
    let both = streams(&tables, &arn);
    assert_eq!((both.len(), &both[0]), (2, &stream));
    let named = tables.list_streams(&arn.account, &arn.region, Some(arn.name.clone()), None, 100).unwrap();
    assert_eq!(named.streams, both);
    for (stream, keys) in both.iter().zip([id("a"), id("b")]) {
        let records = from_horizon(&tables, stream, 0).await.records;
        assert_eq!(records.into_iter().map(|record| record.change.keys).collect::<Vec<_>>(), [keys]);
    }
    tables.delete_table(&arn).await.unwrap();
    with_stream_again(&tables, &arn).await;
    assert_eq!(streams(&tables, &arn).len(), 3);
    world.clock.advance(RETENTION + Duration::from_secs(1));
    tables.inner.keep_streams().await.unwrap();
    assert_eq!(streams(&tables, &arn).len(), 1);
}

async fn with_stream_again(tables: &Tables, arn: &TableArn) {
    let mut create = on_demand(arn);
    create.stream = Some(StreamSpec { enabled: true, view: Some(StreamView::OldImage) });
    tables.create_table(create).await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_when_the_deletion_of_its_table_begins() {
    let mut world = World::new();
    world.settings.delays.delete = Duration::from_secs(5);
    let (tables, arn, stream) = with_stream(&world, StreamView::NewImage).await;
    put(&tables, &arn, order("a", 1)).await.unwrap();
    tables.delete_table(&arn).await.unwrap();
    let deleting = describe(&tables, &stream).await.unwrap();
    assert!(deleting.stream.disabled.is_some() && deleting.shards[0].last_sequence_number.is_some());
    // The table is gone, whether or not somebody has seen to it.
    world.clock.advance(Duration::from_secs(5));
    for _ in 0..2 {
        assert_eq!(describe(&tables, &stream).await.unwrap(), deleting);
        assert_eq!(streams(&tables, &arn), std::slice::from_ref(&stream));
        assert_eq!(from_horizon(&tables, &stream, 0).await.records.len(), 1);
        tables.inner.tidy_up().await.unwrap();
    }
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
