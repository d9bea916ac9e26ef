"""What has been seen of the model so far, and what has not."""

from model import Check, paths, seen_in


class Coverage:
    """`errors` knows how the service writes what it refuses: see `Errors`."""

    def __init__(self, service, operations, errors):
        self.service = service
        self.errors_of = errors
        self.operations = operations
        self.inputs = {name: set() for name in operations}
        self.outputs = {name: set() for name in operations}
        self.errors = {name: set() for name in operations}
        self.problems = {name: [] for name in operations}

    def problem(self, operation, text):
        self.problems.setdefault(operation, []).append(text)

    def answered(self, operation, sent, answer, problems):
        """A call that succeeded."""
        name = operation.name
        self.inputs.setdefault(name, set()).update(seen_in(operation.input_shape, sent))
        if answer is not None:
            self.outputs.setdefault(name, set()).update(seen_in(operation.output_shape, answer))
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
        name, code = operation.name, self.errors_of.code(body)
        declared = {shape.name for shape in operation.error_shapes}
        problems = [*problems, *self.errors_of.problems(declared, code, body, status)]
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
        for kind, expected, seen, known in [
            ("input", members, self.inputs[name], set(not_sent.get(name, {}))),
            ("output", answers, self.outputs[name], set(not_answered.get(name, {}))),
            ("error", self.declared(name), self.errors[name], set()),
        ]:
            for path in sorted(path for path in expected - seen - known if not self.errors_of.is_foreign(path)):
                yield f"{kind} {path} was never exercised"
            for path in sorted(known - expected):
                yield f"{kind} {path} is excused and not in the model"
            for path in sorted(known & seen):
                yield f"{kind} {path} is excused and was exercised"
