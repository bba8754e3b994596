"""Start, Call and Get: the everyday life of a machine."""

import time

import grpc
import pytest
from support.client import Space, fails, history
from support.processor import Answer, Refusal, content, timer_in
from support.stubs import automaton_pb2


def test_start_commits_what_init_answers(space):
    space.behave(lambda i: Answer(
        events=[content(b"created", 3), content(i.args, -1)], aux_state=content(b"aux", 7)))
    before = time.time()
    space.start("m", b"hello")
    machine = space.get("m")
    assert (machine.namespace, machine.id, machine.last_event_id) == (space.name, "m", 2)
    assert [(e.id, e.body.format_version, e.body.data) for e in machine.history] == [
        (1, 3, b"created"), (2, -1, b"hello")]
    assert (machine.aux_state.format_version, machine.aux_state.data) == (7, b"aux")
    assert machine.status.WhichOneof("kind") == "working"
    assert not machine.status.working.HasField("retrying")
    assert not machine.HasField("timer")
    assert before - 1 < machine.created_at.ToMicroseconds() / 1e6 < time.time() + 1


def test_init_sees_the_machine_that_is_to_be(space):
    space.start("m", b"args")
    (init,) = space.invocations("m")
    assert (init.kind, init.args) == ("init", b"args")
    assert (init.machine.namespace, init.machine.id) == (space.name, "m")
    assert (len(init.machine.history), init.machine.last_event_id) == (0, 0)
    assert not init.machine.HasField("timer") and not init.machine.HasField("aux_state")
    assert init.machine.status.WhichOneof("kind") == "working"


def test_an_empty_answer_starts_an_empty_machine(space):
    space.behave(lambda i: None)
    space.start("m")
    assert space.events("m") == []
    assert not space.get("m").HasField("aux_state")


def test_start_of_an_existing_machine_asks_nobody(space):
    space.start("m")
    with fails("ALREADY_EXISTS", "MACHINE_ALREADY_EXISTS", about=(space.name, "m")):
        space.start("m", b"again")
    assert len(space.invocations("m")) == 1
    assert space.events("m") == [b""]


def test_of_two_starts_at_once_one_wins(space):
    futures = [space.client.automaton.Start.future(_start(space, "m", bytes([n])), timeout=30)
               for n in range(10)]
    codes = sorted(f.code().name for f in futures)
    assert codes == ["ALREADY_EXISTS"] * 9 + ["OK"]
    assert len(space.invocations("m")) == 1


def _start(space, id, args):
    return automaton_pb2.StartRequest(namespace=space.name, id=id, args=args)


def test_a_machine_is_its_namespace_and_its_id(space, spaces):
    other = spaces(space.client)
    space.start("m", b"one")
    other.start("m", b"two")
    assert (space.events("m"), other.events("m")) == ([b"one"], [b"two"])


@pytest.mark.parametrize("operation", ["start", "call", "notify", "get", "remove"])
def test_unknown_namespace(client, space, operation):
    nowhere = Space(client, space.processor, "no-such-namespace")
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        getattr(nowhere, operation)("m")


def test_unknown_namespace_in_list(client, space):
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        Space(client, space.processor, "no-such-namespace").ids()


@pytest.mark.parametrize("operation", ["call", "notify", "get", "remove"])
def test_unknown_machine(space, operation):
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND", about=(space.name, "nobody")):
        getattr(space, operation)("nobody")
    assert space.invocations() == []


def test_a_call_is_answered_after_its_commit(space):
    space.start("m", b"a")
    assert space.call("m", b"b") == b"b"
    assert space.events("m") == [b"a", b"b"]


def test_a_call_sees_what_the_calls_before_it_committed(space):
    space.start("m", b"0")
    for number in range(1, 5):
        space.call("m", str(number).encode())
    last = space.invocations("m")[-1]
    assert last.kind == "call"
    assert [e.body.data for e in last.machine.history] == [b"0", b"1", b"2", b"3"]
    assert last.machine.last_event_id == 4


