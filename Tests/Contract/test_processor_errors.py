"""What a processor's error means: transient, refused, fatal, for each kind of step."""

import grpc
import pytest
from google.rpc import error_details_pb2
from support.client import Gate, duration, fails, history
from support.processor import Answer, Messages, Refusal, ScriptedProcessor, timer_in
from support.server import free_port
from support.stubs import namespaces_pb2, processor_pb2, types_pb2
from support.waiting import eventually

TRANSIENT = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED",
             "UNIMPLEMENTED", "UNAUTHENTICATED"]
REFUSED = ["INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION",
           "OUT_OF_RANGE", "PERMISSION_DENIED"]
FATAL = ["UNKNOWN", "INTERNAL", "DATA_LOSS"]

KIND = {"call": types_pb2.STEP_KIND_CALL, "timeout": types_pb2.STEP_KIND_TIMEOUT,
        "notification": types_pb2.STEP_KIND_NOTIFICATION}


def number(code: str) -> int:
    return grpc.StatusCode[code].value[0]


def failing(kind: str, code: str, message: str = "because", times: int | None = None):
    """Steps of `kind` fail, the first `times` of them; timers are set by init."""
    left = [times]

    def behave(i):
        if i.kind == kind and left[0] != 0:
            left[0] = None if left[0] is None else left[0] - 1
            raise Refusal(grpc.StatusCode[code], message)
        return Answer(response=b"ok", events=[i.kind.encode()],
                      timer=timer_in(0) if kind == "timeout" and i.kind == "init" else None)

    return behave


def trigger(space, kind: str) -> None:
    """Brings the machine m to a step of this kind."""
    space.start("m")
    if kind == "notification":
        space.notify("m", b"n")


@pytest.mark.parametrize("code", TRANSIENT)
def test_transient_start(space, code):
    space.behave(failing("init", code))
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")) as failure:
        space.start("m")
    assert "because" in failure[0].message
    assert len(space.invocations("m")) == 1, "it was seen, so it is not invoked again"
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


@pytest.mark.parametrize("code", REFUSED)
def test_refused_start(space, code):
    space.behave(failing("init", code))
    with fails(code, "PROCESSOR_REFUSED", about=(space.name, "m")) as failure:
        space.start("m")
    assert failure[0].message == "because"
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


@pytest.mark.parametrize("code", FATAL)
def test_fatal_start(space, code):
    space.behave(failing("init", code))
    with fails("ABORTED", "START_FAILED", about=(space.name, "m")) as failure:
        space.start("m")
    assert "because" in failure[0].message
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


@pytest.mark.parametrize("code", TRANSIENT)
def test_transient_call(space, code):
    space.start("m")
    space.behave(failing("call", code, times=1))
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")):
        space.call("m")
    assert space.status("m") == "working"
    assert len(space.invocations("m")) == 2
    assert space.call("m") == b"ok"
    assert space.events("m") == [b"", b"call"]


@pytest.mark.parametrize("code", REFUSED)
def test_refused_call(space, code):
    space.start("m")
    space.behave(failing("call", code, times=1))
    with fails(code, "PROCESSOR_REFUSED", about=(space.name, "m")) as failure:
        space.call("m")
    assert failure[0].message == "because"
    assert space.status("m") == "working"
    assert space.call("m") == b"ok"


@pytest.mark.parametrize("code", FATAL)
def test_fatal_call(space, code):
    space.start("m")
    space.behave(failing("call", code))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED", about=(space.name, "m")) as failure:
        space.call("m")
    assert "because" in failure[0].message
    failed = space.get("m").status.failed
    assert (failed.step_kind, failed.code) == (types_pb2.STEP_KIND_CALL, number(code))
    assert (failed.attempts, failed.reason != "") == (1, True)
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    assert len(space.invocations("m")) == 2
    assert space.events("m") == [b""]


@pytest.mark.parametrize("kind", ["timeout", "notification"])
@pytest.mark.parametrize("code", TRANSIENT)
def test_transient_signals_are_tried_again(client, spaces, kind, code):
    space = spaces(client, failing(kind, code, times=2), retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.02)))
    trigger(space, kind)
    eventually(lambda: space.events("m") == [b"init", kind.encode()], "the third attempt succeeds")
    seen = [i for i in space.invocations("m") if i.kind == kind]
    assert [i.attempt for i in seen] == [1, 2, 3]
    assert len({i.step for i in seen}) == 1


