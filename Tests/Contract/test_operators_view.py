"""Which machines are late or failed, and what each waits for."""

import json
import time
from datetime import datetime, timezone

import grpc
import pytest
from google.protobuf import timestamp_pb2
from support.client import DEADLINE, Gate, duration, fails
from support.operators import (
    COMPOSED, DECOMPOSED, LATE, command, counts, drop, listed, queued, waiting_on, waits,
)
from support.ports import free_port
from support.processor import Answer, Refusal, ScriptedProcessor, timer_in
from support.server import progressor
from support.stubs import automaton_pb2, namespaces_pb2
from support.waiting import eventually

FAST = dict(initial_interval=duration(0.05), max_interval=duration(0.1))
SLOW = dict(initial_interval=duration(600), max_interval=duration(600))


@pytest.fixture
def port():
    return free_port()


def armed(seconds):
    """Init sets a timer; what else comes appends an event."""
    return lambda i: Answer(
        events=[i.args or i.kind.encode()], timer=timer_in(seconds) if i.kind == "init" else None)


def test_of_a_dead_processor_machines_say_so_and_are_late_after_a_while(servers, spaces, port):
    server = servers().start()
    processor = ScriptedProcessor(port)
    space = spaces(server.client, endpoint=processor.endpoint)
    space.processor = processor
    space.behave(armed(1))
    for id in ("m", COMPOSED, DECOMPOSED, "paused", "z"):
        space.start(id)
    began = time.time()
    space.pause("paused", "beside the outage")
    processor.stop()
    due = began + 1
    waits(space, "ENDPOINT", since=due)
    waits(space, "ENDPOINT", DECOMPOSED, since=due)
    waits(space, "PAUSE", "paused", since=due)
    notification = space.notify("z", b"n")
    assert waiting_on(space, "z") == "ENDPOINT"
    late = sorted(["m", COMPOSED, DECOMPOSED, "paused", "z"], key=str.encode)
    assert listed(space, status_filter=LATE) == [], "nothing is due for so long"
    eventually(lambda: listed(space, status_filter=LATE) == late, "they are late", timeout=30)
    assert time.time() - began > 10
    assert listed(space, status_filter=LATE, page_size=2) == late
    assert listed(space, status_filter=LATE, id_prefix="e") == [DECOMPOSED]
    assert counts(space) == {
        "all": 5, "working": 5, "retrying": 0, "failed": 0, "paused": 1, "late": 5}
    shown = command(server, space, "get", "m")
    assert "working" in shown and "processor, which cannot be reached" in shown
    table = command(server, space, "list", "--late")
    assert [line.split("\t")[0] for line in table.splitlines()[1:]] == late
    # A restart changes nothing of it.
    server.kill()
    server.start()
    waits(space, "ENDPOINT", since=due)
    assert listed(space, status_filter=LATE) == late
    drop(space, notification, "z")
    assert queued(space, "z") == []
    processor = ScriptedProcessor(port)
    space.processor = processor
    space.behave(armed(1))
    eventually(lambda: listed(space, status_filter=LATE) == ["paused"], "they go on", timeout=30)
    eventually(lambda: waiting_on(space) == "UNSPECIFIED", "its step is over")
    space.resume("paused")
    eventually(lambda: listed(space, status_filter=LATE) == [], "it goes on", timeout=30)
    assert b"n" not in space.events("z")
    processor.stop()


def test_a_pause_a_retry_a_slot_and_a_step_are_told_apart(client, spaces):
    gate = Gate()

    def behave(i):
        if i.args == b"slow":
            gate.wait()
        if i.kind == "notification" and i.args != b"slow":
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "busy")
        return Answer(events=[i.args])

    space = spaces(client, behave, max_in_flight=1,
                   retry_policy=namespaces_pb2.RetryPolicy(**SLOW))
    for id in ("m", "other", "third"):
        space.start(id)
    assert waiting_on(space) == "UNSPECIFIED"
    accepted = time.time()
    space.notify("m", b"fails")
    waits(space, "RETRY", since=accepted)
    assert space.status("m") == "retrying"
    began = time.time()
    space.notify("other", b"slow")
    gate.wait_for_entry()
    waits(space, "STEP", "other", since=began)
    space.notify("third", b"1")
    waits(space, "SLOT", "third")
    space.pause("third")
    waits(space, "PAUSE", "third")
    gate.open()
    waits(space, "UNSPECIFIED", "other")
    space.resume("third")
    waits(space, "RETRY", "third")
    space.pause_all("all of it")
    space.notify("other", b"2")
    waits(space, "PAUSE", "other")
    space.resume_all()


def moment(unix: float) -> timestamp_pb2.Timestamp:
    value = timestamp_pb2.Timestamp()
    value.FromMicroseconds(int(unix * 1e6))
    return value


