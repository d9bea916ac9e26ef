"""Consumers: registered, described, listed, deregistered."""

import datetime

from checks import equal, only, refused, scenario
from servers import arn


@scenario("RegisterStreamConsumer", "DescribeStreamConsumer")
def register(world):
    kinesis = world.plain.kinesis
    stream = {"StreamARN": arn("orders")}
    registered = only(kinesis.register_stream_consumer(**stream, ConsumerName="app"), "Consumer")["Consumer"]
    equal((registered["ConsumerName"], registered["ConsumerStatus"]), ("app", "CREATING"))
    for by in stream | {"ConsumerName": "app"}, {"ConsumerARN": registered["ConsumerARN"]}:
        described = only(kinesis.describe_stream_consumer(**by), "ConsumerDescription")["ConsumerDescription"]
        equal(described, registered | {"ConsumerStatus": "ACTIVE", "StreamARN": arn("orders")})
    kinesis.register_stream_consumer(**stream, ConsumerName="tagged", Tags={"team": "a"})
    refused("InvalidArgumentException", kinesis.describe_stream_consumer, **stream)
    world.with_stream_id("DescribeStreamConsumer")
    with world.plain.listener.adding(StreamId=world.stream_id):
        kinesis.register_stream_consumer(**stream, ConsumerName="third")


@scenario("ListStreamConsumers")
def list_consumers(world):
    kinesis = world.plain.kinesis
    stream = {"StreamARN": arn("orders")}
    first = only(kinesis.list_stream_consumers(**stream, MaxResults=2), "Consumers", "NextToken")
    rest = only(kinesis.list_stream_consumers(**stream, NextToken=first["NextToken"]), "Consumers")
    names = [consumer["ConsumerName"] for consumer in first["Consumers"] + rest["Consumers"]]
    equal(names, ["app", "tagged", "third"])
    pages = kinesis.get_paginator("list_stream_consumers").paginate(**stream, PaginationConfig={"PageSize": 1})
    equal([len(page["Consumers"]) for page in pages], [1, 1, 1])
    created = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    equal(len(kinesis.list_stream_consumers(**stream, StreamCreationTimestamp=created)["Consumers"]), 3)
    other = created - datetime.timedelta(hours=1)
    refused("ResourceNotFoundException", kinesis.list_stream_consumers, **stream, StreamCreationTimestamp=other)
    world.with_stream_id("ListStreamConsumers")


@scenario("DeregisterStreamConsumer")
def deregister(world):
    kinesis = world.plain.kinesis
    stream = {"StreamARN": arn("orders")}
    tagged = kinesis.describe_stream_consumer(**stream, ConsumerName="tagged")["ConsumerDescription"]
    only(kinesis.deregister_stream_consumer(ConsumerARN=tagged["ConsumerARN"]))
    only(kinesis.deregister_stream_consumer(**stream, ConsumerName="third"))
    refused("ResourceNotFoundException", kinesis.describe_stream_consumer, **stream, ConsumerName="tagged")
    world.with_stream_id("DeregisterStreamConsumer")
