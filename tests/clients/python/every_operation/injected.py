"""Every declared error that has no natural cause on one machine. These are made to happen."""

from calls import calls
from checks import refused, scenario

# Whatever declares one of these, but for the operations named: they are in `natural`.
EVERYWHERE = {
    # Signatures are not verified, and policies not enforced.
    "AccessDeniedException": {"DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy"},
    # Damage to the disk, which other tests see to.
    "InternalFailureException": set(),
    # The keys are the server's own.
    "KMSAccessDeniedException": set(),
    "KMSDisabledException": set(),
    "KMSInvalidStateException": set(),
    "KMSNotFoundException": {"StartStreamEncryption"},
    "KMSOptInRequired": set(),
    "KMSThrottlingException": set(),
}

ELSEWHERE = {
    # What reads a resource reads it in any state.
    "GetResourcePolicy": {"ResourceInUseException"},
    "ListTagsForResource": {"ResourceInUseException"},
    # Its entries are throttled one by one.
    "PutRecords": {"ProvisionedThroughputExceededException"},
    # What it does not do in an account's state it refuses as a ValidationException.
    "UpdateAccountSettings": {"InvalidArgumentException"},
}


def injected(operation, declared):
    everywhere = {code for code in declared if operation not in EVERYWHERE.get(code, {operation})}
    return everywhere | ELSEWHERE.get(operation, set())


@scenario()
def errors_without_a_cause(world):
    for operation in world.operations:
        for code in sorted(injected(operation, world.coverage.declared(operation))):
            with world.blaming(operation):
                world.plain.inject(operation, code)
                parameters = calls("orders")[operation]
                refused(code, world.plain.call, operation=operation, parameters=parameters)
    world.plain.clear_faults()
