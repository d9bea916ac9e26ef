//! Streams, their shards, tags and retention.

use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::client::Waiters;
use aws_sdk_kinesis::operation::create_stream::CreateStreamError;
use aws_sdk_kinesis::operation::decrease_stream_retention_period::DecreaseStreamRetentionPeriodError;
use aws_sdk_kinesis::operation::describe_stream::DescribeStreamError;
use aws_sdk_kinesis::operation::describe_stream_summary::DescribeStreamSummaryError;
use aws_sdk_kinesis::operation::list_shards::builders::ListShardsFluentBuilder;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{
    EncryptionType, Shard, ShardFilter, ShardFilterType, StreamDescriptionSummary, StreamMode, StreamStatus,
    Tag,
};
use millstream_runtime::SystemClock;

use super::{ACCOUNT, ARN, BINARY, BUSY, SHARDS, STREAM, assert_recent, assert_refused};

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn create_one(client: &Client, name: &str, shards: i32) {
    client.create_stream().stream_name(name).shard_count(shards).send().await.unwrap();
    client.wait_until_stream_exists().stream_name(name).wait(PATIENCE).await.unwrap();
}

pub(super) async fn create(client: &Client) {
    create_one(client, STREAM, 3).await;
    create_one(client, BINARY, 2).await;
}

async fn summary(client: &Client) -> StreamDescriptionSummary {
    let answer = client.describe_stream_summary().stream_name(STREAM).send().await.unwrap();
    answer.stream_description_summary.unwrap()
}

pub(super) async fn describe(client: &Client) {
    let answer = client.describe_stream().stream_name(STREAM).send().await.unwrap();
    let (description, summary) = (answer.stream_description.unwrap(), summary(client).await);
    assert_eq!(description.stream_name(), STREAM);
    assert_eq!((description.stream_arn(), summary.stream_arn()), (ARN, ARN));
    assert_eq!(description.stream_status(), &StreamStatus::Active);
    assert_eq!(summary.stream_mode_details().unwrap().stream_mode(), &StreamMode::Provisioned);
    assert_eq!(description.retention_period_hours(), 24);
    assert_eq!(description.encryption_type(), Some(&EncryptionType::None));
    assert_eq!(summary.encryption_type(), Some(&EncryptionType::None));
    assert_recent(Some(description.stream_creation_timestamp()));
    assert_recent(Some(summary.stream_creation_timestamp()));
    assert!(!description.has_more_shards());
    assert_eq!(summary.open_shard_count(), 3);
    assert_eq!(ids(description.shards()), SHARDS);
    let mut next = Some(0);
    for shard in description.shards() {
        let range = shard.hash_key_range().unwrap();
        assert_eq!(range.starting_hash_key().parse::<u128>().ok(), next);
        next = range.ending_hash_key().parse::<u128>().unwrap().checked_add(1);
        assert_eq!(shard.sequence_number_range().unwrap().ending_sequence_number(), None);
    }
    assert_eq!(next, None, "the last shard ends where hash keys end");
}

pub(super) async fn list(client: &Client) {
    let mut pages = client.list_streams().limit(1).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.stream_summaries()[0].stream_name(), page.stream_names()[0]);
        assert_recent(page.stream_summaries()[0].stream_creation_timestamp());
        names.extend(page.stream_names);
    }
    assert_eq!(names, [STREAM, BINARY]);
}

fn ids(shards: &[Shard]) -> Vec<&str> {
    shards.iter().map(Shard::shard_id).collect()
}

async fn filtered(list: ListShardsFluentBuilder, kind: ShardFilterType, more: Option<&str>) -> Vec<String> {
    let now = SystemClock::shared().now();
    let time = (kind == ShardFilterType::FromTimestamp).then(|| DateTime::from_secs_f64(now.as_secs_f64()));
    let filter = ShardFilter::builder()
        .r#type(kind)
        .set_shard_id(more.map(str::to_owned))
        .set_timestamp(time)
        .build()
        .unwrap();
    let answer = list.shard_filter(filter).send().await.unwrap();
    ids(answer.shards()).into_iter().map(str::to_owned).collect()
}

