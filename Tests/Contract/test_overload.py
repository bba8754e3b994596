"""Every limit is exceeded for real: what is beyond it is refused before any effect, with a
push-back and a metric, and a second namespace goes on undisturbed."""

import contextlib
import socket
import subprocess
import threading
import time

import pytest
from support.client import Client, Gate, Space, fails
from support.processor import Answer, Invocation, echo, timer_at, timer_in
from support.server import CORES, Server, free_port
from support.stubs import automaton_pb2, namespaces_pb2
from support.waiting import eventually


def held(gate: Gate):
    """Calls wait in the processor until the gate opens; anything else is answered at once."""
    def behave(invocation: Invocation) -> Answer:
        if invocation.kind == "call":
            gate.wait()
        return echo(invocation)
    return behave


def start_later(space: Space, id: str):
    """A Start as a future; where the processor is away, it waits for it."""
    request = automaton_pb2.StartRequest(namespace=space.name, id=id)
    return space.client.automaton.Start.future(request, timeout=120)


def is_pushed_back(failure) -> None:
    assert int(failure.trailers["grpc-retry-pushback-ms"]) > 0


def assert_undisturbed(space: Space, machine: str, calls: int = 20) -> None:
    """Calls of another namespace are served, far within their deadline."""
    started = time.monotonic()
    for number in range(calls):
        assert space.call(machine, b"%d" % number) == b"%d" % number
    assert time.monotonic() - started < 20


def test_mailbox_and_notifications(measured, spaces):
    server = measured()
    gate = Gate()

    def behave(invocation: Invocation) -> Answer:
        if invocation.kind in ("call", "notification"):
            gate.wait()
        return echo(invocation)

    space = spaces(server.client, behave,
                   limits=namespaces_pb2.Limits(mailbox=2, notifications=3))
    other = spaces(server.client)
    space.start("m")
    other.start("m")
    calls = [space.call_later("m", b"c0")]
    gate.wait_for_entry()
    calls += [space.call_later("m", b"c1"), space.call_later("m", b"c2")]
    eventually(lambda: server.metrics.used("mailbox", space.name) == 2, "two calls wait")
    assert server.metrics.used("mailbox", space.name) == 2, "a look takes nothing from the next"
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED", about=(space.name, "m")) as failure:
        space.call("m", b"refused")
    is_pushed_back(failure[0])
    for number in range(3):
        space.notify("m", b"n%d" % number)
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED", about=(space.name, "m")) as failure:
        space.notify("m", b"refused")
    is_pushed_back(failure[0])
    assert_undisturbed(other, "m")
    metrics = server.metrics
    assert metrics.refused("mailbox", space.name) == 1
    assert metrics.refused("notifications", space.name) == 1
    assert metrics.refused("mailbox", other.name) == 0
    gate.open()
    assert [call.result(30).response for call in calls] == [b"c0", b"c1", b"c2"]
    eventually(lambda: len(space.events("m")) == 7, "everything accepted is delivered")
    assert b"refused" not in space.events("m")


@pytest.mark.parametrize("limit", ["steps_in_flight", "max_in_flight"])
def test_steps_and_processor_calls_wait_within_their_deadline(measured, spaces, limit):
    server = measured()
    gate = Gate()
    options = ({"limits": namespaces_pb2.Limits(steps_in_flight=2)}
               if limit == "steps_in_flight" else {})
    space = spaces(server.client, held(gate), **options)
    if limit == "max_in_flight":
        space.name += "-narrow"
        space.behave(held(gate))
        server.client.namespaces.Create(namespaces_pb2.CreateNamespaceRequest(
            namespace=namespaces_pb2.Namespace(
                name=space.name, processor=namespaces_pb2.ProcessorOptions(
                    endpoint=space.processor.endpoint, max_in_flight=2))), timeout=30)
    other = spaces(server.client)
    other.start("m")
    for number in range(6):
        space.start(f"m{number}")
    calls = [space.call_later(f"m{number}", b"c") for number in range(5)]
    for _ in range(2):
        gate.wait_for_entry()
    eventually(
        lambda: server.metrics.value(
            "progressor_namespace_steps_waiting", namespace=space.name) == 3, "three wait")
    with fails("DEADLINE_EXCEEDED"):
        space.call("m5", b"late", timeout=0.5)
    assert_undisturbed(other, "m")
    invoked = [seen for seen in space.invocations() if seen.kind == "call"]
    assert len(invoked) == 2
    metrics = server.metrics
    assert metrics.used(limit, space.name) == 2
    assert metrics.value(
        "progressor_namespace_steps_waited_total", namespace=space.name) >= 4
    gate.open()
    assert [call.result(30).response for call in calls] == [b"c"] * 5
    assert space.events("m5") == [b""], "what was dropped at its deadline had no effect"


