"""What services do differently: how they write what they refuse, and what there is of them."""


class Manners:
    """Of Kinesis; others differ in what they override."""

    # No operation declares these; every operation may answer them.
    undeclared = {"ValidationException", "SerializationException"}
    # Anything else has the status 400.
    statuses = {"InternalFailureException": 500}
    # Members of something that is not there at all.
    foreign = frozenset()
    # Whether it is enough that a structure's members are seen in some operation's answer.
    shares_structures = False

    def code(self, body):
        return body.get("__type")

    def text_member(self, code):
        return "Message" if code == "SerializationException" else "message"

    def more_members(self, code):
        """What an error may have beside its text."""
        return set()

    def is_foreign(self, path):
        names = path.partition("=")[0].replace("[]", "").replace("{}", "").split(".")
        return not self.foreign.isdisjoint(names)

    def problems(self, declared, code, body, status):
        text = self.text_member(code)
        if code not in declared | self.undeclared:
            yield f"{code} is not declared"
        members = set(body) - self.more_members(code)
        if members != {"__type", text} or not body[text]:
            yield f"{code} is told like this: {body}"
        if status != self.statuses.get(code, 400):
            yield f"{code} has the status {status}"
