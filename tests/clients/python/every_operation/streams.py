"""Streams: created, described, listed, kept for longer and shorter, deleted."""

import datetime

from checks import equal, only, refused, scenario
from servers import arn

STREAM_ID = "abcdefghij0123456789-abc"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


@scenario("CreateStream")
def create(world):
    kinesis = world.plain.kinesis
    only(kinesis.create_stream(StreamName="orders", ShardCount=2, Tags={"team": "a", "empty": ""}))
    mode = {"StreamMode": "PROVISIONED"}
    kinesis.create_stream(StreamName="large", ShardCount=1, StreamModeDetails=mode, MaxRecordSizeInKiB=10240)
    mode = {"StreamMode": "ON_DEMAND"}
    strategy = "USER_PARTITION_KEY"
    kinesis.create_stream(StreamName="demand", StreamModeDetails=mode, RecordDistributionStrategy=strategy)
    world.slow.kinesis.create_stream(StreamName="creating", ShardCount=1)


@scenario("DescribeStream", "DescribeStreamSummary")
def describe(world):
    kinesis = world.plain.kinesis
    for by in {"StreamName": "orders"}, {"StreamARN": arn("orders")}:
        description = only(kinesis.describe_stream(**by), "StreamDescription")["StreamDescription"]
        summary = only(kinesis.describe_stream_summary(**by), "StreamDescriptionSummary")["StreamDescriptionSummary"]
        for answer in description, summary:
            equal((answer["StreamName"], answer["StreamARN"]), ("orders", arn("orders")))
            equal((answer["StreamStatus"], answer["RetentionPeriodHours"]), ("ACTIVE", 24))
            equal(answer["StreamModeDetails"], {"StreamMode": "PROVISIONED"})
            equal(answer["EnhancedMonitoring"], [{"ShardLevelMetrics": []}])
            equal(answer["EncryptionType"], "NONE")
            assert abs((now() - answer["StreamCreationTimestamp"]).total_seconds()) < 60
        equal((summary["OpenShardCount"], summary["ConsumerCount"], summary["MaxRecordSizeInKiB"]), (2, 0, 1024))
        equal((len(description["Shards"]), description["HasMoreShards"]), (2, False))
    first = kinesis.describe_stream(StreamName="orders", Limit=1)["StreamDescription"]
    equal(([shard["ShardId"] for shard in first["Shards"]], first["HasMoreShards"]), (["shardId-000000000000"], True))
    rest = kinesis.describe_stream(StreamName="orders", ExclusiveStartShardId="shardId-000000000000")
    equal([shard["ShardId"] for shard in rest["StreamDescription"]["Shards"]], ["shardId-000000000001"])
    summary = kinesis.describe_stream_summary(StreamName="demand")["StreamDescriptionSummary"]
    equal(summary["RecordDistributionStrategy"], "USER_PARTITION_KEY")
    creating = world.slow.kinesis.describe_stream(StreamName="creating")["StreamDescription"]
    equal((creating["StreamStatus"], creating["Shards"]), ("CREATING", []))
    world.with_stream_id("DescribeStream", "DescribeStreamSummary")


@scenario("ListStreams")
def list_streams(world):
    kinesis = world.plain.kinesis
    first = only(kinesis.list_streams(Limit=2), "StreamNames", "HasMoreStreams", "NextToken", "StreamSummaries")
    equal((first["StreamNames"], first["HasMoreStreams"]), (["demand", "large"], True))
    equal([summary["StreamModeDetails"]["StreamMode"] for summary in first["StreamSummaries"]], ["ON_DEMAND", "PROVISIONED"])
    rest = only(kinesis.list_streams(NextToken=first["NextToken"]), "StreamNames", "HasMoreStreams", "StreamSummaries")
    equal((rest["StreamNames"], rest["HasMoreStreams"]), (["orders"], False))
    equal(kinesis.list_streams(ExclusiveStartStreamName="demand")["StreamNames"], ["large", "orders"])
    pages = kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1})
    equal([page["StreamNames"] for page in pages], [["demand"], ["large"], ["orders"]])


