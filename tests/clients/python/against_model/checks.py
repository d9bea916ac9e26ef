"""How scenarios say what they expect."""

from botocore.exceptions import ClientError

SCENARIOS = []


def scenario(*operations):
    """Declares what a function tests: where it fails, these operations have."""

    def declare(function):
        SCENARIOS.append((function, operations))
        return function

    return declare


def equal(left, right):
    assert left == right, f"{left!r} is not {right!r}"


def code_of(call, **parameters):
    """What a call fails with, or None."""
    try:
        call(**parameters)
    except ClientError as failure:
        return failure.response["Error"]["Code"]
    return None


def refused(code, call, **parameters):
    """The call fails like this. Gives the text."""
    try:
        call(**parameters)
    except ClientError as failure:
        error = failure.response["Error"]
        assert error["Code"] == code, f"not {code}: {error}"
        return error["Message"]
    raise AssertionError(f"no {code}")


def only(answer, *members):
    """Apart from what boto3 adds, an answer has these members and no others."""
    equal(sorted(set(answer) - {"ResponseMetadata"}), sorted(members))
    return answer
