"""What a processor is told: metadata, deadlines; and one invocation at a time."""

import threading
import time

import grpc
import pytest
from support.client import Gate, duration, fails
from support.processor import Answer, Refusal, timer_in
from support.stubs import automaton_pb2, namespaces_pb2
from support.waiting import eventually

TRACE = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
         ("tracestate", "a=1"), ("x-tenant", "blue"), ("x-unicode", "caf%C3%A9"),
         ("x-raw-bin", b"\x00\xff\x01")]


def test_each_step_has_a_name_an_attempt_and_an_epoch(space):
    space.start("m")
    space.call("m")
    space.notify("m")
    eventually(lambda: len(space.events("m")) == 3, "the notification is delivered")
    seen = space.invocations("m")
    assert len({i.step for i in seen}) == 3
    assert [i.attempt for i in seen] == [1, 1, 1]
    assert all(int(i.metadata["progressor-epoch"]) >= 1 for i in seen)


def test_steps_of_different_machines_have_different_names(space):
    for n in range(20):
        space.start(f"m{n}")
    assert len({i.step for i in space.invocations()}) == 20


def test_the_callers_context_reaches_the_processor(space):
    space.start("m", metadata=TRACE + [("authorization", "secret"), ("other", "no")])
    space.call("m", metadata=TRACE)
    for invocation in space.invocations("m"):
        for key, value in TRACE:
            assert invocation.metadata[key] == value
        assert "authorization" not in invocation.metadata
        assert "other" not in invocation.metadata


def test_the_context_is_stored_with_a_notification(space):
    space.start("m")
    space.notify("m", metadata=TRACE)
    eventually(lambda: len(space.events("m")) == 2, "it is delivered")
    delivered = space.invocations("m")[-1].metadata
    assert all(delivered[key] == value for key, value in TRACE)


def test_the_context_is_stored_with_the_timer_and_kept_by_retries(client, spaces):
    def behave(i):
        if i.kind == "timeout" and i.attempt == 1:
            raise Refusal(grpc.StatusCode.UNAVAILABLE)
        return Answer(events=[b"x"], timer=timer_in(0.1) if i.kind == "init" else None)

    space = spaces(client, behave, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.02)))
    space.start("m", metadata=TRACE)
    space.call("m", metadata=[("x-tenant", "red")])
    eventually(lambda: len(space.events("m")) == 3, "the timer fires")
    timeouts = [i for i in space.invocations("m") if i.kind == "timeout"]
    assert len(timeouts) == 2
    for timeout in timeouts:
        assert all(timeout.metadata[key] == value for key, value in TRACE)


def test_context_that_is_too_large_is_refused_or_dropped_but_harms_nothing(space):
    space.start("m")
    try:
        space.call("m", metadata=[(f"x-{n}", "v" * 1000) for n in range(60)])
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED,
                                grpc.StatusCode.INVALID_ARGUMENT), error
    assert space.call("m", b"after") == b"after"


def test_the_deadline_is_the_lesser_of_the_callers_and_the_namespaces(client, spaces):
    space = spaces(client, timeout=5)
    space.start("m", timeout=60)
    space.call("m", timeout=2)
    first, second = space.invocations("m")
    # grpcio rounds what it reads of a deadline, up as well.
    assert 3 < first.time_remaining <= 5.2
    assert 0 < second.time_remaining <= 2.2


def test_without_any_deadline_it_is_thirty_seconds(space):
    space.start("m", timeout=None)
    assert 25 < space.invocations("m")[0].time_remaining <= 30.5


def test_a_caller_is_answered_at_its_deadline(space):
    gate = Gate()
    space.start("m", b"init")
    space.behave(lambda i: gate.wait())
    began = time.monotonic()
    with fails("DEADLINE_EXCEEDED"):
        space.call("m", timeout=0.5)
    assert time.monotonic() - began < 2
    space.behave(lambda i: Answer(response=b"next"))
    assert space.call("m", timeout=10) == b"next", "the machine goes on although nobody answered"
    gate.open()
    assert space.events("m") == [b"init"]
    assert space.status("m") == "working"


def test_an_invocation_that_times_out_is_transient(client, spaces):
    gate = Gate()
    space = spaces(client, timeout=0.5)
    space.start("m", b"init")
    space.behave(lambda i: gate.wait())
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.call("m", timeout=20)
    gate.open()
    assert space.status("m") == "working"
    assert space.events("m") == [b"init"]


def test_a_request_whose_deadline_passes_in_the_queue_is_dropped(space):
    gate = Gate()
    space.start("m")
    space.behave(lambda i: gate.wait() if i.args == b"blocks" else None)
    running = space.call_later("m", b"blocks")
    gate.wait_for_entry()
    with fails("DEADLINE_EXCEEDED"):
        space.call("m", b"too late", timeout=0.3)
    gate.open()
    running.result()
    space.call("m", b"after")
    assert [i.args for i in space.invocations("m")] == [b"", b"blocks", b"after"]


