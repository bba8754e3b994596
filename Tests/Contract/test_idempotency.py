"""Idempotency keys: one effect and the same reply (I8)."""

import time
import uuid

import grpc
import pytest
from support.client import Gate, duration, fails, history
from support.processor import Answer, Refusal
from support.stubs import automaton_pb2
from support.waiting import eventually


def numbered(space):
    """Each step appends an event and answers a number that is never repeated."""
    space.behave(lambda i: Answer(response=uuid.uuid4().bytes, events=[i.kind.encode()]))


def test_start_with_its_key_again_makes_nothing(space):
    numbered(space)
    space.start("m", b"a", key="k")
    space.start("m", b"a", key="k")
    assert space.events("m") == [b"init"]
    assert len(space.invocations("m")) == 1
    with fails("ALREADY_EXISTS", "MACHINE_ALREADY_EXISTS"):
        space.start("m", b"a", key="other")
    with fails("ALREADY_EXISTS", "MACHINE_ALREADY_EXISTS"):
        space.start("m", b"a")


def test_a_call_repeated_gets_the_same_reply(space):
    numbered(space)
    space.start("m")
    first = space.call("m", b"a", key="k")
    assert space.call("m", b"a", key="k") == first
    assert space.call("m", b"a", key="l") != first
    assert space.call("m", b"a") != first
    assert space.events("m") == [b"init"] + [b"call"] * 3
    assert [i.idempotency_key for i in space.invocations("m")] == ["", "k", "l", ""]


def test_a_repeat_may_ask_for_another_part_of_the_history(space):
    numbered(space)
    space.start("m")
    first = space.call("m", b"a", key="k")
    assert space.call("m", b"a", key="k", range=history(limit=0)) == first


def test_a_call_without_change_is_remembered_too(space):
    space.behave(lambda i: Answer(response=uuid.uuid4().bytes))
    space.start("m")
    assert space.call("m", key="k") == space.call("m", key="k")
    assert len(space.invocations("m")) == 2


def test_a_notification_repeated_is_queued_once(space):
    numbered(space)
    space.start("m")
    first = space.notify("m", b"a", key="k")
    assert space.notify("m", b"a", key="k") == first
    assert space.notify("m", b"a", key="l") != first
    eventually(lambda: len(space.events("m")) == 3, "two notifications are delivered")
    assert space.notify("m", b"a", key="k") == first, "also after delivery"
    space.call("m")
    assert space.events("m") == [b"init", b"notification", b"notification", b"call"]


@pytest.mark.parametrize("first, second", [
    ("call", "call"), ("notify", "notify"), ("call", "notify"), ("notify", "call"),
    ("start", "call"), ("call", "start"),
])
def test_the_same_key_for_something_else_is_refused(space, first, second):
    numbered(space)
    if first != "start":
        space.start("m")
    getattr(space, first)("m", b"a", key="k")
    seen = len(space.invocations("m"))
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT", about=(space.name, "m")) as failure:
        getattr(space, second)("m", b"b", key="k")
    assert "idempotency_key" in failure[0].message
    if first != second:
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
            getattr(space, second)("m", b"a", key="k")
    assert len([i for i in space.invocations("m") if i.kind != "notification"]) <= seen


def test_a_key_belongs_to_one_machine(space):
    numbered(space)
    space.start("a", key="k")
    space.start("b", key="k")
    assert space.call("a", key="l") != space.call("b", key="l")


def test_the_second_waits_for_the_first(space):
    gate = Gate()
    space.start("m")

    def behave(i):
        gate.wait()
        return Answer(response=uuid.uuid4().bytes, events=[b"once"])

    space.behave(behave)
    calls = [space.call_later("m", b"a", key="k") for _ in range(10)]
    gate.wait_for_entry()
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        space.call("m", b"b", key="k")
    gate.open()
    assert len({call.result().response for call in calls}) == 1
    assert space.events("m") == [b"", b"once"]


def test_two_starts_at_once_with_one_key_both_succeed(space):
    gate = Gate()
    space.behave(lambda i: gate.wait())
    request = automaton_pb2.StartRequest(namespace=space.name, id="m", idempotency_key="k")
    starts = [space.client.automaton.Start.future(request, timeout=30) for _ in range(5)]
    gate.wait_for_entry()
    gate.open()
    for start in starts:
        start.result()
    assert len(space.invocations("m")) == 1


def test_errors_are_not_remembered(space):
    attempts = []

    def behave(i):
        attempts.append(i)
        if len(attempts) == 1:
            raise Refusal(grpc.StatusCode.NOT_FOUND, "not yet")
        return Answer(response=b"now", events=[b"x"])

    space.behave(behave)
    with fails("NOT_FOUND", "PROCESSOR_REFUSED"):
        space.start("m", key="s")
    space.start("m", key="s")
    attempts.clear()
    with fails("NOT_FOUND", "PROCESSOR_REFUSED"):
        space.call("m", key="k")
    assert space.call("m", key="k") == b"now"


def test_keys_outlive_the_machine(space):
    space.behave(lambda i: Answer(response=uuid.uuid4().bytes, remove=i.args == b"remove"))
    space.start("m", b"x", key="s")
    reply = space.call("m", b"remove", key="c")
    assert space.call("m", b"remove", key="c") == reply
    space.start("m", b"x", key="s")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    space.start("m", b"x", key="t")
    assert space.call("m", b"remove", key="c") == reply
    assert space.get("m").id == "m", "the new machine is untouched by the repeat"


def test_keys_outlive_remove(space):
    numbered(space)
    space.start("m", key="s")
    notification = space.notify("m", b"n", key="n")
    space.remove("m")
    assert space.notify("m", b"n", key="n") == notification
    space.start("m", key="s")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


def test_a_failed_machine_repeats_its_replies(space):
    numbered(space)
    space.start("m")
    reply = space.call("m", b"a", key="k")

    def fail(_):
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")

    space.behave(fail)
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m", b"b")
    assert space.call("m", b"a", key="k") == reply


def test_keys_are_forgotten_after_the_namespaces_time(client, spaces):
    space = spaces(client, idempotency_retention=duration(1))
    numbered(space)
    space.start("m", key="s")
    began = time.monotonic()
    first = space.call("m", b"a", key="k")
    assert space.call("m", b"a", key="k") == first
    eventually(lambda: space.call("m", b"a", key="k") != first, "it is a new call")
    assert time.monotonic() - began > 0.9