def test_a_dead_namespace_takes_no_more_requests_than_it_leaves_free(measured, spaces):
    server = measured(requests="20")
    healthy = spaces(server.client)
    dead = spaces(server.client, endpoint=f"127.0.0.1:{free_port()}")
    healthy.start("m")
    waiting = [start_later(dead, f"m{number}") for number in range(30)]
    eventually(lambda: server.metrics.refused("requests", dead.name) > 0, "some are refused")
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED", about=(dead.name, "m")) as failure:
        dead.start("m")
    is_pushed_back(failure[0])
    assert_undisturbed(healthy, "m")
    metrics = server.metrics
    assert metrics.refused("requests", healthy.name) == 0
    assert metrics.used("requests", dead.name) <= 10 + CORES
    for call in waiting:
        call.cancel()
    eventually(lambda: server.metrics.used("requests", dead.name) == 0, "all are let go")


def test_requests_of_all_namespaces_together(measured, spaces):
    server = measured(requests="4")
    dead = [spaces(server.client, endpoint=f"127.0.0.1:{free_port()}") for _ in range(3)]
    waiting = []

    def total() -> float:
        return server.metrics.value("progressor_limit_used", limit="requests")

    for space in dead:
        waiting += [start_later(space, f"m{number}") for number in range(4)]
        # All in one turn of the loop, more are refused before it is seen whose they are.
        eventually(lambda: total() >= 3, "the first namespace holds three")
    eventually(lambda: total() == 4, "the server is full")
    eventually(lambda: server.metrics.refused("requests") > 0, "the server refuses")
    status, block = first_header_block(server.server.address, dead[2].name)
    assert status == "8" and "grpc-retry-pushback-ms" in block, "refused Trailers-Only"
    for call in waiting:
        call.cancel()
    eventually(lambda: total() == 0, "there is room again")


def first_header_block(address: str, namespace: str) -> tuple[str, dict[str, str]]:
    """`grpc-status` and all fields of the first header block that a Start is answered with."""
    message = automaton_pb2.StartRequest(namespace=namespace, id="x").SerializeToString()
    body = b"\0" + len(message).to_bytes(4, "big") + message
    result = subprocess.run(
        ["curl", "--silent", "--http2-prior-knowledge", "--max-time", "20", "--dump-header", "-",
         "--output", "/dev/null", "--data-binary", "@-", "-H", "content-type: application/grpc",
         "-H", "te: trailers", f"http://{address}/progressor.v1.Automaton/Start"],
        input=body, capture_output=True)
    block = result.stdout.decode().split("\r\n\r\n")[0]
    fields = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
    return fields.get("grpc-status", ""), fields


