"""Trace: what happened to a machine is recorded with it, and shown to who asks."""

import json
import time
import uuid

import grpc
import pytest
from support.client import DEADLINE, Gate, duration, fails
from support.processor import Answer, Refusal, timer_in
from support.server import progressor
from support.stubs import automaton_pb2, namespaces_pb2, types_pb2
from support.waiting import eventually

NONE = namespaces_pb2.TRACE_LEVEL_NONE
CHANGES = namespaces_pb2.TRACE_LEVEL_CHANGES
ALL = namespaces_pb2.TRACE_LEVEL_ALL
PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"


def options(level=namespaces_pb2.TRACE_LEVEL_UNSPECIFIED, retention=None):
    trace = namespaces_pb2.TraceOptions(level=level)
    if retention is not None:
        trace.retention.CopyFrom(duration(retention))
    return trace


@pytest.fixture
def traced(client, spaces):
    """A namespace that records everything."""
    return spaces(client, trace=options(ALL))


def page(space, id="m", before=0, limit=0, client=None):
    request = automaton_pb2.TraceRequest(
        namespace=space.name, id=id, before_sequence=before, limit=limit)
    return (client or space.client).automaton.Trace(request, timeout=DEADLINE)


def steps(space, id="m"):
    """All records, the oldest first, after checking their order and their times."""
    found, before = [], 0
    while True:
        reply = page(space, id, before)
        found += reply.steps
        before = reply.next
        if not before:
            break
    sequences = [step.sequence for step in found]
    assert sequences == sorted(set(sequences), reverse=True) and all(n > 0 for n in sequences)
    for step in found:
        began, ended = (t.ToMicroseconds() / 1e6 for t in (step.began_at, step.ended_at))
        assert began <= ended and abs(ended - time.time()) < 300
    return found[::-1]


def outcomes(space, id="m"):
    """KIND OUTCOME of each record, the oldest first."""
    kind, outcome = types_pb2.StepKind.Name, automaton_pb2.Outcome.Name
    return [f"{kind(s.kind).removeprefix('STEP_KIND_')} "
            f"{outcome(s.outcome).removeprefix('OUTCOME_')}" for s in steps(space, id)]


def update(client, name, trace):
    request = namespaces_pb2.GetNamespaceRequest(name=name)
    namespace = client.namespaces.Get(request, timeout=DEADLINE).namespace
    namespace.trace.CopyFrom(trace)
    return client.namespaces.Update(
        namespaces_pb2.UpdateNamespaceRequest(namespace=namespace), timeout=DEADLINE).namespace


def refuse(code, message="no"):
    raise Refusal(code, message)


def test_by_default_a_start_is_recorded_and_what_goes_well_is_not(space):
    space.start("m", b"1")
    space.call("m", b"2")
    space.notify("m", b"3")
    eventually(lambda: len(space.events("m")) == 3, "it is delivered")
    space.behave(lambda i: refuse(grpc.StatusCode.NOT_FOUND))
    with fails("NOT_FOUND", "PROCESSOR_REFUSED"):
        space.call("m")
    (step,) = steps(space)
    (started,) = [i for i in space.invocations("m") if i.kind == "init"]
    assert (step.kind, step.outcome) == (
        types_pb2.STEP_KIND_START, automaton_pb2.OUTCOME_COMMITTED)
    assert (step.step, step.attempt) == (started.step, 1)
    assert (step.first_event_id, step.last_event_id, step.code, step.message) == (1, 1, 0, "")
    assert (step.principal, step.trace_id) == ("", "")


