"""`progressor machine` and `progressor namespace`: the client for people."""

import contextlib
import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import termios
import threading
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


def refusing(code: grpc.StatusCode, message: str):
    def refuse(invocation: Invocation) -> Answer:
        raise Refusal(code, message)
    return refuse


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
    assert result.returncode == 69
    assert str(port) in result.stderr and "Is a server running" in result.stderr
    result = progressor("machine", "get", "--server", f"127.0.0.1:{port}", "--namespace",
                        space.name, "m", "--json", timeout=60)
    assert result.returncode == 69 and result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "UNAVAILABLE" and error["reason"] == "SERVER_UNREACHABLE"
    assert error["metadata"] == {} and error["server"] == f"127.0.0.1:{port}"


def test_the_next_server_is_tried_when_one_cannot_be_reached(server, space):
    dead, deader = (f"127.0.0.1:{free_port()}" for _ in range(2))
    # The request never left: also a change goes on to the next.
    for names in (["--server", dead, "--server", "no-such-host.invalid:1", "--server",
                   server.address], []):
        environment = {} if names else {"PROGRESSOR_SERVER": f"{dead}, {server.address}"}
        started = progressor("machine", "start", "--namespace", space.name,
                             f"m{len(names)}", *names, environment=environment)
        assert started.returncode == 0, started
    assert space.status("m0") == space.status("m6") == "working"
    none = progressor("machine", "get", "m0", "--namespace", space.name, "--server", dead,
                      "--server", deader)
    assert none.returncode == 69
    assert f"tried {dead}: " in none.stderr and f"tried {deader}: " in none.stderr
    shown = progressor("machine", "get", "m0", "--namespace", space.name, "--server", dead,
                       "--server", deader, "--json")
    tried = json.loads(shown.stderr)["error"]["tried"]
    assert [attempt["server"] for attempt in tried] == [dead, deader]
    # What a server says is taken at its word.
    missing = progressor("machine", "get", "none", "--namespace", space.name, "--server",
                         server.address, "--server", dead)
    assert missing.returncode == 3 and "tried" not in missing.stderr


@pytest.fixture
def closing_server():
    """Takes connections, reads the beginning, and closes: whoever asks knows not what happened."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                # The client closes as it likes.
                with connection, contextlib.suppress(ConnectionError):
                    # SETTINGS, so that the request is sent, which ends this.
                    connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
                    heard = b""
                    while b"progressor" not in heard and b"\x01\x04" not in heard:
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        heard += piece
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_only_what_a_repeat_does_not_harm_goes_on_after_a_lost_connection(
        closing_server, server, space):
    space.start("m")
    def run(command, *arguments):
        return progressor("machine", command, "m", *arguments, "--namespace", space.name,
                          "--server", closing_server, "--server", server.address)
    assert run("get").returncode == 0
    assert run("call", "x", "--key", "k").returncode == 0
    lost = run("call", "y")
    assert lost.returncode == 69, lost
    assert "outcome is unknown" in lost.stderr and "Is a server running" not in lost.stderr
    assert space.events("m").count(b"y") == 0


def test_exit_codes_and_errors_for_programs(machine, server, space):
    machine("start", "m")

    def error(code: int, *arguments: str) -> dict:
        result = machine(*arguments, "--json", status=1)
        assert result.returncode == code, result
        assert result.stdout == ""
        return json.loads(result.stderr)["error"]

    missing = error(3, "get", "nobody")
    assert missing["code"] == "NOT_FOUND" and missing["reason"] == "MACHINE_NOT_FOUND"
    assert "nobody" in missing["message"]
    assert missing["metadata"] == {"machine_id": "nobody", "namespace": space.name}
    assert error(4, "start", "m")["reason"] == "MACHINE_ALREADY_EXISTS"
    assert error(5, "repair", "m")["reason"] == "MACHINE_ALREADY_WORKING"
    assert error(66, "call", "m", "--file", "/no/file")["reason"] == "INPUT_UNREADABLE"
    assert machine("get", status=1).returncode == 64
    space.behave(refusing(grpc.StatusCode.PERMISSION_DENIED, "no"))
    assert error(77, "call", "m")["reason"] == "PROCESSOR_REFUSED"
    space.behave(refusing(grpc.StatusCode.INVALID_ARGUMENT, "no"))
    assert error(65, "call", "m")["code"] == "INVALID_ARGUMENT"
    space.behave(refusing(grpc.StatusCode.INTERNAL, "no"))
    assert error(5, "call", "m")["reason"] == "MACHINE_FAILED"
    assert "Exit codes:" in progressor("--help").stdout


def test_a_deadline_says_whose_it_was(machine, server, space):
    machine("start", "m")
    space.behave(refusing(grpc.StatusCode.UNAVAILABLE, "busy"))
    busy = machine("call", "m", status=1)
    assert busy.returncode == 69 and "PROCESSOR_UNAVAILABLE: busy" in busy.stderr
    assert "processor running" not in busy.stderr
    released = threading.Event()

    def wait(invocation: Invocation) -> Answer:
        released.wait(30)
        return Answer()

    space.behave(wait)
    try:
        own = machine("call", "m", "--timeout", "300ms", status=1)
        assert own.returncode == 6 and "--timeout (300ms)" in own.stderr
        assert "outcome is unknown" in own.stderr and "processor running" not in own.stderr
        updated = progressor("namespace", "update", space.name, "--processor-timeout", "200ms",
                             "--server", server.address)
        assert updated.returncode == 0, updated
        theirs = machine("call", "m", status=1)
        assert theirs.returncode == 69 and "--processor-timeout" in theirs.stderr
        assert "not --timeout" in theirs.stderr and "processor running" not in theirs.stderr
    finally:
        released.set()


# In the order in which they are shown.
LIMITS = ("mailbox", "steps-in-flight", "notifications", "messages")


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
    namespace("update", name, "--max-in-flight", "7", "--processor-timeout", "5s",
              *(f"--limit-{limit}={number}" for number, limit in enumerate(LIMITS, start=1)))
    shown = json.loads(namespace("get", name, "--json"))
    assert shown["processor"] == {
        "endpoint": processor.endpoint, "timeout": "5s", "maxInFlight": 7, "connections": 0}
    assert list(shown["limits"].values()) == [1, 2, 3, 4]
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
    assert full.returncode == 5 and "NAMESPACE_NOT_EMPTY" in full.stderr
    assert "has 1 machine\n" in full.stderr and "progressor machine list" in full.stderr
    progressor("machine", "remove", "m", "-n", name, "--server", server.address)
    assert namespace("delete", name) == f"deleted {name}\n"
    gone = progressor("namespace", "delete", name, "--server", server.address)
    assert gone.returncode == 3 and "NAMESPACE_NOT_FOUND" in gone.stderr


def on_terminal(*arguments: str, columns: int) -> list[str]:
    """What the program writes on a terminal that has so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in clean_environment().items() if k != "COLUMNS"}
    result = subprocess.run([BINARY, *arguments], stdout=theirs, stderr=subprocess.PIPE,
                            env=environment, timeout=60)
    os.close(theirs)
    assert result.returncode == 0, result
    with os.fdopen(ours, "rb") as terminal:
        return terminal.read1().decode().splitlines()