pub(super) async fn list_shards(client: &Client) {
    let first = client.list_shards().stream_name(STREAM).max_results(2).send().await.unwrap();
    assert_eq!(ids(first.shards()), SHARDS[..2]);
    let second = client.list_shards().next_token(first.next_token.unwrap()).send().await.unwrap();
    assert_eq!(ids(second.shards()), SHARDS[2..]);
    assert_eq!(second.next_token(), None);
    let list = || client.list_shards().stream_name(STREAM);
    assert_eq!(filtered(list(), ShardFilterType::AtLatest, None).await, SHARDS);
    assert_eq!(filtered(list(), ShardFilterType::AfterShardId, Some(SHARDS[0])).await, SHARDS[1..]);
    assert_eq!(filtered(list(), ShardFilterType::FromTimestamp, None).await, SHARDS);
}

pub(super) async fn tags(client: &Client) {
    let add = client.add_tags_to_stream().stream_name(STREAM);
    add.tags("team", "orders").tags("stage", "test").tags("ключ", "").send().await.unwrap();
    let list = || client.list_tags_for_stream().stream_name(STREAM);
    let first = list().limit(2).send().await.unwrap();
    assert!(first.has_more_tags());
    let rest = list().exclusive_start_tag_key(first.tags()[1].key()).send().await.unwrap();
    assert!(!rest.has_more_tags());
    let mut found: Vec<_> =
        first.tags().iter().chain(rest.tags()).map(|tag| (tag.key(), tag.value())).collect();
    found.sort_unstable();
    assert_eq!(found, [("stage", Some("test")), ("team", Some("orders")), ("ключ", Some(""))]);
    let remove = client.remove_tags_from_stream().stream_name(STREAM);
    remove.tag_keys("stage").tag_keys("ключ").send().await.unwrap();
    let left = list().send().await.unwrap();
    assert_eq!(left.tags().iter().map(Tag::key).collect::<Vec<_>>(), ["team"]);
}

pub(super) async fn retention(client: &Client) {
    let increase = client.increase_stream_retention_period().stream_name(STREAM);
    increase.retention_period_hours(48).send().await.unwrap();
    assert_eq!(summary(client).await.retention_period_hours(), 48);
    let decrease = client.decrease_stream_retention_period().stream_name(STREAM);
    decrease.retention_period_hours(24).send().await.unwrap();
    assert_eq!(summary(client).await.retention_period_hours(), 24);
}

pub(super) async fn errors(client: &Client) {
    assert_refused(
        client.describe_stream().stream_name("nothing").send().await,
        "ResourceNotFoundException",
        DescribeStreamError::is_resource_not_found_exception,
        &format!("Stream nothing under account {ACCOUNT} not found."),
    );
    assert_refused(
        client.create_stream().stream_name(STREAM).shard_count(1).send().await,
        "ResourceInUseException",
        CreateStreamError::is_resource_in_use_exception,
        &format!("Stream {STREAM} under account {ACCOUNT} already exists."),
    );
    let longer = client.decrease_stream_retention_period().stream_name(STREAM).retention_period_hours(25);
    assert_refused(
        longer.send().await,
        "InvalidArgumentException",
        DecreaseStreamRetentionPeriodError::is_invalid_argument_exception,
        "can not be longer than existing retention period (24 hours)",
    );
}

pub(super) async fn delete(client: &Client) {
    for name in [STREAM, BINARY, BUSY] {
        client.delete_stream().stream_name(name).send().await.unwrap();
        client.wait_until_stream_not_exists().stream_name(name).wait(PATIENCE).await.unwrap();
        assert_refused(
            client.describe_stream_summary().stream_name(name).send().await,
            "ResourceNotFoundException",
            DescribeStreamSummaryError::is_resource_not_found_exception,
            name,
        );
    }
    assert!(client.list_streams().send().await.unwrap().stream_names().is_empty());
}
