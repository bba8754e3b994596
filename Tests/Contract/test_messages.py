"""Messages that steps send: rows of the step's own transaction, delivered once in effect."""

import json
import time

import grpc
import pytest
from google.protobuf import timestamp_pb2
from support.client import Space, fails, history
from support.processor import Answer, Invocation, Refusal, echo, message, timer_in
from support.server import progressor
from support.stubs import namespaces_pb2, types_pb2
from support.waiting import eventually

NEWEST = history(limit=1000)


def events(space: Space, id: str) -> list[bytes]:
    return [event.body.data for event in space.get(id, NEWEST).history]


def sending(*messages: types_pb2.OutgoingMessage, cancel=(), **rest):
    """A call sends these; whatever else comes is repeated as an event."""
    def behaviour(invocation: Invocation) -> Answer:
        if invocation.kind == "call":
            return Answer(events=[invocation.args], send=messages, cancel=cancel, **rest)
        if invocation.kind == "undelivered":
            lost = invocation.undelivered
            return Answer(events=[f"lost {lost.id} {lost.name} {lost.code} {lost.reason}".encode()])
        return Answer(events=[invocation.args])
    return behaviour


def settled(space: Space, id: str) -> bool:
    machine = space.get(id)
    return machine.pending_messages == 0 and machine.queued_notifications == 0


def test_a_machine_notifies_another_which_is_told_who_it_was(space):
    space.behave(sending(message("b", b"hello")))
    space.start("a", b"init")
    space.start("b", b"init")
    space.call("a", b"go", metadata=[("x-colour", "green")])
    eventually(lambda: events(space, "b") == [b"init", b"hello"], "the message arrives")
    [seen] = [seen for seen in space.invocations("b") if seen.kind == "notification"]
    assert seen.sender == (space.name, "a")
    assert seen.metadata["x-colour"] == "green"
    eventually(lambda: settled(space, "a"), "the sender has nothing left")
    assert space.notify("b", b"by a client")
    eventually(lambda: len(events(space, "b")) == 3, "the notification is delivered")
    assert space.invocations("b")[-1].sender is None


def test_a_machine_of_another_namespace_is_started(space, spaces, client):
    other_space = spaces(client)
    space.behave(sending(message("child", b"work", other_space.name, start=True)))
    space.start("parent")
    space.call("parent")
    eventually(lambda: other_space.invocations("child"), "the child is started")
    eventually(lambda: settled(space, "parent"), "the message is gone")
    assert other_space.get("child", NEWEST).history[0].body.data == b"work"


@pytest.mark.parametrize("when", ["delay", "deliver_at"])
def test_a_message_comes_at_its_time_and_not_before(space, when):
    due = time.time() + 1.0
    send = message("a", b"later", **({"delay": 1.0} if when == "delay" else {"at": due}))
    space.behave(sending(send))
    space.start("a")
    space.call("a", b"go")
    eventually(lambda: b"later" in events(space, "a"), "it comes")
    [seen] = [seen for seen in space.invocations("a") if seen.kind == "notification"]
    assert due - 0.1 <= seen.at <= due + 1.0


def test_the_year_one_is_at_once(space):
    """What Go's zero time becomes."""
    zero = message("a", b"zero")
    zero.deliver_at.CopyFrom(timestamp_pb2.Timestamp(seconds=-62135596800))
    space.behave(sending(zero))
    space.start("a")
    space.call("a", b"go")
    eventually(lambda: b"zero" in events(space, "a"), "it comes")


def test_a_named_message_is_replaced_and_cancelled(space):
    space.start("a", b"init")
    space.behave(sending(message("a", b"first", delay=0.7, name="deadline")))
    space.call("a", b"1")
    space.behave(sending(message("a", b"second", delay=0.7, name="deadline"),
                         message("a", b"third", delay=0.6, name="other")))
    space.call("a", b"2")
    assert space.get("a").pending_messages == 2
    space.behave(sending(cancel=["other", "nobody's"]))
    space.call("a", b"3")
    assert space.get("a").pending_messages == 1
    eventually(lambda: b"second" in events(space, "a"), "the later of one name comes")
    eventually(lambda: settled(space, "a"), "nothing is left")
    assert {b"first", b"third"}.isdisjoint(events(space, "a"))


