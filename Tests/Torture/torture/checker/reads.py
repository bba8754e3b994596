"""Reads are never stale: what was acknowledged, or read, before a read began is in it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..record import OK, Listing, Operation, Read, Watched
from .machines import Machine
from .violations import LOST, Violation

# namespace, machine, token of the life
Life = tuple[str, str, str]


class Known:
    """The greatest event id that anybody knew of, by time."""

    def __init__(self, facts: Iterable[tuple[float, int, str]]):
        self._times: list[float] = []
        self._facts: list[tuple[int, str]] = []
        for time, last, source in sorted(facts):
            if not self._facts or last > self._facts[-1][0]:
                self._times.append(time)
                self._facts.append((last, source))

    def before(self, time: float) -> tuple[int, str]:
        index = bisect_left(self._times, time)
        return self._facts[index - 1] if index else (0, "")


def known_of(operations: Iterable[Operation], reads: Iterable[Read]) -> dict[Life, Known]:
    facts: defaultdict[Life, list[tuple[float, int, str]]] = defaultdict(list)
    for operation in operations:
        if operation.outcome != OK:
            continue
        last = operation.parts if operation.kind == "start" else (
            operation.reply.get("saw", 0) + operation.parts)
        facts[operation.namespace, operation.machine, operation.token].append(
            (operation.end, last, operation.name))
    for read in reads:
        facts[read.namespace, read.machine, read.token].append(
            (read.end, read.last, f"a read of {read.client}"))
    return {life: Known(of) for life, of in facts.items()}


def check_reads(operations: list[Operation], reads: list[Read],
                machines: dict[Life, Machine]) -> Iterator[Violation]:
    known = known_of(operations, reads)
    for read in reads:
        life = read.namespace, read.machine, read.token
        where = f"{read.namespace}/{read.machine}"
        least, source = known[life].before(read.begin)
        if read.last < least:
            yield Violation("stale read", where, f"{read.client} read {read.last} events after "
                            f"{source} had shown {least}")
        if read.aux_events != read.last:
            yield Violation("atomicity", where, f"{read.client} read {read.last} events with the "
                            f"aux state of {read.aux_events}")
        if machine := machines.get(life):
            yield from _rewritten(read, machine)
    for operation in operations:
        if operation.kind == "call" and operation.outcome == OK:
            life = operation.namespace, operation.machine, operation.token
            least, source = known[life].before(operation.begin)
            if operation.reply["saw"] < least:
                yield Violation("stale call", "/".join(life[:2]), f"{operation.name} was made from "
                                f"{operation.reply['saw']} events after {source} had shown {least}")


def check_watches(watches: list[Watched], machines: dict[Life, Machine]) -> Iterator[Violation]:
    """Who watches is shown every event once, in order, up to what was there in the end."""
    for watched in watches:
        where = f"{watched.namespace}/{watched.machine}"
        ids = [event["id"] for event in watched.events]
        if ids != list(range(watched.after + 1, watched.after + 1 + len(ids))):
            yield Violation("watch", where, f"{watched.client} was shown the events {ids} behind "
                            f"{watched.after}")
        if watched.after + len(ids) < watched.until:
            yield Violation("watch", where, f"{watched.client} was shown {len(ids)} events behind "
                            f"{watched.after}, and not up to {watched.until}")
        if machine := machines.get((watched.namespace, watched.machine, watched.token)):
            yield from _rewritten(watched, machine)


def _rewritten(read: Read | Watched, machine: Machine) -> Iterator[Violation]:
    """What was read once stays as it is (I3)."""
    for event in read.events:
        index = event["id"] - 1
        if index >= len(machine.events):
            yield Violation(LOST, machine.where, f"event {event['id']} ({event['name']}) was read "
                            f"and is gone")
        elif machine.events[index] != event:
            yield Violation("rewritten", machine.where, f"event {event['id']} was {event} and is "
                            f"{machine.events[index]}")


def check_listings(operations: list[Operation], reads: list[Read], listings: list[Listing],
                   machines: dict[Life, Machine]) -> Iterator[Violation]:
    """A machine that exists all the while is listed exactly once, in order of the ids, and not
    older than what was known."""
    known = known_of(operations, reads)
    started = {(o.namespace, o.machine): o for o in operations if o.kind == "start"}
    for listing in listings:
        ids = [machine.encode() for machine, _ in listing.machines]
        if any(a >= b for a, b in zip(ids, ids[1:])):
            yield Violation("list", listing.namespace, "not in strictly ascending order")
        listed = dict(listing.machines)
        for life in machines:
            start = started.get(life[:2])
            if life[0] != listing.namespace or start is None or start.token != life[2]:
                continue
            if start.outcome != OK or start.end > listing.begin:
                continue
            least, source = known[life].before(listing.begin)
            if life[1] not in listed:
                yield Violation("list", "/".join(life[:2]), f"missing for {listing.client}")
            elif listed[life[1]] < least:
                yield Violation("stale list", "/".join(life[:2]), f"{listing.client} was shown "
                                f"{listed[life[1]]} events after {source} had shown {least}")
