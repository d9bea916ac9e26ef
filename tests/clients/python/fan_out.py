"""Enhanced fan-out with boto3: does what it is told in lines of JSON, and prints what boto3 shows in lines of JSON.

The lines are explained in tests/tests/fan_out/driver.rs. What is right is not known here.
"""

import base64
import json
import sys
import threading

import boto3

kinesis = boto3.client("kinesis")
printing = threading.Lock()


def say(**line):
    with printing:
        print(json.dumps(line), flush=True)


def millis(time):
    return round(time.timestamp() * 1000)


def failure(error):
    """How boto3 shows a failure: a class of its own for each error that the model knows, as far as it goes."""
    shown = {"class": type(error).__name__, "message": str(error), "code": None, "status": None}
    response = getattr(error, "response", None)
    if response is not None:
        shown["code"] = response["Error"].get("Code")
        shown["message"] = response["Error"].get("Message")
        shown["status"] = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return shown


def consumer(found):
    return {
        "name": found["ConsumerName"],
        "arn": found["ConsumerARN"],
        "status": found["ConsumerStatus"],
        "created": millis(found["ConsumerCreationTimestamp"]),
        "stream": found.get("StreamARN"),
    }


def event(shown):
    return {
        "records": [
            {
                "number": record["SequenceNumber"],
                "key": record["PartitionKey"],
                "data": base64.b64encode(record["Data"]).decode(),
                "arrival": millis(record["ApproximateArrivalTimestamp"]),
                "encryption": record.get("EncryptionType"),
            }
            for record in shown["Records"]
        ],
        "continuation": shown.get("ContinuationSequenceNumber"),
        "behind": shown["MillisBehindLatest"],
        "children": [
            {
                "shard": child["ShardId"],
                "parents": child["ParentShards"],
                "range": [child["HashKeyRange"]["StartingHashKey"], child["HashKeyRange"]["EndingHashKey"]],
            }
            for child in shown.get("ChildShards", [])
        ],
    }


def follow(name, stream):
    """Gives every event as it comes, and how the stream of them ended."""
    try:
        for shown in stream:
            say(**{"from": name, "event": event(shown["SubscribeToShardEvent"])})
    except Exception as error:
        say(**{"from": name, "end": failure(error)})
    else:
        say(**{"from": name, "end": None})


def register(command):
    answer = kinesis.register_stream_consumer(StreamARN=command["stream"], ConsumerName=command["name"])
    return consumer(answer["Consumer"])


def describe(command):
    answer = kinesis.describe_stream_consumer(ConsumerARN=command["consumer"])
    return consumer(answer["ConsumerDescription"])


def list_all(command):
    answer = kinesis.list_stream_consumers(StreamARN=command["stream"])
    return [consumer(found) for found in answer["Consumers"]]


def deregister(command):
    kinesis.deregister_stream_consumer(ConsumerARN=command["consumer"])
    return {}


def subscribe(command):
    position = {"Type": command["type"]}
    if "number" in command:
        position["SequenceNumber"] = command["number"]
    if "timestamp" in command:
        position["Timestamp"] = command["timestamp"] / 1000
    more = {"DryRun": True} if command.get("dryRun") else {}
    answer = kinesis.subscribe_to_shard(
        ConsumerARN=command["consumer"], ShardId=command["shard"], StartingPosition=position, **more
    )
    following = threading.Thread(target=follow, args=(command["as"], answer["EventStream"]), daemon=True)
    following.start()
    return {}


COMMANDS = {
    "register": register,
    "describe": describe,
    "list": list_all,
    "deregister": deregister,
    "subscribe": subscribe,
}

for line in sys.stdin:
    command = json.loads(line)
    try:
        reply = COMMANDS[command["do"]](command)
    except Exception as error:
        reply = {"error": failure(error)}
    say(reply=reply)