def test_all_of_it(traced):
    """Every outcome, in the order in which it happened."""
    def behave(i):
        if i.kind == "init":
            return Answer(events=[b"1", b"2"])
        if i.args == b"refuse":
            refuse(grpc.StatusCode.FAILED_PRECONDITION, "not like this")
        if i.kind == "notification" and i.attempt == 1:
            refuse(grpc.StatusCode.UNAVAILABLE, "not now")
        if i.args == b"break":
            refuse(grpc.StatusCode.INTERNAL, "broken")
        return Answer(events=[i.args], response=b"x")

    traced.behave(behave)
    traced.start("m")
    traced.call("m", b"3")
    with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED"):
        traced.call("m", b"refuse")
    assert outcomes(traced)[-1] == "CALL REFUSED", "an answered refusal is recorded"
    traced.notify("m", b"4")
    eventually(lambda: len(traced.events("m")) == 4, "it is delivered", timeout=30)
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        traced.call("m", b"break")
    with fails("ABORTED", "REPAIR_FAILED"):
        traced.repair("m", b"refuse")
    traced.repair("m", b"5")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        traced.call("m", b"break")
    traced.simple_repair("m")
    traced.pause("m", "mending é")
    traced.pause("m", "again, which changes nothing")
    traced.resume("m")
    assert outcomes(traced) == [
        "START COMMITTED", "CALL COMMITTED", "CALL REFUSED", "NOTIFICATION RETRIED",
        "NOTIFICATION COMMITTED", "CALL FAILED", "REPAIR REFUSED", "REPAIR REPAIRED", "CALL FAILED",
        "REPAIR REPAIRED", "UNSPECIFIED PAUSED", "UNSPECIFIED RESUMED"]
    all_steps = steps(traced)
    asked = [s for s in all_steps if s.step]
    assert [(s.step, s.attempt) for s in asked] == [
        (i.step, i.attempt) for i in traced.invocations("m")], "the token of the invocation"
    assert [(s.code, s.message) for s in all_steps] == [
        (0, ""), (0, ""), (9, "not like this"), (14, "not now"), (0, ""), (13, "broken"),
        (9, "not like this"), (0, ""), (13, "broken"), (0, ""), (0, "mending é"), (0, "")]
    assert [(s.first_event_id, s.last_event_id) for s in all_steps] == [
        (1, 2), (3, 3), (0, 0), (0, 0), (4, 4), (0, 0), (0, 0), (5, 5), *[(0, 0)] * 4]


def test_a_timeout_is_recorded_with_each_attempt_and_the_trace_id_of_who_set_it(client, spaces):
    space = spaces(client, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.01), max_attempts=3))

    def behave(i):
        if i.kind == "timeout":
            refuse(grpc.StatusCode.UNAVAILABLE, f"attempt {i.attempt}")
        return Answer(timer=timer_in(0.1))

    space.behave(behave)
    space.start("m", metadata=[("traceparent", f"00-{PARENT}-00f067aa0ba902b7-01")])
    eventually(lambda: space.status("m") == "failed", "it fails", timeout=30)
    assert outcomes(space) == [
        "START COMMITTED", "TIMEOUT RETRIED", "TIMEOUT RETRIED", "TIMEOUT FAILED"]
    assert [s.attempt for s in steps(space)] == [1, 1, 2, 3]
    assert [s.message for s in steps(space)] == ["", "attempt 1", "attempt 2", "attempt 3"]
    assert [s.code for s in steps(space)] == [0, 14, 14, 14]
    assert {s.trace_id for s in steps(space)} == {PARENT}
    assert len({s.step for s in steps(space)[1:]}) == 1, "attempts of one step"


@pytest.mark.parametrize("value", [
    "", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    f"00-{PARENT}-0000000000000000-01",
    f"00-{PARENT.upper()}-00f067aa0ba902b7-01", f"00-{PARENT}-00f067aa0ba902b7",
    f"ff-{PARENT}-00f067aa0ba902b7-01", PARENT])
def test_an_invalid_traceparent_is_no_trace_id(space, value):
    space.start("m", metadata=[("traceparent", value)])
    (step,) = steps(space)
    assert step.trace_id == ""


def test_a_query_that_changes_nothing_is_not_recorded_unless_its_reply_is_kept(traced):
    traced.behave(lambda i: Answer(response=b"x"))
    traced.start("m")
    for _ in range(3):
        traced.call("m")
    assert traced.call("m", key="k") == traced.call("m", key="k") == b"x"
    assert outcomes(traced) == ["START COMMITTED", "CALL COMMITTED"]


