"""The service model as boto3 has it: which members there are, and whether an answer keeps to it.

An answer is checked as it came, not as boto3 reads it: what boto3 does not know it drops without a word.
"""

import re

# Values of these hold values of these. Which kinds of them come through is for a test of its own.
LEAVES = {"AttributeValue"}
# AWS itself breaks its model here, and clients rely on what it does: (structure, member), and what is let through.
EMPTY_ALLOWED = {
    ("EnhancedMetrics", "ShardLevelMetrics"),
    ("EnhancedMonitoringOutput", "CurrentShardLevelMetrics"),
    ("EnhancedMonitoringOutput", "DesiredShardLevelMetrics"),
    ("BatchGetItemOutput", "UnprocessedKeys"),
    ("BatchWriteItemOutput", "UnprocessedItems"),
}
ZERO_ALLOWED = {
    ("PutRecordsOutput", "FailedRecordCount"),
    ("ProvisionedThroughputDescription", "NumberOfDecreasesToday"),
}
ABSENT_ALLOWED = {("SubscribeToShardEvent", "ContinuationSequenceNumber")}

NUMBERS = ("integer", "long", "float", "double")


def paths(shape, values, path=""):
    """Every member of a structure by its path, such as `Records[].Data`; with `values`, each value of an enum too."""
    if shape is None or shape.name in LEAVES:
        return set()
    if shape.type_name == "structure":
        inner = [(f"{path}.{name}" if path else name, member) for name, member in shape.members.items()]
        return {name for name, _ in inner}.union(*(paths(member, values, name) for name, member in inner))
    if shape.type_name == "list":
        return paths(shape.member, values, f"{path}[]")
    if shape.type_name == "map":
        return paths(shape.value, values, f"{path}{{}}")
    if values and getattr(shape, "enum", None):
        return {f"{path}={value}" for value in shape.enum}
    return set()


def seen_in(shape, value, path=""):
    """The paths of `paths` that a value has."""
    if shape is None or value is None or shape.name in LEAVES:
        return set()
    if shape.type_name == "structure":
        inner = [
            (f"{path}.{name}" if path else name, shape.members[name], value[name])
            for name in value
            if name in shape.members
        ]
        return {name for name, _, _ in inner}.union(*(seen_in(member, item, name) for name, member, item in inner))
    if shape.type_name == "list":
        return set().union(*(seen_in(shape.member, item, f"{path}[]") for item in value))
    if shape.type_name == "map":
        return set().union(*(seen_in(shape.value, item, f"{path}{{}}") for item in value.values()))
    if getattr(shape, "enum", None):
        return {f"{path}={value}"}
    return set()


def parts(shape, left_out=frozenset()):
    """The members of all structures inside a value of this shape, such as `Record.Data`, whoever holds them. Nothing is
    said of members that are called like those that are left out, nor of what is in them."""
    if shape is None or shape.name in LEAVES:
        return set()
    if shape.type_name == "structure":
        members = {name: member for name, member in shape.members.items() if name not in left_out}
        inner = (parts(member, left_out) for member in members.values())
        return {f"{shape.name}.{name}" for name in members}.union(*inner)
    if shape.type_name == "list":
        return parts(shape.member, left_out)
    if shape.type_name == "map":
        return parts(shape.value, left_out)
    return set()


def parts_in(shape, value):
    """The members of `parts` that a value has."""
    if shape is None or value is None or shape.name in LEAVES:
        return set()
    if shape.type_name == "structure":
        inner = [(name, shape.members[name], value[name]) for name in value if name in shape.members]
        seen = {f"{shape.name}.{name}" for name, _, _ in inner}
        return seen.union(*(parts_in(member, item) for _, member, item in inner))
    if shape.type_name == "list":
        return set().union(*(parts_in(shape.member, item) for item in value))
    if shape.type_name == "map":
        return set().union(*(parts_in(shape.value, item) for item in value.values()))
    return set()


class Check:
    """Collects how a decoded answer breaks the model. `wire` knows blobs and timestamps of its format."""

    def __init__(self, wire):
        self.wire = wire
        self.problems = []

    def value(self, shape, value, path, member=None):
        kind = shape.type_name
        if value is None:
            self.problems.append(f"{path} is null")
        elif kind == "structure":
            self.structure(shape, value, path)
        elif kind == "list":
            self.list(shape, value, path, member)
        elif kind == "map":
            self.map(shape, value, path, member)
        elif kind == "string":
            self.text(shape, value, path)
        elif kind in NUMBERS:
            self.number(shape, value, path, member)
        elif kind == "boolean":
            self.is_kind(bool, value, path)
        elif kind == "blob":
            if not self.wire.is_blob(value):
                self.problems.append(f"{path} is no blob: {value!r}")
        elif kind == "timestamp":
            if not self.wire.is_timestamp(value):
                self.problems.append(f"{path} is no timestamp: {value!r}")
        else:
            self.problems.append(f"{path}: nobody knows how to check a {kind}")

    def is_kind(self, kind, value, path):
        # To Python a boolean is a number.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return True
        self.problems.append(f"{path} is no {kind.__name__}: {value!r}")
        return False

    def structure(self, shape, value, path):
        if not self.is_kind(dict, value, path):
            return
        if shape.name in LEAVES and len(value) != 1:
            self.problems.append(f"{path} is not of one kind: {value!r}")
        for name in shape.required_members:
            if name not in value and (shape.name, name) not in ABSENT_ALLOWED:
                self.problems.append(f"{path}.{name} is missing")
        for name, item in value.items():
            if name in shape.members:
                self.value(shape.members[name], item, f"{path}.{name}", (shape.name, name))
            else:
                self.problems.append(f"{path}.{name} is not in the model")

    def list(self, shape, value, path, member):
        if not self.is_kind(list, value, path):
            return
        if value or member not in EMPTY_ALLOWED:
            self.within(shape, len(value), f"{path} has so many items", value)
        for place, item in enumerate(value):
            self.value(shape.member, item, f"{path}[{place}]")

    def map(self, shape, value, path, member):
        if not self.is_kind(dict, value, path):
            return
        if value or member not in EMPTY_ALLOWED:
            self.within(shape, len(value), f"{path} has so many entries", value)
        for key, item in value.items():
            self.value(shape.key, key, f"{path}, a key")
            self.value(shape.value, item, f"{path}[{key!r}]")

    def text(self, shape, value, path):
        if not self.is_kind(str, value, path):
            return
        if shape.enum and value not in shape.enum:
            self.problems.append(f"{path} is none of {shape.enum}: {value!r}")
        self.within(shape, len(value.encode("utf-16-le")) // 2, f"{path} is so long", value)
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value):
            self.problems.append(f"{path} does not match {pattern}: {value!r}")

    def number(self, shape, value, path, member):
        if shape.type_name in ("integer", "long"):
            if not self.is_kind(int, value, path):
                return
            bits = 31 if shape.type_name == "integer" else 63
            if not -(1 << bits) <= value < 1 << bits:
                self.problems.append(f"{path} is no {shape.type_name}: {value}")
        if not (value == 0 and member in ZERO_ALLOWED):
            self.within(shape, value, path, value)

    def within(self, shape, size, what, value):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if (least is not None and size < least) or (most is not None and size > most):
            self.problems.append(f"{what}: {size}, which is not within {least} to {most}: {str(value)[:99]}")
