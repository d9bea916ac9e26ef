"""Every operation of the model, with boto3 over JSON or over CBOR: python every_operation JSON-OF-WHAT-TO-DO.

    {"format": "json" or "cbor", "operations": [names], "servers": {name: {"url": ..., "admin": ...}}}

What it shares with `every_table_operation` is in `against_model`, which is on the path of modules. Each answer is
checked against botocore's model. At the end nothing of an operation's model may have gone unseen:
members that are sent, members that are answered, values of enums that are sent, declared errors. Prints, as JSON,
what is wrong with each operation.
"""

import contextlib
import json
import sys
import traceback

# In the order in which they run: those further down use what those further up made.
import streams
import resources
import records
import consumers
import resharding
import encryption
import subscriptions
import capacity
import natural
import injected
from calls import calls
from checks import SCENARIOS
from coverage import Coverage
from manners import Manners
from excuses import NOT_ANSWERED, NOT_SENT
from servers import Server
from wire import Cbor, Json


class World:
    """The servers, and what has been seen of them."""

    stream_id = streams.STREAM_ID

    def __init__(self, task):
        wire = {"json": Json, "cbor": Cbor}[task["format"]]()
        self.operations = task["operations"]
        # A client asks what a server answers, and the service is what a client knows.
        self.coverage = None
        self.plain, self.busy, self.slow = (
            Server(task["servers"][name], wire, self) for name in ("plain", "busy", "slow")
        )
        self.coverage = Coverage(self.plain.kinesis.meta.service_model, self.operations, Manners())

    def __getattr__(self, name):
        """What listeners note goes where it is kept."""
        if name in ("answered", "checked", "problem", "refused", "told"):
            return getattr(self.coverage, name)
        raise AttributeError(name)

    def built(self, operations):
        return [operation for operation in operations if operation in self.operations]

    def with_stream_id(self, *operations, stream="orders"):
        """A StreamId beside a name or an ARN says nothing."""
        with self.plain.listener.adding(StreamId=self.stream_id):
            for operation in operations:
                self.plain.call(operation, calls(stream)[operation])

    @contextlib.contextmanager
    def blaming(self, *operations):
        """What fails in here is the fault of these."""
        try:
            yield
        except Exception:
            for operation in operations or self.operations:
                self.coverage.problem(operation, traceback.format_exc())


def main(task):
    world = World(task)
    for function, operations in SCENARIOS:
        with world.blaming(*operations):
            function(world)
    coverage = world.coverage
    for operation in world.operations:
        for gap in coverage.gaps(operation, NOT_SENT, NOT_ANSWERED):
            coverage.problem(operation, gap)
    print(json.dumps({name: problems for name, problems in coverage.problems.items() if problems}))


main(json.loads(sys.argv[1]))
