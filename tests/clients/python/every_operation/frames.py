"""Listens to an event stream: each frame passes here on its way to boto3, and is checked as it came."""

import json

from botocore.eventstream import EventStreamBuffer

from model import Check, seen_in

EVENT_HEADERS = {":event-type", ":content-type", ":message-type"}
EXCEPTION_HEADERS = {":exception-type", ":content-type", ":message-type"}


class Frames:
    """The body of an answer, for boto3 to read in place of the one that it stands for."""

    def __init__(self, raw, operation, wire, note):
        self.raw = raw
        self.operation = operation
        self.wire = wire
        self.note = note
        self.name = operation.output_shape.event_stream_name
        self.members = operation.output_shape.members[self.name].members
        self.buffer = EventStreamBuffer()
        self.is_first = True

    def stream(self):
        for chunk in self.raw.stream():
            # Checksums are verified by the buffer.
            self.buffer.add_data(chunk)
            for frame in self.buffer:
                self.look(frame)
            yield chunk

    def close(self):
        self.raw.close()

    def look(self, frame):
        kind = frame.headers.get(":event-type", frame.headers.get(":exception-type"))
        is_event = frame.headers.get(":message-type") == "event"
        problems = []
        if set(frame.headers) != (EVENT_HEADERS if is_event else EXCEPTION_HEADERS):
            problems.append(f"a frame has these headers: {frame.headers}")
        if frame.headers.get(":content-type") != self.wire.content_type:
            problems.append(f"a frame is of {frame.headers.get(':content-type')}")
        body = json.loads(frame.payload)
        if self.is_first:
            if (kind, body) != ("initial-response", {}):
                problems.append(f"the first frame is {kind}: {body}")
        elif kind not in self.members or is_event == bool(self.members[kind].metadata.get("exception")):
            problems.append(f"a frame is called {kind}: {frame.headers}")
        else:
            self.event(kind, body, problems)
        self.is_first = False
        for problem in problems:
            self.note.problem(self.operation.name, problem)

    def event(self, kind, body, problems):
        shape, path = self.members[kind], f"{self.name}.{kind}"
        check = Check(self.wire)
        check.value(shape, body, path)
        problems += check.problems
        if shape.metadata.get("exception") and set(body) != {"message"}:
            problems.append(f"{path} is told like this: {body}")
        self.note.told(self.operation, {self.name, path} | seen_in(shape, body, path))
