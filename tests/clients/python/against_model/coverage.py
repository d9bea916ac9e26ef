"""What has been seen of the model so far, and what has not."""

from model import Check, parts, parts_in, paths, seen_in


class Coverage:
    """`manners` are what the service does differently from others: see `Manners`."""

    def __init__(self, service, operations, manners):
        self.service = service
        self.manners = manners
        self.operations = operations
        self.inputs = {name: set() for name in operations}
        self.outputs = {name: set() for name in operations}
        self.errors = {name: set() for name in operations}
        self.problems = {name: [] for name in operations}
        # Members of structures, in whichever operation's answer.
        self.parts = set()

    def problem(self, operation, text):
        self.problems.setdefault(operation, []).append(text)

    def answered(self, operation, sent, answer, problems):
        """A call that succeeded."""
        name = operation.name
        self.inputs.setdefault(name, set()).update(seen_in(operation.input_shape, sent))
        if answer is not None:
            self.outputs.setdefault(name, set()).update(seen_in(operation.output_shape, answer))
            self.parts |= parts_in(operation.output_shape, answer)
        for text in problems:
            self.problem(name, text)

    def told(self, operation, seen):
        """An event, by the paths that it has."""
        self.outputs.setdefault(operation.name, set()).update(seen)

    def checked(self, operation, sent, answer, wire, problems):
        """A call that succeeded, with an answer that is checked against the model."""
        check = Check(wire)
        check.value(operation.output_shape, answer, operation.name)
        self.answered(operation, sent, answer, problems + check.problems)

    def refused(self, operation, sent, body, status, problems):
        name, code = operation.name, self.manners.code(body)
        declared = {shape.name for shape in operation.error_shapes}
        problems = [*problems, *self.manners.problems(declared, code, body, status)]
        self.errors.setdefault(name, set()).add(code)
        if code == "DryRunOperationException":
            # All that was sent was taken.
            self.inputs.setdefault(name, set()).update(seen_in(operation.input_shape, sent))
        for text in problems:
            self.problem(name, text)

    def declared(self, name):
        return {shape.name for shape in self.service.operation_model(name).error_shapes}

    def gaps(self, name, not_sent, not_answered):
        """What the model has and was never seen, unless it is known why; and what was seen all the same."""
        operation = self.service.operation_model(name)
        members = paths(operation.input_shape, values=True)
        answers = paths(operation.output_shape, values=False)
        # Of what many answers have in common no answer has everything.
        if self.manners.shares_structures and operation.output_shape is not None:
            answers = set(operation.output_shape.members)
        checked = [
            ("input", members, self.inputs[name], set(not_sent.get(name, {}))),
            ("output", answers, self.outputs[name] & answers, set(not_answered.get(name, {}))),
            ("error", self.declared(name), self.errors[name], set()),
        ]
        for kind, expected, seen, known in checked:
            yield from self.compared(kind, expected, seen, known)

    def gaps_of_structures(self, not_answered):
        """What structures have, in whichever operation's answer, and was never seen."""
        shapes = (self.service.operation_model(name).output_shape for name in self.operations)
        expected = set().union(*(parts(shape, self.manners.foreign) for shape in shapes))
        yield from self.compared("part", expected, self.parts, set(not_answered))

    def compared(self, kind, expected, seen, known):
        for path in sorted(path for path in expected - seen - known if not self.manners.is_foreign(path)):
            yield f"{kind} {path} was never exercised"
        for path in sorted(known - expected):
            yield f"{kind} {path} is excused and not in the model"
        for path in sorted(known & seen):
            yield f"{kind} {path} is excused and was exercised"
