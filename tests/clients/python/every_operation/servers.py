"""The servers that the scenarios run against, and what moves them.

`plain` takes whatever comes, `busy` lets one call through in a second once it has had its burst, and on `slow`
streams are CREATING for a year. The clock of each can be moved, and errors can be made to happen.
"""

import json
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

from wire import Wire

ACCOUNT, REGION = "000000000000", "us-east-1"
STRANGER = "123456789012"
# Nothing is hidden: neither a second attempt nor what boto3 itself would refuse to send.
CONFIG = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def arn(stream, account=ACCOUNT):
    return f"arn:aws:kinesis:{REGION}:{account}:stream/{stream}"


class Server:
    def __init__(self, place, wire, note):
        self.url, self.admin = place["url"], place["admin"]
        self.wire, self.note = wire, note
        self.kinesis, self.listener = self.connect()

    def connect(self, **credentials):
        client = boto3.client("kinesis", endpoint_url=self.url, config=CONFIG, **credentials)
        return client, Wire(client, self.wire, self.note)

    def client_of(self, account):
        """An access key of twelve digits is the account."""
        return self.connect(aws_access_key_id=account, aws_secret_access_key="x")[0]

    def call(self, operation, parameters):
        """The operation by its name in the model."""
        methods = {name: method for method, name in self.kinesis.meta.method_to_api_mapping.items()}
        return getattr(self.kinesis, methods[operation])(**parameters)

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

    def inject(self, operation, code, **more):
        """The next call of the operation fails like this."""
        self.ask("POST", "/admin/faults", {"operation": operation, "error": code, "times": 1} | more)

    def clear_faults(self):
        self.ask("DELETE", "/admin/faults")
