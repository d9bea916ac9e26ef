"""Streams of tables: listed, described, read from every position."""

import datetime
import time

from calls import key, n, s, table_of
from checks import equal, only, refused, scenario
from service import arn
from tables import PATIENCE, create, delete, until_active

RECORD = ["awsRegion", "dynamodb", "eventID", "eventName", "eventSource", "eventVersion"]


def changes(world, stream, **position):
    """All records that there are from there on, and whether the shards have ended."""
    records, ended = [], True
    for shard in shards(world, stream):
        start = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"} | position
        iterator = only(world.streams.get_shard_iterator(**start), "ShardIterator")["ShardIterator"]
        while iterator:
            page = world.streams.get_records(ShardIterator=iterator, Limit=100)
            iterator = page.get("NextShardIterator")
            records += page["Records"]
            if not page["Records"] and iterator:
                ended = False
                break
    return records, ended


def shards(world, stream):
    return world.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]


@scenario("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")
def images(world):
    """Each kind of view shows of a change what it is for."""
    item, new = {"id": s("x"), "price": n(1)}, {"id": s("x"), "price": n(2)}
    for view, shows_old, shows_new in [
        ("KEYS_ONLY", False, False),
        ("NEW_IMAGE", False, True),
        ("OLD_IMAGE", True, False),
        ("NEW_AND_OLD_IMAGES", True, True),
    ]:
        table = table_of(f"view-{view}", StreamSpecification={"StreamEnabled": True, "StreamViewType": view})
        stream = create(world, table)["LatestStreamArn"]
        name = table["TableName"]
        world.db.put_item(TableName=name, Item=item)
        # This changes nothing.
        world.db.put_item(TableName=name, Item=item)
        world.db.put_item(TableName=name, Item=new)
        world.db.delete_item(TableName=name, Key={"id": s("x")})
        world.db.delete_item(TableName=name, Key={"id": s("x")})
        records, _ = changes(world, stream)
        equal([record["eventName"] for record in records], ["INSERT", "MODIFY", "REMOVE"])
        for record, before, after in zip(records, (None, item, new), (item, new, None), strict=True):
            equal(sorted(record), RECORD)
            equal((record["eventVersion"], record["eventSource"]), ("1.1", "aws:dynamodb"))
            change = record["dynamodb"]
            equal((change["Keys"], change["StreamViewType"]), ({"id": s("x")}, view))
            equal(change.get("OldImage"), before if shows_old else None)
            equal(change.get("NewImage"), after if shows_new else None)
            assert change["SizeBytes"] >= 3, change
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        equal(numbers, sorted(numbers))
        equal(len({record["eventID"] for record in records}), 3)


@scenario("DescribeStream", "ListStreams")
def describe(world):
    listed = only(world.streams.list_streams(TableName="orders"), "Streams")["Streams"]
    equal([sorted(stream) for stream in listed], [["StreamArn", "StreamLabel", "TableName"]])
    stream = listed[0]["StreamArn"]
    shown = only(world.streams.describe_stream(StreamArn=stream, Limit=100), "StreamDescription")["StreamDescription"]
    equal((shown["StreamStatus"], shown["TableName"]), ("ENABLED", "orders"))
    equal(stream, f"{arn('orders')}/stream/{shown['StreamLabel']}")
    first = only(world.streams.list_streams(Limit=1), "Streams", "LastEvaluatedStreamArn")
    equal(first["LastEvaluatedStreamArn"], first["Streams"][0]["StreamArn"])
    rest = world.streams.list_streams(ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])["Streams"]
    assert first["Streams"][0] not in rest and stream in [one["StreamArn"] for one in first["Streams"] + rest]


