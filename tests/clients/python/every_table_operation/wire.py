"""What boto3 sends and gets, before it is read: each answer is checked as it came."""

import base64
import binascii
import contextlib
import json
import re
import zlib

JSON = "application/x-amz-json-1.0"
REQUEST_ID = r"[A-Z0-9]{52}"
DATE = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"


class Wire:
    """Listens to a client: everything that it sends and gets goes past here."""

    def __init__(self, client, note):
        self.note = note
        self.sent = None
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"request-created.{service}", self.request)
        client.meta.events.register(f"before-parse.{service}", self.answer)

    def request(self, request, **_):
        self.sent = json.loads(request.data)

    def answer(self, operation_model, response_dict, **_):
        status, headers, body = (response_dict[name] for name in ("status_code", "headers", "body"))
        problems = list(header_problems(headers, body))
        if status < 300 and operation_model.output_shape is None:
            if body not in (b"", b"{}"):
                problems.append(f"there is a body: {body!r}")
            self.note.answered(operation_model, self.sent, {}, problems)
        elif status < 300:
            self.note.checked(operation_model, self.sent, json.loads(body), self, problems)
        else:
            self.note.refused(operation_model, self.sent, json.loads(body), status, problems)

    def is_blob(self, value):
        with contextlib.suppress(binascii.Error, TypeError, ValueError):
            base64.b64decode(value, validate=True)
            return True
        return False

    def is_timestamp(self, value):
        return isinstance(value, (int, float)) and not isinstance(value, bool)


def header_problems(headers, body):
    expected = {
        "content-type": re.escape(JSON),
        "x-amzn-requestid": REQUEST_ID,
        "date": DATE,
        # boto3 asks again where it is wrong; here nothing is asked twice.
        "x-amz-crc32": str(zlib.crc32(body)),
    }
    for name, pattern in expected.items():
        value = headers.get(name, "")
        if not re.fullmatch(pattern, value):
            yield f"the header {name} is {value!r}"
