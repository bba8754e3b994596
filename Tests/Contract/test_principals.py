"""Who asked: what a processor, a failed machine, a pause and a repair job are told of it, and that
nobody can say it of himself."""

from urllib.parse import unquote

import grpc
import pytest
from support.client import Space, fails
from support.processor import Answer, Refusal, timer_in
from support.stubs import namespaces_pb2, repair_jobs_pb2
from support.waiting import eventually
from test_access import Access

DEADLINE = 30.0
PRINCIPAL = "progressor-principal"
SPOOFED = [(PRINCIPAL, "admin"), (f"{PRINCIPAL}-bin", b"admin"), ("x-tenant", "red")]

RULES = """
rules:
  - {principals: [admin], namespaces: ["*"], allow: [read, drive, operate, administer]}
  - {principals: [driver, "zoë-100%"], namespaces: ["pay"], allow: [read, drive, operate]}
  - {principals: [watcher], namespaces: ["pay"], allow: [read], payloads: hidden}
  - {principals: [anonymous], namespaces: ["open"], allow: [read, drive, operate]}
"""


# Of the tests in "pay" each has machines of its own: the processor remembers those of all.


def play(invocation) -> Answer:
    """Arguments say what is to happen: "timer", "fail", or nothing."""
    if invocation.args.startswith(b"fail"):
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")
    timer = timer_in(0.1) if b"timer" in invocation.args else None
    return Answer(events=[invocation.kind.encode()], timer=timer)


@pytest.fixture
def access(servers, processor):
    access = Access(servers(), processor)
    access.rules.write_text(RULES)
    access.write_tokens(*(f"{name} {access.digest(name)}" for name in
                          ("admin", "driver", "watcher")), f"zoë-100% {access.digest('zoe')}")
    access.server.arguments += ["--authorization-file", str(access.rules)]
    access.server.start()
    for namespace in ("pay", "open"):
        access.processor.behave(namespace, play)
        access.client("admin").create_namespace(namespace, processor.endpoint)
    yield access
    access.close()


def restarted(access: Access) -> tuple[Space, Space]:
    """The server is killed; connections to the one after it."""
    access.server.kill()
    access.server.start()
    return access.space("driver", "pay"), access.space("zoe", "pay")


def told(space: Space, machine: str) -> list[tuple[str, str | None]]:
    """What the processor heard of each step's principal."""
    return [(i.kind, i.metadata.get(PRINCIPAL)) for i in space.invocations(machine)]


def test_a_processor_hears_who_asked_and_nobody_says_it_of_himself(access):
    driver, zoe = access.space("driver", "pay"), access.space("zoe", "pay")
    driver.start("heard", metadata=SPOOFED)
    zoe.call("heard", b"timer", metadata=SPOOFED)
    eventually(lambda: len(told(driver, "heard")) == 3, "the timer fires")
    driver.notify("heard", b"timer", metadata=SPOOFED)
    eventually(lambda: len(told(driver, "heard")) == 5, "it is delivered, and its timer fires")
    zoe.call("heard", metadata=SPOOFED)
    assert told(driver, "heard") == [
        ("init", "driver"), ("call", "zo%C3%AB-100%25"), ("timeout", "zo%C3%AB-100%25"),
        ("notification", "driver"), ("timeout", "driver"), ("call", "zo%C3%AB-100%25")]
    assert unquote("zo%C3%AB-100%25") == "zoë-100%"
    for invocation in driver.invocations("heard"):
        assert invocation.metadata["x-tenant"] == "red"
        assert f"{PRINCIPAL}-bin" not in invocation.metadata
        assert invocation.machine.since == invocation.machine.created_at


def test_who_has_no_identity_asks_as_nobody(access):
    anonymous = Space(access.showing(), access.processor, "open")
    anonymous.start("m", b"timer", metadata=SPOOFED)
    eventually(lambda: len(told(anonymous, "m")) == 2, "the timer fires")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        anonymous.call("m", b"fail", metadata=SPOOFED)
    assert told(anonymous, "m") == [("init", None), ("timeout", None), ("call", None)]
    assert anonymous.get("m").status.failed.principal == ""
    # What a client says of a repair job is for people alone.
    spec = repair_jobs_pb2.RepairJobSpec(
        namespace="open", reason="r", requested_by="admin",
        processor=repair_jobs_pb2.ProcessorRepairMethod(args=b"timer"))
    spec.failed_since.FromJsonString("2001-01-01T00:00:00Z")
    job = anonymous.client.repair_jobs.Create(
        repair_jobs_pb2.CreateRepairJobRequest(spec=spec), timeout=DEADLINE).job
    assert job.spec.requested_by == "admin"
    eventually(lambda: len(told(anonymous, "m")) == 5, "it is repaired, and its timer fires")
    assert told(anonymous, "m")[3:] == [("repair", None), ("timeout", None)]


