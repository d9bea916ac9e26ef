"""Capacity modes with boto3: every step checks values. The server's clock is moved by the admin API, whose URL is given.

The server lets a shard take 50 records a second, so that little has to be sent to be too much.
"""

import datetime
import json
import sys
import time
import traceback
import urllib.request

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
MIB = 1 << 20
DAY_MS = 24 * 3600 * 1000

admin = sys.argv[1]
kinesis = boto3.client("kinesis", config=Config(retries={"total_max_attempts": 1}))


def arn(name):
    return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"


def advance(milliseconds):
    body = json.dumps({"advance_ms": milliseconds}).encode()
    request = urllib.request.Request(f"{admin}/admin/clock", data=body, method="POST")
    request.add_header("content-type", "application/json")
    urllib.request.urlopen(request).close()


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


def refused(error, text, call, **parameters):
    """The call fails with the client's own class for this error, and with this text in its message."""
    try:
        call(**parameters)
    except getattr(kinesis.exceptions, error) as failure:
        equal(failure.response["Error"]["Code"], error)
        assert text in failure.response["Error"]["Message"], failure
        return
    raise AssertionError(f"no {error}")


def summary(name):
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def on_demand(name, **parameters):
    details = {"StreamMode": "ON_DEMAND"}
    kinesis.create_stream(StreamName=name, StreamModeDetails=details, **parameters)


def switch(name, mode, **parameters):
    return {"StreamARN": arn(name), "StreamModeDetails": {"StreamMode": mode}, **parameters}


def read(name, shard):
    """Everything in a shard, with time between the pages for its limits."""
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId=f"shardId-{shard:012}", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = []
    while True:
        page = kinesis.get_records(ShardIterator=iterator)
        records += page["Records"]
        iterator = page["NextShardIterator"]
        if page["MillisBehindLatest"] == 0:
            return records
        advance(10_000)


