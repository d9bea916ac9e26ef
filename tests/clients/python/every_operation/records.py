"""Records: put, found by iterators of all types, got; and dry runs."""

import datetime

from checks import equal, only, refused, scenario
from servers import arn

BLOBS = [b"", b"\x00", b"\xff\xfe\x80", bytes(range(256))]
SHARD = "shardId-000000000000"
TOP = str((1 << 128) - 1)


def iterator(world, kind, **parameters):
    named = {"StreamName": "orders", "ShardId": SHARD, "ShardIteratorType": kind}
    return only(world.plain.kinesis.get_shard_iterator(**named, **parameters), "ShardIterator")["ShardIterator"]


@scenario("PutRecord", "PutRecords")
def put(world):
    kinesis = world.plain.kinesis
    first = kinesis.put_record(StreamName="orders", Data=b"first", PartitionKey="k", ExplicitHashKey="0")
    equal(only(first, "ShardId", "SequenceNumber")["ShardId"], SHARD)
    number = first["SequenceNumber"]
    ordered = {"PartitionKey": "ключ", "ExplicitHashKey": "0", "SequenceNumberForOrdering": number}
    second = kinesis.put_record(StreamARN=arn("orders"), Data=b"second", **ordered)
    assert int(second["SequenceNumber"]) > int(number)
    entries = [{"Data": blob, "PartitionKey": "k", "ExplicitHashKey": "0"} for blob in BLOBS]
    entries.append({"Data": b"other", "PartitionKey": "k", "ExplicitHashKey": TOP})
    answer = only(kinesis.put_records(StreamName="orders", Records=entries), "FailedRecordCount", "Records")
    equal(answer["FailedRecordCount"], 0)
    equal([result["ShardId"] for result in answer["Records"]], [SHARD] * 4 + ["shardId-000000000001"])
    kinesis.put_records(StreamARN=arn("orders"), Records=[{"Data": b"", "PartitionKey": "k"}])
    for wrong in [
        {"ExplicitHashKey": str(1 << 128)},
        {"SequenceNumberForOrdering": "2" + "9" * 55},
        {"Data": bytes(1 << 20)},
    ]:
        entry = {"Data": b"x", "PartitionKey": "k"} | wrong
        refused("InvalidArgumentException", kinesis.put_record, StreamName="orders", **entry)
    kinesis.put_record(StreamName="large", Data=bytes(10 * 1024 * 1024 - 1), PartitionKey="k")
    world.with_stream_id("PutRecord", "PutRecords")


@scenario("PutRecords")
def put_too_much(world):
    """Each entry is told what became of it."""
    kinesis = world.busy.kinesis
    entries = [{"Data": b"x", "PartitionKey": "k"} for _ in range(9)]
    kinesis.create_stream(StreamName="throttled", ShardCount=1)
    answer = kinesis.put_records(StreamName="throttled", Records=entries)
    failed = [result for result in answer["Records"] if "ErrorCode" in result]
    assert 0 < len(failed) < len(entries), answer
    equal(answer["FailedRecordCount"], len(failed))
    text = "Rate exceeded for shard shardId-000000000000 in stream throttled under account 000000000000."
    for result in failed:
        equal(result, {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": text})


@scenario("GetShardIterator", "GetRecords")
def get(world):
    kinesis = world.plain.kinesis
    everything = [b"first", b"second", *BLOBS]

    def read(iterator, **parameters):
        page = only(kinesis.get_records(ShardIterator=iterator, **parameters), *PAGE)
        assert page["MillisBehindLatest"] >= 0
        return page["Records"]

    records = read(iterator(world, "TRIM_HORIZON"), Limit=10000)
    equal([record["Data"] for record in records][:6], everything)
    equal([record["PartitionKey"] for record in records][:2], ["k", "ключ"])
    age = datetime.datetime.now(datetime.timezone.utc) - records[0]["ApproximateArrivalTimestamp"]
    assert abs(age.total_seconds()) < 60, age
    number, time = records[1]["SequenceNumber"], records[0]["ApproximateArrivalTimestamp"]
    for kind, parameters, data in [
        ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": number}, b"second"),
        ("AFTER_SEQUENCE_NUMBER", {"StartingSequenceNumber": number}, b""),
        # To the millisecond, and no further: JSON has it as a fraction.
        ("AT_TIMESTAMP", {"Timestamp": time - datetime.timedelta(milliseconds=1)}, b"first"),
    ]:
        equal(read(iterator(world, kind, **parameters), Limit=1)[0]["Data"], data)
    equal(read(iterator(world, "LATEST"), StreamARN=arn("orders")), [])
    by_arn = {"StreamARN": arn("orders"), "ShardId": SHARD, "ShardIteratorType": "LATEST"}
    kinesis.get_shard_iterator(**by_arn)
    refused("InvalidArgumentException", kinesis.get_shard_iterator, **by_arn, StartingSequenceNumber=number)
    other = {"ShardIterator": iterator(world, "LATEST"), "StreamARN": arn("large")}
    refused("InvalidArgumentException", kinesis.get_records, **other)
    with world.plain.listener.adding(StreamId=world.stream_id):
        iterator(world, "LATEST")
        kinesis.get_records(ShardIterator=iterator(world, "LATEST"))


PAGE = "Records", "NextShardIterator", "MillisBehindLatest"


@scenario("PutRecord", "PutRecords", "GetShardIterator", "GetRecords")
def dry_runs(world):
    kinesis = world.plain.kinesis
    start = iterator(world, "LATEST")
    record = {"Data": b"dry", "PartitionKey": "k", "ExplicitHashKey": "0"}
    shard = {"StreamName": "orders", "ShardId": SHARD, "ShardIteratorType": "LATEST"}
    for call, parameters in [
        (kinesis.put_record, record | {"StreamName": "orders"}),
        (kinesis.put_records, {"StreamName": "orders", "Records": [record]}),
        (kinesis.get_shard_iterator, shard),
        (kinesis.get_records, {"ShardIterator": start}),
    ]:
        refused("DryRunOperationException", call, **parameters, DryRun=True)
    equal(kinesis.get_records(ShardIterator=start, DryRun=False)["Records"], [])