@pytest.mark.parametrize("kind", ["timeout", "notification"])
@pytest.mark.parametrize("code", REFUSED + FATAL)
def test_other_failures_of_signals_fail_the_machine(space, kind, code):
    space.behave(failing(kind, code))
    trigger(space, kind)
    eventually(lambda: space.status("m") == "failed", "the machine fails")
    failed = space.get("m").status.failed
    assert (failed.step_kind, failed.code, failed.attempts) == (KIND[kind], number(code), 1)
    assert "because" in failed.reason
    assert len([i for i in space.invocations("m") if i.kind == kind]) == 1
    assert space.events("m") == [b"init"]


def test_everything_queued_on_a_machine_that_fails_is_answered(space):
    gate = Gate()
    space.start("m")

    def behave(i):
        gate.wait()
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")

    space.behave(behave)
    calls = [space.call_later("m") for _ in range(5)]
    gate.wait_for_entry()
    gate.open()
    for call in calls:
        with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
            call.result()
    assert len(space.invocations("m")) == 2


def test_a_later_failure_never_overwrites_the_first(space):
    space.start("m")
    space.behave(failing("call", "INTERNAL", "first"))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    before = space.get("m").status
    space.behave(failing("notification", "INTERNAL", "second"))
    space.notify("m")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    assert space.get("m").status == before


def test_the_processors_details_pass_through(space):
    text = "Karte abgelaufen: ✗\n100 %"
    own = error_details_pb2.ErrorInfo(reason="CARD_EXPIRED", domain="shop", metadata={"card": "1"})
    more = error_details_pb2.RetryInfo(retry_delay=duration(3))

    def refuse(_):
        raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, text, [own, more])

    space.start("m")
    space.behave(refuse)
    with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED") as failure:
        space.call("m")
    assert failure[0].message == text
    details = failure[0].status.details
    assert any(d.Is(own.DESCRIPTOR) and _unpack(d, own) == own for d in details)
    assert any(d.Is(more.DESCRIPTOR) and _unpack(d, more) == more for d in details)
    assert failure[0].status.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]


def _unpack(detail, like):
    message = type(like)()
    detail.Unpack(message)
    return message


def test_a_long_reason_is_cut(space):
    """And the caller's error fits into the 8 KiB of metadata that gRPC clients take by default."""
    space.start("m")
    space.behave(failing("call", "INTERNAL", "x" * 2000 + "é" * 1500))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    reason = space.get("m").status.failed.reason
    assert 4000 < len(reason.encode()) <= 4096
    assert "x" * 2000 + "é" * 1000 in reason
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")


def signal_answer(**action):
    return processor_pb2.ProcessSignalResponse(
        action=types_pb2.Action(**action)).SerializeToString()


def set_timer(**fields):
    return [signal_answer(set_timer=types_pb2.SetTimer(**fields))]


UNUSABLE = {
    "no message": [],
    "two messages": [b"", b""],
    "not protobuf": [b"\xff\xff\xff"],
    "truncated": [b"\x0a\x7f\x01"],
    "timer without a time": set_timer(),
    "timer in the year 9999": set_timer(deadline={"seconds": 253402300799}),
    "timer after the year 9999": set_timer(deadline={"seconds": 253402300800}),
    "timer before the year 1": set_timer(deadline={"seconds": -62135596801}),
    "nanos out of range": set_timer(deadline={"seconds": 1, "nanos": 1_000_000_000}),
    "negative nanos": set_timer(deadline={"seconds": 1, "nanos": -1}),
    "negative timeout": set_timer(timeout={"seconds": -1}),
    "timeout of mixed signs": set_timer(timeout={"seconds": 1, "nanos": -1}),
    "timeout over 10,000 years": set_timer(timeout={"seconds": 315_576_000_001}),
    "negative processing timeout": set_timer(
        timeout={"seconds": 1}, processing_timeout={"seconds": -1}),
    "zero processing timeout": set_timer(timeout={"seconds": 1}, processing_timeout={}),
    "negative range": set_timer(timeout={"seconds": 1}, history_range=history(after=-1)),
    "negative limit": set_timer(timeout={"seconds": 1}, history_range=history(limit=-1)),
    "unknown direction": set_timer(timeout={"seconds": 1}, history_range=history(direction=9)),
    "too many events": [processor_pb2.ProcessSignalResponse(change=types_pb2.StateChange(
        events=[types_pb2.Content()] * 50_001)).SerializeToString()],
    "a too large event": [processor_pb2.ProcessSignalResponse(change=types_pb2.StateChange(
        events=[types_pb2.Content(data=bytes(9 << 20))])).SerializeToString()],
    "over the message limit": [processor_pb2.ProcessSignalResponse(change=types_pb2.StateChange(
        aux_state=types_pb2.Content(data=bytes(17 << 20)))).SerializeToString()],
}


