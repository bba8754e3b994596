"""SIGHUP: the configuration file is read again while the server runs."""

import ctypes
import os
import signal
import sys
from pathlib import Path

import grpc
import pytest
from support.client import Space, fails
from support.processor import echo
from support.postgres import Postgres
from support.server import Server
from support.stubs import namespaces_pb2
from support.waiting import eventually


# A launcher that stops when it has become the server (PTRACE_TRACEME), and numbers of sys/ptrace.h
# and bits/waitflags.h.
TRACED = """
import ctypes, os, sys
ctypes.CDLL(None).ptrace(0, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
PTRACE_CONT, PTRACE_SETOPTIONS, PTRACE_GETEVENTMSG, TRACE_CLONE, CLONED = 7, 0x4200, 0x4201, 8, 3
WALL = 0x40000000


class Configured:
    """A server with a configuration file of its own."""

    def __init__(self, server: Server):
        self.server = server
        self.path = server.directory / "progressor.yaml"
        server.arguments += ["--config", str(self.path)]

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def namespaces(self, endpoint: str, *names: str, **fields: str) -> None:
        rest = "".join(f"\n    {key}: {value}" for key, value in fields.items())
        self.write("namespaces:\n" + "".join(
            f'  - name: {name}\n    processor: {{endpoint: "{endpoint}"}}{rest}\n'
            for name in names))

    def hang_up(self, expected: str, timeout: float = 15) -> str:
        """Sends SIGHUP, waits until the log says what came of it, and answers what it says."""
        seen = len(self.server.log.read_text())
        self.server.send_signal(signal.SIGHUP)
        return eventually(
            lambda: (text := self.server.log.read_text()[seen:]) and expected in text and text,
            f"the log says: {expected}", timeout)

    def namespace(self, name: str) -> namespaces_pb2.Namespace:
        request = namespaces_pb2.GetNamespaceRequest(name=name)
        return self.server.client.namespaces.Get(request, timeout=30).namespace

    def known(self, name: str) -> namespaces_pb2.Namespace | None:
        """The same, or nothing while the database is away."""
        try:
            return self.namespace(name)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            return None


@pytest.fixture
def configured(servers) -> Configured:
    return Configured(servers())


def test_namespaces_of_the_file_are_created_and_changed(configured, processor):
    processor.behave("one", echo)
    configured.namespaces(processor.endpoint, "one", "two")
    server = configured.server.start()
    space = Space(server.client, processor, "one")
    space.start("m", b"x")
    before = configured.namespace("two")
    configured.namespaces(
        processor.endpoint, "one", "three", idempotency_retention="1h")
    log = configured.hang_up("in force")
    assert "three" in log and "two" not in log
    assert configured.namespace("one").idempotency_retention.seconds == 3600
    assert configured.namespace("three").processor.endpoint == processor.endpoint
    assert configured.namespace("two") == before, "what is only in the database stays"
    assert space.call("m", b"y") == b"y", "the connection and the machine are as they were"
    assert "changed=none" in configured.hang_up("in force"), "a second time changes nothing"
    assert server.terminate() == 0


def test_an_endpoint_of_the_command_line_stays(configured, processor):
    configured.namespaces("127.0.0.1:1", "one")
    configured.server.arguments += ["--namespace", f"one={processor.endpoint}"]
    configured.server.start()
    version = configured.namespace("one").version
    assert "changed=none" in configured.hang_up("in force")
    namespace = configured.namespace("one")
    assert (namespace.processor.endpoint, namespace.version) == (processor.endpoint, version)


@pytest.mark.parametrize(("text", "place"), [
    ("lease: soon\n", "progressor.yaml:1: lease"),
    ("namespaces:\n  - name: one\n    processor: {endpoint: nowhere}\n", "processor.endpoint"),
    ("namespaces:\n  - name: one\n    procesor: {}\n", "progressor.yaml:3: procesor"),
    ("lease: [", "progressor.yaml"),
    ("\udcff\udcfe", "progressor.yaml"),
])
def test_a_file_that_is_wrong_changes_nothing(configured, processor, text, place):
    configured.namespaces(processor.endpoint, "one")
    server = configured.server.start()
    before = configured.namespace("one")
    configured.path.write_bytes(text.encode(errors="surrogateescape"))
    log = configured.hang_up("stays in force")
    assert place in log and " error " in log, log
    assert configured.namespace("one") == before
    configured.namespaces(processor.endpoint, "two")
    configured.hang_up("in force")
    assert configured.namespace("two").processor.endpoint == processor.endpoint
    assert server.running


def test_a_file_that_is_gone_changes_nothing(configured, processor):
    configured.namespaces(processor.endpoint, "one")
    configured.server.start()
    configured.path.unlink()
    log = configured.hang_up("stays in force")
    assert str(configured.path) in log
    assert configured.namespace("one").processor.endpoint == processor.endpoint


def test_settings_that_take_a_restart_are_named(configured, processor):
    configured.write("lease: 5s\ndrain_timeout: 2s\n")
    configured.server.start()
    configured.write("lease: 6s\nslots: 3\ndrain_timeout: 2s\n")
    log = configured.hang_up("in force")
    assert "lease, slots" in log and " warning " in log, log
    assert "drain_timeout" not in log


def test_the_level_of_the_log_is_in_force_at_once(configured, processor):
    configured.write("log: {level: warning}\n")
    configured.server.start()
    configured.write("log: {level: debug}\n")
    log = configured.hang_up("its namespaces are in force")
    assert "level=debug" in log and "next start" not in log, log
    configured.write("log: {level: error}\n")
    assert "level=error" in configured.hang_up("another level")
    configured.write("lease: soon\n")
    log = configured.hang_up("stays in force")
    assert "its namespaces are in force" not in log, "what is said less loud is not written"


def test_without_a_file_it_goes_on(servers):
    server = servers().start()
    server.send_signal(signal.SIGHUP)
    eventually(lambda: "no configuration file" in server.log.read_text(), "the log says so")
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        Space(server.client, None, "none").get("m")


def test_while_it_starts(configured, processor):
    configured.namespaces(processor.endpoint, "one")
    server = configured.server.start(wait=False)
    eventually(lambda: "starting" in server.log.read_text(), "it starts")
    configured.namespaces(processor.endpoint, "one", "two")
    configured.hang_up("in force")
    assert configured.namespace("two").processor.endpoint == processor.endpoint


def hang_up_ends(pid: int) -> bool:
    """Whether the process neither ignores nor catches SIGHUP."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sets = [int(line.split()[1], 16) for line in lines if line.startswith(("SigIgn:", "SigCgt:"))]
    return not any(signals & 1 << signal.SIGHUP - 1 for signals in sets)