def modes():
    kinesis.create_stream(StreamName="modes", ShardCount=2)
    shown = summary("modes")
    assert "RecordDistributionStrategy" not in shown and "WarmThroughput" not in shown, shown
    text = "Stream modes under account 000000000000 is already in Provisioned mode."
    refused("ValidationException", text, kinesis.update_stream_mode, **switch("modes", "PROVISIONED"))
    kinesis.update_stream_mode(**switch("modes", "ON_DEMAND"))
    shown = summary("modes")
    equal(shown["StreamModeDetails"], {"StreamMode": "ON_DEMAND"})
    equal((shown["OpenShardCount"], shown["RecordDistributionStrategy"]), (2, "USER_PARTITION_KEY"))
    text = "Stream modes under account 000000000000 is in On-Demand mode."
    count = {"StreamName": "modes", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"}
    refused("ValidationException", text, kinesis.update_shard_count, **count)
    kinesis.update_stream_mode(**switch("modes", "PROVISIONED"))
    text = "was switched 2 times within 24 hours"
    refused("LimitExceededException", text, kinesis.update_stream_mode, **switch("modes", "ON_DEMAND"))
    advance(DAY_MS)
    kinesis.update_stream_mode(**switch("modes", "ON_DEMAND"))
    refused("ResourceNotFoundException", "none", kinesis.update_stream_mode, **switch("none", "ON_DEMAND"))


def account():
    def settings(answer):
        return answer["MinimumThroughputBillingCommitment"]

    def update(status):
        commitment = {"Status": status}
        return settings(kinesis.update_account_settings(MinimumThroughputBillingCommitment=commitment))

    equal(settings(kinesis.describe_account_settings()), {"Status": "DISABLED"})
    enabled = update("ENABLED")
    equal(enabled["Status"], "ENABLED")
    equal(enabled["EarliestAllowedEndAt"] - enabled["StartedAt"], datetime.timedelta(hours=24))
    ending = update("DISABLED")
    equal(ending, {**enabled, "Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"})
    equal(settings(kinesis.describe_account_settings()), ending)
    advance(DAY_MS)
    ended = settings(kinesis.describe_account_settings())
    equal(ended, {**enabled, "Status": "DISABLED", "EndedAt": enabled["EarliestAllowedEndAt"]})
    equal(update("ENABLED")["Status"], "ENABLED")


def warm_throughput():
    on_demand("warm", WarmThroughputMiBps=6)
    equal(summary("warm")["WarmThroughput"], {"TargetMiBps": 6, "CurrentMiBps": 6})
    answer = kinesis.update_stream_warm_throughput(StreamName="warm", WarmThroughputMiBps=9)
    del answer["ResponseMetadata"]
    throughput = {"TargetMiBps": 9, "CurrentMiBps": 6}
    equal(answer, {"StreamARN": arn("warm"), "StreamName": "warm", "WarmThroughput": throughput})
    equal(summary("warm")["OpenShardCount"], 9)
    disabled = {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
    refused("ValidationException", "stream warm", kinesis.update_account_settings, **disabled)
    kinesis.update_stream_warm_throughput(StreamARN=arn("warm"), WarmThroughputMiBps=0)
    equal(summary("warm")["WarmThroughput"], {"TargetMiBps": 0, "CurrentMiBps": 4})
    kinesis.create_stream(StreamName="fixed", ShardCount=1)
    text = "in Provisioned mode"
    warm = {"StreamName": "fixed", "WarmThroughputMiBps": 1}
    refused("ValidationException", text, kinesis.update_stream_warm_throughput, **warm)
    warm = {"StreamName": "warm", "WarmThroughputMiBps": 10_241}
    refused("LimitExceededException", "10240", kinesis.update_stream_warm_throughput, **warm)
    kinesis.update_stream_mode(**switch("fixed", "ON_DEMAND", WarmThroughputMiBps=3))
    equal(summary("fixed")["WarmThroughput"], {"TargetMiBps": 3, "CurrentMiBps": 3})


def large_records():
    kinesis.create_stream(StreamName="large", ShardCount=1)
    data = bytes(range(256)) * (10 * MIB // 256)
    put = {"StreamName": "large", "PartitionKey": "k", "Data": data[:-1]}
    refused("InvalidArgumentException", "exceeds", kinesis.put_record, **put)
    kinesis.update_max_record_size(StreamARN=arn("large"), MaxRecordSizeInKiB=10_240)
    equal(summary("large")["MaxRecordSizeInKiB"], 10_240)
    kinesis.put_record(**put)
    # The burst is used up, and comes back at a mebibyte a second.
    text = "Rate exceeded for shard shardId-000000000000 in stream large under account 000000000000."
    refused("ProvisionedThroughputExceededException", text, kinesis.put_record, **put)
    advance(11_000)
    halves = [{"PartitionKey": "k", "Data": data[: 5 * MIB - 1]}] * 2
    equal(kinesis.put_records(StreamName="large", Records=halves)["FailedRecordCount"], 0)
    too_much = [{"PartitionKey": "kk", "Data": data[: 5 * MIB - 1]}] * 2
    refused("InvalidArgumentException", "10 MB", kinesis.put_records, StreamName="large", Records=too_much)
    records = read("large", 0)
    equal([len(record["Data"]) for record in records], [10 * MIB - 1, 5 * MIB - 1, 5 * MIB - 1])
    equal(records[0]["Data"], data[:-1])
    for kib in 1_023, 10_241:
        size = {"StreamARN": arn("large"), "MaxRecordSizeInKiB": kib}
        # Said by the client itself if it is too small, by the server if it is too large.
        try:
            kinesis.update_max_record_size(**size)
        except Exception as failure:
            assert "1024" in str(failure) or "10240" in str(failure), failure
            continue
        raise AssertionError(f"{kib} KiB")


def distribution():
    on_demand("even", RecordDistributionStrategy="AUTO")
    equal(summary("even")["RecordDistributionStrategy"], "AUTO")
    records = [{"Data": b"a"}, {"Data": b"b", "PartitionKey": "k", "ExplicitHashKey": "0"}] * 4
    answer = kinesis.put_records(StreamName="even", Records=records)
    shards = [entry["ShardId"] for entry in answer["Records"]]
    equal(sorted(shards.count(shard) for shard in set(shards)), [2, 2, 2, 2])
    stored = [record for shard in range(4) for record in read("even", shard)]
    equal(sorted(record.get("PartitionKey", "") for record in stored), ["", "", "", "", "k", "k", "k", "k"])
    number = answer["Records"][0]["SequenceNumber"]
    ordered = {"StreamName": "even", "Data": b"c", "SequenceNumberForOrdering": number}
    refused("InvalidArgumentException", "SequenceNumberForOrdering", kinesis.put_record, **ordered)
    update = kinesis.update_stream_record_distribution_strategy
    update(StreamARN=arn("even"), RecordDistributionStrategy="USER_PARTITION_KEY")
    refused("ValidationException", "'partitionKey'", kinesis.put_record, StreamName="even", Data=b"c")
    kinesis.create_stream(StreamName="keyed", ShardCount=1)
    auto = {"StreamARN": arn("keyed"), "RecordDistributionStrategy": "AUTO"}
    refused("InvalidArgumentException", "Provisioned mode", update, **auto)


def limits():
    answer = kinesis.describe_limits()
    equal((answer["ShardLimit"], answer["OnDemandStreamCountLimit"]), (20_000, 50))
    equal((answer["ChannelCount"], answer["ChannelCountLimit"]), (0, 0))
    names = kinesis.list_streams()["StreamNames"]
    shown = [summary(name) for name in names]
    equal(answer["OpenShardCount"], sum(stream["OpenShardCount"] for stream in shown))
    modes = [stream["StreamModeDetails"]["StreamMode"] for stream in shown]
    equal(answer["OnDemandStreamCount"], modes.count("ON_DEMAND"))


def growth():
    on_demand("elastic")
    equal(summary("elastic")["OpenShardCount"], 4)
    # More than 25 records a second in each shard for a minute: most are refused, and ask for room all the same.
    records = [{"Data": b"x", "PartitionKey": str(place)} for place in range(500)]
    stored = 0
    for _ in range(20):
        answer = kinesis.put_records(StreamName="elastic", Records=records)
        stored += len(records) - answer["FailedRecordCount"]
    advance(60_000)
    deadline = time.monotonic() + 60
    while summary("elastic")["OpenShardCount"] < 8:
        assert time.monotonic() < deadline, summary("elastic")
        time.sleep(0.05)
    shards = kinesis.list_shards(StreamName="elastic")["Shards"]
    equal([shard["ShardId"] for shard in shards if "ParentShardId" not in shard], [f"shardId-{n:012}" for n in range(4)])
    equal(len({shard["ParentShardId"] for shard in shards if "ParentShardId" in shard}), 4)
    seen = 0
    for shard in range(4):
        iterator = kinesis.get_shard_iterator(
            StreamName="elastic", ShardId=f"shardId-{shard:012}", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        page = kinesis.get_records(ShardIterator=iterator)
        seen += len(page["Records"])
        equal(("NextShardIterator" in page, len(page["ChildShards"])), (False, 2))
    equal(seen, stored)


STEPS = [modes, account, warm_throughput, large_records, distribution, limits, growth]

for step in STEPS:
    try:
        step()
    except Exception:
        traceback.print_exc()
        sys.exit(f"step {step.__name__} failed")
print(f"{len(STEPS)} steps passed")
