"""How much streams take, and of what size: accounts' commitments, modes, warm throughput, record size, distribution."""

import datetime

from checks import equal, only, refused, scenario
from servers import arn

DAY = datetime.timedelta(hours=24)
ON_DEMAND = {"StreamMode": "ON_DEMAND"}
PROVISIONED = {"StreamMode": "PROVISIONED"}


def summary(world, stream):
    return world.plain.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]


@scenario("DescribeAccountSettings", "UpdateAccountSettings")
def commit(world):
    kinesis = world.plain.kinesis

    def update(status):
        answer = kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": status})
        settings = only(answer, "MinimumThroughputBillingCommitment")["MinimumThroughputBillingCommitment"]
        described = only(kinesis.describe_account_settings(), "MinimumThroughputBillingCommitment")
        equal(described["MinimumThroughputBillingCommitment"], settings)
        return settings

    equal(update("DISABLED"), {"Status": "DISABLED"})
    enabled = update("ENABLED")
    equal(sorted(enabled), ["EarliestAllowedEndAt", "StartedAt", "Status"])
    equal((enabled["Status"], enabled["EarliestAllowedEndAt"] - enabled["StartedAt"]), ("ENABLED", DAY))
    # It is to end, and then it is not.
    equal(update("DISABLED"), enabled | {"Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"})
    equal(update("ENABLED"), enabled)


@scenario("UpdateStreamMode", "CreateStream", "DescribeStreamSummary")
def modes(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="mode", ShardCount=1)
    stream = {"StreamARN": arn("mode")}
    refused("ValidationException", kinesis.update_stream_mode, **stream, StreamModeDetails=PROVISIONED)
    only(kinesis.update_stream_mode(**stream, StreamModeDetails=ON_DEMAND))
    shown = summary(world, "mode")
    equal((shown["StreamModeDetails"], shown["OpenShardCount"]), (ON_DEMAND, 1))
    kinesis.update_stream_mode(**stream, StreamModeDetails=PROVISIONED)
    warm = {"StreamModeDetails": ON_DEMAND, "WarmThroughputMiBps": 8}
    kinesis.update_stream_mode(**stream, **warm)
    shown = summary(world, "mode")
    equal(shown["WarmThroughput"], {"TargetMiBps": 8, "CurrentMiBps": 8})
    equal(shown["OpenShardCount"], 8)
    # A commitment does not end while a stream is warm.
    kinesis.update_stream_warm_throughput(StreamName="mode", WarmThroughputMiBps=0)
    with world.plain.listener.adding(StreamId=world.stream_id):
        kinesis.update_stream_mode(**stream, StreamModeDetails=PROVISIONED)
    warm = {"StreamModeDetails": PROVISIONED, "WarmThroughputMiBps": 8}
    refused("InvalidArgumentException", kinesis.create_stream, StreamName="warm", ShardCount=1, **warm)


