"""Subscriptions: from every position, to the end of a shard, and all that one may end with."""

import datetime

from botocore.exceptions import EventStreamError

from calls import HALF
from checks import code_of, equal, only, refused, scenario
from servers import arn

STREAM = {"StreamName": "pushed"}
SHARD = "shardId-000000000000"

# What a subscription ends with that nothing on one machine brings about: the keys are the server's own, and damage to
# the disk is another test's.
WITHOUT_A_CAUSE = """
    InternalFailureException KMSAccessDeniedException KMSDisabledException KMSInvalidStateException
    KMSNotFoundException KMSOptInRequired KMSThrottlingException
""".split()


class Subscriber:
    """A consumer of its own: the next subscription of the same one would have to wait for 5 seconds."""

    def __init__(self, server, name):
        self.server = server
        self.names = {"StreamARN": arn("pushed"), "ConsumerName": name}
        consumer = server.kinesis.register_stream_consumer(**self.names)["Consumer"]
        self.consumer = {"ConsumerARN": consumer["ConsumerARN"], "ShardId": SHARD}
        # A consumer is ACTIVE once it is described as that.
        server.kinesis.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])

    def subscribe(self, kind, **more):
        position = {"Type": kind} | {name: more.pop(name) for name in POSITIONS if name in more}
        answer = self.server.kinesis.subscribe_to_shard(**self.consumer, StartingPosition=position, **more)
        return only(answer, "EventStream")["EventStream"]

    def deregister(self):
        self.server.kinesis.deregister_stream_consumer(**self.names)


POSITIONS = "SequenceNumber", "Timestamp"


def events(stream):
    for event in stream:
        equal(list(event), ["SubscribeToShardEvent"])
        yield event["SubscribeToShardEvent"]


def first_records(stream):
    """Those of the first event that has any."""
    records = next(event["Records"] for event in events(stream) if event["Records"])
    stream.close()
    return records


def ending(stream):
    """What a subscription ends with, or None."""
    try:
        for _ in stream:
            pass
    except EventStreamError as failure:
        return failure.response["Error"]["Code"]
    return None


@scenario("SubscribeToShard")
def positions(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(**STREAM, ShardCount=1)
    kinesis.start_stream_encryption(**STREAM, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    blobs = [b"first", b"second", bytes(range(256))]
    entries = [{"Data": blob, "PartitionKey": "ключ"} for blob in blobs]
    numbers = [put["SequenceNumber"] for put in kinesis.put_records(**STREAM, Records=entries)["Records"]]
    everything = Subscriber(world.plain, "everything").subscribe("TRIM_HORIZON")
    event = next(event for event in events(everything) if event["Records"])
    everything.close()
    records = event["Records"]
    equal([record["SequenceNumber"] for record in records], numbers)
    equal([record["Data"] for record in records], blobs)
    equal({(record["PartitionKey"], record["EncryptionType"]) for record in records}, {("ключ", "KMS")})
    assert int(event["ContinuationSequenceNumber"]) >= int(numbers[-1]), event
    equal(event["MillisBehindLatest"], 0)
    time = records[0]["ApproximateArrivalTimestamp"]
    for kind, more, expected in [
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": numbers[1]}, blobs[1:]),
        ("AFTER_SEQUENCE_NUMBER", {"SequenceNumber": numbers[1]}, blobs[2:]),
        # To the millisecond, and no further: JSON has it as a fraction.
        ("AT_TIMESTAMP", {"Timestamp": time - datetime.timedelta(milliseconds=1)}, blobs),
    ]:
        stream = Subscriber(world.plain, kind).subscribe(kind, **more)
        equal([record["Data"] for record in first_records(stream)], expected)
    latest = Subscriber(world.plain, "LATEST").subscribe("LATEST")
    kinesis.put_record(**STREAM, Data=b"new", PartitionKey="k")
    equal([record["Data"] for record in first_records(latest)], [b"new"])
    with world.plain.listener.adding(StreamId=world.stream_id):
        # Neither makes a subscription out of the other.
        Subscriber(world.plain, "by-id").subscribe("LATEST").close()


@scenario("SubscribeToShard")
def refusals(world):
    app = Subscriber(world.plain, "app")
    refused("DryRunOperationException", app.subscribe, kind="LATEST", DryRun=True)
    refused("InvalidArgumentException", app.subscribe, kind="AT_TIMESTAMP")
    refused("InvalidArgumentException", app.subscribe, kind="AT_SEQUENCE_NUMBER")
    stream = app.subscribe("LATEST", DryRun=False)
    refused("ResourceInUseException", app.subscribe, kind="LATEST")
    stream.close()
    app.consumer["ShardId"] = "shardId-000000000007"
    refused("ResourceNotFoundException", app.subscribe, kind="LATEST")
    app.deregister()


@scenario("SubscribeToShard")
def too_many_calls(world):
    """One in a second, of a consumer to a shard."""
    world.busy.kinesis.create_stream(**STREAM, ShardCount=1)
    app = Subscriber(world.busy, "app")
    codes = {code_of(app.subscribe, kind="LATEST", DryRun=True) for _ in range(3)}
    equal(codes, {"DryRunOperationException", "LimitExceededException"})


@scenario("SubscribeToShard")
def endings(world):
    kinesis = world.plain.kinesis
    app = Subscriber(world.plain, "app")
    older = app.subscribe("LATEST")
    world.plain.advance(6)
    newer = app.subscribe("LATEST")
    equal(ending(older), "ResourceInUseException")
    app.deregister()
    equal(ending(newer), "ResourceNotFoundException")
    app = Subscriber(world.plain, "app")
    for code in WITHOUT_A_CAUSE:
        world.plain.inject("SubscribeToShard", code, cut_after_events=1)
        equal(ending(app.subscribe("TRIM_HORIZON")), code)
    world.plain.clear_faults()
    stream = app.subscribe("LATEST")
    world.plain.advance(301)
    equal(ending(stream), None)


@scenario("SubscribeToShard")
def end_of_a_shard(world):
    kinesis = world.plain.kinesis
    stream = Subscriber(world.plain, "to-the-end").subscribe("TRIM_HORIZON")
    kinesis.split_shard(**STREAM, ShardToSplit=SHARD, NewStartingHashKey=HALF)
    *_, last = events(stream)
    assert "ContinuationSequenceNumber" not in last, last
    shards = kinesis.list_shards(**STREAM)["Shards"][1:]
    children = [{name: shard[name] for name in ("ShardId", "HashKeyRange")} | {"ParentShards": [SHARD]} for shard in shards]
    equal(last["ChildShards"], children)