def test_messages_of_one_pair_keep_their_order(space):
    space.behave(sending(*(message("b", b"%d" % n) for n in range(200))))
    space.start("a")
    space.start("b", b"init")
    space.call("a", b"go")
    eventually(lambda: len(events(space, "b")) == 201, "all of them come")
    assert events(space, "b")[1:] == [b"%d" % n for n in range(200)]


def test_what_can_never_be_delivered_is_shown_and_told_and_can_be_tried_again(space):
    space.behave(sending(message("ghost", b"?", name="q", report=True), message("ghost", b"!"),
                         message("b", b"fine")))
    space.start("a", b"init")
    space.start("b", b"init")
    space.call("a", b"go")
    lost = b"lost ghost q 5 MACHINE_NOT_FOUND"
    eventually(lambda: events(space, "a") == [b"init", b"go", lost], "the sender is told")
    eventually(lambda: events(space, "b") == [b"init", b"fine"], "others are not held up")
    eventually(lambda: space.get("a").undelivered_messages == 2, "both stay")
    first, second = space.messages("a").messages
    assert first.undelivered and first.last_reason == "MACHINE_NOT_FOUND" and first.last_code == 5
    assert first.message.name == "q" and first.message.notify.args == b"?" and first.attempts == 1
    assert space.get("a").pending_messages == 0
    space.drop_message("a", second.number)
    assert [m.number for m in space.messages("a").messages] == [first.number]
    space.start("ghost", b"init")
    space.retry_message("a", first.number)
    eventually(lambda: events(space, "ghost") == [b"init", b"?"], "it is delivered after all")
    eventually(lambda: not space.messages("a").messages, "it is gone")
    machine = space.get("a")
    assert machine.pending_messages == 0 and machine.undelivered_messages == 0
    with fails("NOT_FOUND", "MESSAGE_NOT_FOUND"):
        space.drop_message("a", first.number)
    with fails("NOT_FOUND", "MESSAGE_NOT_FOUND"):
        space.retry_message("a", 1)
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.messages("nobody")


@pytest.mark.parametrize(("start", "ignore", "reason"), [
    (True, False, "MACHINE_ALREADY_EXISTS"), (True, True, None), (False, False, None)])
def test_a_start_of_a_machine_that_is_there(space, start, ignore, reason):
    space.behave(sending(message("b", b"x", start=start, ignore_existing=ignore)))
    space.start("a")
    space.start("b", b"init")
    space.call("a", b"go")
    eventually(lambda: space.get("a").pending_messages == 0, "it is decided")
    assert [m.last_reason for m in space.messages("a").messages] == ([reason] if reason else [])
    eventually(lambda: len(events(space, "b")) == (1 if start else 2), "and has its effect")


def test_a_start_that_the_processor_refuses_or_fails_is_never_delivered(space):
    def behaviour(invocation: Invocation) -> Answer:
        if invocation.kind == "init" and invocation.machine.id == "refused":
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION)
        if invocation.kind == "init" and invocation.machine.id == "broken":
            raise Refusal(grpc.StatusCode.INTERNAL)
        if invocation.kind == "init" and invocation.machine.id == "busy" and len(
                space.invocations("busy")) < 3:
            raise Refusal(grpc.StatusCode.UNAVAILABLE)
        if invocation.kind == "call":
            return Answer(send=[message(id, start=True) for id in ("refused", "broken", "busy")])
        return Answer(events=[b"x"])
    space.behave(behaviour)
    space.start("a")
    space.call("a")
    eventually(lambda: space.get("a").pending_messages == 0, "it is decided")
    reasons = {m.message.id: m.last_reason for m in space.messages("a").messages}
    assert reasons == {"refused": "PROCESSOR_REFUSED", "broken": "START_FAILED"}
    assert len(space.invocations("busy")) == 3, "what may come true is tried again"


def test_a_failed_step_sends_nothing(space):
    def behaviour(invocation: Invocation) -> Answer:
        if invocation.kind == "call":
            return Answer(send=[message("b", b"never")], events=[b"x" * (9 << 20)])
        return Answer(events=[invocation.args])
    space.behave(behaviour)
    space.start("a")
    space.start("b", b"init")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("a")
    assert space.messages("a").messages == []
    space.notify("b", b"after")
    eventually(lambda: events(space, "b") == [b"init", b"after"], "only the notification comes")


