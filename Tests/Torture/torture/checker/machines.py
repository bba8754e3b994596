"""The history of one machine in one of its lives, against the requests that were sent to it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..record import NOTHING, OK, REMOVALS, Operation, is_message
from .violations import LOST, Violation

EVENT_KINDS = {"start": "init", "call": "call", "notify": "notification", "repair": "repair"}
CLOCKS = 0.02  # seconds by which a node's clock may differ from the processor's


@dataclass
class Machine:
    """What Get showed: `events` ascending, whole."""

    namespace: str
    machine: str
    last: int
    aux_events: int
    events: list[dict]
    status: str = "working"  # retrying, failed
    timer: bool = False
    pending: int = 0  # messages that are not delivered yet
    queued: int = 0  # notifications that it has not got yet
    # Messages that can never be delivered: tag and reason.
    undelivered: list[tuple[str, str]] = field(default_factory=list)

    @property
    def where(self) -> str:
        return f"{self.namespace}/{self.machine}"


@dataclass
class Step:
    """The events of one step of the processor's."""

    kind: str
    name: str
    first: dict
    parts: list[int] = field(default_factory=list)


def steps_of(machine: Machine) -> list[Step]:
    steps: list[Step] = []
    for event in machine.events:
        if not steps or steps[-1].first["step"] != event["step"]:
            steps.append(Step(event["kind"], event["name"], event))
        steps[-1].parts.append(event["part"])
    return steps


def check_machine(machine: Machine, operations: list[Operation],
                  seen_at: float = float("inf")) -> Iterator[Violation]:
    """`operations` are those of this life. Of those that were not over when the machine was seen
    nothing is demanded but that they are there once at most."""
    steps = steps_of(machine)
    for rule, text in (
            *_sequence(machine), *_steps(steps), *_timers(steps),
            *_effects(steps, operations, seen_at), *_order(steps, operations)):
        yield Violation(rule, machine.where, text)


def check_final(machine: Machine, operations: list[Operation]) -> Iterator[Violation]:
    """The same when everything has come to an end: nothing is pending any more (I11)."""
    yield from check_machine(machine, operations)
    if machine.status != "working":
        yield Violation("stuck", machine.where, f"the machine is {machine.status}")
    if machine.timer:
        yield Violation("stuck", machine.where, "the timer is still set")
    if machine.pending or machine.queued:
        yield Violation("stuck", machine.where, f"{machine.pending} messages and {machine.queued} "
                        "notifications are not delivered")


Found = Iterator[tuple[str, str]]


def _sequence(machine: Machine) -> Found:
    """Ids 1..n (I3), whole steps, epochs and times that do not go back."""
    ids = [event["id"] for event in machine.events]
    if ids != list(range(1, len(ids) + 1)) or machine.last != len(ids):
        yield "event ids", f"last is {machine.last}, and there are {_runs(ids)}"
    if machine.aux_events != machine.last:
        yield "atomicity", f"the aux state is of event {machine.aux_events} of {machine.last}"
    if len(tokens := {event["token"] for event in machine.events}) > 1:
        yield "incarnation", f"events of several lives: {sorted(tokens)}"
    for earlier, later in zip(machine.events, machine.events[1:]):
        if later["epoch"] < earlier["epoch"]:
            yield "fencing", (f"event {later['id']} of epoch {later['epoch']} comes after epoch "
                              f"{earlier['epoch']}")
        if later["created"] < earlier["created"]:
            yield "event times", f"event {later['id']} is older than the one before"


def _runs(ids: list[int]) -> str:
    """1-5 7-9"""
    runs: list[list[int]] = []
    for id in ids:
        if runs and id == runs[-1][1] + 1:
            runs[-1][1] = id
        else:
            runs.append([id, id])
    return " ".join(f"{first}-{last}" for first, last in runs) or "none"


def _steps(steps: list[Step]) -> Found:
    """Each step once, whole, made from the machine as it was before it."""
    seen: set[str] = set()
    for step in steps:
        first = step.first
        if step.parts != list(range(1, first["of"] + 1)):
            yield "atomicity", f"{step.name} has the parts {step.parts} of {first['of']}"
        if first["saw"] != first["id"] - 1:
            yield "stale step", (f"event {first['id']} ({step.name}) was made from the machine "
                                 f"with {first['saw']} events")
        if first["step"] in seen:
            yield "duplicate", f"step {first['step']} ({step.name}) was committed twice"
        seen.add(first["step"])


def _timers(steps: list[Step]) -> Found:
    """A timer fires once, not before its time, and not when another has taken its place (I6)."""
    armed: tuple[str, float] | None = None
    for step in steps:
        if step.kind == "timeout":
            if armed is None or armed[0] != step.name:
                yield "timer", f"{step.name} fired, but {armed and armed[0]} was set"
            elif step.first["at"] < armed[1] - CLOCKS:
                yield "timer", f"{step.name} fired {armed[1] - step.first['at']:.3f} s too early"
            armed = None
        if "arms" in step.first:
            armed = step.name, step.first["arms"]
    if armed:
        yield f"timer {LOST}", f"{armed[0]} never fired"


def _effects(steps: list[Step], operations: list[Operation], seen_at: float) -> Found:
    """What was acknowledged is there once; what was refused is not there; nothing comes unasked.
    What machines send each other is looked at for all of them together (messages.py)."""
    places: defaultdict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in steps:
        if step.kind != "timeout" and not is_message(step.name):
            places[step.kind, step.name].append(step)
    for operation in operations:
        if operation.kind in REMOVALS:
            continue
        found = places.pop((EVENT_KINDS[operation.kind], operation.name), [])
        yield from _effect(operation, found, seen_at)
    for (kind, name), _ in places.items():
        yield "unasked", f"there is a {kind} {name} that nobody sent"


def _effect(operation: Operation, found: list[Step], seen_at: float) -> Found:
    what = f"{operation.kind} {operation.name}"
    if len(found) > 1:
        yield "duplicate", f"{what} is there {len(found)} times"
    if operation.end > seen_at:
        return
    if found and operation.outcome == NOTHING:
        yield "hidden commit", f"{what} was refused and is there as event {found[0].first['id']}"
    if operation.outcome != OK or operation.parts == 0:
        return
    if not found:
        # A notification is delivered some time after it is acknowledged.
        if operation.kind != "notify" or seen_at == float("inf"):
            yield LOST, f"{what} was acknowledged ({operation.reply}) and is not there"
        return
    first = found[0].first
    if "saw" in operation.reply and operation.reply["saw"] + 1 != first["id"]:
        yield "reply", (f"{what} was answered as event {operation.reply['saw'] + 1}, "
                        f"not {first['id']}")
    if "id" in operation.reply and operation.reply["id"] != first["notification"]:
        yield "reply", f"{what} was answered {operation.reply['id']}, not {first['notification']}"


def _order(steps: list[Step], operations: list[Operation]) -> Found:
    """Who was answered before another began is before it: calls, and notifications (I5)."""
    by_name = {operation.name: operation for operation in operations}
    for kinds in (("init", "call", "repair"), ("notification",)):
        latest: Operation | None = None
        for step in steps:
            operation = by_name.get(step.name)
            if step.kind not in kinds or operation is None:
                continue
            if latest and operation.outcome == OK and operation.end < latest.begin:
                yield "order", (f"{operation.name} was acknowledged before {latest.name} began, "
                                f"and comes after it (event {step.first['id']})")
            if latest is None or operation.begin > latest.begin:
                latest = operation
