"""A member of a group over gRPC: settings and lines are those of tests/clients/kcl.

APPLICATION, STREAM, WORKER, ENDPOINT and FAILOVER_MILLIS are needed. RETRIEVAL is `polling` or `fan-out`. SIGTERM stops it
gracefully.
"""

import json
import os
import queue
import signal
import threading
import urllib.parse

import grpc
from millstream.v1 import consumers_pb2, consumers_pb2_grpc
from millstream.v1.consumers_pb2 import JoinRequest


def say(event, **more):
    print(json.dumps({"event": event} | more), flush=True)


class Member:
    """Prints what it is told, and checkpoints after every batch, so that a graceful end repeats nothing."""

    def __init__(self, requests):
        self.requests = requests
        self.shards = {}

    def checkpoint(self, assignment, **at):
        self.requests.put(JoinRequest(checkpoint={"assignment_id": assignment, **at}))

    def on_joined(self, message):
        say("started")

    def on_shard_assigned(self, message):
        self.shards[message.assignment_id] = message.shard_id
        say("initialized", shard=message.shard_id, **{"from": message.checkpoint})

    def on_records(self, message):
        shard = self.shards[message.assignment_id]
        for record in message.records:
            place = {"sequence_number": record.sequence_number, "sub_sequence_number": record.sub_sequence_number}
            say("record", shard=shard, key=record.partition_key, data=record.data.decode(), **place)
        self.checkpoint(message.assignment_id, **place)

    def on_shard_ended(self, message):
        self.checkpoint(message.assignment_id, shard_end=True)
        say("ended", shard=self.shards[message.assignment_id])

    def on_shard_requested(self, message):
        say("shutdown requested", shard=self.shards[message.assignment_id])

    def on_shard_revoked(self, message):
        if message.reason == consumers_pb2.SHARD_REVOCATION_LEASE_LOST:
            say("lost", shard=self.shards[message.assignment_id])

    def on_checkpoint_refused(self, message):
        say("not checkpointed", shard=self.shards.get(message.assignment_id), why=message.message)

    def hear(self, response):
        kind = response.WhichOneof("response")
        on = getattr(self, f"on_{kind}", None)
        if on:
            on(getattr(response, kind))


def main(settings):
    start = consumers_pb2.JoinStart(
        streams=[settings["STREAM"]],
        application_name=settings["APPLICATION"],
        worker_id=settings["WORKER"],
        initial_position=consumers_pb2.INITIAL_POSITION_TRIM_HORIZON,
        failover_time_millis=int(settings["FAILOVER_MILLIS"]),
    )
    start.retrieval = (
        consumers_pb2.RETRIEVAL_FAN_OUT
        if settings.get("RETRIEVAL") == "fan-out"
        else consumers_pb2.RETRIEVAL_POLLING
    )
    # Until it comes, signals wait for whoever asks for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    requests = queue.SimpleQueue()
    requests.put(JoinRequest(start=start))

    def leave():
        signal.sigwait([signal.SIGTERM])
        requests.put(JoinRequest(leave={}))

    threading.Thread(target=leave, daemon=True).start()
    member = Member(requests)
    with grpc.insecure_channel(urllib.parse.urlsplit(settings["ENDPOINT"]).netloc) as channel:
        for response in consumers_pb2_grpc.ConsumersStub(channel).Join(iter(requests.get, None)):
            member.hear(response)
    say("stopped", graceful=True)


if __name__ == "__main__":
    main(os.environ)
