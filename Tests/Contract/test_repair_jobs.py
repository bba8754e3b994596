"""RepairJobs: many failed machines are repaired by a job that survives the server."""

import time
import uuid

import pytest
from support.client import DEADLINE, Space, fails
from support.processor import ScriptedProcessor
from support.repairs import (
    CANCELLED, COMPLETED, RUNNING, Mendable, cancel, counts, create, ended, fail, failed, failures,
    get, remaining, spec,
)
from support.stubs import repair_jobs_pb2 as repair_jobs
from support.waiting import eventually


@pytest.fixture
def mendable() -> Mendable:
    return Mendable()


@pytest.fixture
def space(client, spaces, mendable) -> Space:
    return spaces(client, mendable)


def names(count: int, prefix: str = "m") -> list[str]:
    return [f"{prefix}{n:03}" for n in range(count)]


def test_all_machines_are_repaired_and_what_was_pending_goes_on(client, space, mendable):
    ids = names(150)
    fail(space, ids)
    for id in ids[:20]:
        space.notify(id, b"waits")
    mendable.broken = False
    job = create(client, spec(space, rate=1000, requested_by="ann"))
    assert job.state == RUNNING and job.matched == 150 and job.spec.requested_by == "ann"
    job = ended(client, job.id)
    assert job.state == COMPLETED
    assert counts(job) == (150, 150, 0, 0)
    assert job.finished_at.ToNanoseconds() >= job.created_at.ToNanoseconds()
    assert job.spec.reason == "the test says so"
    for id in ids:
        expected = [b"init:", b"timeout:"] + ([b"notification:waits"] if id in ids[:20] else [])
        eventually(lambda: sorted(space.events(id)) == sorted(expected), f"{id} goes on")
    assert failed(space) == set()


def test_the_processor_repairs_and_its_refusals_are_kept(client, space, mendable):
    ids = names(30)
    fail(space, ids)
    mendable.broken = False
    mendable.hopeless = set(ids[::10])
    job = create(client, spec(
        space, processor=repair_jobs.ProcessorRepairMethod(args=b"please"), rate=1000))
    job = ended(client, job.id)
    assert job.state == COMPLETED and counts(job) == (30, 27, 3, 0)
    found = failures(client, job.id, page_size=2)
    assert [failure.machine_id for failure in found] == ids[::10]
    assert {(f.code, f.reason) for f in found} == {(10, "REPAIR_FAILED")}
    assert all("beyond repair" in f.message and f.at.ToSeconds() > 0 for f in found)
    assert failed(space) == set(ids[::10])
    asked = [i for i in space.invocations() if i.kind == "repair"]
    assert sorted(i.machine.id for i in asked) == ids
    assert {i.args for i in asked} == {b"please"}
    # Another job tries them again.
    mendable.hopeless = set()
    assert counts(ended(client, create(client, spec(space)).id)) == (3, 3, 0, 0)


def test_only_what_the_spec_selects_is_repaired(client, space, mendable):
    fail(space, names(5, "a") + names(5, "b"))
    between = time.time_ns()
    eventually(lambda: time.time_ns() > between + 2_000_000, "time passes")
    fail(space, names(5, "c"))
    mendable.broken = False
    assert ended(client, create(client, spec(space, id_prefix="b")).id).matched == 5
    assert {id[0] for id in failed(space)} == {"a", "c"}
    card = ended(client, create(client, spec(space, failure_contains="a003's card")).id)
    assert counts(card) == (1, 1, 0, 0)
    late = spec(space)
    late.failed_since.FromNanoseconds(between)
    assert ended(client, create(client, late).id).matched == 5
    assert {id[0] for id in failed(space)} == {"a"}
    early = spec(space)
    early.failed_until.FromNanoseconds(between)
    assert counts(ended(client, create(client, early).id)) == (4, 4, 0, 0)
    assert failed(space) == set()