def test_connections_of_one_client(measured, spaces):
    server = measured(connections_per_client="3")
    space = spaces(server.client)
    space.start("m")
    host, port = server.server.address.split(":")
    with contextlib.ExitStack() as stack:
        def connect() -> socket.socket:
            return stack.enter_context(socket.create_connection((host, int(port)), timeout=20))

        def used() -> float:
            return server.metrics.value("progressor_limit_used", limit="connections_per_client")

        kept = [connect()]
        while used() < 3:
            kept.append(connect())
            eventually(lambda: used() >= len(kept) + 1, "the connection is counted")
        refused = connect()
        assert refused.recv(1) == b"", "closed at once"
        assert_undisturbed(space, "m")
        assert server.metrics.refused("connections_per_client") >= 1
        assert server.metrics.refused("connections") == 0


def test_calls_of_one_connection(measured, spaces):
    server = measured(streams="2")
    gate = Gate()
    space = spaces(server.client, held(gate))
    for number in range(4):
        space.start(f"m{number}")
    calls = [space.call_later(f"m{number}", b"c") for number in range(4)]
    for _ in range(2):
        gate.wait_for_entry()
    # The other two wait at the client, which was told the limit; another connection has its own.
    assert server.metrics.value("progressor_limit", limit="streams") == 2
    assert len([seen for seen in space.invocations() if seen.kind == "call"]) == 2
    gate.open()
    assert [call.result(30).response for call in calls] == [b"c"] * 4


def test_bytes_of_requests(measured, spaces):
    server = measured(message_size="256KiB", pending_size="1MiB")
    gate = Gate()
    space = spaces(server.client, held(gate))
    with contextlib.closing(Client(server.client.address)) as client:
        other = spaces(client)
        other.start("m")
        for number in range(11):
            space.start(f"m{number}")
        large = b"x" * 100_000
        # Five are half of it: no connection holds more than it leaves free.
        calls = [space.call_later(f"m{number}", large) for number in range(5)]
        for _ in range(5):
            gate.wait_for_entry()
        with fails("RESOURCE_EXHAUSTED", "OVERLOADED") as failure:
            space.call("m10", large)
        is_pushed_back(failure[0])
        assert_undisturbed(other, "m")
        assert other.call("m", large) == large
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED") as failure:
        space.call("m10", b"x" * 300_000)
    assert failure[0].trailers["grpc-retry-pushback-ms"] == "-1", "too large each time"
    metrics = server.metrics
    assert metrics.refused("pending_size") == 1
    assert metrics.refused("message_size") == 1
    gate.open()
    for call in calls:
        assert call.result(30).response == large
    eventually(
        lambda: server.metrics.value("progressor_limit_used", limit="pending_size") == 0,
        "all bytes are given back")
    assert space.call("m10", large) == large
    assert space.events("m10") == [b"", large]


def test_slow_and_dead_processors_beside_a_healthy_one(measured, spaces):
    server = measured()
    gate = Gate()
    narrow = namespaces_pb2.Limits(steps_in_flight=20)
    slow = spaces(server.client, held_deliveries(gate), limits=narrow)
    dead = spaces(server.client, endpoint=f"127.0.0.1:{free_port()}", limits=narrow)
    healthy = spaces(server.client)
    healthy.start("m")
    for number in range(100):
        slow.start(f"m{number}")
    for number in range(100):
        slow.notify(f"m{number}", b"n")
    eventually(
        lambda: server.metrics.value(
            "progressor_namespace_machines_due", namespace=slow.name) > 50, "deliveries wait")
    waiting = [slow.call_later(f"m{number}", timeout=60) for number in range(100)]
    waiting += [start_later(dead, f"m{number}") for number in range(200)]
    times = []
    for number in range(100):
        started = time.monotonic()
        assert healthy.call("m", b"%d" % number) == b"%d" % number
        times.append(time.monotonic() - started)
    assert sorted(times)[50] < 1, "the median of the healthy namespace's calls"
    assert max(times) < 10
    for call in waiting:
        call.cancel()
    gate.open()
    eventually(lambda: len([seen for seen in slow.invocations() if seen.args == b"n"]) >= 100,
               "the slow namespace's notifications arrive all the same", timeout=60)