@pytest.mark.parametrize(("bad", "words"), [
    (types_pb2.OutgoingMessage(id="b"), "kind"),
    (message(""), "id"),
    (message("b\x01"), "id"),
    (message("b", namespace="x" * 257), "namespace"),
    (message("b", name="n" * 257), "name"),
    (message("b", b"x" * ((1 << 20) + 1)), "args"),
    (message("b", delay=-1.0), "delay"),
    (message("b", at=time.time() + 101 * 366 * 86_400), "deliver_at")])
def test_a_message_that_cannot_be_is_named(space, bad, words):
    space.behave(sending(message("b"), bad))
    space.start("a")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("a", b"go")
    reason = space.get("a").status.failed.reason
    assert "action.send[1]" in reason and words in reason, reason
    assert space.get("a").pending_messages == 0


def test_the_limit_of_a_namespace(client, spaces):
    space = spaces(client, limits=namespaces_pb2.Limits(messages=3))
    space.behave(sending(message("b", delay=60.0), message("b", delay=60.0)))
    space.start("a")
    space.call("a", b"go")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("a", b"go")
    assert "limits.messages" in space.get("a").status.failed.reason
    assert len(space.messages("a").messages) == 2


def test_a_removed_machine_takes_its_messages_along_but_those_that_are_due(space):
    space.behave(sending(message("b", b"due"), message("b", b"later", delay=1.0), remove=True))
    space.start("b", b"init")
    space.start("a")
    space.call("a", b"go")
    eventually(lambda: events(space, "b") == [b"init", b"due"], "what is due is delivered")
    space.start("a")
    later = time.time() + 1.2
    eventually(lambda: time.time() > later, "the time of the other has come")
    assert events(space, "b") == [b"init", b"due"]


def test_pages_of_messages(space):
    space.behave(sending(*(message("b", b"x", delay=60.0, name=f"n{n}") for n in range(25))))
    space.start("a")
    space.call("a", b"go")
    names, token = [], ""
    while True:
        page = space.messages("a", page_size=10, page_token=token)
        names += [m.message.name for m in page.messages]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"n{n}" for n in range(25)]
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        space.messages("b", page_token="nonsense")


def test_a_message_survives_its_server(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    space.behave(sending(*(message(f"b{n}", b"hello", delay=0.5) for n in range(20))))
    space.start("a")
    for n in range(20):
        space.start(f"b{n}", b"init")
    space.call("a", b"go")
    server.kill()
    space = space.on(server.start().client)
    eventually(lambda: all(events(space, f"b{n}") == [b"init", b"hello"] for n in range(20)),
               "each comes once", timeout=60)
    eventually(lambda: settled(space, "a"), "nothing is left", timeout=60)


def test_timers_and_messages_go_side_by_side(space):
    def behaviour(invocation: Invocation) -> Answer:
        if invocation.kind == "call":
            return Answer(timer=timer_in(0.3), send=[message("a", b"m", delay=0.2, name="m")])
        return Answer(events=[invocation.kind.encode()])
    space.behave(behaviour)
    space.start("a")
    space.call("a")
    eventually(lambda: events(space, "a") == [b"init", b"notification", b"timeout"], "both come")


def test_who_is_told_nothing_of_names(space):
    space.behave(echo)
    space.start("a")
    assert space.get("a").pending_messages == 0
    assert [seen.machine.pending_messages for seen in space.invocations("a")] == [0]


def test_the_commands(space, server):
    space.behave(sending(message("ghost", b"x", name="lost"), message("b", delay=60.0)))
    space.start("a")
    space.call("a", b"go")
    eventually(lambda: space.get("a").undelivered_messages == 1, "one stays")

    def run(command: str, *arguments: str) -> str:
        done = progressor("machine", command, "-n", space.name, "a", *arguments, "--server",
                          server.address)
        assert done.returncode == 0, done
        return done.stdout

    shown = run("messages")
    assert "MACHINE_NOT_FOUND" in shown and "never" in shown and "lost" in shown
    assert len(json.loads(run("messages", "--json"))["messages"]) == 2
    assert len(json.loads(run("messages", "--json", "--limit", "1"))["messages"]) == 1
    first, second = (m.number for m in space.messages("a").messages)
    space.start("ghost", b"init")
    run("retry-message", str(first))
    eventually(lambda: events(space, "ghost") == [b"init", b"x"], "it is delivered after all")
    run("drop-message", str(second))
    eventually(lambda: settled(space, "a"), "nothing is left")
