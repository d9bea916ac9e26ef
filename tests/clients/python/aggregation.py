"""Containers of user records, packed and unpacked by Amazon's library for Python.

    aggregation.py pack     members in, one JSON document; out the container, in base64
    aggregation.py unpack   a container in, in base64; out its members, one JSON document

A member is a list: its partition key, its explicit hash key or null, its data in base64.
"""

import base64
import json
import sys

from aws_kinesis_agg import aggregator, deaggregator


def pack(members):
    container = aggregator.RecordAggregator()
    for partition_key, explicit_hash_key, data in members:
        # It measures keys in characters when they are text.
        keys = [key and key.encode() for key in (partition_key, explicit_hash_key)]
        full = container.add_user_record(keys[0], base64.b64decode(data), keys[1])
        assert full is None, "more than one container"
    _, _, data = container.clear_and_get().get_contents()
    return data


def unpack(data):
    record = {
        "SequenceNumber": "17",
        "PartitionKey": "a",
        "ApproximateArrivalTimestamp": 0,
        "Data": data,
    }
    for index, member in enumerate(deaggregator.iter_deaggregate_records([record], data_format="Boto3")):
        member = member["kinesis"]
        assert member["aggregated"] and member["subSequenceNumber"] == index, member
        yield [member["partitionKey"], member["explicitHashKey"], member["data"].decode()]


if sys.argv[1] == "pack":
    print(base64.b64encode(pack(json.load(sys.stdin))).decode())
else:
    json.dump(list(unpack(base64.b64decode(sys.stdin.read()))), sys.stdout)
