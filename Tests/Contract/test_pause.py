"""Pause: no step begins, nothing is lost, and after Resume everything goes on."""

import threading
import time

import grpc
import pytest
from support.client import Gate, fails
from support.postgres import frozen, postmaster_of
from support.processor import Answer, Refusal, ScriptedProcessor, timer_in
from support.server import progressor
from support.stubs import automaton_pb2
from support.waiting import eventually

PAUSED = automaton_pb2.STATUS_FILTER_PAUSED


def kinds(space, machine=None):
    return [i.kind for i in space.invocations(machine)]


def pause_request(space):
    return automaton_pb2.PauseRequest(namespace=space.name, id="m")


def waking(seconds):
    """Init sets a timer; everything appends its kind."""
    return lambda i: Answer(
        events=[i.kind.encode()], timer=timer_in(seconds) if i.kind == "init" else None)


def settled(space, other, count):
    """Another machine of the namespace has gone through `count` timeouts: whatever else was due
    before has had its chance."""
    eventually(lambda: kinds(space, other).count("timeout") >= count, "the other timer fires")


def test_a_paused_machine_runs_no_step_and_loses_nothing(space):
    space.behave(waking(0.3))
    space.start("m")
    space.pause("m", "the processor is being mended")
    space.start("other")
    paused = space.get("m")
    assert paused.paused.reason == "the processor is being mended"
    assert abs(paused.paused.paused_at.ToMicroseconds() / 1e6 - time.time()) < 30
    assert paused.HasField("timer"), "the timer is kept"
    first = space.notify("m", b"1")
    second = space.notify("m", b"2")
    with fails("UNAVAILABLE", "MACHINE_PAUSED", (space.name, "m")) as failures:
        space.call("m")
    assert "being mended" in failures[0].message
    assert int(failures[0].trailers["grpc-retry-pushback-ms"]) > 0
    settled(space, "other", 1)
    assert kinds(space, "m") == ["init"]
    space.resume("m")
    assert not space.get("m").HasField("paused")
    eventually(lambda: len(space.events("m")) == 4, "what was due runs")
    delivered = [i.notification_id for i in space.invocations("m") if i.kind == "notification"]
    assert delivered == [first, second]
    assert kinds(space, "m").count("timeout") == 1


def test_a_pause_waits_for_the_step_that_runs_and_turns_away_what_waits_behind_it(space):
    gate = Gate()

    def slow(i):
        if i.args == b"slow":
            gate.wait()
        return Answer(response=i.args, events=[i.args])

    space.behave(slow)
    space.start("m")
    running = space.call_later("m", b"slow")
    gate.wait_for_entry()
    waiting = space.call_later("m", b"behind")
    pausing = space.client.automaton.Pause.future(pause_request(space), timeout=30)
    # What is asked behind the pause on its connection is answered: so the pause has come.
    space.get("m")
    assert not pausing.done()
    gate.open()
    pausing.result()
    assert running.result().response == b"slow", "a step that runs is committed and answered"
    with fails("UNAVAILABLE", "MACHINE_PAUSED"):
        waiting.result()
    assert space.events("m") == [b"", b"slow"]


def test_pause_and_resume_are_idempotent_and_keep_the_first_reason(space):
    space.start("m")
    space.pause("m", "first")
    space.pause("m", "second")
    assert space.get("m").paused.reason == "first"
    space.resume("m")
    space.resume("m")
    assert space.call("m", b"x") == b"x"
    for method in (space.pause, space.resume):
        with fails("NOT_FOUND", "MACHINE_NOT_FOUND", (space.name, "none")):
            method("none")
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        space.pause("m", "x" * 4097)


def test_a_paused_machine_is_read_listed_repaired_simply_and_removed(space):
    def failing(i):
        if i.kind in ("call", "timeout"):
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")
        return Answer(events=[i.kind.encode()])

    space.behave(failing)
    for id in ("a", "b", "c"):
        space.start(id)
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("a")
    space.pause("a", "why")
    space.pause("b")
    assert space.ids(status=PAUSED) == ["a", "b"]
    assert [m.paused.reason for page in space.pages(status=PAUSED) for m in page] == ["why", ""]
    assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == ["a"]
    with fails("UNAVAILABLE", "MACHINE_PAUSED"):
        space.repair("a")
    space.simple_repair("a")
    assert space.status("a") == "working"
    space.remove("b")
    space.start("b")
    assert not space.get("b").HasField("paused"), "a new machine is another one"
    assert space.ids(status=PAUSED) == ["a"]


def test_a_paused_namespace_refuses_what_asks_the_processor_and_keeps_the_rest(space, spaces):
    space.behave(waking(0.3))
    beside = spaces(space.client, waking(0.3))
    space.start("m")
    shown = space.pause_all("maintenance")
    assert shown.paused.reason == "maintenance"
    with fails("UNAVAILABLE", "NAMESPACE_PAUSED", (space.name, "m")) as failures:
        space.call("m")
    assert "maintenance" in failures[0].message
    with fails("UNAVAILABLE", "NAMESPACE_PAUSED"):
        space.start("new")
    with fails("ALREADY_EXISTS", "MACHINE_ALREADY_EXISTS"):
        space.start("m")
    space.notify("m", b"1")
    beside.start("m")
    settled(beside, "m", 1)
    assert kinds(space) == ["init"]
    assert not space.get("m").HasField("paused"), "the namespace is, not the machine"
    assert space.pause_all("again").paused.reason == "maintenance"
    assert not space.resume_all().HasField("paused")
    eventually(lambda: len(space.events("m")) == 3, "what was due runs")
    space.start("new")
    space.resume_all()


