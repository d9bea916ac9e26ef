"""The scenario of a real client, with boto3: every step checks values. Says on which step it failed."""

import datetime
import hashlib
import sys
import traceback
import uuid

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
SHARDS = [f"shardId-{index:012}" for index in range(3)]
HASH_KEYS = 1 << 128
MIB = 1 << 20
# What JSON and base64 have trouble with, if anything.
BINARY = [b"", b"\x00", b"\xff\xfe\x80", bytes(range(256)), "Grüße, 世界\r\n".encode()]

kinesis = boto3.client("kinesis")
impatient = boto3.client("kinesis", config=Config(retries={"total_max_attempts": 1}))
stream = f"orders-{uuid.uuid4()}"
binary = f"{stream}-binary"
arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{stream}"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


def is_recent(time):
    assert isinstance(time, datetime.datetime), type(time)
    assert abs((now() - time).total_seconds()) < 60, time


def refused(error, text, call, **parameters):
    """The call fails with the client's own class for this error, and with this text in its message."""
    expected = getattr(kinesis.exceptions, error)
    try:
        call(**parameters)
    except expected as failure:
        equal(failure.response["Error"]["Code"], error)
        equal(failure.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        assert text in failure.response["Error"]["Message"], failure
        return
    raise AssertionError(f"no {error}")


def iterator(name, shard, kind, **parameters):
    answer = kinesis.get_shard_iterator(
        StreamName=name, ShardId=shard, ShardIteratorType=kind, **parameters
    )
    return answer["ShardIterator"]


def read(iterator, count, **parameters):
    """Reads on until so many records are there, and no more."""
    records = []
    while True:
        page = kinesis.get_records(ShardIterator=iterator, **parameters)
        records += page["Records"]
        iterator = page["NextShardIterator"]
        if len(records) >= count:
            equal(len(records), count)
            return records, page


def create():
    kinesis.create_stream(StreamName=stream, ShardCount=3)
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    # ACTIVE already, where the machine is slow.
    assert summary["StreamStatus"] in ("CREATING", "ACTIVE"), summary
    waiter = kinesis.get_waiter("stream_exists")
    waiter.wait(StreamName=stream, WaiterConfig={"Delay": 1})
    kinesis.create_stream(StreamName=binary, ShardCount=2, Tags={"kind": "binary"})
    waiter.wait(StreamName=binary, WaiterConfig={"Delay": 1})


def describe():
    description = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    for answer in description, summary:
        equal(answer["StreamName"], stream)
        equal(answer["StreamARN"], arn)
        equal(answer["StreamStatus"], "ACTIVE")
        equal(answer["StreamModeDetails"], {"StreamMode": "PROVISIONED"})
        equal(answer["RetentionPeriodHours"], 24)
        equal(answer["EnhancedMonitoring"], [{"ShardLevelMetrics": []}])
        equal(answer["EncryptionType"], "NONE")
        assert "KeyId" not in answer
        is_recent(answer["StreamCreationTimestamp"])
    equal(description["HasMoreShards"], False)
    equal([shard["ShardId"] for shard in description["Shards"]], SHARDS)
    equal((summary["OpenShardCount"], summary["ConsumerCount"]), (3, 0))
    below = -1
    for shard in description["Shards"]:
        span = shard["HashKeyRange"]
        equal(int(span["StartingHashKey"]), below + 1)
        below = int(span["EndingHashKey"])
        assert "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    equal(below, HASH_KEYS - 1)


def list_streams():
    pages = list(kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1}))
    equal([page["StreamNames"] for page in pages], [[stream], [binary]])
    equal([page["HasMoreStreams"] for page in pages], [True, False])
    summaries = [summary for page in pages for summary in page["StreamSummaries"]]
    equal(summaries[0]["StreamARN"], arn)
    equal(summaries[0]["StreamStatus"], "ACTIVE")
    is_recent(summaries[0]["StreamCreationTimestamp"])
    limits = kinesis.describe_limits()
    equal((limits["OpenShardCount"], limits["OnDemandStreamCount"]), (5, 0))
    assert limits["ShardLimit"] > 5