@scenario("DescribeLimits")
def limits(world):
    kinesis = world.plain.kinesis
    used = kinesis.describe_limits()
    equal((used["OpenShardCount"], used["OnDemandStreamCount"]), (7, 1))


@scenario("ListShards")
def list_shards(world):
    kinesis = world.plain.kinesis
    ids = ["shardId-000000000000", "shardId-000000000001"]

    def listed(**parameters):
        return [shard["ShardId"] for shard in kinesis.list_shards(**parameters)["Shards"]]

    first = only(kinesis.list_shards(StreamName="orders", MaxResults=1), "Shards", "NextToken")
    equal([shard["ShardId"] for shard in first["Shards"]], ids[:1])
    equal(listed(NextToken=first["NextToken"], MaxResults=9), ids[1:])
    equal(listed(StreamARN=arn("orders"), ExclusiveStartShardId=ids[0]), ids[1:])
    created = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    equal(listed(StreamName="orders", StreamCreationTimestamp=created), ids)
    other = created - datetime.timedelta(hours=1)
    refused("ResourceNotFoundException", kinesis.list_shards, StreamName="orders", StreamCreationTimestamp=other)
    for shard_filter, expected in [
        ({"Type": "AFTER_SHARD_ID", "ShardId": ids[0]}, ids[1:]),
        ({"Type": "AT_TRIM_HORIZON"}, ids),
        ({"Type": "FROM_TRIM_HORIZON"}, ids),
        ({"Type": "AT_LATEST"}, ids),
        ({"Type": "AT_TIMESTAMP", "Timestamp": now()}, ids),
        ({"Type": "FROM_TIMESTAMP", "Timestamp": now()}, ids),
    ]:
        equal(listed(StreamName="orders", ShardFilter=shard_filter), expected)
    for wrong in {"Type": "AT_LATEST", "ShardId": ids[0]}, {"Type": "AT_TIMESTAMP"}:
        refused("InvalidArgumentException", kinesis.list_shards, StreamName="orders", ShardFilter=wrong)
    token = first["NextToken"]
    text = refused("InvalidArgumentException", kinesis.list_shards, StreamName="orders", NextToken=token)
    equal(text, "NextToken and StreamName cannot be provided together.")
    refused("InvalidArgumentException", kinesis.list_streams, NextToken=token)
    world.with_stream_id("ListShards")


@scenario("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod")
def retention(world):
    kinesis = world.plain.kinesis

    def hours():
        return kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["RetentionPeriodHours"]

    only(kinesis.increase_stream_retention_period(StreamName="orders", RetentionPeriodHours=48))
    kinesis.increase_stream_retention_period(StreamARN=arn("orders"), RetentionPeriodHours=8760)
    equal(hours(), 8760)
    only(kinesis.decrease_stream_retention_period(StreamName="orders", RetentionPeriodHours=48))
    kinesis.decrease_stream_retention_period(StreamARN=arn("orders"), RetentionPeriodHours=24)
    equal(hours(), 24)
    for call, wrong in [
        (kinesis.increase_stream_retention_period, 8761),
        (kinesis.increase_stream_retention_period, 23),
        (kinesis.decrease_stream_retention_period, 25),
    ]:
        refused("InvalidArgumentException", call, StreamName="orders", RetentionPeriodHours=wrong)
    world.with_stream_id("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod")


@scenario("DeleteStream")
def delete(world):
    kinesis = world.plain.kinesis
    for by, name in [("StreamName", "short"), ("StreamARN", arn("short"))]:
        kinesis.create_stream(StreamName="short", ShardCount=1)
        kinesis.register_stream_consumer(StreamARN=arn("short"), ConsumerName="app")
        only(kinesis.delete_stream(**{by: name}, EnforceConsumerDeletion=True))
        refused("ResourceNotFoundException", kinesis.describe_stream, StreamName="short")
    kinesis.create_stream(StreamName="short", ShardCount=1)
    world.with_stream_id("DeleteStream", stream="short")