def test_a_list_shows_why_machines_failed_and_fits_the_terminal(machine, server, space):
    machine("start", "m")
    machine("start", "long-" + "x" * 150)
    space.behave(refusing(grpc.StatusCode.INTERNAL, "a long story" + ", and so on" * 30))
    assert "MACHINE_FAILED" in machine("call", "m", status=1).stderr
    header, long, failed = machine("list").stdout.splitlines()
    assert header.split("\t") == [
        "ID", "STATUS", "EVENTS", "QUEUED", "TIME", "CODE", "REASON", "STEP", "BY"]
    assert long.split("\t") == ["long-" + "x" * 150, "working", "1", "0", *["-"] * 5]
    id, status, events, queued, time, code, reason, step, by = failed.split("\t")
    assert (id, status, events, queued, code, step, by) == (
        "m", "failed", "1", "0", "INTERNAL", "call", "-")
    assert time.startswith("20") and reason.endswith(", and so on")
    list = ("machine", "list", "--server", server.address, "--namespace", space.name)
    shown = on_terminal(*list, columns=80)
    assert len(shown) == 3 and all(len(line) <= 80 for line in shown)
    assert shown[0].index("STATUS") == shown[1].index("working") == shown[2].index("failed")
    assert "INTERNAL" in shown[2] and "…" in shown[1] and "…" in shown[2]


def test_a_list_is_counted(machine, space):
    assert "any\t0\n" in machine("list", "--count").stdout
    for number in range(3):
        machine("start", f"m{number}")
    assert machine("list", "--count").stdout == (
        "STATUS\tMACHINES\nany\t3\nworking\t3\nretrying\t0\nfailed\t0\npaused\t0\nlate\t0\n")
    counts = json.loads(machine("list", "--count", "--json").stdout)["counts"]
    assert counts[0] == {"status": "STATUS_FILTER_UNSPECIFIED", "count": "3", "capped": False}
    assert machine("list", "--count", "--late").stdout == "0\n"
    assert machine("list", "--count", "--limit", "3").stdout == "3\n"
    assert machine("list", "--count", "--limit", "2").stdout == "2+\n"
    assert machine("list", "--count", "--prefix", "m1").stdout == "1\n"
    assert machine("list", "--count", "--status", "failed").stdout == "0\n"
    assert json.loads(machine("list", "--count", "--limit", "2", "--json").stdout) == {
        "count": "2", "more": True}


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