def test_pausing_a_namespace_waits_for_the_steps_that_run_in_it(space):
    gate = Gate()
    space.behave(lambda i: gate.wait() if i.kind == "call" else None)
    space.start("m")
    running = space.call_later("m")
    gate.wait_for_entry()
    with fails("DEADLINE_EXCEEDED"):
        space.pause_all(timeout=0.3)
    with fails("UNAVAILABLE", "NAMESPACE_PAUSED"):
        space.start("new")
    gate.open()
    space.pause_all()
    running.result()
    space.resume_all()


def test_a_pause_waits_no_longer_than_its_processor_is_there(client, spaces):
    own, gate = ScriptedProcessor(), Gate()
    space = spaces(client, endpoint=own.endpoint)
    own.behave(space.name, lambda i: gate.wait() if i.kind == "call" else None)
    space.start("m")
    running = space.call_later("m")
    gate.wait_for_entry()
    pausing = client.automaton.Pause.future(pause_request(space), timeout=30)
    own.stop()
    gate.open()
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        running.result()
    pausing.result()
    assert space.get("m").HasField("paused")


def test_a_pause_that_its_caller_gave_up_before_it_began_is_dropped(space):
    gate = Gate()
    space.behave(lambda i: gate.wait() if i.args == b"slow" else Answer(response=i.args))
    space.start("m")
    running = space.call_later("m", b"slow")
    gate.wait_for_entry()
    with fails("DEADLINE_EXCEEDED"):
        space.pause("m", timeout=0.3)
    space.get("m")  # By now the server has heard that nobody waits for the pause.
    gate.open()
    running.result()
    assert space.call("m", b"next") == b"next"
    assert not space.get("m").HasField("paused")


def test_a_pause_while_the_database_is_frozen_is_unavailable_and_can_be_repeated(servers, spaces):
    server = servers(environment={"PROGRESSOR_LEASE": "5s"}).start()
    space = spaces(server.client)
    space.start("m")
    with frozen(postmaster_of(server.data)):
        for pause in (lambda: space.pause("m"), space.pause_all):
            with fails("UNAVAILABLE"):
                pause()
    eventually(server.client.serving, "the database is back", 30)
    space.pause("m", "2")
    space.pause_all()
    assert space.get("m").HasField("paused")
    space.resume_all()
    space.resume("m")
    space.call("m", b"x")
    assert space.events("m") == [b"", b"x"], "nothing of the machine was lost or failed"


def test_a_crowd_that_waited_for_the_resumption_is_admitted_by_the_limits(client, spaces):
    lock = threading.Lock()
    running, most = 0, 0

    def counted(i):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.002)  # the work of a step
        with lock:
            running -= 1
        return waking(3)(i)

    space = spaces(client, counted, max_in_flight=4)
    for number in range(300):
        space.start(f"m{number}")
    space.pause_all()
    last = max(m.timer.ToMicroseconds() for page in space.pages() for m in page) / 1e6
    eventually(lambda: time.time() > last, "all of them are due")
    space.resume_all()
    eventually(lambda: kinds(space).count("timeout") == 300, "every timer fires", 30)
    assert most <= 4
    for number in range(0, 300, 10):
        eventually(lambda: len(space.events(f"m{number}")) == 2, "it is committed")


def test_pauses_survive_a_kill(servers, spaces):
    server = servers().start()
    space = spaces(server.client, waking(0.2))
    whole = spaces(server.client, waking(0.2))
    space.start("m")
    space.pause("m", "kept")
    whole.start("m")
    whole.pause_all("kept too")
    space.notify("m", b"1")
    server.kill()
    server.start()
    space, whole = space.on(server.client), whole.on(server.client)
    assert space.get("m").paused.reason == "kept"
    with fails("UNAVAILABLE", "MACHINE_PAUSED"):
        space.call("m")
    with fails("UNAVAILABLE", "NAMESPACE_PAUSED"):
        whole.call("m")
    seen = kinds(space, "m")
    space.resume("m")
    whole.resume_all()
    eventually(lambda: b"notification" in space.events("m"), "the notification is delivered")
    eventually(lambda: b"timeout" in space.events("m"), "the timer fires")
    eventually(lambda: b"timeout" in whole.events("m"), "the timer fires")
    assert seen.count("notification") == 0


@pytest.mark.parametrize("what", ["machine", "namespace"])
def test_the_command_line_pauses_and_resumes(space, what):
    space.start("m")
    server = ("--server", space.client.address)
    target = ("--namespace", space.name, "m") if what == "machine" else (space.name,)
    paused = progressor(what, "pause", *server, *target, "--reason", "because")
    assert paused.returncode == 0, paused.stderr
    shown = progressor(what, "get", *server, *target)
    assert "because" in shown.stdout and "paused" in shown.stdout
    refused = progressor("machine", "call", *server, "--namespace", space.name, "m")
    assert refused.returncode == 5 and f"{what.upper()}_PAUSED" in refused.stderr
    assert progressor(what, "resume", *server, *target).returncode == 0
    assert progressor("machine", "call", *server, "--namespace", space.name, "m").returncode == 0