def test_a_long_message_is_cut_between_two_characters(traced):
    traced.start("m")
    message = "a" + "é" * 3000
    traced.behave(lambda i: refuse(grpc.StatusCode.OUT_OF_RANGE, message))
    with fails("OUT_OF_RANGE", "PROCESSOR_REFUSED"):
        traced.call("m")
    assert steps(traced)[-1].message == "a" + "é" * 2047


def test_pages_go_down_from_the_newest(traced):
    traced.behave(lambda i: Answer(events=[i.args]))
    traced.start("m")
    for n in range(11):
        traced.call("m", b"%d" % n)
    whole = [s.sequence for s in page(traced).steps]
    assert len(whole) == 12 and page(traced).next == 0
    seen, before, pages = [], 0, 0
    while True:
        reply = page(traced, before=before, limit=5)
        seen += [s.sequence for s in reply.steps]
        pages += 1
        before = reply.next
        if not before:
            break
        assert before == seen[-1] and len(reply.steps) == 5
    assert (seen, pages) == (whole, 3)
    assert page(traced, limit=12).next == 0, "there are no older ones"
    assert [s.sequence for s in page(traced, limit=1_000_000).steps] == whole
    assert list(page(traced, before=whole[-1]).steps) == []


def test_what_cannot_be_asked_names_the_field(space):
    space.start("m")
    for request, field in [({"limit": -1}, "limit"), ({"before": -1}, "before_sequence")]:
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
            page(space, **request)
        assert field in failures[0].message
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND", (space.name, "nobody")):
        page(space, "nobody")
    absent = f"none-{uuid.uuid4().hex}"
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        space.client.automaton.Trace(
            automaton_pb2.TraceRequest(namespace=absent, id="m"), timeout=DEADLINE)


