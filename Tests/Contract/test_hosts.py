"""A server, its database, its processor and its clients on a host each, with a network between them
that is cut without a word, or slow: what goes away so is found out, what is slow is served."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from support.client import Client, Gate, duration, fails
from support.hosted import LEASE
from support.outage import Work
from support.processor import Answer, timer_in
from support.stubs import automaton_pb2, namespaces_pb2
from support.waiting import eventually

MEBIBYTE = 1 << 20
# Five seconds of silence, as many for the answer to the PING (docs/operations.md), and some more.
FOUND_OUT = 20.0
# What the log says of it. Those of other tests may go at any time.
AWAY = "the endpoint cannot be reached endpoint={} "
QUICKLY = namespaces_pb2.RetryPolicy(initial_interval=duration(0.1), max_interval=duration(1))


@pytest.fixture
def server(hosted, departed):
    return hosted.server


@pytest.fixture
def since(server):
    """What the server's log says from here on; a test that fails shows it."""
    begin = server.log.stat().st_size

    def read() -> str:
        return server.log.read_bytes()[begin:].decode(errors="replace")

    yield read
    print(read())


@contextlib.contextmanager
def watched(client: Client) -> Iterator[list[str]]:
    """When in the block the server did not say that it serves."""
    unwell: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            if not client.serving():
                unwell.append(time.strftime("%X"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield unwell
    finally:
        ended.set()
        watcher.join()


def test_a_link_to_the_processor_is_cut_and_comes_back(hosted, client, spaces, since):
    """What was under way ends and is done again; what comes meanwhile waits; an answer that was on
    the way when the link was cut changes nothing."""
    gate, away = Gate(), AWAY.format(hosted.endpoint)

    def behave(i) -> Answer:
        if i.args == b"held" and i.attempt == 1 and i.kind == "notification":
            gate.wait()
        if i.args == b"called" and len(space.invocations("called")) == 2:
            gate.wait()
        return Answer(response=i.args, events=[i.args or i.kind.encode()],
                      timer=timer_in(3) if i.args == b"arm" else None)

    space = spaces(client, behave, endpoint=hosted.endpoint, timeout=60, retry_policy=QUICKLY)
    for id in ("called", "notified"):
        space.start(id, b"init")
    space.start("armed", b"arm")
    space.notify("notified", b"held")
    call = space.call_later("called", b"called", key="key", timeout=4)
    for _ in range(2):
        gate.wait_for_entry()
    with hosted.network["processor"].link.cut():
        began = time.monotonic()
        gate.open()
        with fails(["UNAVAILABLE", "DEADLINE_EXCEEDED"]):
            call.result()
        assert time.monotonic() - began < 6, "a call ends at its deadline"
        space.notify("notified", b"later")
        eventually(lambda: away in since(), "the silence is noticed", timeout=FOUND_OUT)
        with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
            space.call("armed", b"meanwhile", timeout=2)
        assert space.events("notified") == [b"init"] and space.events("armed") == [b"arm"]
    expected = {"notified": [b"init", b"held", b"later"], "armed": [b"arm", b"timeout"]}
    for id, events in expected.items():
        eventually(lambda: space.events(id) == events, f"{id} goes on", timeout=FOUND_OUT)
    assert space.call("called", b"called", key="key") == b"called"
    assert space.events("called") == [b"init", b"called"]
    assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []
    tries = [i.attempt for i in space.invocations("notified") if i.args == b"held"]
    assert tries == [1, 2], "once more, since its answer was lost"
    assert len(space.invocations("armed")) == 2, "what waits for the endpoint is sent once"


def test_a_link_to_the_database_is_cut_for_longer_than_the_lease(hosted, client, spaces, since):
    """No acknowledged step is lost, none is applied twice, nobody hears more than UNAVAILABLE."""
    database = hosted.database
    space = spaces(client, endpoint=hosted.endpoint)
    work = Work(space)
    with hosted.network["database"].link.cut():
        work.during_an_outage()
        eventually(lambda: database.in_schema(
            "select count(*) from node where expires_at > clock_timestamp()") == "0",
            "its lease is over", timeout=LEASE + 10)
        assert not client.serving()
    work.goes_on()
    assert "went back in time" not in since()


def test_a_link_to_a_client_is_cut_and_comes_back(hosted, client, spaces):
    """Its call goes on without it, and whoever repeats it with its key hears the one answer."""
    gate = Gate()

    def behave(i) -> Answer:
        if i.args == b"held":
            gate.wait()
        return Answer(response=i.args, events=[i.args])

    space = spaces(client, behave, endpoint=hosted.endpoint)
    space.start("m", b"init")
    other = space.on(hosted.client_on("processor"))
    call = space.call_later("m", b"held", key="key", timeout=4)
    gate.wait_for_entry()
    with hosted.network["client"].link.cut():
        gate.open()
        with fails("DEADLINE_EXCEEDED"):
            call.result()
        assert other.events("m") == [b"init", b"held"]
        assert other.call("m", b"held", key="key") == b"held"
    eventually(client.serving, "the client is connected", timeout=30)
    assert space.call("m", b"held", key="key") == b"held"
    assert space.events("m") == [b"init", b"held"]
    assert len(space.invocations("m")) == 2
    other.client.close()


def test_slow_and_narrow_links_are_only_slow(hosted, client, spaces, since):
    """A history is read and a request sent for as long as it takes until a silent peer is given up,
    and a step is committed for a third of the lease."""
    space = spaces(client, lambda i: Answer(response=i.args[:10], events=[i.args]),
                   endpoint=hosted.endpoint, timeout=60)
    sizes = [MEBIBYTE + number for number in range(4)]
    space.start("m", bytes(sizes[0]))
    for size in sizes[1:-1]:
        space.call("m", bytes(size))
    with watched(client) as unwell, \
            hosted.network["processor"].link.slow(delay=0.05, rate=370_000), \
            hosted.network["database"].link.slow(delay=0.05, rate=500_000):
        began = time.monotonic()
        assert space.call("m", bytes(sizes[-1]), timeout=60) == bytes(10)
        assert time.monotonic() - began > 4 * MEBIBYTE / 370_000 > 10
        space.start("small", b"a")
        assert space.call("small", b"b") == b"b"
    assert not unwell, since()
    assert [len(event) for event in space.events("m")] == sizes
    assert [i.attempt for i in space.invocations()] == [1] * 6, "nothing was sent again"
    log = since()
    assert AWAY.format(hosted.endpoint) not in log and "lease" not in log, log


def test_clients_whose_links_were_cut_are_let_go(departed):
    """One that waits is asked by a PING after two minutes of silence, and has 20 seconds to answer;
    one that takes nothing of its answer has a minute."""
    for name, soonest, latest in ("reading", 55, 90), ("waiting", 120, 170):
        assert departed.held(name) == 1 or departed.age > soonest, f"{name} has its time"
        eventually(lambda: departed.held(name) == 0, f"{name} is let go",
                   timeout=latest - departed.age)
