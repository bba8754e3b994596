"""Repair jobs as tests ask for them, and machines that need one."""

import grpc

from .client import DEADLINE, Client, Space
from .processor import Answer, Invocation, Refusal, timer_in
from .stubs import automaton_pb2
from .stubs import repair_jobs_pb2 as repair_jobs
from .waiting import eventually

RUNNING = repair_jobs.REPAIR_JOB_STATE_RUNNING
COMPLETED = repair_jobs.REPAIR_JOB_STATE_COMPLETED
CANCELLED = repair_jobs.REPAIR_JOB_STATE_CANCELLED


class Mendable:
    """A behaviour that fails every timeout until it is mended, and answers each stimulus with one
    event of its kind and args. Machines set a timer that is due at once when they start. A repair
    is refused to the machines in `hopeless`."""

    def __init__(self):
        self.broken = True
        self.hopeless: set[str] = set()

    def __call__(self, invocation: Invocation) -> Answer:
        if invocation.kind == "timeout" and self.broken:
            raise Refusal(grpc.StatusCode.INTERNAL, f"broken by {invocation.machine.id}'s card")
        if invocation.kind == "repair" and invocation.machine.id in self.hopeless:
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "beyond repair")
        timer = timer_in(0) if invocation.kind == "init" else None
        return Answer(events=[invocation.kind.encode() + b":" + invocation.args], timer=timer)


def fail(space: Space, ids: list[str]) -> None:
    """Starts machines that fail at once."""
    for id in ids:
        space.start(id)
    eventually(lambda: failed(space) >= set(ids), "they are failed", timeout=30)


def failed(space: Space) -> set[str]:
    """The ids of all failed machines."""
    return set(space.ids(status=automaton_pb2.STATUS_FILTER_FAILED, page_size=1000))


def spec(space: Space, **fields) -> repair_jobs.RepairJobSpec:
    """By default a simple repair of whatever has failed so far."""
    spec = repair_jobs.RepairJobSpec(namespace=space.name, reason="the test says so")
    spec.failed_since.FromSeconds(0)
    if "processor" not in fields:
        spec.simple.SetInParent()
    spec.MergeFrom(repair_jobs.RepairJobSpec(**fields))
    return spec


def create(client: Client, spec: repair_jobs.RepairJobSpec, id: str = "") -> repair_jobs.RepairJob:
    request = repair_jobs.CreateRepairJobRequest(id=id, spec=spec)
    return client.repair_jobs.Create(request, timeout=DEADLINE).job


def get(client: Client, id: str) -> repair_jobs.RepairJob:
    request = repair_jobs.GetRepairJobRequest(id=id)
    return client.repair_jobs.Get(request, timeout=DEADLINE).job


def cancel(client: Client, id: str) -> repair_jobs.RepairJob:
    request = repair_jobs.CancelRepairJobRequest(id=id)
    return client.repair_jobs.Cancel(request, timeout=DEADLINE).job


def ended(client: Client, id: str, timeout: float = 30) -> repair_jobs.RepairJob:
    """The job, once it has ended."""
    def job() -> repair_jobs.RepairJob | None:
        job = get(client, id)
        return job if job.state != RUNNING else None
    return eventually(job, "the job ends", timeout)


def failures(client: Client, id: str, page_size: int = 0) -> list[repair_jobs.RepairJobFailure]:
    """Of all pages."""
    found, token = [], ""
    while True:
        reply = client.repair_jobs.ListFailures(repair_jobs.ListRepairJobFailuresRequest(
            id=id, page_size=page_size, page_token=token), timeout=DEADLINE)
        assert len(reply.failures) <= (page_size or 100)
        found += reply.failures
        token = reply.next_page_token
        if not token:
            return found


def remaining(client: Client, id: str, page_size: int = 0) -> list[repair_jobs.RepairJobMachine]:
    """Of all pages."""
    found, token = [], ""
    while True:
        reply = client.repair_jobs.ListRemaining(repair_jobs.ListRepairJobRemainingRequest(
            id=id, page_size=page_size, page_token=token), timeout=DEADLINE)
        found += reply.machines
        token = reply.next_page_token
        if not token:
            return found


def counts(job: repair_jobs.RepairJob) -> tuple[int, int, int, int]:
    return (job.matched, job.repaired, job.failed, job.remaining)
