"""Endpoints by name, with a DNS server and addresses on hosts: some dead, moved, or not told."""

import contextlib
import time
from collections.abc import Iterator

import pytest
from support.client import Space, fails
from support.ports import free_port
from support.processor_process import ProcessorProcess
from support.waiting import eventually

# Nobody has this one; packets to it fall.
DEAD = "10.7.0.99"
# Five seconds of silence, as many for the answer to the PING, two until the name is looked up, and
# some more.
FOUND_OUT = 25.0


@pytest.fixture
def server(hosted, departed, names):
    return hosted.server


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def addresses(network, port) -> Iterator[dict[str, str]]:
    """Where three processors are that answer with their names."""
    host = network["processor"]
    addresses = dict(zip(("first", "second", "third"), host.addresses))
    with contextlib.ExitStack() as stack:
        for name, address in addresses.items():
            process = ProcessorProcess(name, port, address, host.launcher)
            stack.callback(process.kill)
        yield addresses


@pytest.fixture
def named(client, spaces, port):
    """Makes namespaces whose processor has this name."""
    return lambda name, **options: spaces(client, endpoint=f"dns:///{name}:{port}", **options)


def answering(space: Space, timeout: float = 5.0) -> bytes | None:
    """The name of the processor that answered a call, if one did."""
    try:
        return space.call("m", timeout=timeout)
    except Exception:  # whatever the reason is: none yet
        return None


def test_a_dead_address_among_several_costs_no_call(network, names, addresses, named):
    names.addresses["several.test"] = [DEAD, addresses["first"], addresses["second"]]
    space = named("several.test", timeout=2)
    before = network.sent[DEAD]
    space.start("m", timeout=5)
    eventually(lambda: {answering(space), answering(space)} == {b"first", b"second"},
               "both that live are called")
    assert network.sent[DEAD] > before, "the dead one was tried"
    for _ in range(50):
        space.call("m", timeout=2)
    with network.silent(addresses["second"]):
        began, lost = time.monotonic(), 0
        while time.monotonic() - began < 12:
            lost += answering(space) != b"first"
        assert lost <= 6, "those that were on the way to it, until the silence is noticed"
        assert {space.call("m", timeout=2) for _ in range(50)} == {b"first"}
    eventually(lambda: answering(space) == b"second", "it is taken again", timeout=FOUND_OUT)


def test_a_name_that_moves_is_followed(network, names, addresses, named):
    """At once when its old address is silent; at the next look-up when that still answers, and no
    call fails on the way."""
    names.addresses |= {"moved.test": [addresses["first"]], "fled.test": [addresses["second"]]}
    moved, fled = named("moved.test", timeout=2), named("fled.test", timeout=2)
    for space, name in (moved, b"first"), (fled, b"second"):
        space.start("m")
        assert space.call("m") == name
    names.addresses |= dict.fromkeys(("moved.test", "fled.test"), [addresses["third"]])
    began = time.monotonic()
    with network.silent(addresses["second"]):
        eventually(lambda: answering(fled) == b"third", "the one that fled is found",
                   timeout=FOUND_OUT)
        assert fled.call("m", timeout=2) == b"third"
    eventually(lambda: moved.call("m", timeout=2) == b"third", "the one that moved is followed",
               timeout=began + 35 - time.monotonic())
    assert {moved.call("m", timeout=2) for _ in range(20)} == {b"third"}


def test_a_resolver_that_does_not_answer(network, names, addresses, named):
    """What is connected is called meanwhile; what is not goes on when it answers."""
    names.addresses |= {"known.test": [addresses["first"]], "asked.test": [addresses["second"]]}
    known = named("known.test")
    known.start("m")
    with network["names"].link.cut():
        asked = named("asked.test")
        before = network.sent[network["names"].address]
        with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
            asked.start("m", timeout=4)
        assert network.sent[network["names"].address] > before, "it was asked"
        assert known.call("m", timeout=2) == b"first"
        waiting = asked.start_later("m", timeout=30)
        eventually(lambda: network.sent[network["names"].address] > before + 6, "it is asked again")
    began = time.monotonic()
    waiting.result()
    assert time.monotonic() - began < 10
    assert asked.call("m", timeout=2) == b"second"
    assert names.asked["asked.test"] > 0


def test_a_name_that_does_not_exist_yet(names, addresses, named, server):
    space = named("late.test")
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.start("m", timeout=2)
    server.says(r'cannot resolve \"late.test\"')
    waiting = space.start_later("m", timeout=20)
    asked = names.asked["late.test"]
    eventually(lambda: names.asked["late.test"] > asked, "it is looked up again and again")
    names.addresses["late.test"] = [addresses["first"]]
    began = time.monotonic()
    waiting.result()
    assert time.monotonic() - began < 5
    assert space.call("m", timeout=2) == b"first"
    # Gone again: what is connected is used on.
    del names.addresses["late.test"]
    assert space.call("m", timeout=2) == b"first"
