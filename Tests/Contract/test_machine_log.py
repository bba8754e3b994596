"""What the log tells: machines that fail, are repaired, paused, resumed and removed, the node's
role, processors that are away; and that it does not drown in it. And the probes of who watches."""

import json
import os
import time
import urllib.error
import urllib.request
from datetime import datetime

import grpc
import pytest
from support.client import DEADLINE, Space, at_once
from support.ports import free_port
from support.processor import Answer, Invocation, Refusal, content, timer_in
from support.quick_processor import CALL, QuickProcessor
from support.stubs import automaton_pb2, namespaces_pb2, processor_pb2
from support.waiting import eventually

MACHINES = 10_000
# Seconds: CONTRACT_OUTAGE=120 is one of two minutes.
OUTAGE = float(os.environ.get("CONTRACT_OUTAGE", "16"))
BEGAN = "the endpoint cannot be reached"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]


def fragile(invocation: Invocation) -> Answer:
    if invocation.args == b"break":
        raise Refusal(grpc.StatusCode.INTERNAL, "broken: \x1b[2J \u00e9")
    return Answer(events=[invocation.args])


class Log:
    """The lines of a server that logs JSON."""

    def __init__(self, server):
        self._server = server

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self._server.log.read_text().splitlines()
                if line.endswith("}")]

    def named(self, message: str, **members: str) -> list[dict]:
        return [line for line in self.lines if line["message"] == message
                and members.items() <= line.items()]


@pytest.fixture
def server(servers):
    return servers("--log-format", "json").start()


@pytest.fixture
def space(server, spaces):
    return spaces(server.client, fragile)


def break_machine(space: Space, id: str, **call) -> None:
    with pytest.raises(grpc.RpcError):
        space.call(id, b"break", **call)


def test_what_happens_to_a_machine(server, space):
    log = Log(server)
    space.start("m")
    break_machine(space, "m", metadata=PARENT)
    space.simple_repair("m")
    space.pause("m", "audit")
    space.pause("m", "again")
    space.resume("m")
    space.remove("m")
    happened = eventually(
        lambda: len(lines := [line for line in log.lines if "machine_id" in line]) == 5 and lines,
        "five things are told")
    for line, (message, level, reason) in zip(happened, [
            ("a machine failed", "warning", "broken: \x1b[2J \u00e9"),
            ("a machine was repaired", "notice", None),
            ("a machine was paused", "notice", "audit"),
            ("a machine was resumed", "notice", None),
            ("a machine was removed", "notice", None)], strict=True):
        assert (line["message"], line["level"], line.get("reason")) == (message, level, reason)
        assert (line["namespace"], line["machine_id"]) == (space.name, "m")
        assert line["node"] == os.uname().nodename
    assert happened[0]["trace_id"] == TRACE and "trace_id" not in happened[1]


def test_who_changes_a_namespace_is_told(server, space):
    """Nothing else keeps it: a pause that ended is gone, and so is a namespace."""
    log = Log(server)
    space.pause_all("audit")
    space.resume_all()
    told = [log.named(f"a namespace was {what}", namespace=space.name)
            for what in ("created", "paused", "resumed")]
    assert [len(lines) for lines in told] == [1, 1, 1]
    assert told[1][0]["reason"] == "audit" and "principal" not in told[1][0]
    namespaces = server.client.namespaces
    namespaces.Update(namespaces_pb2.UpdateNamespaceRequest(namespace=namespaces.Get(
        namespaces_pb2.GetNamespaceRequest(name=space.name), timeout=DEADLINE).namespace),
        timeout=DEADLINE)
    namespaces.Delete(namespaces_pb2.DeleteNamespaceRequest(name=space.name), timeout=DEADLINE)
    for what in ("updated", "deleted"):
        eventually(lambda what=what: log.named(f"a namespace was {what}", namespace=space.name),
                   "it is told")


def test_a_crowd_is_ten_lines_and_a_count(server, space):
    log = Log(server)
    ids = [f"m{number}" for number in range(60)]
    for id in ids:
        space.start(id)
    calls = [space.call_later(id, b"break") for id in ids]
    assert all(call.exception(30) for call in calls)

    def told() -> int:
        """Machines of which the log tells, by themselves or together."""
        crowds = log.named("more happened to machines than is told one by one")
        return len(log.named("a machine failed")) + sum(
            int(line["more"].removeprefix("failed: ")) for line in crowds)

    eventually(lambda: told() == 60, "all are told")
    assert len(log.named("a machine failed")) <= 30


