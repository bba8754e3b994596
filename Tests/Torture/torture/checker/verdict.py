"""All checks over the records of one round."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..record import (
    OK, OPEN, REMOVALS, Ended, Invoked, Listing, Operation, Pause, Read, Record, Surprise, Watched,
    is_message,
)
from .feed import check_feed
from .invocations import check_invocations
from .machines import Machine, check_final, check_machine
from .mail import Mail
from .messages import check_messages
from .reads import Life, check_listings, check_reads, check_watches
from .violations import LOST, Violation

# Seconds. Faults last five at most, and few of them follow each other everywhere.
UNAVAILABLE = 30.0


class Records:
    """The records by kind."""

    def __init__(self, records: Iterable[Record]):
        self._by_kind: defaultdict[type, list] = defaultdict(list)
        for record in records:
            self._by_kind[type(record)].append(record)

    @property
    def operations(self) -> list[Operation]:
        return self._by_kind[Operation]

    @property
    def reads(self) -> list[Read]:
        return self._by_kind[Read]

    @property
    def acknowledged(self) -> list[Operation]:
        return [operation for operation in self.operations if operation.outcome == OK]

    @property
    def longest_gap(self) -> float:
        """The longest time in which nobody was acknowledged anything."""
        ends = sorted(operation.end for operation in self.acknowledged)
        return max((later - earlier for earlier, later in zip(ends, ends[1:])), default=0)

    def of(self, kind: type[Record]) -> list[Record]:
        return self._by_kind[kind]

    def lives(self) -> dict[Life, list[Operation]]:
        lives: defaultdict[Life, list[Operation]] = defaultdict(list)
        for operation in self.operations:
            lives[operation.namespace, operation.machine, operation.token].append(operation)
        return lives


def check(records: Records, machines: dict[tuple[str, str], Machine]) -> Iterator[Violation]:
    """`machines`: everything that is there in the end, by namespace and id."""
    if records.longest_gap > UNAVAILABLE:
        yield Violation("unavailable", "the run", f"for {records.longest_gap:.1f} s nobody was "
                        "acknowledged anything")
    for surprise in records.of(Surprise):
        yield Violation("surprise", f"{surprise.namespace}/{surprise.machine}", surprise.text)
    lives = records.lives()
    final: dict[Life, Machine] = {}
    for life, operations in lives.items():
        machine = machines.get(life[:2])
        token = machine.events[0]["token"] if machine and machine.events else None
        if token == life[2]:
            final[life] = machine
            yield from check_final(machine, operations)
        yield from _existence(life, operations, token)
    for place in machines.keys() - {life[:2] for life in lives}:
        machine = machines[place]
        if machine.events and is_message(machine.events[0]["name"]):
            yield from check_final(machine, [])
        else:
            yield Violation("unasked", machine.where, "nobody started it")
    yield from check_messages(Mail(records, machines))
    yield from _whole_reads(records, lives)
    yield from _pauses(records.of(Pause), machines)
    yield from check_reads(records.operations, records.reads, final)
    yield from check_watches(records.of(Watched), final)
    yield from check_listings(records.operations, records.reads, records.of(Listing), final)
    yield from check_feed(records, machines)
    yield from check_invocations(records.of(Invoked), records.of(Ended))


def _existence(life: Life, operations: list[Operation], token: str | None) -> Iterator[Violation]:
    """A life is there if it was started and not removed, and only then (I12)."""
    outcomes = {operation.kind: operation.outcome for operation in operations}
    where = f"{life[0]}/{life[1]}"
    removal = next((outcomes[kind] for kind in REMOVALS if kind in outcomes), None)
    if outcomes.get("start") == OK and removal is None and token != life[2]:
        yield Violation(LOST, where, f"it was started as {life[2]}, and there is {token}")
    if removal == OK and token == life[2]:
        yield Violation("removed", where, f"{life[2]} was removed and is there")
    if outcomes.get("start") not in (OK, OPEN) and token == life[2]:
        yield Violation("hidden commit", where, f"the start {life[2]} was refused")


def _pauses(pauses: list[Pause], machines: dict[tuple[str, str], Machine]) -> Iterator[Violation]:
    """No step begins or runs while its machine is paused."""
    for pause in pauses:
        machine = machines.get((pause.namespace, pause.machine))
        for event in machine.events if machine else ():
            if pause.begin < event["at"] < pause.end:
                yield Violation("paused", machine.where, f"event {event['id']} ({event['name']}) "
                                f"was made {event['at'] - pause.begin:.3f} s after Pause was "
                                 "answered")


def _whole_reads(records: Records, lives: dict[Life, list[Operation]]) -> Iterator[Violation]:
    """A whole history that was read in the midst of it is checked like the one in the end."""
    for read in records.reads:
        if not read.whole:
            continue
        machine = Machine(read.namespace, read.machine, read.last, read.aux_events, read.events)
        operations = lives.get((read.namespace, read.machine, read.token), [])
        for violation in check_machine(machine, operations, seen_at=read.begin):
            # Timers may fire later.
            if violation.rule != f"timer {LOST}":
                yield violation
