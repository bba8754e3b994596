"""The scenarios of docs/scenarios.md, one test for each of its sections."""

import re
import threading
import time

import grpc
from support.client import Gate, Space, duration, fails, history
from support.postgres import frozen, postmaster_of
from support.processor import Answer, Refusal, content, timer_in
from support.stubs import ROOT, automaton_pb2, namespaces_pb2, types_pb2
from support.waiting import eventually


def test_start(space):
    space.behave(lambda i: Answer(
        events=[b"created"], aux_state=content(b"aux"), timer=timer_in(3600)))
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    space.start("m", b"args")
    (init,) = space.invocations("m")
    assert (init.kind, init.args, len(init.machine.history)) == ("init", b"args", 0)
    assert space.status("m") == "working"
    assert space.events("m") == [b"created"]
    machine = space.get("m")
    assert machine.aux_state.data == b"aux" and machine.HasField("timer")


def test_timer(space):
    space.behave(lambda i: Answer(events=[i.kind.encode()],
                                  timer=timer_in(0.3) if i.kind == "init" else None))
    space.start("m")
    due = space.get("m").timer.ToMicroseconds() / 1e6
    eventually(lambda: space.events("m") == [b"init", b"timeout"], "the timer fires")
    timeout = space.invocations("m")[-1]
    assert timeout.at >= due - 0.001, "not before its time"
    assert not timeout.machine.HasField("timer")
    assert not space.get("m").HasField("timer"), "it is used up"


def test_call(space):
    space.start("m", b"a")
    timer = timer_in(3600)
    space.behave(lambda i: Answer(response=b"reply", events=[b"b", b"c"],
                                  aux_state=content(b"aux"), timer=timer))
    assert space.call("m", b"question") == b"reply"
    call = space.invocations("m")[-1]
    assert (call.kind, call.args) == ("call", b"question")
    assert [event.body.data for event in call.machine.history] == [b"a"]
    assert space.events("m") == [b"a", b"b", b"c"]
    assert space.get("m").HasField("timer") and space.get("m").aux_state.data == b"aux"
    space.behave(lambda i: Answer(response=b"%d" % len(i.machine.history)))
    assert space.call("m") == b"3"
    assert space.events("m") == [b"a", b"b", b"c"], "an answer without change commits nothing"


def test_notification(space):
    gate = Gate()
    space.start("m", b"a")

    def behave(i):
        gate.wait()
        return Answer(events=[i.args])

    space.behave(behave)
    ids = [space.notify("m", args) for args in (b"1", b"2", b"3")]
    assert space.events("m") == [b"a"], "OK comes before the delivery"
    gate.open()
    eventually(lambda: space.events("m") == [b"a", b"1", b"2", b"3"], "delivered in order")
    assert [i.notification_id for i in space.invocations("m")[1:]] == ids


def test_get(space):
    space.start("m", b"a")
    space.call("m", b"b")
    space.call("m", b"c")
    seen = len(space.invocations("m"))
    machine = space.get("m", history(after=1, limit=1))
    assert [event.body.data for event in machine.history] == [b"b"]
    assert (machine.last_event_id, machine.id, machine.namespace) == (3, "m", space.name)
    assert space.events("m") == [b"a", b"b", b"c"]
    assert len(space.invocations("m")) == seen, "the processor is not asked"


def test_remove(space):
    space.behave(lambda i: Answer(events=[i.args or i.kind.encode()], timer=timer_in(1)))
    space.start("m", b"a")
    space.remove("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.notify("m")
    space.behave(lambda i: Answer(events=[i.args]))
    space.start("m", b"anew")
    assert space.events("m") == [b"anew"], "another machine, from event 1"
    assert not space.get("m").HasField("timer")


def unavailable_until(healthy: threading.Event, kind: str):
    """Init arms a timer; steps of `kind` fail for a while."""
    def behave(i):
        if i.kind == kind and not healthy.is_set():
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "the shop is closed")
        return Answer(response=b"ok", events=[i.kind.encode()],
                      timer=timer_in(0) if i.kind == "init" else None)
    return behave


def test_temporary_processor_failure(client, spaces):
    """Of a timeout: the machine retries. Of a call: its caller hears UNAVAILABLE, no more."""
    healthy = threading.Event()
    space = spaces(client, unavailable_until(healthy, "timeout"))
    space.start("m")
    eventually(lambda: space.status("m") == "retrying", "it is tried again later")
    retrying = space.get("m").status.working.retrying
    assert retrying.step_kind == types_pb2.STEP_KIND_TIMEOUT and retrying.attempt >= 1
    assert retrying.last_code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert retrying.last_message == "the shop is closed"
    assert retrying.next_attempt_at.ToMicroseconds() / 1e6 > time.time() - 60
    assert space.call("m") == b"ok", "calls are served meanwhile"
    assert space.events("m") == [b"init", b"call"]

    space.behave(unavailable_until(threading.Event(), "call"))
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")):
        space.call("m")
    assert space.status("m") != "failed"
    assert space.events("m") == [b"init", b"call"]


