"""What the log tells: machines that fail, are repaired, paused, resumed and removed, the node's
role, processors that are away; and that it does not drown in it. And the probes of who watches."""

import json
import os
import urllib.error
import urllib.request

import grpc
import pytest
from support.client import Space
from support.ports import free_port
from support.processor import Answer, Invocation, Refusal
from support.stubs import namespaces_pb2
from support.waiting import eventually

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


def test_a_processor_that_is_away_costs_few_lines(server, space):
    log = Log(server)
    ids = [f"m{number}" for number in range(500)]
    for id in ids:
        space.start(id)
    point(space, f"127.0.0.1:{free_port()}")
    before = len(log.lines)
    for id in ids:
        space.notify(id, b"waits")
    eventually(lambda: log.named("the endpoint cannot be reached"), "it is told")
    point(space, space.processor.endpoint)
    eventually(lambda: all(b"waits" in space.events(id) for id in ids), "all are delivered",
               timeout=120)
    assert len(log.lines) - before < 20


def point(space: Space, endpoint: str) -> None:
    options = namespaces_pb2.ProcessorOptions(endpoint=endpoint)
    request = namespaces_pb2.UpdateNamespaceRequest(
        namespace=namespaces_pb2.Namespace(name=space.name, processor=options))
    space.client.namespaces.Update(request, timeout=30)


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
