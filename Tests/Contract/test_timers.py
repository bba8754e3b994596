"""Timers: never early (I6), soon after their time, one committed step each."""

import threading
import time

import grpc
import pytest
from support.client import Gate, duration, fails, history
from support.processor import Answer, Refusal, timer_at, timer_in
from support.stubs import namespaces_pb2, types_pb2
from support.waiting import eventually


def timeouts(space, id="m"):
    return [i for i in space.invocations(id) if i.kind == "timeout"]


def set_by_init(timer):
    """Init sets the timer; the timeout appends an event."""
    return lambda i: Answer(timer=timer) if i.kind == "init" else Answer(events=[i.kind.encode()])


def fired(space, count=1, id="m", timeout=15.0):
    eventually(lambda: len(space.events(id)) >= count, "the timer fires", timeout)
    return timeouts(space, id)


def test_a_timeout_fires_after_its_time_and_soon(space):
    space.behave(set_by_init(timer_in(0.5)))
    space.start("m")
    due = space.get("m").timer.ToMicroseconds() / 1e6
    (seen,) = fired(space)
    assert due - 0.001 <= seen.at < due + 1, "not before its time, and within a second of it"
    assert not seen.machine.HasField("timer"), "the machine sent with a timeout has no timer"
    assert not space.get("m").HasField("timer"), "a timeout consumes its own timer"
    assert space.events("m") == [b"timeout"]


def test_a_deadline_is_shown_and_kept_to_the_microsecond(space):
    at = round(time.time() + 0.7, 6)
    space.behave(set_by_init(timer_at(at)))
    space.start("m")
    assert space.get("m").timer.ToMicroseconds() == round(at * 1e6)
    (seen,) = fired(space)
    assert seen.at >= at - 0.001


@pytest.mark.parametrize("timer", [timer_in(0), timer_at(1), timer_at(-62135596800)],
                         ids=["zero", "1970", "year 1"])
def test_a_zero_or_past_timer_fires_at_once(space, timer):
    space.behave(set_by_init(timer))
    space.start("m")
    fired(space)
    assert space.events("m") == [b"timeout"]


def test_a_far_timer_is_kept_and_harms_nothing(space):
    at = time.time() + 86400 * 365 * 99
    space.behave(set_by_init(timer_at(at)))
    space.start("m")
    shown = space.get("m").timer
    assert abs(shown.ToMicroseconds() / 1e6 - at) < 1
    assert space.call("m") == b""
    assert space.get("m").timer == shown
    assert timeouts(space) == []


def test_rearming_with_zero_never_starves_calls(space):
    space.behave(lambda i: Answer(timer=timer_in(0)) if i.kind != "call" else
                 Answer(response=b"here", timer=types_pb2.UnsetTimer()))
    space.start("m")
    eventually(lambda: len(timeouts(space)) > 20, "the timer fires again and again")
    assert space.call("m", timeout=10) == b"here"
    assert not space.get("m").HasField("timer")


def test_a_call_keeps_replaces_or_unsets_the_timer(space):
    far = time.time() + 3600
    actions = {b"keep": None, b"replace": timer_at(far + 5), b"unset": types_pb2.UnsetTimer()}
    space.behave(lambda i: Answer(timer=timer_at(far) if i.kind == "init" else actions[i.args]))
    space.start("m")
    first = space.get("m").timer
    space.call("m", b"keep")
    assert space.get("m").timer == first
    space.call("m", b"replace")
    assert space.get("m").timer.seconds == first.seconds + 5
    space.call("m", b"unset")
    assert not space.get("m").HasField("timer")
    space.call("m", b"unset")


def test_a_replaced_or_unset_timer_never_fires(space):
    actions = {b"sooner": timer_in(0.1), b"unset": types_pb2.UnsetTimer(), b"later": timer_in(0.6)}
    space.behave(lambda i: Answer(events=[b"fired"]) if i.kind == "timeout" else
                 Answer(timer=actions[i.args]))
    space.start("m", b"later")
    space.call("m", b"sooner")
    space.start("u", b"later")
    space.call("u", b"unset")
    space.start("witness", b"later")
    fired(space)
    fired(space, id="witness")
    assert space.events("m") == [b"fired"]
    assert space.events("u") == []


def test_a_timer_may_set_the_next_one(space):
    space.behave(lambda i: Answer(
        events=[b"tick"] if i.kind == "timeout" else [],
        timer=timer_in(0.05) if i.machine.last_event_id < 4 else None))
    space.start("m")
    seen = fired(space, 5)
    assert len(seen) == 5
    assert len({i.step for i in seen}) == 5
    assert [i.at for i in seen] == sorted(i.at for i in seen)


def test_a_timer_has_its_own_range(space):
    space.behave(lambda i: Answer(
        events=[b"1", b"2", b"3"], timer=timer_in(0, history_range=history(limit=1, direction=2)))
        if i.kind == "init" else Answer(events=[b"4"]))
    space.start("m")
    (seen,) = fired(space, 4)
    assert [e.id for e in seen.machine.history] == [3]


def test_a_range_stored_with_a_timer_is_clipped(space):
    space.behave(lambda i: Answer(timer=timer_in(0, history_range=history(after=50)))
                 if i.kind == "init" else Answer(events=[b"x"]))
    space.start("m")
    (seen,) = fired(space)
    assert list(seen.machine.history) == []