def test_a_request_cancelled_in_the_queue_is_dropped(space):
    gate = Gate()
    space.start("m")
    space.behave(lambda i: gate.wait() if i.args == b"blocks" else None)
    running = space.call_later("m", b"blocks")
    gate.wait_for_entry()
    cancelled = space.call_later("m", b"cancelled")
    # On the same connection: when this has been answered, the cancelled one was there and gone.
    space.get("m")
    cancelled.cancel()
    space.get("m")
    gate.open()
    running.result()
    space.call("m", b"after")
    assert [i.args for i in space.invocations("m")] == [b"", b"blocks", b"after"]


def test_a_running_step_outlives_its_callers_cancellation(space):
    gate = Gate()
    space.start("m", b"init")

    def behave(i):
        gate.wait()
        return Answer(events=[b"active" if i.context.is_active() else b"cancelled"])

    space.behave(behave)
    call = space.call_later("m")
    gate.wait_for_entry()
    call.cancel()
    space.get("m")
    gate.open()
    eventually(lambda: space.events("m") == [b"init", b"active"], "it runs to its commit")


@pytest.mark.parametrize("kinds", ["calls", "calls, notifications and timers"])
def test_one_invocation_at_a_time(space, processor, kinds):
    """I1, with 40 callers at once on one machine."""
    mixed = kinds != "calls"
    barrier = threading.Event()

    def behave(i):
        barrier.wait(0.002)  # never set: makes overlaps visible without holding a lock
        return Answer(response=i.args, events=[i.args or i.kind.encode()],
                      timer=timer_in(0) if mixed and i.kind in ("init", "call") else None)

    space.behave(behave)
    space.start("m", b"init")
    calls = [space.call_later("m", b"call %d" % n) for n in range(40)]
    if mixed:
        for n in range(20):
            space.notify("m", b"notification %d" % n)
    assert [call.result().response for call in calls] == [b"call %d" % n for n in range(40)]
    if mixed:
        eventually(lambda: sum(e.startswith(b"notification") for e in space.events("m")) == 20,
                   "all notifications are delivered")
    assert processor.most_at_once(space.name, "m") == 1
    done = [e for e in space.events("m") if e.startswith(b"call")]
    assert sorted(done) == sorted(b"call %d" % n for n in range(40))


def test_calls_of_one_connection_are_served_in_order(space):
    space.start("m", b"init")
    calls = [space.call_later("m", b"%d" % n) for n in range(50)]
    for call in calls:
        call.result()
    assert space.events("m") == [b"init"] + [b"%d" % n for n in range(50)]


def test_machines_do_not_wait_for_each_other(space):
    gate = Gate()
    space.behave(lambda i: gate.wait() if i.machine.id == "slow" else Answer(response=b"fast"))
    slow = space.client.automaton.Start.future(
        _start(space, "slow"), timeout=30)
    gate.wait_for_entry()
    space.start("other")
    assert space.call("other", timeout=5) == b"fast"
    gate.open()
    slow.result()


def _start(space, id):
    return automaton_pb2.StartRequest(namespace=space.name, id=id)


def test_the_mailbox_is_bounded(client, spaces):
    gate = Gate()
    space = spaces(client, limits=namespaces_pb2.Limits(mailbox=3))
    space.start("m", b"init")

    def behave(i):
        gate.wait()
        return Answer(events=[i.args])

    space.behave(behave)
    running = [space.call_later("m", b"0")]
    gate.wait_for_entry()
    running += [space.call_later("m", b"%d" % n) for n in (1, 2, 3)]
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED", about=(space.name, "m")) as failure:
        space.call("m", b"too many", timeout=10)
    assert int(failure[0].trailers["grpc-retry-pushback-ms"]) >= 0
    assert space.notify("m", b"waits for nobody", timeout=10)
    gate.open()
    for call in running:
        call.result()
    assert space.events("m")[:5] == [b"init", b"0", b"1", b"2", b"3"]


def test_steps_in_flight_wait_rather_than_fail(client, spaces):
    gate = Gate()
    space = spaces(client, limits=namespaces_pb2.Limits(steps_in_flight=2))
    space.behave(lambda i: gate.wait() if i.kind == "call" else None)
    for id in "abc":
        space.start(id)
    calls = [space.call_later(id) for id in "abc"]
    gate.wait_for_entry()
    gate.wait_for_entry()
    space.get("a")
    assert len([i for i in space.invocations() if i.kind == "call"]) == 2
    gate.open()
    for call in calls:
        call.result()
