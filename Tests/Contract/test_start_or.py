"""Calls and notifications that start their machine when there is none."""

import threading

import grpc
import pytest
from support.client import DEADLINE, Gate, fails
from support.processor import Answer, Refusal
from support.stubs import automaton_pb2
from support.waiting import eventually


def or_call(space, id: str, args: bytes = b"call", start: bytes = b"start", **rest) -> bytes:
    timeout = rest.pop("timeout", DEADLINE)
    request = automaton_pb2.StartOrCallRequest(
        namespace=space.name, id=id, args=args, start_args=start, **rest)
    return space.client.automaton.StartOrCall(request, timeout=timeout).response


def or_notify(space, id: str, args: bytes = b"note", start: bytes = b"start", **rest) -> str:
    request = automaton_pb2.StartOrNotifyRequest(
        namespace=space.name, id=id, args=args, start_args=start, **rest)
    return space.client.automaton.StartOrNotify(request, timeout=DEADLINE).notification_id


def kinds(space, id: str) -> list[tuple[str, bytes]]:
    return [(i.kind, i.args) for i in space.invocations(id)]


def test_a_call_starts_its_machine_and_is_answered(space):
    space.behave(lambda i: Answer(events=[i.args], response=b"r" + i.args))
    assert or_call(space, "m") == b"rcall"
    assert or_call(space, "m", b"again") == b"ragain"
    assert kinds(space, "m") == [("init", b"start"), ("call", b"call"), ("call", b"again")]
    assert space.events("m") == [b"start", b"call", b"again"]


def test_a_notification_starts_its_machine_and_is_delivered(space):
    first, second = or_notify(space, "m"), or_notify(space, "m", b"again")
    assert first and second and first != second
    eventually(lambda: space.events("m") == [b"start", b"note", b"again"], "both are delivered")


def test_a_failed_machine_takes_the_notification_and_refuses_the_call(space):
    space.start("m")

    def broken(_) -> Answer:
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")

    space.behave(broken)
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        or_call(space, "m")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        or_call(space, "m")
    assert or_notify(space, "m")
    assert space.get("m").queued_notifications == 1


def test_of_many_at_once_one_starts_it_and_all_are_done(space):
    space.behave(lambda i: Answer(events=[i.args], response=i.args))
    done = []

    def ask(number: int) -> None:
        args = str(number).encode()
        if number % 2:
            done.append(or_call(space, "m", args) == args)
        else:
            done.append(bool(or_notify(space, "m", args)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 40
    eventually(lambda: len(space.events("m")) == 41, "all are done")
    assert [k for k, _ in kinds(space, "m")].count("init") == 1
    assert sorted(space.events("m")[1:]) == sorted(str(n).encode() for n in range(40))


def test_what_cannot_be_started_says_why_and_leaves_nothing(space):
    def refuse(i) -> Answer:
        code = grpc.StatusCode.INVALID_ARGUMENT if i.machine.id == "refused" \
            else grpc.StatusCode.INTERNAL
        raise Refusal(code, "no")

    space.behave(refuse)
    for ask in (or_call, or_notify):
        with fails("ABORTED", "START_FAILED"):
            ask(space, "broken")
        with fails("INVALID_ARGUMENT", "PROCESSOR_REFUSED"):
            ask(space, "refused")
    assert space.ids() == []


def test_the_machine_stays_whatever_becomes_of_the_call(space):
    def behave(i) -> Answer:
        if i.kind == "call":
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "not now")
        return Answer(events=[i.args])

    space.behave(behave)
    with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED") as failure:
        or_call(space, "m")
    assert failure[0].message == "not now" and space.events("m") == [b"start"]


def test_a_call_whose_client_went_away_is_not_made(space):
    gate = Gate()

    def behave(i) -> Answer:
        if i.kind == "init":
            gate.wait()
        return Answer(events=[i.args])

    space.behave(behave)
    request = automaton_pb2.StartOrCallRequest(namespace=space.name, id="m", args=b"c")
    call = space.client.automaton.StartOrCall.future(request, timeout=DEADLINE)
    gate.wait_for_entry()
    call.cancel()
    # The server hears of it before what is asked behind it.
    later = space.call_later("m", b"later")
    eventually(lambda: call.cancelled(), "it is cancelled")
    gate.open()
    later.result(10)
    assert [k for k in kinds(space, "m") if k[0] == "call"] == [("call", b"later")]


def test_a_key_covers_both(servers, spaces):
    server = servers().start()
    space = spaces(server.client, lambda i: Answer(events=[i.args], response=i.args))
    assert or_call(space, "c", idempotency_key="k") == b"call"
    note = or_notify(space, "n", idempotency_key="k")
    server.kill()
    server.start()
    assert or_call(space, "c", idempotency_key="k") == b"call"
    assert or_notify(space, "n", idempotency_key="k") == note
    eventually(lambda: space.events("n") == [b"start", b"note"], "it is delivered once")
    assert space.events("c") == [b"start", b"call"]
    for wrong in ({"args": b"x"}, {"start": b"x"}):
        with fails("INVALID_ARGUMENT") as failure:
            or_call(space, "c", idempotency_key="k", **wrong)
        assert "idempotency_key" in failure[0].message
    with fails("INVALID_ARGUMENT"):
        space.call("c", b"call", "k")


@pytest.mark.parametrize("expected, stale", [(0, True), (1, False), (2, True)])
def test_the_expected_event_is_that_of_the_machine_as_the_call_finds_it(space, expected, stale):
    if not stale:
        or_call(space, "m", expected_last_event_id=expected)
        return
    with fails("ABORTED", "STALE") as failure:
        or_call(space, "m", expected_last_event_id=expected)
    assert failure[0].info.metadata["last_event_id"] == "1"
    assert space.events("m") == [b"start"]


def test_a_paused_namespace_starts_nothing(space):
    space.pause_all()
    for ask in (or_call, or_notify):
        with fails("UNAVAILABLE", "NAMESPACE_PAUSED"):
            ask(space, "m")
    space.resume_all()
    assert space.ids() == []


def test_arguments_have_their_bounds(space):
    with fails("INVALID_ARGUMENT") as failure:
        or_notify(space, "m", b"x" * (16 * 1024 * 1024 - 16 * 1024 + 1), b"")
    assert "args" in failure[0].message
    with fails("INVALID_ARGUMENT") as failure:
        or_call(space, "")
    assert "id" in failure[0].message
    assert or_call(space, "m", b"", b"") == b""
