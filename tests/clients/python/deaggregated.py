"""Everything that a stream holds, read with boto3 and taken apart by Amazon's library for Python.

    deaggregated.py STREAM

prints a line of JSON for each user record, in the form of tests/clients/kcl. It reads every shard from its beginning to
what was its end then.
"""

import base64
import json
import sys

import boto3
from aws_kinesis_agg.deaggregator import iter_deaggregate_records


def records(kinesis, stream, shard):
    start = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
    while iterator:
        page = kinesis.get_records(ShardIterator=iterator)
        if not page["Records"] and not page["MillisBehindLatest"]:
            return
        yield from page["Records"]
        iterator = page.get("NextShardIterator")


def member(record):
    """Its key, its data, and its place: the library shows members in a form of its own."""
    record = record["kinesis"]
    data = base64.b64decode(record["data"]) if record.get("aggregated") else record["data"]
    return record["partitionKey"], data, record["sequenceNumber"], record.get("subSequenceNumber", 0)


def main(stream):
    kinesis = boto3.client("kinesis")
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        stored = list(records(kinesis, stream, shard["ShardId"]))
        for record in iter_deaggregate_records(stored, data_format="Boto3"):
            key, data, number, sub = member(record)
            line = {"event": "record", "shard": shard["ShardId"], "key": key, "data": data.decode()}
            print(json.dumps(line | {"sequence_number": number, "sub_sequence_number": sub}))


main(sys.argv[1])
