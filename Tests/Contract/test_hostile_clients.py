"""Clients that cancel, do not read, or send what costs them nothing: what the server does and holds for
them is bounded, and others are served."""

import grpc
from support.client import Client, Gate, Space
from support.processor import Answer, Invocation, echo
from support.waiting import eventually


def held(gate: Gate):
    """Calls wait in the processor until the gate opens; anything else is answered at once."""
    def behave(invocation: Invocation) -> Answer:
        if invocation.kind == "call":
            gate.wait()
        return echo(invocation)
    return behave


def test_calls_that_are_cancelled_count_until_their_processor_is_done(measured, spaces):
    server = measured(streams="8")
    gate = Gate()
    space = spaces(server.client, held(gate))
    other = spaces(Client(server.client.address))
    other.start("m")
    for number in range(40):
        space.start(f"m{number}")
    begun = 0
    for number in range(40):
        call = space.call_later(f"m{number}", b"c", timeout=5)
        while not call.done() and not gate.entered.acquire(timeout=0.05):
            pass
        begun += not call.done()
        call.cancel()
    invoked = [seen for seen in space.invocations() if seen.kind == "call"]
    assert begun == len(invoked) == 8, "what runs for a client that cancels is what it may have"
    assert server.metrics.refused("streams") >= 32
    assert other.call("m", b"undisturbed") == b"undisturbed"
    gate.open()
    eventually(lambda: call_succeeds(space, "m39"), "its calls are served again")


def call_succeeds(space: Space, id: str) -> bool:
    try:
        return space.call(id, b"again") == b"again"
    except grpc.RpcError:
        return False