def test_a_dry_run_shows_the_machines_and_changes_none(client, space, mendable):
    ids = names(12)
    fail(space, ids)
    mendable.broken = False
    job = create(client, spec(space, dry_run=True))
    assert job.state == COMPLETED and job.HasField("finished_at")
    assert counts(job) == (12, 0, 0, 12)
    found = remaining(client, job.id, page_size=5)
    assert {machine.machine_id for machine in found} == set(ids) and len(found) == 12
    times = [machine.failed_at.ToNanoseconds() for machine in found]
    assert times == sorted(times)
    assert all("card" in machine.failure_reason for machine in found)
    assert failed(space) == set(ids)
    assert counts(get(client, job.id)) == (12, 0, 0, 12)


def test_a_cancelled_job_repairs_nothing_more(client, space, mendable):
    fail(space, names(20))
    mendable.broken = False
    job = create(client, spec(space, rate=1))
    eventually(lambda: get(client, job.id).repaired > 0, "it works")
    job = cancel(client, job.id)
    assert job.state == CANCELLED and job.HasField("finished_at") and job.remaining >= 15
    left = failed(space)
    # A later job finds all of them: nobody else has repaired one meanwhile.
    eventually(lambda: time.time_ns() > job.finished_at.ToNanoseconds() + 2.5e9, "some time passes")
    assert failed(space) == left
    assert cancel(client, job.id) == job == get(client, job.id)
    assert ended(client, create(client, spec(space, rate=1000)).id).repaired == len(left)


def test_the_rate_is_kept(client, space, mendable):
    fail(space, names(60))
    mendable.broken = False
    begin = time.monotonic()
    job = ended(client, create(client, spec(space, rate=30)).id)
    assert job.repaired == 60
    assert 1.5 < time.monotonic() - begin < 15


def test_a_machine_that_fails_again_is_not_repaired_again(client, space):
    ids = names(10)
    fail(space, ids)
    job = ended(client, create(client, spec(space, rate=1000)).id)
    assert job.repaired == 10
    eventually(lambda: failed(space) == set(ids), "they have failed again")
    for id in ids:
        timeouts = [i for i in space.invocations(id) if i.kind == "timeout"]
        assert len(timeouts) == 2


def test_machines_repaired_or_removed_meanwhile_are_no_failures(client, space, mendable):
    ids = names(6)
    fail(space, ids)
    mendable.broken = False
    job = create(client, spec(space, rate=1))
    space.remove(ids[4])
    space.repair(ids[5])
    job = ended(client, job.id)
    assert job.state == COMPLETED and counts(job) == (6, 6, 0, 0)
    assert failures(client, job.id) == []


def test_a_processor_that_is_away_fails_no_machine_and_is_waited_for(client, spaces, mendable):
    processor = ScriptedProcessor()
    space = spaces(client, mendable, endpoint=processor.endpoint)
    space = Space(client, processor, space.name)
    space.behave(mendable)
    fail(space, names(10))
    mendable.broken = False
    processor.stop()
    job = create(client, spec(space, processor=repair_jobs.ProcessorRepairMethod(), rate=1000))
    eventually(lambda: time.time_ns() > job.created_at.ToNanoseconds() + 2e9, "it was tried")
    assert counts(get(client, job.id)) == (10, 0, 0, 10)
    again = ScriptedProcessor(port=processor.port)
    try:
        again.behave(space.name, mendable)
        job = ended(client, job.id, timeout=60)
        assert job.state == COMPLETED and counts(job) == (10, 10, 0, 0)
    finally:
        again.stop()


def test_the_job_survives_the_server_s_crash(servers, spaces, mendable):
    server = servers().start()
    space = spaces(server.client, mendable)
    ids = names(60)
    fail(space, ids)
    mendable.broken = False
    mendable.hopeless = {ids[0]}
    job = create(server.client, spec(
        space, processor=repair_jobs.ProcessorRepairMethod(args=b"x"), rate=20,
        requested_by="ann"))
    before = eventually(
        lambda: (j := get(server.client, job.id)).repaired >= 5 and j.failed == 1 and j,
        "it works")
    assert before.state == RUNNING
    server.kill()
    asked = {i.machine.id for i in space.invocations() if i.kind == "repair"}
    assert len(asked) < 60
    server.start()
    after = ended(server.client, job.id, timeout=60)
    assert after.state == COMPLETED and counts(after) == (60, 59, 1, 0)
    assert after.spec == job.spec and after.created_at == job.created_at
    assert [f.machine_id for f in failures(server.client, job.id)] == [ids[0]]
    assert failed(space) == {ids[0]}
    repairs = [i for i in space.invocations() if i.kind == "repair"]
    assert len({i.idempotency_key for i in repairs}) == 1 and repairs[0].idempotency_key
    # A repair whose outcome the crash hid may be repeated; none that was committed is.
    for id in ids[1:]:
        assert space.events(id).count(b"repair:x") == 1
    assert len([i for i in space.invocations(ids[0]) if i.kind == "repair"]) == 1


