"""What a processor says beside its changes: what the process waits for, that its machine fails,
when to try again. And requests for the machine as their client has seen it."""

import json
import time

import grpc
import pytest
from google.rpc import error_details_pb2
from support.client import DEADLINE, duration, fails
from support.operators import command, queue
from support.processor import Answer, Refusal, timer_in
from support.server import progressor
from support.stubs import automaton_pb2, namespaces_pb2, types_pb2
from support.waiting import eventually

QUICK = namespaces_pb2.RetryPolicy(initial_interval=duration(0.05), max_interval=duration(0.05))


def saying(**answer):
    return lambda i: Answer(events=[i.args or i.kind.encode()], **answer)


def ask(space, method: str, id: str, last: int, **rest):
    request = getattr(automaton_pb2, f"{method}Request")(
        namespace=space.name, id=id, expected_last_event_id=last, **rest)
    return getattr(space.client.automaton, method)(request, timeout=DEADLINE)


def failed(space, id: str) -> types_pb2.Failed:
    return space.get(id).status.failed


def test_what_the_process_waits_for_is_shown_until_it_says_otherwise(server, spaces):
    space = spaces(server.client)
    space.behave(saying(waiting_for="the bank \u00e9"))
    space.start("m")
    space.behave(saying())
    space.call("m")
    assert space.get("m").waiting_for == "the bank \u00e9"
    (listed,) = [m for page in space.pages() for m in page]
    assert listed.waiting_for == "the bank \u00e9"
    assert space.invocations("m")[-1].machine.waiting_for == "the bank \u00e9"
    assert "the bank \u00e9" in command(server, space, "get", "m")
    assert "the bank \u00e9" in command(server, space, "list")
    shown = json.loads(command(server, space, "get", "m", "--json"))
    assert shown["waitingFor"] == "the bank \u00e9"
    space.behave(saying(waiting_for=""))
    space.call("m")
    assert space.get("m").waiting_for == ""


def test_saying_nothing_else_is_a_change(client, spaces):
    space = spaces(client)
    space.start("m")
    space.behave(lambda _: Answer(waiting_for="a" * 256))
    space.call("m")
    assert space.get("m").waiting_for == "a" * 256
    space.behave(lambda _: Answer(waiting_for="a" * 257))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED") as failure:
        space.call("m")
    assert "waiting_for" in failure[0].message
    assert failed(space, "m").code == grpc.StatusCode.INTERNAL.value[0]


def test_what_it_waits_for_survives_a_restart_and_a_repair(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    space.behave(saying(waiting_for="a", fail="broken"))
    space.start("m")
    server.kill()
    server.start()
    assert space.get("m").waiting_for == "a"
    space.simple_repair("m")
    assert space.get("m").waiting_for == "a"


@pytest.mark.parametrize("kind", ["init", "call", "timeout", "notification", "repair"])
def test_a_processor_fails_its_machine_with_its_answer(client, spaces, kind):
    """The step is committed as it was answered, and then the machine waits for repair."""
    space = spaces(client)

    def behave(i) -> Answer:
        if i.args == b"break":
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")
        timer = timer_in(0.1) if i.kind == "init" and kind == "timeout" else None
        return Answer(response=b"r", events=[i.kind.encode()], timer=timer,
                      fail="no such account \u00e9" if i.kind == kind else None)

    space.behave(behave)
    space.start("m")
    if kind == "call":
        assert space.call("m") == b"r"
    if kind == "notification":
        space.notify("m")
    if kind == "repair":
        with fails("FAILED_PRECONDITION"):
            space.call("m", b"break")
        assert space.repair("m") == b"r"
    eventually(lambda: space.get("m").status.HasField("failed"), "it is failed")
    assert failed(space, "m").reason == "no such account \u00e9" and failed(space, "m").code == 0
    kinds = {"init": "START"}.get(kind, kind.upper())
    assert failed(space, "m").step_kind == types_pb2.StepKind.Value(f"STEP_KIND_{kinds}")
    assert space.events("m")[-1] == kind.encode()
    assert queue(space) == [[]] or queue(space) == []
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    space.behave(saying())
    space.simple_repair("m")
    space.call("m", b"on")
    assert space.events("m")[-1] == b"on"


@pytest.mark.parametrize("delay", [2.0, 0.0, -3.0])
def test_a_processor_says_when_to_try_again(client, spaces, delay):
    space = spaces(client, retry_policy=QUICK)

    def busy(i) -> Answer:
        if i.kind == "notification" and i.attempt == 1:
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "busy", [
                error_details_pb2.RetryInfo(retry_delay=duration(delay))])
        return Answer(events=[i.args])

    space.behave(busy)
    space.start("m")
    began = time.monotonic()
    space.notify("m", b"n")
    eventually(lambda: len(space.invocations("m")) == 3, "it is tried again")
    assert (time.monotonic() - began >= 1.9) == (delay == 2.0)


@pytest.mark.parametrize("method", ["Call", "Notify", "Repair"])
def test_a_request_for_another_machine_than_its_client_has_seen_is_stale(client, spaces, method):
    space = spaces(client)
    space.start("m", b"a")
    if method == "Repair":
        space.behave(lambda _: (_ for _ in ()).throw(Refusal(grpc.StatusCode.INTERNAL)))
        with fails("FAILED_PRECONDITION"):
            space.call("m")
        space.behave(saying())
    asked = len(space.invocations("m"))
    for last in (0, 2, 2**63 - 1):
        with fails("ABORTED", "STALE", (space.name, "m")) as failure:
            ask(space, method, "m", last)
        assert failure[0].info.metadata["last_event_id"] == "1"
    with fails("INVALID_ARGUMENT") as failure:
        ask(space, method, "m", -1)
    assert failure[0].message.startswith("expected_last_event_id")
    assert len(space.invocations("m")) == asked
    ask(space, method, "m", 1)
    eventually(lambda: len(space.events("m")) == 2, "it is done")


def test_of_two_who_have_seen_the_same_one_is_done(client, spaces):
    space = spaces(client)
    space.start("m")
    calls = [space.client.automaton.Call.future(automaton_pb2.CallRequest(
        namespace=space.name, id="m", args=b"%d" % number, expected_last_event_id=1),
        timeout=DEADLINE) for number in range(20)]
    codes = [call.exception() and call.exception().code().name for call in calls]
    assert codes.count(None) == 1 and codes.count("ABORTED") == 19
    assert len(space.events("m")) == 2


def test_a_repeat_has_its_reply_though_the_machine_has_moved_on(client, spaces):
    space = spaces(client)
    space.start("m")
    first = ask(space, "Call", "m", 1, args=b"x", idempotency_key="k")
    assert ask(space, "Call", "m", 1, args=b"x", idempotency_key="k") == first
    assert len(space.events("m")) == 2


def test_the_command_line_expects_an_event(server, spaces):
    space = spaces(server.client)
    space.start("m")

    def call(last: str):
        return progressor("machine", "call", "--server", server.address, "-n", space.name, "m", "x",
                          f"--expected-last-event={last}")

    refused = call("4")
    assert refused.returncode == 7 and "machine get" in refused.stderr
    assert call("1").stdout == "x"
    assert call("-1").returncode == 64
    assert space.events("m") == [b"", b"x"]
