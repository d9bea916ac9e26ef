"""Has the records of a stream pushed and prints them, going on where it stopped when a connection breaks.

    python subscriber.py localhost:4566 orders my-reader
"""

import sys
import threading
import time

import grpc
from connect import connect
from millstream.v1 import records_pb2, records_pb2_grpc, streams_pb2, streams_pb2_grpc


def consumer(streams, stream, name):
    """The ARN of a registered consumer, once it can subscribe."""
    request = streams_pb2.DescribeStreamSummaryRequest(stream_name=stream)
    arn = streams.DescribeStreamSummary(request).stream_description_summary.stream_arn
    try:
        streams.RegisterStreamConsumer(streams_pb2.RegisterStreamConsumerRequest(stream_arn=arn, consumer_name=name))
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.FAILED_PRECONDITION:  # it is registered already
            raise
    while True:
        request = streams_pb2.DescribeStreamConsumerRequest(stream_arn=arn, consumer_name=name)
        described = streams.DescribeStreamConsumer(request).consumer_description
        if described.consumer_status == streams_pb2.CONSUMER_STATUS_ACTIVE:
            return described.consumer_arn
        time.sleep(0.2)


def follow(records, arn, shard):
    """Prints a shard from the oldest record to its end."""
    position = records_pb2.StartingPosition(type=records_pb2.SHARD_ITERATOR_TYPE_TRIM_HORIZON)
    request = records_pb2.SubscribeRequest(consumer_arn=arn, shard_id=shard, starting_position=position)
    while True:
        try:
            for event in records.Subscribe(request):
                for record in event.records:
                    print(record.partition_key, record.data.decode(errors="replace"), flush=True)
                position.type = records_pb2.SHARD_ITERATOR_TYPE_AFTER_SEQUENCE_NUMBER
                position.sequence_number = event.continuation_sequence_number
                request.starting_position.CopyFrom(position)
            return
        except grpc.RpcError as error:
            print(f"{shard}: {error.details()}; once more", file=sys.stderr)
            time.sleep(1)


def main(address, stream, name):
    channel = connect(address)
    streams, records = streams_pb2_grpc.StreamsStub(channel), records_pb2_grpc.RecordsStub(channel)
    arn = consumer(streams, stream, name)
    for shard in streams.ListShards(streams_pb2.ListShardsRequest(stream_name=stream)).shards:
        threading.Thread(target=follow, args=(records, arn, shard.shard_id)).start()


if __name__ == "__main__":
    main(*sys.argv[1:4])