def test_recovery_by_retry_policy(client, spaces):
    healthy = threading.Event()
    space = spaces(client, unavailable_until(healthy, "timeout"),
                   retry_policy=namespaces_pb2.RetryPolicy(
                       initial_interval=duration(0.05), multiplier=2.0, jitter=0.0))
    space.start("m")
    attempts = lambda: [i for i in space.invocations("m") if i.kind == "timeout"]  # noqa: E731
    eventually(lambda: len(attempts()) >= 4, "it is tried again and again")
    gaps = [b.at - a.at for a, b in zip(attempts(), attempts()[1:])][:3]
    assert all(gap >= expected for gap, expected in zip(gaps, (0.049, 0.099, 0.199))), gaps
    healthy.set()
    eventually(lambda: space.status("m") == "working", "it works again")
    assert space.events("m") == [b"init", b"timeout"]
    assert [i.attempt for i in attempts()] == list(range(1, len(attempts()) + 1))
    assert len({i.step for i in attempts()}) == 1, "one step, whatever the attempts"


def broken(i):
    raise Refusal(grpc.StatusCode.INTERNAL, "a bug")


def break_machine(space: Space) -> None:
    """`m` fails at the notification `n`; behind it `later` waits."""
    space.start("m", b"a")
    space.behave(broken)
    space.notify("m", b"n")
    eventually(lambda: space.status("m") == "failed", "the machine fails")
    space.notify("m", b"later")


def test_fatal_processor_failure(space):
    break_machine(space)
    failed = space.get("m").status.failed
    assert "a bug" in failed.reason and failed.failed_at.ToMicroseconds() > 0
    assert (failed.step_kind, failed.code, failed.attempts) == (
        types_pb2.STEP_KIND_NOTIFICATION, grpc.StatusCode.INTERNAL.value[0], 1)
    seen = len(space.invocations("m"))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED", about=(space.name, "m")):
        space.call("m")
    assert len(space.invocations("m")) == seen, "a failed machine runs no step"
    assert space.events("m") == [b"a"]
    assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == ["m"]
    assert space.ids(status=automaton_pb2.STATUS_FILTER_WORKING) == []


def test_repair(space):
    """The processor decides; what had failed runs again, then what waited behind it."""
    break_machine(space)
    with fails("ABORTED", "REPAIR_FAILED") as failure:
        repair(space, b"not yet")
    assert "a bug" in failure[0].message
    assert space.status("m") == "failed"
    space.behave(lambda i: Answer(response=b"mended", events=[i.args]))
    assert repair(space, b"repair") == b"mended"
    eventually(lambda: space.events("m") == [b"a", b"repair", b"n", b"later"], "all goes on")
    assert space.status("m") == "working"
    with fails("FAILED_PRECONDITION", "MACHINE_ALREADY_WORKING"):
        repair(space, b"again")


def repair(space: Space, args: bytes) -> bytes:
    request = automaton_pb2.RepairRequest(namespace=space.name, id="m", args=args)
    return space.client.automaton.Repair(request, timeout=30).response


def storage_away(servers, spaces, gate: Gate):
    """A server with a short lease, two machines on it, and a call of one that the processor has."""
    server = servers(environment={"PROGRESSOR_LEASE": "2s"}).start()
    space = spaces(server.client)

    def behave(i):
        if i.kind == "call":
            gate.wait()
        return Answer(response=i.args, events=[i.args or i.kind.encode()],
                      timer=timer_in(0.5) if i.args == b"arm" else None)

    space.behave(behave)
    space.start("m", b"a")
    space.start("timed", b"arm")
    call = space.call_later("m", b"b", key="k")
    gate.wait_for_entry()
    return server, space, call


def test_internal_failure(servers, spaces):
    """The database does not answer: the caller hears so, and no machine is failed by it."""
    gate = Gate()
    server, space, call = storage_away(servers, spaces, gate)
    with frozen(postmaster_of(server.data)):
        gate.open()
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            call.result()
        eventually(lambda: not server.client.serving(), "health says NOT_SERVING")
        with fails("UNAVAILABLE"):
            space.call("m", b"c", timeout=5)
    eventually(server.client.serving, "health says SERVING")
    assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []


def test_recovery_from_an_internal_failure(servers, spaces):
    """By itself. The processor's answer was kept: what it computed is committed, once."""
    gate = Gate()
    server, space, call = storage_away(servers, spaces, gate)
    with frozen(postmaster_of(server.data)):
        gate.open()
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            call.result()
    eventually(server.client.serving, "health says SERVING")
    assert space.call("m", b"b", key="k") == b"b"
    assert space.events("m") == [b"a", b"b"]
    assert len([i for i in space.invocations("m") if i.kind == "call"]) == 1
    eventually(lambda: space.events("timed") == [b"arm", b"timeout"], "the timer fires")


def test_each_section_of_the_document_names_its_test():
    text = (ROOT / "docs" / "scenarios.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    scenarios = [section for section in sections if re.match(r"\d+\. ", section)]
    named = []
    for section in scenarios:
        title = section.splitlines()[0]
        tests = re.findall(r"`(test_\w+)`", section)
        assert len(tests) == 1, f"section {title} names {tests}, not one test"
        assert "| before |" in section and "──" in section, f"{title}: states and a diagram"
        named += tests
    here = [name for name, value in globals().items()
            if name.startswith("test_") and callable(value)]
    here.remove("test_each_section_of_the_document_names_its_test")
    assert named == here
