"""boto3 over JSON, and boto3 over CBOR: it writes JSON, which is made CBOR before it is signed, and back.

Both see each body before boto3 reads it, and each answer's headers.
"""

import base64
import binascii
import contextlib
import json
import re

import cbor2

from frames import Frames

JSON = "application/x-amz-json-1.1"
CBOR = "application/x-amz-cbor-1.1"
# Its answers are event streams, which AWS has in JSON alone.
ALWAYS_JSON = {"SubscribeToShard"}
HEADERS = {
    "x-amzn-requestid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "x-amz-id-2": r"[A-Za-z0-9+/]{96}",
    "date": r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
}


class Json:
    name = "json"
    content_type = JSON

    def encode(self, shape, body):
        return json.dumps(body).encode()

    def decode(self, body):
        return json.loads(body)

    def to_json(self, shape, value):
        return value

    def is_blob(self, value):
        with contextlib.suppress(binascii.Error, TypeError, ValueError):
            base64.b64decode(value, validate=True)
            return True
        return False

    def is_timestamp(self, value):
        return isinstance(value, (int, float)) and not isinstance(value, bool)


class Millis(int):
    """What stands behind tag 1: AWS means milliseconds, others seconds."""


def millis(value):
    # Not a whole number is not a time of AWS's, and will be told.
    return Millis(value) if isinstance(value, int) else value


class Cbor:
    name = "cbor"
    content_type = CBOR

    def encode(self, shape, body):
        # As the AWS SDK for Java writes them: of indefinite length.
        return cbor2.dumps(typed(shape, body), indefinite_containers=True)

    def decode(self, body):
        return cbor2.loads(body, semantic_decoders={1: lambda value, immutable: millis(value)})

    def to_json(self, shape, value):
        return untyped(value)

    def is_blob(self, value):
        return isinstance(value, bytes)

    def is_timestamp(self, value):
        return isinstance(value, Millis)


def typed(shape, value):
    """What JSON has no types for, by the model."""
    if shape.type_name == "structure":
        return {name: typed(shape.members[name], item) for name, item in value.items()}
    if shape.type_name == "list":
        return [typed(shape.member, item) for item in value]
    if shape.type_name == "blob":
        return base64.b64decode(value)
    if shape.type_name == "timestamp":
        return cbor2.CBORTag(1, round(value * 1000))
    return value


def untyped(value):
    if isinstance(value, dict):
        return {name: untyped(item) for name, item in value.items()}
    if isinstance(value, list):
        return [untyped(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Millis):
        return value / 1000
    return value


class Wire:
    """Listens to a client: everything that it sends and gets goes past here."""

    def __init__(self, client, wire, note):
        self.wire = wire
        self.note = note
        self.service = client.meta.service_model
        self.added = {}
        self.sent = None
        client.meta.events.register_first("request-created.kinesis", self.request)
        client.meta.events.register("before-parse.kinesis", self.answer)

    @contextlib.contextmanager
    def adding(self, **members):
        """Members that boto3 would not send as they are: with a StreamId it turns to AWS, whatever its endpoint."""
        self.added = members
        try:
            yield
        finally:
            self.added = {}

    def format_of(self, operation):
        return Json() if operation in ALWAYS_JSON else self.wire

    def request(self, request, operation_name, **_):
        shape = self.service.operation_model(operation_name).input_shape
        wire, body = self.format_of(operation_name), json.loads(request.data) | self.added
        self.sent = body
        request.data = wire.encode(shape, body)
        request.headers["Content-Type"] = wire.content_type

    def answer(self, operation_model, response_dict, **_):
        wire = self.format_of(operation_model.name)
        status, headers = response_dict["status_code"], response_dict["headers"]
        problems = list(header_problems(headers))
        if status < 300 and operation_model.has_event_stream_output:
            self.note.answered(operation_model, self.sent, None, problems)
            response_dict["body"] = Frames(response_dict["body"], operation_model, wire, self.note)
            return
        body = response_dict["body"]
        if headers.get("content-type") != wire.content_type:
            problems.append(f"the content type is {headers.get('content-type')}")
        if status < 300 and operation_model.output_shape is None:
            if body:
                problems.append(f"there is a body: {body!r}")
            self.note.answered(operation_model, self.sent, {}, problems)
            return
        decoded = wire.decode(body)
        if status < 300:
            self.note.checked(operation_model, self.sent, decoded, wire, problems)
        else:
            self.note.refused(operation_model, self.sent, decoded, status, problems)
        response_dict["body"] = json.dumps(wire.to_json(operation_model.output_shape, decoded)).encode()
        headers["content-type"] = JSON


def header_problems(headers):
    for name, pattern in HEADERS.items():
        value = headers.get(name, "")
        if not re.fullmatch(pattern, value):
            yield f"the header {name} is {value!r}"
