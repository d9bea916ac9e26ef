"""Processes the records of a stream as a member of a group: start it as often as you like, and the shards are shared.

    python group_consumer.py localhost:4566 orders my-application

The server keeps the leases and reads the shards. SIGTERM gives them back once everything in work is done.
"""
import queue
import signal
import sys
import threading

import grpc
from connect import connect
from millstream.v1 import consumers_pb2 as messages, consumers_pb2_grpc


def process(shard, record):
    print(shard, record.partition_key, record.data.decode(errors="replace"), flush=True)


def member(channel, start, requests):
    """One call, which ends well if it was asked to leave."""
    shards = {}
    requests.put(messages.JoinRequest(start=start))
    for response in consumers_pb2_grpc.ConsumersStub(channel).Join(iter(requests.get, None)):
        message = (kind := response.WhichOneof("response")) and getattr(response, kind)
        if kind == "shard_assigned":
            shards[message.assignment_id] = message.shard_id
        elif kind == "records":
            for record in message.records:
                process(shards[message.assignment_id], record)
            # What is not acknowledged comes again.
            done = {"sequence_number": record.sequence_number, "sub_sequence_number": record.sub_sequence_number}
            requests.put(messages.JoinRequest(checkpoint={"assignment_id": message.assignment_id, **done}))
        elif kind == "shard_ended":
            end = {"assignment_id": message.assignment_id, "shard_end": True}  # its children begin once this is stored
            requests.put(messages.JoinRequest(checkpoint=end))
        elif kind in ("shard_revoked", "checkpoint_refused"):
            print(f"{shards.get(message.assignment_id)}: {kind} {message.reason}", file=sys.stderr)


def main(address, stream, application):
    position = messages.INITIAL_POSITION_TRIM_HORIZON
    start = messages.JoinStart(streams=[stream], application_name=application, initial_position=position)
    requests, leaving = queue.SimpleQueue(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: (leaving.set(), requests.put(messages.JoinRequest(leave={}))))
    while not leaving.is_set():
        try:
            with connect(address) as channel:
                return member(channel, start, requests)
        except grpc.RpcError as error:
            print(f"{error.details()}; once more", file=sys.stderr)
            requests.put(None)
            requests = queue.SimpleQueue()
            leaving.wait(1)


if __name__ == "__main__":
    main(*sys.argv[1:4])