def test_before_it_does_anything(servers):
    """Whoever starts the server may send the signal before its first line: it is ignored before
    the first thread is made, and so before anything else that takes time."""
    server = servers(launcher=[sys.executable, "-c", TRACED]).start(wait=False)
    pid, ptrace, thread = server.pid, ctypes.CDLL(None).ptrace, ctypes.c_ulong()
    ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    assert os.WSTOPSIG(os.waitpid(pid, 0)[1]) == signal.SIGTRAP, "the program was loaded"
    ptrace(PTRACE_SETOPTIONS, pid, None, TRACE_CLONE)
    ptrace(PTRACE_CONT, pid, None, None)
    assert os.waitpid(pid, 0)[1] >> 8 == signal.SIGTRAP | CLONED << 8, "a thread is made"
    ends = hang_up_ends(pid)
    ptrace(PTRACE_GETEVENTMSG, pid, None, ctypes.byref(thread))
    server.send_signal(signal.SIGKILL)
    os.waitpid(thread.value, WALL)
    assert not ends


def test_again_and_again_until_it_serves(configured, processor):
    configured.namespaces(processor.endpoint, "one")
    server = configured.server.start(wait=False)
    eventually(lambda: not hang_up_ends(server.pid), "it was loaded")

    def hung_up() -> bool:
        server.send_signal(signal.SIGHUP)
        return server.client.serving()

    eventually(hung_up, "it serves", timeout=60)
    assert configured.namespace("one").processor.endpoint == processor.endpoint


@pytest.mark.parametrize("outage", [Postgres.frozen, Postgres.killed])
def test_while_the_database_is_away(node, postgres, processor, outage):
    """What is in force stays, the log says that the new is not, and the next signal brings it."""
    configured = Configured(node())
    processor.behave("one", echo)
    configured.namespaces(processor.endpoint, "one")
    server = configured.server.start()
    space = Space(server.client, processor, "one")
    space.start("m", b"x")
    before = configured.namespace("one")
    configured.namespaces(processor.endpoint, "one", "two", idempotency_retention="1h")
    with outage(postgres):
        log = configured.hang_up("is not in force", timeout=60)
        assert " error " in log, log
        assert server.running
    eventually(server.client.serving, "it serves again", timeout=60)
    assert eventually(lambda: configured.known("one"), "it is read again") == before
    assert "one, two" in configured.hang_up("are in force", timeout=60)
    assert configured.namespace("one").idempotency_retention.seconds == 3600
    assert configured.namespace("two").processor.endpoint == processor.endpoint
    assert space.call("m", b"y") == b"y"
