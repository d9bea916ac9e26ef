"""Every declared error that did not come by itself is made to happen: nothing of these has a cause on one machine, or
one that a test could wait for."""

from calls import calls
from checks import refused, scenario


@scenario()
def errors_without_a_cause(world):
    coverage = world.coverage
    for operation in world.operations:
        for code in sorted(coverage.declared(operation) - coverage.errors[operation]):
            with world.blaming(operation):
                world.server.inject(operation, code)
                refused(code, world.server.call, operation=operation, parameters=calls("orders")[operation])
    world.server.clear_faults()