class Waiting:
    """Ten thousand machines whose timers come due in an outage of their processor, some of which
    are notified and called meanwhile."""

    def __init__(self, space: Space, port: int):
        self._space, self._port = space, port
        self._ids = [f"m{number:04}" for number in range(MACHINES)]
        # Who fires before the outage fires in it again.
        armed = processor_pb2.ProcessSignalResponse()
        armed.action.set_timer.CopyFrom(timer_in(8))
        self._processor = QuickProcessor(port, processor_pb2.ProcessCallResponse(), armed)
        requests = (automaton_pb2.StartRequest(namespace=space.name, id=id) for id in self._ids)
        at_once(requests, space.client.automaton.Start)

    def _late(self) -> int:
        """Machines with something due for ten seconds."""
        reply = self._space.client.automaton.Count(
            automaton_pb2.CountRequest(namespace=self._space.name), timeout=DEADLINE)
        return next(found.count for found in reply.counts
                    if found.status == automaton_pb2.STATUS_FILTER_LATE)

    def outage(self, log: Log) -> list[grpc.Future]:
        """The calls that wait for its end."""
        self.stop()
        begin = time.monotonic()
        # What is sent before the server knows is lost with its connection.
        self._space.call_later(self._ids[0], CALL, timeout=1)
        eventually(lambda: log.named(BEGAN), "the outage is told")
        patient = [self._space.call_later(id, CALL, timeout=OUTAGE + 120)
                   for id in self._ids[:300]]
        for id in self._ids[300:600]:
            self._space.notify(id)
        while time.monotonic() < begin + OUTAGE:
            hasty = [self._space.call_later(id, CALL, timeout=1) for id in self._ids[600:800]]
            assert {call.code().name for call in hasty} <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
        eventually(lambda: self._late() >= MACHINES - len(patient), "all timers are due",
                   timeout=30)
        return patient

    def go_on(self, patient: list[grpc.Future]) -> None:
        """The processor is back: everybody comes to it."""
        answer = processor_pb2.ProcessSignalResponse()
        answer.change.events.append(content(b"came"))
        self._processor = QuickProcessor(
            self._port, processor_pb2.ProcessCallResponse(response=b"ok"), answer)
        assert {call.result().response for call in patient} == {b"ok"}
        eventually(lambda: self._late() == 0, "all timers fire", timeout=120)
        # A timeout is an event, and so is a notification.
        expected = dict.fromkeys(self._ids, 1) | dict.fromkeys(self._ids[300:600], 2)
        eventually(lambda: self._events() == expected, "all have come")
        assert self._space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []

    def _events(self) -> dict[str, int]:
        return {machine.id: machine.last_event_id
                for page in self._space.pages(page_size=1000) for machine in page}

    def stop(self) -> None:
        self._processor.kill()


def test_a_processor_that_is_away_costs_few_lines_and_they_say_what_to_know(server, spaces):
    """However many wait: fewer than a hundred a minute, at the default level."""
    log, port = Log(server), free_port()
    waiting = Waiting(spaces(server.client, endpoint=f"127.0.0.1:{port}"), port)
    try:
        before, begin = len(log.lines), time.monotonic()
        patient = waiting.outage(log)
        away = time.monotonic() - begin
        waiting.go_on(patient)
        told, seconds = log.lines[before:], time.monotonic() - begin
    finally:
        waiting.stop()
    assert len(told) < 100 * seconds / 60 and most_in_a_minute(told) < 100, told
    (began,) = [line for line in told if line["message"] == BEGAN]
    (ended,) = [line for line in told if line["message"] == "the endpoint can be reached again"]
    assert (began["level"], ended["level"]) == ("warning", "notice")
    assert began["endpoint"] == ended["endpoint"] == f"127.0.0.1:{port}"
    # Reset: the kernel had taken the connection, and the processor's listener closed then.
    assert any(why in began["reason"] for why in ("refused", "reset")), began
    assert away - 2 < float(ended["away_seconds"]) < away + 5
    assert int(ended["waited"]) > len(patient)


def most_in_a_minute(lines: list[dict]) -> int:
    times = [datetime.fromisoformat(line["time"]).timestamp() for line in lines]
    return max((sum(begin <= time < begin + 60 for time in times) for begin in times), default=0)


def test_the_role_of_a_node(node):
    first, second = node(), node()
    for server in (first, second):
        server.arguments += ["--log-format", "json"]
    first.start()
    assert len(Log(first).named("became active: this node has shards now")) == 1
    second.start(wait=False)
    standby = "became standby: other nodes may have all shards"
    eventually(lambda: Log(second).named(standby), "the second one stands by", timeout=30)
    assert first.terminate() == 0
    eventually(lambda: Log(second).named("became active: this node has shards now"),
               "the second one is active", timeout=30)
    assert not Log(first).named(standby)


def probe(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_probes(node):
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    first, second = node(), node()
    for server, address in zip((first, second), addresses, strict=True):
        server.arguments += ["--metrics-listen", address]
    first.start()
    for path in ("/livez", "/readyz"):
        assert probe(addresses[0], path) == (200, "ok\n")
    second.start(wait=False)

    def status(reason: str):
        code, text = probe(addresses[1], "/readyz")
        return code == 503 and reason in text

    def stands_by() -> bool:
        try:
            return status("standby: other nodes have all shards")
        except urllib.error.URLError:
            return False

    eventually(stands_by, "the second one stands by")
    assert probe(addresses[1], "/livez") == (200, "ok\n")
    assert first.terminate() == 0
    eventually(lambda: probe(addresses[1], "/readyz") == (200, "ok\n"), "it takes over", timeout=30)


def test_probes_while_the_database_is_not_there(servers):
    address = f"127.0.0.1:{free_port()}"
    server = servers(
        "--metrics-listen", address, "--database-url", f"postgresql://127.0.0.1:{free_port()}/x",
        embedded=False)
    server.start(wait=False)

    def answers() -> bool:
        try:
            return probe(address, "/livez") == (200, "ok\n")
        except urllib.error.URLError:
            return False

    eventually(answers, "it lives")
    assert probe(address, "/readyz") == (503, "the server is starting\n")
    assert probe(address, "/metrics")[0] == 503