def list_shards():
    first = kinesis.list_shards(StreamName=stream, MaxResults=2)
    equal([shard["ShardId"] for shard in first["Shards"]], SHARDS[:2])
    second = kinesis.list_shards(NextToken=first["NextToken"])
    equal([shard["ShardId"] for shard in second["Shards"]], SHARDS[2:])
    assert "NextToken" not in second
    for shard_filter, expected in [
        ({"Type": "AT_LATEST"}, SHARDS),
        ({"Type": "AFTER_SHARD_ID", "ShardId": SHARDS[0]}, SHARDS[1:]),
        ({"Type": "FROM_TIMESTAMP", "Timestamp": now()}, SHARDS),
    ]:
        listed = kinesis.list_shards(StreamName=stream, ShardFilter=shard_filter)["Shards"]
        equal([shard["ShardId"] for shard in listed], expected)


def put_record():
    spans = [
        (int(shard["HashKeyRange"]["StartingHashKey"]), shard["ShardId"])
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]
    ]
    newest = {}
    for key in [f"N{number}" for number in range(12)] + ["ключ", "k" * 256]:
        place = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
        shard = max(span for span in spans if span[0] <= place)[1]
        answer = kinesis.put_record(StreamName=stream, PartitionKey=key, Data=key.encode())
        equal(answer["ShardId"], shard)
        assert "EncryptionType" not in answer
        number = int(answer["SequenceNumber"])
        assert number > newest.get(shard, 0)
        newest[shard] = number
    equal(sorted(newest), SHARDS)
    for place, shard in spans:
        answer = kinesis.put_record(
            StreamName=stream,
            PartitionKey="explicit",
            ExplicitHashKey=str(place),
            Data=b"explicit",
            SequenceNumberForOrdering=str(newest[shard]),
        )
        equal(answer["ShardId"], shard)
        assert int(answer["SequenceNumber"]) > newest[shard]


def put_records():
    large = bytes(range(256)) * (MIB // 256)
    entries = [
        {"Data": data, "PartitionKey": f"b{place}", "ExplicitHashKey": "0"}
        for place, data in enumerate(BINARY)
    ]
    entries.append(
        {"Data": large[: MIB - 5], "PartitionKey": "large", "ExplicitHashKey": str(HASH_KEYS - 1)}
    )
    answer = kinesis.put_records(StreamName=binary, Records=entries)
    equal(answer["FailedRecordCount"], 0)
    equal([result["ShardId"] for result in answer["Records"]], [SHARDS[0]] * 5 + [SHARDS[1]])
    numbers = [int(result["SequenceNumber"]) for result in answer["Records"]]
    equal(numbers[:5], sorted(set(numbers[:5])))
    records, _ = read(iterator(binary, SHARDS[1], "TRIM_HORIZON"), 1)
    equal(records[0]["Data"] == large[: MIB - 5], True)


def get_records():
    records, page = read(iterator(binary, SHARDS[0], "TRIM_HORIZON"), 5, Limit=3)
    equal([record["Data"] for record in records], BINARY)
    equal([record["PartitionKey"] for record in records], ["b0", "b1", "b2", "b3", "b4"])
    equal(page["MillisBehindLatest"], 0)
    for record in records:
        is_recent(record["ApproximateArrivalTimestamp"])
        assert "EncryptionType" not in record
    third = records[2]["SequenceNumber"]
    at = iterator(binary, SHARDS[0], "AT_SEQUENCE_NUMBER", StartingSequenceNumber=third)
    equal(read(at, 3)[0], records[2:])
    after = iterator(binary, SHARDS[0], "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=third)
    equal(read(after, 2)[0], records[3:])
    arrival = records[0]["ApproximateArrivalTimestamp"]
    equal(read(iterator(binary, SHARDS[0], "AT_TIMESTAMP", Timestamp=arrival), 5)[0], records)
    # On the other shard: one gives records five times a second.
    latest = iterator(binary, SHARDS[1], "LATEST")
    kinesis.put_record(
        StreamName=binary, PartitionKey="late", ExplicitHashKey=str(HASH_KEYS - 1), Data=b"late"
    )
    equal(read(latest, 1)[0][0]["Data"], b"late")


def by_arn():
    put = kinesis.put_record(StreamARN=arn, PartitionKey="by-arn", Data=b"by ARN")
    equal(kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["StreamName"], stream)
    equal(len(kinesis.list_shards(StreamARN=arn)["Shards"]), 3)
    start = kinesis.get_shard_iterator(
        StreamARN=arn,
        ShardId=put["ShardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=put["SequenceNumber"],
    )
    records, _ = read(start["ShardIterator"], 1, StreamARN=arn)
    equal(records[0]["Data"], b"by ARN")


def tags():
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"team": "orders", "stage": "test", "ключ": ""})
    first = kinesis.list_tags_for_stream(StreamName=stream, Limit=2)
    equal(first["HasMoreTags"], True)
    rest = kinesis.list_tags_for_stream(
        StreamName=stream, ExclusiveStartTagKey=first["Tags"][-1]["Key"]
    )
    equal(rest["HasMoreTags"], False)
    found = {tag["Key"]: tag["Value"] for tag in first["Tags"] + rest["Tags"]}
    equal(found, {"team": "orders", "stage": "test", "ключ": ""})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["stage", "ключ"])
    equal(kinesis.list_tags_for_stream(StreamName=stream)["Tags"], [{"Key": "team", "Value": "orders"}])
    equal(kinesis.list_tags_for_stream(StreamName=binary)["Tags"], [{"Key": "kind", "Value": "binary"}])


