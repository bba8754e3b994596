"""`progressor machine` and `progressor namespace`: the client for people."""

import json
import os
import pty
import subprocess
import unicodedata
import uuid

import grpc
import pytest
from support.processor import Answer, Invocation, Refusal
from support.server import BINARY, clean_environment, free_port, progressor
from support.waiting import eventually


@pytest.fixture
def machine(server, space):
    """Runs `progressor machine COMMAND` in the test's namespace."""
    def run(command: str, *arguments: str, status: int = 0, **options):
        result = progressor("machine", command, "--server", server.address, "--namespace",
                            space.name, *arguments, **options)
        assert (result.returncode == 0) == (status == 0), result
        return result
    return run


def test_the_life_of_a_machine(machine, space):
    machine("start", "order-1", "hello")
    assert "two words" in machine("call", "order-1", "two words").stdout
    assert machine("notify", "order-1", "ping").stdout.strip()
    eventually(lambda: len(space.events("order-1")) == 3, "it is delivered")
    shown = machine("get", "order-1").stdout
    assert "order-1" in shown and "hello" in shown and "working" in shown
    assert "order-1" in machine("list").stdout
    machine("remove", "order-1")
    assert "order-1" not in machine("list").stdout


def test_payloads_from_files_and_standard_input(machine, space, tmp_path):
    payload = bytes(range(256))
    path = tmp_path / "payload"
    path.write_bytes(payload)
    machine("start", "m", "--file", str(path))
    machine("call", "m", "-", input="from stdin")
    assert space.events("m") == [payload, b"from stdin"]


def test_json(machine):
    machine("start", "m", "hello", "--json")
    assert json.loads(machine("call", "m", "x", "--json").stdout)
    assert json.loads(machine("notify", "m", "x", "--json").stdout)
    shown = json.loads(machine("get", "m", "--json").stdout)
    assert "m" in json.dumps(shown)
    assert "m" in json.dumps(json.loads(machine("list", "--json").stdout))


def test_errors_say_what_to_do(machine, space):
    missing = machine("get", "nobody", status=1)
    assert "nobody" in missing.stderr and space.name in missing.stderr
    machine("start", "m")
    assert "exists" in machine("start", "m", status=1).stderr
    assert "none.txt" in machine("call", "m", "--file", "/no/none.txt", status=1).stderr
    assert "Fatal error" not in missing.stderr


def test_a_server_that_is_not_there(space):
    port = free_port()
    result = progressor("machine", "get", "--server", f"127.0.0.1:{port}", "--namespace",
                        space.name, "m", timeout=60)
    assert result.returncode != 0
    assert str(port) in result.stderr


def test_namespaces(server, processor):
    name = f"cli-{uuid.uuid4().hex[:6]}"

    def namespace(*arguments: str):
        result = progressor("namespace", *arguments, "--server", server.address)
        assert result.returncode == 0, result
        return result.stdout

    namespace("create", name, processor.endpoint)
    assert processor.endpoint in namespace("get", name)
    assert name in namespace("list")
    assert name in json.dumps(json.loads(namespace("get", name, "--json")))
    shown = namespace("get", name)
    assert "30s (default)" in shown and "1000 (default)" in shown
    namespace("update", name, "--max-in-flight", "7", "--processor-timeout", "5s")
    shown = json.loads(namespace("get", name, "--json"))
    assert shown["processor"] == {
        "endpoint": processor.endpoint, "timeout": "5s", "maxInFlight": 7, "connections": 0}
    assert int(shown["version"]) == 2
    namespace("update", name, "--reset", "processor-timeout", "--non-retryable", "INTERNAL",
              "--expected-version", "2")
    shown = json.loads(namespace("get", name, "--json"))
    assert shown["processor"].get("timeout") is None and shown["processor"]["maxInFlight"] == 7
    assert shown["retryPolicy"]["nonRetryable"] == ["INTERNAL"]
    late = progressor("namespace", "update", name, "--max-in-flight", "8", "--expected-version",
                      "2", "--server", server.address)
    assert late.returncode != 0 and "NAMESPACE_VERSION_MISMATCH" in late.stderr
    bad = progressor("namespace", "update", name, "--max-in-flight=-1", "--server",
                     server.address)
    assert bad.returncode == 64 and "max_in_flight" in bad.stderr
    again = progressor("namespace", "create", name, processor.endpoint, "--server", server.address)
    assert again.returncode != 0 and "ALREADY_EXISTS" in again.stderr
    progressor("machine", "start", "m", "-n", name, "--server", server.address)
    full = progressor("namespace", "delete", name, "--server", server.address)
    assert full.returncode == 1 and "NAMESPACE_NOT_EMPTY" in full.stderr
    assert "has 1 machine\n" in full.stderr and "progressor machine list" in full.stderr
    progressor("machine", "remove", "m", "-n", name, "--server", server.address)
    assert namespace("delete", name) == f"deleted {name}\n"
    gone = progressor("namespace", "delete", name, "--server", server.address)
    assert gone.returncode == 1 and "NAMESPACE_NOT_FOUND" in gone.stderr


HOSTILE = "red \x1b[31m, clear \x1b[2J, \x9b31m, order \u202e, line\nand\ttab"


def steers(text: str) -> list[str]:
    """What a terminal would obey, beside the ends of the lines that are printed, and their tabs."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"]


def test_texts_of_others_do_not_steer_the_terminal(machine, space):
    space.start("m")

    def fail(invocation: Invocation) -> Answer:
        raise Refusal(grpc.StatusCode.INTERNAL, HOSTILE)

    space.behave(fail)
    error = machine("call", "m", "x", status=1).stderr
    assert "clear" in error and not steers(error)
    for command in (("get", "m"), ("list",)):
        shown = machine(*command).stdout
        assert r"red \u{1b}[31m" in shown and r"line\nand\ttab" in shown and not steers(shown)
    exact = json.loads(machine("get", "m", "--json").stdout)
    assert exact["status"]["failed"]["reason"] == HOSTILE


def test_an_answer_steers_no_terminal_and_is_exact_elsewhere(machine, server, space):
    space.start("m")
    assert machine("call", "m", HOSTILE).stdout == HOSTILE
    ours, theirs = pty.openpty()
    result = subprocess.run(
        [BINARY, "machine", "call", "--server", server.address, "--namespace", space.name, "m",
         HOSTILE], stdout=theirs, stderr=subprocess.PIPE, env=clean_environment(), timeout=60)
    os.close(theirs)
    assert result.returncode == 0, result
    with os.fdopen(ours, "rb") as terminal:
        shown = terminal.read1().decode()
    assert r"clear \u{1b}[2J" in shown and "line\r\nand\ttab" in shown
    assert not steers(shown.replace("\r\n", "\n"))