def test_what_waits_keeps_who_asked_when_the_server_is_killed(access):
    driver, zoe = access.space("driver", "pay"), access.space("zoe", "pay")
    driver.start("timer", b"timer")
    eventually(lambda: len(told(driver, "timer")) == 2, "the timer fires")
    for id in ("timer", "notified"):
        if id == "notified":
            driver.start(id)
        zoe.pause(id, "night")
    zoe.notify("notified", b"x")
    zoe.notify("timer", b"x")
    driver, zoe = restarted(access)
    for id in ("timer", "notified"):
        paused = driver.get(id).paused
        assert (paused.principal, paused.reason) == ("zoë-100%", "night")
        driver.resume(id)
        eventually(lambda: told(driver, id)[-1][0] == "notification", "it is delivered")
        assert told(driver, id)[-1] == ("notification", "zo%C3%AB-100%25")
        assert not driver.get(id).HasField("paused")


def test_a_timer_keeps_who_set_it_when_the_server_is_killed(access):
    driver, zoe = access.space("driver", "pay"), access.space("zoe", "pay")
    driver.start("timed")
    access.processor.behave("pay", lambda i: Answer(timer=timer_in(2)) if i.args else Answer())
    zoe.call("timed", b"timer")
    driver.call("timed")
    driver, zoe = restarted(access)
    eventually(lambda: told(driver, "timed")[-1][0] == "timeout", "the timer fires")
    assert told(driver, "timed")[-1] == ("timeout", "zo%C3%AB-100%25")


def test_a_failed_machine_tells_which_step_failed_whose_it_was_and_since_when(access):
    driver, zoe, watcher = (access.space(name, "pay") for name in ("driver", "zoe", "watcher"))
    driver.start("broken")
    created = driver.get("broken")
    assert created.since == created.created_at
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        zoe.call("broken", b"fail", metadata=SPOOFED)
    for reader in (driver, watcher):
        for machine in (reader.get("broken"), *next(reader.pages())):
            failed = machine.status.failed
            assert failed.principal == "zoë-100%"
            assert failed.step == driver.invocations("broken")[-1].step
            assert machine.since == failed.failed_at
    driver, zoe = restarted(access)
    assert driver.get("broken").status.failed == failed
    zoe.simple_repair("broken")
    repaired = driver.get("broken")
    assert repaired.since.ToNanoseconds() > failed.failed_at.ToNanoseconds()
    driver.call("broken")
    assert driver.get("broken").since == next(driver.pages())[0].since == repaired.since
    # A notification that fails is its sender's, and so is its step.
    driver.notify("broken", b"fail")
    eventually(lambda: driver.status("broken") == "failed", "the notification fails the machine")
    failed = driver.get("broken").status.failed
    assert failed.principal == "driver" and failed.step == driver.invocations("broken")[-1].step
    # It waits for its delivery still: repaired, the machine fails of it again.
    zoe.repair("broken")
    assert ("repair", "zo%C3%AB-100%25") in told(driver, "broken")


def test_pauses_of_namespaces_tell_who_paused_them(access):
    driver = access.space("driver", "pay")
    get = namespaces_pb2.GetNamespaceRequest(name="pay")
    assert driver.pause_all("night").paused.principal == "driver"
    access.space("zoe", "pay").pause_all("other")
    for name in ("driver", "watcher"):
        paused = access.client(name).namespaces.Get(get, timeout=DEADLINE).namespace.paused
        assert (paused.principal, paused.reason) == ("driver", "night")


def test_a_repair_job_repairs_as_who_asked_for_it(access):
    driver, zoe = access.space("driver", "pay"), access.space("zoe", "pay")
    driver.start("mended")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        driver.call("mended", b"fail")
    spec = repair_jobs_pb2.RepairJobSpec(
        namespace="pay", reason="r", requested_by="admin",
        processor=repair_jobs_pb2.ProcessorRepairMethod(args=b"timer"))
    spec.failed_since.FromJsonString("2001-01-01T00:00:00Z")
    job = zoe.client.repair_jobs.Create(
        repair_jobs_pb2.CreateRepairJobRequest(spec=spec), timeout=DEADLINE).job
    assert job.spec.requested_by == "zoë-100%"
    eventually(lambda: len(told(driver, "mended")) == 4, "it is repaired, and its timer fires")
    assert told(driver, "mended")[2:] == [
        ("repair", "zo%C3%AB-100%25"), ("timeout", "zo%C3%AB-100%25")]