def test_a_repeated_create_has_no_second_effect(client, space):
    fail(space, names(3))
    id = f"job-{uuid.uuid4().hex[:8]}"
    job = create(client, spec(space), id)
    assert job.id == id
    again = create(client, spec(space), id)
    assert (again.id, again.created_at, again.matched) == (id, job.created_at, 3)
    with fails("ALREADY_EXISTS", "REPAIR_JOB_ALREADY_EXISTS"):
        create(client, spec(space, rate=5), id)
    ended(client, id)


def test_ids_of_the_server_differ_and_jobs_are_listed(client, space):
    jobs = [create(client, spec(space, dry_run=True)) for _ in range(5)]
    assert len({job.id for job in jobs}) == 5
    listed, token = [], ""
    while True:
        reply = client.repair_jobs.List(repair_jobs.ListRepairJobsRequest(
            namespace=space.name, page_size=2, page_token=token), timeout=DEADLINE)
        assert len(reply.jobs) <= 2
        listed += reply.jobs
        token = reply.next_page_token
        if not token:
            break
    assert [job.id for job in listed] == [job.id for job in reversed(jobs)]
    everywhere = client.repair_jobs.List(repair_jobs.ListRepairJobsRequest(), timeout=DEADLINE)
    assert jobs[-1].id in {job.id for job in everywhere.jobs}


def test_a_job_that_is_not_there(client):
    for call in (get, cancel, failures, remaining):
        with fails("NOT_FOUND", "REPAIR_JOB_NOT_FOUND"):
            call(client, "no-such-job")


def test_a_namespace_that_is_not_there(client, space):
    unknown = spec(space)
    unknown.namespace = "no-such-namespace"
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND", about=("no-such-namespace", "")):
        create(client, unknown)


BAD = {
    "spec.failed_since": lambda s: s.ClearField("failed_since"),
    "spec.failed_until": lambda s: s.failed_until.FromSeconds(-1),
    "spec.method": lambda s: s.ClearField("simple"),
    "spec.reason": lambda s: s.ClearField("reason"),
    "spec.rate": lambda s: setattr(s, "rate", 10_001),
    "spec.id_prefix": lambda s: setattr(s, "id_prefix", "x" * 257),
    "spec.failure_contains": lambda s: setattr(s, "failure_contains", "x" * 4097),
    "spec.requested_by": lambda s: setattr(s, "requested_by", "x" * 257),
    "spec.processor.args": lambda s: setattr(s.processor, "args", b"x" * 16_385),
    "spec.namespace": lambda s: setattr(s, "namespace", ""),
}


@pytest.mark.parametrize("field", BAD)
def test_a_bad_request_names_its_field(client, space, field):
    bad = spec(space)
    BAD[field](bad)
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as seen:
        create(client, bad)
    assert seen[0].message.startswith(field + ":")


def test_page_tokens_of_other_lists_are_refused(client, space):
    jobs = [create(client, spec(space, dry_run=True)) for _ in range(2)]
    token = client.repair_jobs.List(repair_jobs.ListRepairJobsRequest(
        namespace=space.name, page_size=1), timeout=DEADLINE).next_page_token
    assert token
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        client.repair_jobs.List(
            repair_jobs.ListRepairJobsRequest(page_token=token), timeout=DEADLINE)
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        client.repair_jobs.ListRemaining(repair_jobs.ListRepairJobRemainingRequest(
            id=jobs[0].id, page_token=token), timeout=DEADLINE)
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        client.repair_jobs.ListFailures(repair_jobs.ListRepairJobFailuresRequest(
            id=jobs[0].id, page_size=-1), timeout=DEADLINE)