def test_a_machine_that_is_started_again_has_only_its_own_records(traced):
    traced.start("m")
    traced.call("m", b"1")
    first = {s.sequence for s in steps(traced)}
    traced.remove("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        page(traced)
    traced.start("m")
    assert outcomes(traced) == ["START COMMITTED"]
    assert not first & {s.sequence for s in steps(traced)}
    lookalikes = ["caf\u00e9", "cafe\u0301"]
    for id in lookalikes:
        traced.start(id)
    traced.call(lookalikes[0], b"1")
    assert [len(steps(traced, id)) for id in lookalikes] == [2, 1]


def test_a_start_that_fails_or_is_refused_leaves_nothing(traced):
    traced.behave(lambda i: refuse(grpc.StatusCode.INVALID_ARGUMENT))
    with fails("INVALID_ARGUMENT", "PROCESSOR_REFUSED"):
        traced.start("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        page(traced)


def test_the_level_can_be_changed_and_holds_at_once(client, spaces):
    space = spaces(client, trace=options(NONE))
    space.start("m")
    space.call("m", b"1")
    assert steps(space) == []
    changed = update(client, space.name, options(ALL, 3600))
    assert (changed.trace.level, changed.trace.retention.seconds) == (ALL, 3600)
    space.call("m", b"2")
    update(client, space.name, options(CHANGES))
    space.call("m", b"3")
    space.pause("m", "why")
    assert outcomes(space) == ["CALL COMMITTED", "UNSPECIFIED PAUSED"]
    update(client, space.name, namespaces_pb2.TraceOptions())
    space.start("other")
    assert outcomes(space, "other") == ["START COMMITTED"]


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_retention_that_is_not_positive_is_refused_and_named(client, seconds):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
        client.create_namespace(
            f"t-{uuid.uuid4().hex}", "127.0.0.1:1", trace=options(retention=seconds))
    assert "trace.retention" in failures[0].message
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
        client.create_namespace(
            f"t-{uuid.uuid4().hex}", "127.0.0.1:1", trace=namespaces_pb2.TraceOptions(level=17))
    assert "trace.level" in failures[0].message


def test_records_outlive_the_server_and_go_on_growing(servers, spaces):
    server = servers().start()
    space = spaces(server.client, trace=options(ALL))
    space.start("m")
    space.call("m", b"1")
    before = steps(space)
    server.kill()
    server.start()
    assert steps(space) == before, "of a machine that is not in memory"
    space.call("m", b"2")
    assert outcomes(space) == ["START COMMITTED", "CALL COMMITTED", "CALL COMMITTED"]
    assert steps(space)[:2] == before
    assert server.terminate() == 0


def test_old_records_are_forgotten(servers, spaces):
    server = servers().start()
    short = spaces(server.client, trace=options(ALL, 0.001))
    long = spaces(server.client, trace=options(ALL))
    for space in (short, long):
        space.start("m")
        for n in range(20):
            space.call("m", b"%d" % n)
    # The sweep comes by once a minute.
    eventually(lambda: steps(short) == [], "they are deleted", timeout=120)
    assert len(steps(long)) == 21
    assert short.call("m", b"on") == long.call("m", b"on"), "and the machines go on"
    assert server.terminate() == 0


def test_trace_does_not_wait_for_the_step_that_runs(traced):
    gate = Gate()

    def slow(i):
        if i.args == b"slow":
            gate.wait()
        return Answer(events=[i.args])

    traced.behave(slow)
    traced.start("m")
    running = traced.call_later("m", b"slow")
    gate.wait_for_entry()
    assert outcomes(traced) == ["START COMMITTED"]
    gate.open()
    running.result()
    assert outcomes(traced) == ["START COMMITTED", "CALL COMMITTED"]
    last = steps(traced)[-1]
    began, ended = last.began_at.ToMicroseconds(), last.ended_at.ToMicroseconds()
    assert ended > began, "it says how long the step took"


def test_the_command_line_shows_it(server, client, spaces):
    name = f"trace-{uuid.uuid4().hex[:8]}"
    space = spaces(client, name=name)

    def run(*arguments, **more):
        return progressor(*arguments, "--server", server.address, **more)

    updated = run("namespace", "update", name, "--trace-level", "all", "--trace-retention", "1h")
    assert updated.returncode == 0 and "all" in updated.stdout and "1h" in updated.stdout
    space.start("m")
    for n in range(4):
        space.call("m", b"%d" % n)
    space.pause("m", "tab\there")
    machine = ("--namespace", name, "m")
    shown = run("machine", "trace", *machine)
    lines = shown.stdout.splitlines()
    assert lines[0].split("\t")[:4] == ["ENDED", "TOOK", "STEP", "OUTCOME"]
    assert [line.split("\t")[3] for line in lines[1:]] == ["paused"] + ["committed"] * 5
    assert lines[1].endswith("tab\\there") and shown.stderr == ""
    few = run("machine", "trace", *machine, "--limit", "2")
    assert len(few.stdout.splitlines()) == 3 and "--all" in few.stderr
    everything = json.loads(run("machine", "trace", *machine, "--all", "--json").stdout)["steps"]
    assert [s["outcome"] for s in everything][:2] == ["OUTCOME_PAUSED", "OUTCOME_COMMITTED"]
    assert [s.get("kind") for s in everything][-2:] == ["STEP_KIND_CALL", "STEP_KIND_START"]
    assert everything[0]["message"] == "tab\there" and "step" not in everything[0]
    assert len(everything) == 6 and int(everything[0]["sequence"]) > 0
    wrong = run("machine", "trace", *machine, "--limit", "0")
    assert wrong.returncode != 0 and "--limit" in wrong.stderr
    wrong = run("namespace", "update", name, "--trace-retention", "0s")
    assert wrong.returncode != 0 and "trace.retention" in wrong.stderr
    shown = json.loads(run("namespace", "get", name, "--json").stdout)
    assert shown["trace"] == {"level": "TRACE_LEVEL_ALL", "retention": "3600s"}
    assert run("namespace", "update", name, "--reset", "trace").returncode == 0
    assert json.loads(run("namespace", "get", name, "--json").stdout)["trace"] == {}
