"""The server with its two services, and how it refuses.

Its clock can be moved, and errors can be made to happen.
"""

import json
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

from manners import Manners
from excuses import FOREIGN
from wire import Wire

ACCOUNT, REGION = "000000000000", "us-east-1"
# Nothing is hidden: neither a second attempt nor what boto3 itself would refuse to send.
CONFIG = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
STREAMS = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
# In front of an error's name stands where it is defined.
PACKAGES = {
    "ValidationException": "com.amazon.coral.validate#",
    "SerializationException": "com.amazon.coral.service#",
    "AccessDeniedException": "com.amazon.coral.service#",
    "ThrottlingException": "com.amazon.coral.service#",
}
# Those that call it `Message`, some of them in the model.
CAPITAL = {
    "AccessDeniedException",
    "IdempotentParameterMismatchException",
    "SerializationException",
    "TransactionCanceledException",
    "TransactionInProgressException",
}
MODELLED = "com.amazonaws.dynamodb.v20120810#"


def arn(table):
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"


class TableManners(Manners):
    undeclared = {"ValidationException", "SerializationException", "AccessDeniedException"}
    statuses = {"InternalServerError": 500}
    # What a call took has indexes only where a call touches them.
    shares_structures = True
    foreign = FOREIGN

    def code(self, body):
        return body.get("__type", "").rpartition("#")[2]

    def text_member(self, code):
        return "Message" if code in CAPITAL else "message"

    def more_members(self, code):
        return {
            "ConditionalCheckFailedException": {"Item"},
            "TransactionCanceledException": {"CancellationReasons"},
            "ProvisionedThroughputExceededException": {"ThrottlingReasons"},
            "RequestLimitExceeded": {"ThrottlingReasons"},
            "ThrottlingException": {"throttlingReasons"},
        }.get(code, set())

    def problems(self, declared, code, body, status):
        yield from super().problems(declared, code, body, status)
        expected = PACKAGES.get(code, MODELLED) + code
        if body.get("__type") != expected:
            yield f"{expected} is called {body.get('__type')}"


class Server:
    def __init__(self, place, note):
        self.url, self.admin = place["url"], place["admin"]
        self.dynamodb, self.dynamodbstreams = (
            boto3.client(name, endpoint_url=self.url, config=CONFIG) for name in ("dynamodb", "dynamodbstreams")
        )
        self.listeners = [Wire(client, note) for client in (self.dynamodb, self.dynamodbstreams)]

    def client_of(self, operation):
        return self.dynamodbstreams if operation in STREAMS else self.dynamodb

    def operation_model(self, operation):
        return self.client_of(operation).meta.service_model.operation_model(operation)

    def call(self, operation, parameters):
        """The operation by its name in the model."""
        client = self.client_of(operation)
        methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}
        return getattr(client, methods[operation])(**parameters)

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.admin + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as failure:
            raise AssertionError(failure.read().decode()) from failure

    def advance(self, seconds):
        self.ask("POST", "/admin/clock", {"advance_ms": round(seconds * 1000)})

    def inject(self, operation, code):
        """The next call of the operation fails like this."""
        service = "dynamodbstreams" if operation in STREAMS else "dynamodb"
        rule = {"service": service, "operation": operation, "error": code, "times": 1}
        self.ask("POST", "/admin/faults", rule)

    def clear_faults(self):
        self.ask("DELETE", "/admin/faults")