def retention():
    for change, hours in [
        (kinesis.increase_stream_retention_period, 48),
        (kinesis.decrease_stream_retention_period, 24),
    ]:
        change(StreamName=stream, RetentionPeriodHours=hours)
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        equal(summary["RetentionPeriodHours"], hours)


def errors():
    unknown = f"Stream nothing under account {ACCOUNT} not found."
    refused("ResourceNotFoundException", unknown, kinesis.describe_stream, StreamName="nothing")
    refused(
        "ResourceNotFoundException", unknown, kinesis.put_record, StreamName="nothing", PartitionKey="k", Data=b""
    )
    exists = f"Stream {stream} under account {ACCOUNT} already exists."
    refused("ResourceInUseException", exists, kinesis.create_stream, StreamName=stream, ShardCount=1)
    shorter = "can not be shorter than existing retention period"
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=30)
    refused(
        "InvalidArgumentException",
        shorter,
        kinesis.increase_stream_retention_period,
        StreamName=stream,
        RetentionPeriodHours=25,
    )
    refused(
        "InvalidArgumentException",
        "Invalid StartingSequenceNumber. It encodes shardId-000000000123, while it was used in a call to a shard",
        kinesis.get_shard_iterator,
        StreamName=stream,
        ShardId=SHARDS[0],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber="123",
    )
    refused("InvalidArgumentException", "Invalid ShardIterator.", kinesis.get_records, ShardIterator="AAAA")
    refused(
        "ValidationException",
        "Value '" + "k" * 257 + "' at 'partitionKey' failed to satisfy constraint",
        kinesis.put_record,
        StreamName=stream,
        PartitionKey="k" * 257,
        Data=b"",
    )


def throttles():
    kinesis.create_stream(StreamName=f"{stream}-busy", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=f"{stream}-busy", WaiterConfig={"Delay": 1})
    text = f"Rate exceeded for shard {SHARDS[0]} in stream {stream}-busy under account {ACCOUNT}."
    entries = [{"Data": bytes(700_000), "PartitionKey": str(place)} for place in range(3)]
    answer = impatient.put_records(StreamName=f"{stream}-busy", Records=entries)
    equal(answer["FailedRecordCount"], 2)
    assert "SequenceNumber" in answer["Records"][0] and "ErrorCode" not in answer["Records"][0]
    for result in answer["Records"][1:]:
        equal(result, {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": text})

    def put_too_much():
        # Several, for a slow machine leaves the shard time to recover.
        for _ in range(10):
            impatient.put_record(StreamName=f"{stream}-busy", PartitionKey="k", Data=bytes(1_000_000))

    refused("ProvisionedThroughputExceededException", text, put_too_much)


def delete():
    for name in stream, binary, f"{stream}-busy":
        kinesis.delete_stream(StreamName=name)
        kinesis.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        refused("ResourceNotFoundException", name, kinesis.describe_stream_summary, StreamName=name)
    equal(kinesis.list_streams()["StreamNames"], [])


STEPS = [
    create, describe, list_streams, list_shards, put_record, put_records, get_records, by_arn, tags, retention,
    errors, throttles, delete,
]  # fmt: skip

for step in STEPS:
    try:
        step()
    except Exception:
        traceback.print_exc()
        sys.exit(f"step {step.__name__} failed")
print(f"{len(STEPS)} steps passed")