@scenario("DescribeStream", "GetShardIterator", "GetRecords")
def positions(world):
    """A record is found by its number and by its time, as long as it is kept."""
    stream = world.streams.list_streams(TableName="orders")["Streams"][0]["StreamArn"]
    for price in 1, 2:
        world.db.put_item(TableName="orders", Item=key("found") | {"price": n(price)})
    for shard in shards(world, stream):
        of_shard = {"StreamArn": stream, "ShardId": shard["ShardId"]}
        records = [record for record in records_from(world, of_shard, ShardIteratorType="TRIM_HORIZON")
                   if record["dynamodb"]["Keys"] == key("found")]
        if not records:
            continue
        first, second = (record["dynamodb"] for record in records)
        number = {"SequenceNumber": first["SequenceNumber"]}
        found = records_from(world, of_shard, ShardIteratorType="AT_SEQUENCE_NUMBER", **number)
        equal([record["dynamodb"] for record in found], [first, second])
        found = records_from(world, of_shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", **number)
        equal([record["dynamodb"] for record in found], [second])
        equal(records_from(world, of_shard, ShardIteratorType="LATEST"), [])
        moment = first["ApproximateCreationDateTime"] - datetime.timedelta(seconds=1)
        found = records_from(world, of_shard, ShardIteratorType="AT_TIMESTAMP", Timestamp=moment)
        equal([record["dynamodb"] for record in found][-2:], [first, second])
        world.server.advance(25 * 3600)
        trimmed = of_shard | number | {"ShardIteratorType": "AT_SEQUENCE_NUMBER"}
        deadline = time.monotonic() + PATIENCE
        # What is too old goes with the next look at what there is, once a minute.
        while has_records(world, of_shard):
            assert time.monotonic() < deadline
            world.server.advance(60)
            time.sleep(0.1)
        refused("TrimmedDataAccessException", world.streams.get_shard_iterator, **trimmed)
        return
    raise AssertionError("no shard has the records")


@scenario("DescribeStream")
def generations(world):
    """A shard takes no more after four hours, and another goes on where it ended."""
    stream = world.streams.list_streams(TableName="orders")["Streams"][0]["StreamArn"]
    before = [shard["ShardId"] for shard in shards(world, stream)]
    world.server.advance(5 * 3600)
    deadline = time.monotonic() + PATIENCE
    while True:
        world.db.put_item(TableName="orders", Item=key("generations") | {"price": n(time.monotonic_ns())})
        described = shards(world, stream)
        children = [shard for shard in described if shard["ShardId"] not in before]
        if children:
            break
        assert time.monotonic() < deadline, described
        # Shards are looked at once a minute.
        world.server.advance(60)
        time.sleep(0.1)
    parent = next(shard for shard in described if shard["ShardId"] == children[0]["ParentShardId"])
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"], parent
    of_parent = {"Type": "CHILD_SHARDS", "ShardId": parent["ShardId"]}
    found = world.streams.describe_stream(StreamArn=stream, ShardFilter=of_parent)["StreamDescription"]["Shards"]
    assert children[0]["ShardId"] in [shard["ShardId"] for shard in found], found
    page = world.streams.describe_stream(StreamArn=stream, Limit=1)["StreamDescription"]
    equal(page["LastEvaluatedShardId"], described[0]["ShardId"])
    rest = world.streams.describe_stream(StreamArn=stream, ExclusiveStartShardId=page["LastEvaluatedShardId"])
    equal([shard["ShardId"] for shard in rest["StreamDescription"]["Shards"]], [shard["ShardId"] for shard in described[1:]])


@scenario("DescribeStream", "GetRecords")
def the_end(world):
    """A stream that is disabled can be read to its end."""
    table = table_of("ending", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    stream = create(world, table)["LatestStreamArn"]
    world.db.put_item(TableName="ending", Item={"id": s("x")})
    world.db.update_table(TableName="ending", StreamSpecification={"StreamEnabled": False})
    until_active(world, "ending")
    described = world.streams.describe_stream(StreamArn=stream)["StreamDescription"]
    equal(described["StreamStatus"], "DISABLED")
    for shard in described["Shards"]:
        assert "EndingSequenceNumber" in shard["SequenceNumberRange"], shard
    records, ended = changes(world, stream)
    equal(([record["eventName"] for record in records], ended), (["INSERT"], True))
    delete(world, "ending")


@scenario("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")
def beyond_the_table(world):
    """The stream of a deleted table can be read until its records expire, beside that of another table of its name."""
    table = table_of("orphaned", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    stream = create(world, table)["LatestStreamArn"]
    world.db.put_item(TableName="orphaned", Item={"id": s("x")})
    delete(world, "orphaned")
    described = world.streams.describe_stream(StreamArn=stream)["StreamDescription"]
    equal((described["StreamStatus"], described["TableName"]), ("DISABLED", "orphaned"))
    records, ended = changes(world, stream)
    equal(([record["eventName"] for record in records], ended), (["INSERT"], True))
    ends = [shard["SequenceNumberRange"]["EndingSequenceNumber"] for shard in described["Shards"]]
    equal(ends, [records[0]["dynamodb"]["SequenceNumber"]])
    second = create(world, table)["LatestStreamArn"]
    equal([one["StreamArn"] for one in world.streams.list_streams(TableName="orphaned")["Streams"]], [stream, second])
    equal(changes(world, second), ([], False))
    world.server.advance(25 * 3600)
    text = refused("ResourceNotFoundException", world.streams.describe_stream, StreamArn=stream)
    equal(text, f"Requested resource not found: Stream: {stream} not found")
    equal([one["StreamArn"] for one in world.streams.list_streams(TableName="orphaned")["Streams"]], [second])
    delete(world, "orphaned")


def has_records(world, shard):
    try:
        return bool(records_from(world, shard, ShardIteratorType="TRIM_HORIZON"))
    except world.streams.exceptions.TrimmedDataAccessException:
        # They went between the iterator and its use.
        return True


def records_from(world, shard, **position):
    iterator = world.streams.get_shard_iterator(**shard, **position)["ShardIterator"]
    return world.streams.get_records(ShardIterator=iterator)["Records"]


@scenario("GetRecords", "GetShardIterator", "DescribeStream")
def iterators_that_are_old(world):
    stream = world.streams.list_streams(TableName="orders")["Streams"][0]["StreamArn"]
    shard = shards(world, stream)[-1]["ShardId"]
    start = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "LATEST"}
    iterator = world.streams.get_shard_iterator(**start)["ShardIterator"]
    world.server.advance(16 * 60)
    refused("ExpiredIteratorException", world.streams.get_records, ShardIterator=iterator)
    missing = f"{arn('orders')}/stream/2020-01-01T00:00:00.000"
    for call, more in (world.streams.describe_stream, {}), (world.streams.get_shard_iterator, start):
        text = refused("ResourceNotFoundException", call, **more | {"StreamArn": missing})
        equal(text, f"Requested resource not found: Stream: {missing} not found")


@scenario("GetRecords")
def what_expires(world):
    """What a time to live takes away is told with who did it."""
    table = table_of("expiring", StreamSpecification={"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"})
    stream = create(world, table)["LatestStreamArn"]
    world.db.update_time_to_live(
        TableName="expiring", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    # By the server's clock, which is ahead.
    now = int(records_now(world))
    world.db.put_item(TableName="expiring", Item={"id": s("x"), "expires": n(now + 60)})
    world.server.advance(3600)
    until_gone(world)
    record = changes(world, stream)[0][-1]
    equal(record["eventName"], "REMOVE")
    equal(record["userIdentity"], {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"})
    delete(world, "expiring")


def records_now(world):
    return until_active(world, "expiring")["CreationDateTime"].timestamp()


def until_gone(world):
    deadline = time.monotonic() + 60
    while world.db.get_item(TableName="expiring", Key={"id": s("x")}).get("Item"):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.1)