# By what the reason has to name, for the processor's author.
REASONS = {
    "no message": "without a message",
    "two messages": "more than one message",
    "not protobuf": "cannot be decoded",
    "truncated": "cannot be decoded",
    "timer without a time": "action.set_timer.when",
    "timer in the year 9999": "action.set_timer.deadline",
    "timer after the year 9999": "action.set_timer.deadline",
    "timer before the year 1": "action.set_timer.deadline",
    "nanos out of range": "action.set_timer.deadline.nanos",
    "negative nanos": "action.set_timer.deadline.nanos",
    "negative timeout": "action.set_timer.timeout",
    "timeout of mixed signs": "action.set_timer.timeout.nanos",
    "timeout over 10,000 years": "action.set_timer.timeout",
    "negative processing timeout": "action.set_timer.processing_timeout",
    "zero processing timeout": "action.set_timer.processing_timeout",
    "negative range": "action.set_timer.history_range.after",
    "negative limit": "action.set_timer.history_range.limit",
    "unknown direction": "action.set_timer.history_range.direction",
    "too many events": "change.events",
    "a too large event": "change.events[0]",
    "over the message limit": "message limit",
}


@pytest.mark.parametrize("answer", UNUSABLE)
def test_an_unusable_answer_fails_the_machine_and_says_why(space, answer):
    messages = UNUSABLE[answer]
    space.behave(lambda i: Messages(messages))
    with fails("ABORTED", "START_FAILED"):
        space.start("m")
    space.behave(lambda i: Messages(messages) if i.kind == "notification" else None)
    space.start("m")
    space.notify("m")
    eventually(lambda: space.status("m") == "failed", "the machine fails")
    failed = space.get("m").status.failed
    assert failed.code == number("INTERNAL")
    assert "unusable" in failed.reason and REASONS[answer] in failed.reason
    assert len([i for i in space.invocations("m") if i.kind == "notification"]) == 1


def test_an_unusable_answer_to_a_call(space):
    space.start("m")
    space.behave(lambda i: Messages([]))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    assert space.get("m").status.failed.code == number("INTERNAL")


def test_an_unreachable_processor(client, spaces):
    space = spaces(client, endpoint=f"127.0.0.1:{free_port()}", timeout=1)
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")):
        space.start("m", timeout=None)
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


def test_a_caller_with_a_deadline_hears_that_no_processor_is_there(client, spaces):
    space = spaces(client, endpoint=f"127.0.0.1:{free_port()}")
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")) as failure:
        space.start("m", timeout=3)
    assert "refused" in failure[0].message


def test_an_outage_costs_no_attempt(client, spaces):
    port = free_port()
    first, second = ScriptedProcessor(port), None
    try:
        space = spaces(client, endpoint=first.endpoint, retry_policy=namespaces_pb2.RetryPolicy(
            initial_interval=duration(0.02), max_attempts=2), timeout=2)
        space.processor = first
        space.start("m", b"init")
        first.stop()
        space.notify("m", b"during the outage")
        with fails(["UNAVAILABLE", "DEADLINE_EXCEEDED"]):
            space.call("m", b"call", timeout=3)
        assert space.status("m") == "working"
        second = ScriptedProcessor(port)
        eventually(lambda: space.events("m") == [b"init", b"during the outage"],
                   "the work goes on when the endpoint is back", timeout=30)
        assert [i.attempt for i in second.invocations(space.name)] == [1]
    finally:
        first.stop()
        if second:
            second.stop()