def test_a_call_without_change_is_a_query(space):
    space.start("m", b"a")
    created = space.get("m")
    space.behave(lambda i: Answer(response=b"%d" % len(i.machine.history)))
    assert space.call("m") == b"1"
    assert space.get("m") == created


def test_aux_state_absent_keeps_and_empty_clears(space):
    answers = {b"set": content(b"x", 1), b"keep": None, b"version": content(b"", 2),
               b"clear": content(b"", 0)}
    space.behave(lambda i: Answer(aux_state=answers[i.args]))
    space.start("m", b"set")
    space.call("m", b"keep")
    assert space.get("m").aux_state == content(b"x", 1)
    space.call("m", b"version")
    assert space.get("m").aux_state == content(b"", 2)
    space.call("m", b"set")
    space.call("m", b"clear")
    assert not space.get("m").HasField("aux_state")
    space.call("m", b"keep")
    assert not space.invocations("m")[-1].machine.HasField("aux_state")


def test_a_call_shows_the_range_that_was_asked_for(space):
    space.behave(lambda i: Answer(events=[b"%d" % n for n in range(1, 11)]
                                  if i.kind == "init" else []))
    space.start("m")
    asked = history(after=3, limit=4)
    space.call("m", range=asked)
    seen = space.invocations("m")[-1].machine
    assert [e.id for e in seen.history] == [4, 5, 6, 7]
    assert seen.history_range == asked
    assert seen.last_event_id == 10
    with fails("NOT_FOUND", "EVENT_NOT_FOUND"):
        space.call("m", range=history(after=11))
    assert len(space.invocations("m")) == 2


def test_a_namespace_has_a_default_range(client, spaces):
    space = spaces(client, default_history_range=history(limit=2, direction=2))
    space.start("m", b"1")
    for number in (b"2", b"3"):
        space.call("m", number)
    space.call("m", b"4")
    assert [e.id for e in space.invocations("m")[-1].machine.history] == [3, 2]
    space.call("m", b"5", range=history(after=3))
    assert [e.id for e in space.invocations("m")[-1].machine.history] == [4]
    assert len(space.get("m").history) == 5


def test_created_at_never_decreases(space):
    space.start("m")
    for _ in range(20):
        space.call("m")
    times = [e.created_at.ToMicroseconds() for e in space.get("m").history]
    assert times == sorted(times)
    assert all(e.created_at.nanos % 1000 == 0 for e in space.get("m").history)


def test_a_refused_start_leaves_no_machine(space):
    def refuse(_):
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "not on Sundays")
    space.behave(refuse)
    with fails("PERMISSION_DENIED", "PROCESSOR_REFUSED") as failure:
        space.start("m")
    assert failure[0].message == "not on Sundays"
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    space.behave(lambda i: None)
    space.start("m")


def test_get_never_asks_the_processor(space):
    space.start("m")
    for _ in range(3):
        space.get("m")
    assert len(space.invocations("m")) == 1


def test_get_shows_whole_steps_only(space):
    space.behave(lambda i: Answer(events=[b"x"] * 50))
    space.start("m")
    calls = [space.call_later("m", range=history(limit=0)) for _ in range(30)]
    seen = []
    while not all(call.done() for call in calls):
        machine = space.get("m")
        assert [e.id for e in machine.history] == list(range(1, machine.last_event_id + 1))
        seen.append(machine.last_event_id)
    assert all(count % 50 == 0 for count in seen)
    assert seen == sorted(seen)
    for call in calls:
        call.result()
    assert len(space.events("m")) == 31 * 50


def test_a_removed_machine_in_init_is_gone(space):
    space.behave(lambda i: Answer(events=[b"x"], timer=timer_in(0), remove=True))
    space.start("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    assert [i.kind for i in space.invocations("m")] == ["init"]
