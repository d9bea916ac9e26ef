"""The stream of Kinesis into which a table's changes go."""

import json
import time

import boto3

from calls import n, s, table_of
from checks import equal, only, refused, scenario
from tables import PATIENCE, create

MEMBER = "ApproximateCreationDateTimePrecision"


def until(world, status, precision):
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = only(
            world.db.describe_kinesis_streaming_destination(TableName="sent"),
            "TableName", "KinesisDataStreamDestinations",
        )["KinesisDataStreamDestinations"]
        if [(one["DestinationStatus"], one[MEMBER]) for one in shown] == [(status, precision)]:
            return equal(shown[0]["StreamArn"], world.stream)
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)


@scenario(
    "EnableKinesisStreamingDestination",
    "DisableKinesisStreamingDestination",
    "UpdateKinesisStreamingDestination",
    "DescribeKinesisStreamingDestination",
)
def destination(world):
    db, named = world.db, {"TableName": "sent", "StreamArn": world.stream}
    create(world, table_of("sent"))
    for first, second in ("MILLISECOND", "MICROSECOND"), ("MICROSECOND", "MILLISECOND"):
        configuration = {"EnableKinesisStreamingConfiguration": {MEMBER: first}}
        answer = only(
            db.enable_kinesis_streaming_destination(**named, **configuration),
            "TableName", "StreamArn", "DestinationStatus", "EnableKinesisStreamingConfiguration",
        )
        equal((answer["DestinationStatus"], answer["StreamArn"]), ("ENABLING", world.stream))
        until(world, "ACTIVE", first)
        configuration = {"UpdateKinesisStreamingConfiguration": {MEMBER: second}}
        answer = only(
            db.update_kinesis_streaming_destination(**named, **configuration),
            "TableName", "StreamArn", "DestinationStatus", "UpdateKinesisStreamingConfiguration",
        )
        equal(answer["DestinationStatus"], "UPDATING")
        until(world, "ACTIVE", second)
        configuration = {"EnableKinesisStreamingConfiguration": {MEMBER: second}}
        answer = db.disable_kinesis_streaming_destination(**named, **configuration)
        equal(answer["DestinationStatus"], "DISABLING")
        until(world, "DISABLED", second)


@scenario("EnableKinesisStreamingDestination")
def records(world):
    """What comes in the stream."""
    world.db.enable_kinesis_streaming_destination(TableName="sent", StreamArn=world.stream)
    until(world, "ACTIVE", "MILLISECOND")
    text = refused(
        "ValidationException", world.db.enable_kinesis_streaming_destination, TableName="sent", StreamArn=world.stream
    )
    equal(
        text,
        "Table is not in a valid state to enable Kinesis Streaming Destination: EnableKinesisStreamingDestination must be "
        "DISABLED or ENABLE_FAILED to perform ENABLE operation.",
    )
    world.db.put_item(TableName="sent", Item={"id": s("x"), "price": n(1)})
    world.db.delete_item(TableName="sent", Key={"id": s("x")})
    kinesis = boto3.client("kinesis", endpoint_url=world.server.url)
    shard = {"StreamARN": world.stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    deadline, told = time.monotonic() + PATIENCE, []
    iterator = kinesis.get_shard_iterator(**shard)["ShardIterator"]
    while len(told) < 2:
        assert time.monotonic() < deadline, told
        page = kinesis.get_records(ShardIterator=iterator)
        told += [json.loads(record["Data"]) for record in page["Records"]]
        iterator = page["NextShardIterator"]
    equal([record["eventName"] for record in told], ["INSERT", "REMOVE"])
    for record in told:
        equal((record["tableName"], record["recordFormat"]), ("sent", "application/json"))
        equal((record["eventSource"], record["dynamodb"]["Keys"]), ("aws:dynamodb", {"id": s("x")}))
    equal(told[0]["dynamodb"]["NewImage"], {"id": s("x"), "price": n(1)})
