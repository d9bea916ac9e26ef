"""Every operation on tables and on their streams with boto3: python every_table_operation JSON-OF-WHAT-TO-DO.

    {"operations": [names], "server": {"url": ..., "admin": ...}, "stream": the ARN of a stream of Kinesis}

Each answer is checked against botocore's models, with modules of `against_model`, which is on the path of modules. At
the end nothing of an operation's model may have gone unseen: members that are sent, members that are answered, values
of enums that are sent, declared errors. Prints, as JSON, what is wrong with each operation.
"""

import contextlib
import json
import sys
import traceback

# In the order in which they run: those further down use what those further up made.
import tables
import items
import legacy
import reads
import batches
import transactions
import resources
import streams
import destinations
import messages
import natural
import injected
from checks import SCENARIOS
from coverage import Coverage
from excuses import NOT_SENT, PARTS_NOT_ANSWERED
from service import Server, TableManners


class World:
    """The server, and what has been seen of it."""

    def __init__(self, task):
        self.operations = task["operations"]
        self.stream = task["stream"]
        # A client asks what a server answers, and the services are what clients know.
        self.coverage = None
        self.server = Server(task["server"], self)
        self.coverage = Coverage(self.server, self.operations, TableManners())
        self.db, self.streams = self.server.dynamodb, self.server.dynamodbstreams

    def __getattr__(self, name):
        """What listeners note goes where it is kept."""
        if name in ("checked", "answered", "refused"):
            return getattr(self.coverage, name)
        raise AttributeError(name)

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
        for gap in coverage.gaps(operation, NOT_SENT, {}):
            coverage.problem(operation, gap)
    for gap in coverage.gaps_of_structures(PARTS_NOT_ANSWERED):
        coverage.problem("structures", gap)
    print(json.dumps({name: problems for name, problems in coverage.problems.items() if problems}))


main(json.loads(sys.argv[1]))