def held_deliveries(gate: Gate):
    """Calls and notifications wait for the gate."""
    def behave(invocation: Invocation) -> Answer:
        if invocation.kind != "init":
            gate.wait()
        return echo(invocation)
    return behave


class Crowd:
    """Machines whose timers come due at one moment, and how many timeouts run at once."""

    def __init__(self, size: int):
        self.size = size
        self.gate = Gate()
        self.due = time.time() + 3600
        self.everybody_is_there = threading.Event()
        self._lock = threading.Lock()
        self._running = 0
        self.most = 0

    def behave(self, invocation: Invocation) -> Answer:
        if invocation.kind == "init":
            return Answer(timer=timer_at(self.due))
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            if self.everybody_is_there.is_set():
                self.gate.wait()
            return echo(invocation)
        finally:
            with self._lock:
                self._running -= 1

    def start(self, space: Space, first: int, last: int) -> None:
        running = []
        for number in range(first, last):
            request = automaton_pb2.StartRequest(namespace=space.name, id=f"m{number}")
            running.append(space.client.automaton.Start.future(request, timeout=120))
            if len(running) == 200:
                for start in running:
                    start.result()
                running = []
        for start in running:
            start.result()


@pytest.mark.alone
def test_a_crowd_of_due_timers(measured, spaces):
    server = measured()
    crowd = Crowd(10_000)
    space = spaces(server.client, crowd.behave, name=f"crowd-{free_port()}",
                   limits=namespaces_pb2.Limits(steps_in_flight=20))
    other = spaces(server.client, lambda seen: Answer(
        response=seen.args, events=[seen.kind.encode()],
        timer=timer_in(0.2) if seen.kind == "init" else None))
    other.start("m")
    began = time.monotonic()
    crowd.start(space, 0, 500)  # Due in an hour: they show how long the others will take.
    per_machine = (time.monotonic() - began) / 500
    crowd.due = time.time() + per_machine * crowd.size * 1.3 + 2
    crowd.start(space, 500, 500 + crowd.size)
    crowd.everybody_is_there.set()

    def due() -> float:
        return server.metrics.value("progressor_namespace_machines_due", namespace=space.name)

    eventually(lambda: due() > 5_000, "the crowd is due", timeout=90)
    # All steps of the crowd's namespace are taken, and stay so.
    eventually(lambda: server.metrics.used("steps_in_flight", space.name) == 20, "20 steps run")
    assert_undisturbed(other, "m")
    other.start("late")
    eventually(lambda: b"timeout" in other.events("late"), "another namespace's timer fires")
    crowd.gate.open()

    def timeouts() -> list[str]:
        return [seen.machine.id for seen in space.invocations() if seen.kind == "timeout"]

    eventually(lambda: len(timeouts()) >= crowd.size, "all timers have fired", timeout=120)
    assert len(timeouts()) == len(set(timeouts())) == crowd.size
    assert crowd.most <= 20
    eventually(lambda: due() == 0, "nobody waits any more")


def test_metrics_are_served_where_asked_only(measured, server: Server, spaces):
    assert "metrics on" not in server.log.read_text()
    own = measured()
    space = spaces(own.client)
    space.start("m")
    space.call("m", b"c")
    with fails("NOT_FOUND"):
        space.call("nobody", b"c")
    metrics = own.metrics
    call = {"method": "progressor.v1.Automaton/Call"}
    assert metrics.value("progressor_calls_total", code="OK", **call) == 1
    assert metrics.value("progressor_calls_total", code="NOT_FOUND", **call) == 1
    assert metrics.value("progressor_call_duration_seconds_count", **call) == 2
    step = {"namespace": space.name, "step": "call"}
    assert metrics.value("progressor_namespace_steps_total", result="committed", **step) == 1
    assert metrics.value("progressor_namespace_steps_total", result="refused", **step) == 1
    assert metrics.value("progressor_serving") == 1
    assert metrics.value("progressor_shards_owned") > 0
    assert metrics.value("progressor_commit_records_total") >= 2