@scenario("UpdateStreamWarmThroughput", "CreateStream")
def warm_throughput(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="warm", StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=6)
    equal(summary(world, "warm")["WarmThroughput"], {"TargetMiBps": 6, "CurrentMiBps": 6})
    answer = kinesis.update_stream_warm_throughput(StreamName="warm", WarmThroughputMiBps=9)
    only(answer, "StreamARN", "StreamName", "WarmThroughput")
    equal((answer["StreamARN"], answer["StreamName"]), (arn("warm"), "warm"))
    equal(answer["WarmThroughput"], {"TargetMiBps": 9, "CurrentMiBps": 6})
    equal(summary(world, "warm")["WarmThroughput"], {"TargetMiBps": 9, "CurrentMiBps": 9})
    disable = {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
    refused("ValidationException", kinesis.update_account_settings, **disable)
    kinesis.update_stream_warm_throughput(StreamARN=arn("warm"), WarmThroughputMiBps=0)
    world.with_stream_id("UpdateStreamWarmThroughput", stream="warm")
    wrong = {"StreamName": "orders", "WarmThroughputMiBps": 9}
    refused("ValidationException", kinesis.update_stream_warm_throughput, **wrong)
    kinesis.delete_stream(StreamName="warm")


@scenario("UpdateMaxRecordSize", "PutRecord")
def record_size(world):
    kinesis = world.plain.kinesis
    record = {"StreamName": "sized", "PartitionKey": "k", "Data": bytes(1 << 20)}
    kinesis.create_stream(StreamName="sized", ShardCount=1)
    refused("InvalidArgumentException", kinesis.put_record, **record)
    only(kinesis.update_max_record_size(StreamARN=arn("sized"), MaxRecordSizeInKiB=10240))
    equal(summary(world, "sized")["MaxRecordSizeInKiB"], 10240)
    kinesis.put_record(**record)
    world.with_stream_id("UpdateMaxRecordSize", stream="sized")
    equal(summary(world, "sized")["MaxRecordSizeInKiB"], 1024)


@scenario("UpdateStreamRecordDistributionStrategy", "CreateStream", "PutRecord", "PutRecords", "GetRecords")
def distribution(world):
    kinesis = world.plain.kinesis
    stream, name = {"StreamARN": arn("spread")}, {"StreamName": "spread"}
    auto = {"RecordDistributionStrategy": "AUTO"}
    by_key = {"RecordDistributionStrategy": "USER_PARTITION_KEY"}
    refused("InvalidArgumentException", kinesis.create_stream, **name, ShardCount=1, **auto)
    kinesis.create_stream(**name, StreamModeDetails=ON_DEMAND, **auto)
    equal(summary(world, "spread")["RecordDistributionStrategy"], "AUTO")
    put = [kinesis.put_record(**name, Data=b"keyless")]
    put += kinesis.put_records(**name, Records=[{"Data": b"keyless"}, {"Data": b"x", "PartitionKey": "k"}])["Records"]
    records = [record for shard in {answer["ShardId"] for answer in put} for record in read(kinesis, name, shard)]
    equal(sorted((record["Data"], record.get("PartitionKey")) for record in records if "PartitionKey" in record), [(b"x", "k")])
    equal([record["Data"] for record in records if "PartitionKey" not in record], [b"keyless"] * 2)
    refused("InvalidArgumentException", kinesis.update_stream_mode, **stream, StreamModeDetails=PROVISIONED)
    only(kinesis.update_stream_record_distribution_strategy(**stream, **by_key))
    equal(summary(world, "spread")["RecordDistributionStrategy"], "USER_PARTITION_KEY")
    refused("ValidationException", kinesis.put_record, **name, Data=b"keyless")
    kinesis.update_stream_record_distribution_strategy(**stream, **auto)
    equal(summary(world, "spread")["RecordDistributionStrategy"], "AUTO")
    world.with_stream_id("UpdateStreamRecordDistributionStrategy", stream="spread")
    wrong = {"StreamARN": arn("orders")} | auto
    refused("InvalidArgumentException", kinesis.update_stream_record_distribution_strategy, **wrong)


def read(kinesis, stream, shard):
    start = kinesis.get_shard_iterator(**stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]


@scenario("DescribeLimits")
def limits(world):
    members = "ShardLimit", "OpenShardCount", "OnDemandStreamCount", "OnDemandStreamCountLimit"
    only(world.plain.kinesis.describe_limits(), *members, "ChannelCount", "ChannelCountLimit")


@scenario("DescribeAccountSettings", "UpdateAccountSettings")
def commit_no_more(world):
    """After a day the commitment ends at once, and says when it did."""
    kinesis = world.plain.kinesis
    world.plain.advance(25 * 3600)
    status = {"Status": "DISABLED"}
    ended = kinesis.update_account_settings(MinimumThroughputBillingCommitment=status)["MinimumThroughputBillingCommitment"]
    equal(sorted(ended), ["EarliestAllowedEndAt", "EndedAt", "StartedAt", "Status"])
    equal(ended["Status"], "DISABLED")
    assert ended["EndedAt"] > ended["EarliestAllowedEndAt"], ended
    equal(kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"], ended)