def test_a_timer_has_its_own_processing_timeout(client, spaces):
    gate = Gate()

    def behave(i):
        if i.kind == "init":
            return Answer(timer=timer_in(0, processing_timeout=duration(0.4)))
        if i.attempt == 1:
            gate.wait()
        return Answer(events=[b"done"])

    space = spaces(client, behave, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.05)))
    space.start("m")
    seen = fired(space)
    gate.open()
    assert [i.attempt for i in seen] == [1, 2]
    assert all(0 < i.time_remaining <= 0.5 for i in seen)
    assert space.events("m") == [b"done"]


def test_due_timers_wait_their_turn_behind_a_running_call(space):
    gate = Gate()

    def behave(i):
        if i.kind == "init":
            return Answer(timer=timer_in(0.2))
        if i.kind == "call":
            gate.wait()
        return Answer(events=[i.kind.encode()])

    space.behave(behave)
    space.start("m")
    due = space.get("m").timer.ToMicroseconds() / 1e6
    call = space.call_later("m")
    gate.wait_for_entry()
    eventually(lambda: time.time() > due + 0.1, "the timer is due")
    assert timeouts(space) == []
    gate.open()
    call.result()
    fired(space, 2)
    assert space.events("m") == [b"call", b"timeout"]


def test_many_timers_fire_each_once(space):
    space.behave(lambda i: Answer(timer=timer_in(0.3)) if i.kind == "init" else
                 Answer(events=[b"fired"]))
    ids = [f"m{n}" for n in range(200)]
    for id in ids:
        space.start(id)
    eventually(lambda: all(space.get(id).last_event_id for id in ids), "all fire", timeout=30)
    assert all(space.events(id) == [b"fired"] for id in ids)


def retrying(client, spaces, fail, attempts=4, interval=0.2, **policy):
    """A space whose machine's timer fires at once and fails as `fail(invocation)` says."""
    def behave(i):
        if i.kind == "timeout":
            fail(i)
            return Answer(events=[b"recovered"])
        return Answer(timer=timer_in(0) if i.kind == "init" else None, response=b"called")

    space = spaces(client, behave, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(interval), max_attempts=attempts, **policy))
    space.start("m")
    return space


def unavailable(i):
    raise Refusal(grpc.StatusCode.UNAVAILABLE, f"attempt {i.attempt}")


def test_retries_are_shown_and_calls_go_on(client, spaces):
    healthy = threading.Event()

    def fail(i):
        if not healthy.is_set():
            unavailable(i)

    space = retrying(client, spaces, fail, attempts=0, max_interval=duration(0.4))
    eventually(lambda: space.status("m") == "retrying", "the timer is being retried")
    assert space.call("m") == b"called"
    status = eventually(lambda: _retrying(space), "it is shown")
    assert status.step_kind == types_pb2.STEP_KIND_TIMEOUT
    assert (status.last_code, status.last_message) == (14, f"attempt {status.attempt}")
    assert status.HasField("next_attempt_at")
    assert [m.id for m in next(space.pages(status=2))] == ["m"]
    assert space.ids(status=1) == ["m"], "working includes retrying"
    assert space.ids(status=3) == []
    healthy.set()
    seen = fired(space)
    assert len({i.step for i in seen}) == 1
    assert [i.attempt for i in seen] == list(range(1, len(seen) + 1))
    assert space.status("m") == "working"


def _retrying(space):
    status = space.get("m").status
    return status.working.retrying if status.working.HasField("retrying") else None


def test_attempts_used_up_fail_the_machine(client, spaces):
    space = retrying(client, spaces, unavailable, attempts=3, interval=0.1, jitter=0, multiplier=3)
    eventually(lambda: space.status("m") == "failed", "its attempts are used up")
    seen = timeouts(space)
    assert [i.attempt for i in seen] == [1, 2, 3]
    gaps = [after.at - before.at for before, after in zip(seen, seen[1:])]
    assert gaps[0] >= 0.099 and gaps[1] >= 0.299, gaps
    machine = space.get("m")
    failed = machine.status.failed
    assert (failed.step_kind, failed.code, failed.attempts) == (types_pb2.STEP_KIND_TIMEOUT, 14, 3)
    assert "attempt 3" in failed.reason
    assert failed.HasField("failed_at")
    assert machine.HasField("timer"), "a failed machine keeps its timer (I7)"
    assert space.ids(status=3) == ["m"]
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED", about=(space.name, "m")) as failure:
        space.call("m")
    assert "attempt 3" in failure[0].message
    assert len(space.invocations("m")) == 4, "a failed machine takes no step"


def test_non_retryable_codes_fail_at_once(client, spaces):
    space = retrying(client, spaces, unavailable, attempts=0, non_retryable=["UNAVAILABLE"])
    eventually(lambda: space.status("m") == "failed", "it fails")
    assert len(timeouts(space)) == 1


def test_a_call_that_sets_the_timer_ends_the_retries(client, spaces):
    space = retrying(client, spaces, unavailable, attempts=0, interval=30)
    eventually(lambda: space.status("m") == "retrying", "the timer is being retried")
    space.behave(lambda i: Answer(timer=types_pb2.UnsetTimer()))
    space.call("m")
    assert space.status("m") == "working"
    assert not space.get("m").HasField("timer")