def test_failures_are_found_by_their_code_and_time(server, space):
    codes = {"a": grpc.StatusCode.INTERNAL, "b": grpc.StatusCode.DATA_LOSS,
             "c": grpc.StatusCode.INTERNAL}

    def behave(i):
        if i.kind == "notification":
            raise Refusal(codes[i.machine.id], "broken")
        return Answer()

    space.behave(behave)
    for id in (*codes, "fine"):
        space.start(id)
    for id in ("a", "b"):
        space.notify(id)
        eventually(lambda: space.status(id) == "failed", "it fails")
    between = time.time()
    eventually(lambda: time.time() > between + 0.05, "a moment passes")
    space.notify("c")
    eventually(lambda: space.status("c") == "failed", "it fails")
    assert listed(space, failed_code=13) == ["a", "c"]
    assert listed(space, failed_code=13, page_size=1) == ["a", "c"]
    assert listed(space, failed_code=0) == []
    assert listed(space, failed_code=15, status_filter=automaton_pb2.STATUS_FILTER_FAILED) == ["b"]
    assert listed(space, failed_code=13, status_filter=automaton_pb2.STATUS_FILTER_WORKING) == []
    assert listed(space, failed_since=moment(between)) == ["c"]
    # Go's zero time is a time.
    year_one = moment(datetime(1, 1, 1, tzinfo=timezone.utc).timestamp())
    assert listed(space, failed_since=year_one) == ["a", "b", "c"]
    assert listed(space, failed_since=year_one, failed_code=13, id_prefix="c") == ["c"]
    for code in (-1, 17, 2**31 - 1):
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
            listed(space, failed_code=code)
        assert failures[0].message.startswith("failed_code: ")
    first = space.client.automaton.List(automaton_pb2.ListRequest(
        namespace=space.name, page_size=1, failed_code=13), timeout=DEADLINE)
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
        space.client.automaton.List(automaton_pb2.ListRequest(
            namespace=space.name, page_size=1, failed_code=15,
            page_token=first.next_page_token), timeout=DEADLINE)
    assert failures[0].message.startswith("page_token: ")
    assert counts(space) == {
        "all": 4, "working": 1, "retrying": 0, "failed": 3, "paused": 0, "late": 0}
    table = command(server, space, "list", "--failed-code", "internal", "--failed-since", "1h")
    assert [row.split("\t")[0] for row in table.splitlines()] == ["ID", "a", "c"]
    assert [row.split("\t")[7] for row in table.splitlines()][1:] == ["notification"] * 2
    assert command(server, space, "list", "--failed-code", "15", "--count") == "1\n"
    refused = progressor("machine", "list", "--server", server.address, "--namespace", space.name,
                         "--failed-code", "17")
    assert refused.returncode == 64 and "--failed-code" in refused.stderr


def test_a_machine_that_is_retried_fast_is_not_late(client, spaces):
    def busy(i):
        if i.kind == "notification":
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "busy")
        return Answer()

    space = spaces(client, busy, retry_policy=namespaces_pb2.RetryPolicy(**FAST))
    space.start("m")
    space.notify("m")
    eventually(lambda: len(space.invocations("m")) > 20, "it is tried again and again")
    assert listed(space, status_filter=LATE) == []
    assert counts(space)["retrying"] == 1
    assert space.get("m").queued_notifications == 1


def test_who_fails_and_why_over_all_namespaces(servers, spaces):
    server = servers().start()
    def breaks(invocation):
        if invocation.kind == "init":
            return Answer()
        raise Refusal(grpc.StatusCode.INTERNAL, invocation.args.decode())
    first, second = spaces(server.client, breaks), spaces(server.client, breaks)
    for space, id, reason in [(first, "a", "usual"), (first, "b", "usual"), (first, "c", "usual"),
                              (first, "d", "rare"), (second, "e", "usual"), (second, "f", "usual")]:
        space.start(id)
        with fails("FAILED_PRECONDITION"):
            space.call(id, reason.encode())
    first.start("works")

    def causes(*arguments: str) -> list[tuple]:
        result = progressor("machine", "failures", "--server", server.address, *arguments)
        assert result.returncode == 0 and result.stderr == "", result
        header, *rows = result.stdout.splitlines()
        assert header.split("\t") == [
            "NAMESPACE", "MACHINES", "SINCE", "LAST", "CODE", "STEP", "EXAMPLE", "REASON"]
        rows = [row.split("\t") for row in rows]
        assert all(row[4:6] == ["INTERNAL", "call"] and row[2] <= row[3] for row in rows)
        return [(row[0], row[1], row[6], row[7]) for row in rows]
    of_first = [(first.name, "3", "c", "usual"), (first.name, "1", "d", "rare")]
    of_second = [(second.name, "2", "f", "usual")]
    assert causes() == [of_first[0], *of_second, of_first[1]]
    assert causes("-n", first.name) == of_first
    assert causes("--failed-since", "1h", "-n", second.name) == of_second
    assert causes("--failed-since", "2100-01-01T00:00:00Z") == []
    shown = progressor("machine", "failures", "--server", server.address, "--json").stdout
    assert [cause["machines"] for cause in json.loads(shown)["causes"]] == ["3", "2", "1"]
    none = progressor("machine", "failures", "--server", server.address, "-n", "none")
    assert none.returncode == 3 and "NAMESPACE_NOT_FOUND" in none.stderr
