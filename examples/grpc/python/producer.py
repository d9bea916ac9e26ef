"""Puts each line of standard input into a stream, over one streaming call, and prints where it is stored.

    python producer.py localhost:4566 orders < lines

Made for the code that grpcio-tools generates from proto/.
"""

import sys

from connect import connect
from millstream.v1 import records_pb2, records_pb2_grpc


def requests(stream):
    """One request a line; its first word is the partition key."""
    for line in sys.stdin.buffer:
        line = line.rstrip(b"\n")
        key = line.split(b" ", 1)[0].decode() or "-"
        entry = records_pb2.PutRecordsRequestEntry(partition_key=key, data=line)
        yield records_pb2.PutStreamRequest(stream_name=stream, records=[entry])


def main(address, stream):
    failed = 0
    with connect(address) as channel:
        # Answers come in the order of the requests while further ones are sent: nothing waits for anything.
        for answer in records_pb2_grpc.RecordsStub(channel).PutStream(requests(stream)):
            if answer.HasField("refusal"):
                sys.exit(f"{answer.refusal.reason}: {answer.refusal.message}")
            for result in answer.records:
                if result.HasField("error_code"):
                    # A shard's throughput is used up, say: a producer of yours would put the record again.
                    failed += 1
                    print(f"failed {result.error_code}", flush=True)
                else:
                    print(f"{result.shard_id} {result.sequence_number}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
