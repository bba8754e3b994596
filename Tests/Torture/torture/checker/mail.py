"""The messages of all machines: what committed steps have sent, and what became of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..record import NOTHING, OK, REMOVALS, Invoked, Operation, Read, is_message, tag_of
from .machines import CLOCKS, Machine

# namespace, machine, token of the life
Life = tuple[str, str, str]
NEVER = float("inf")


@dataclass
class Sent:
    """A message of a step. Times are times of day."""

    tag: str
    source: Life
    target: tuple[str, str]
    is_start: bool
    ignores_existing: bool
    delay: float | None
    name: str
    reports: bool
    place: tuple[int, int]  # of the step in its life, and of the message in it
    at: float  # not before this the step was made
    durable: float  # at the latest then it was committed; NEVER = nobody knows when
    is_certain: bool  # the step is committed; else nobody knows
    # When another had taken its place, or it was cancelled; NEVER = nobody knows when.
    withdrawn: float | None = None
    went: bool = False  # maybe it went along with its machine before it was due

    @property
    def due(self) -> float:
        """Not before this it is delivered."""
        return self.at + (self.delay or 0)

    @property
    def has_to_arrive(self) -> bool:
        """As long as it can be delivered."""
        return self.is_certain and self.withdrawn is None and not self.went

    @property
    def may_not_arrive(self) -> bool:
        """It was withdrawn before its time, without a doubt."""
        return self.withdrawn is not None and self.withdrawn < self.due - CLOCKS

    @property
    def what(self) -> str:
        verb = "start" if self.is_start else "notify"
        return f"{self.tag} ({verb} {'/'.join(self.target)}, sent by {'/'.join(self.source[:2])})"


@dataclass
class Arrival:
    """An event that a message has led to."""

    life: Life
    event: dict


@dataclass
class _Step:
    """What one step does to the messages of its machine."""

    at: float
    durable: float
    is_certain: bool
    sent: list[dict]
    cancelled: list[str] = field(default_factory=list)


class Mail:
    """`machines`: everything that is there in the end. A life that is not, any more, is known by
    what its clients were promised and what they read."""

    def __init__(self, records, machines: dict[tuple[str, str], Machine]):
        self.sent: dict[str, Sent] = {}
        self.arrivals: defaultdict[str, list[Arrival]] = defaultdict(list)
        # By tag: whose list of the undeliverable has it and why; who was told.
        self.listed: defaultdict[str, list[tuple[Life, str]]] = defaultdict(list)
        self.told: defaultdict[str, list[Arrival]] = defaultdict(list)
        self.machines = machines
        self._final = {_life_of(m): m for m in machines.values() if m.events}
        lives = records.lives()
        self.namespaces = {life[0] for life in lives} | {place[0] for place in machines}
        ends = [o for o in records.operations if o.kind in REMOVALS]
        self.mortal = {(o.namespace, o.machine) for o in ends}
        self.steady = {life[:2] for life in lives} - self.mortal
        self.tried = {i.stimulus for i in records.of(Invoked) if i.kind == "init"}
        acknowledged = {o.name: o.at for o in records.acknowledged if o.kind == "call"}
        for life, machine in self._final.items():
            self._add(life, _steps_of(machine.events, acknowledged), NEVER)
            for event in machine.events:
                self._arrived(Arrival(life, event))
            for tag, reason in machine.undelivered:
                self.listed[tag].append((life, reason))
        for life, operations in lives.items():
            if life not in self._final:
                removals = [o.began_at for o in operations if o.kind in REMOVALS]
                self._add(life, _steps_asked(operations), min(removals, default=0))
        self._add_reads(records.of(Read))

    def _add(self, life: Life, steps: Iterable[_Step], removed: float) -> None:
        """`removed`: the machine was there until then, at least."""
        held: dict[str, Sent] = {}
        for number, step in enumerate(steps):
            for name in step.cancelled:
                _withdraw(held.pop(name, None), number, step)
            for index, one in enumerate(step.sent):
                sent = Sent(
                    one["tag"], life, (one["namespace"], one["id"]), one["kind"] == "start",
                    one["ignore"], one["delay"], one["name"], one["report"], (number, index),
                    step.at, step.durable, step.is_certain)
                if removed < NEVER and sent.delay is not None:
                    sent.went = removed < sent.durable + sent.delay + CLOCKS
                self.sent[sent.tag] = sent
                if sent.name:
                    _withdraw(held.get(sent.name), number, step)
                    held[sent.name] = sent

    def _arrived(self, arrival: Arrival) -> None:
        name, kind = arrival.event["name"], arrival.event["kind"]
        if kind == "undelivered":
            self.told[name].append(arrival)
        elif kind != "timeout" and is_message(name):
            self.arrivals[name].append(arrival)

    def _add_reads(self, reads: list[Read]) -> None:
        """What was read of lives that are over."""
        seen: set[tuple[Life, int]] = set()
        for read in reads:
            life = read.namespace, read.machine, read.token
            for event in read.events:
                if life not in self._final and (life, event["id"]) not in seen:
                    seen.add((life, event["id"]))
                    self._arrived(Arrival(life, event))

    def is_there(self, life: Life) -> bool:
        return life in self._final

    def missing(self) -> Iterator[Sent]:
        """Messages of which nothing is known, although something would be."""
        for sent in self.sent.values():
            if sent.has_to_arrive and sent.tag not in self.arrivals and self._tells(sent):
                yield sent

    def _tells(self, sent: Sent) -> bool:
        """Whether there would be an event, or an entry among the undeliverable."""
        if sent.tag in self.listed:
            return False
        if sent.is_start and sent.ignores_existing and sent.target in self.machines:
            return False
        if sent.target in self.mortal:
            return False  # it may have come to a life that is over
        # Nobody is left to be shown that it could not be delivered.
        return self.is_there(sent.source) or (not sent.is_start and sent.target in self.steady)

    def counts(self) -> Counter[str]:
        """For the report."""
        return Counter({
            "sent": sum(sent.is_certain for sent in self.sent.values()),
            "arrived": len(self.arrivals), "undelivered": len(self.listed),
            "told": len(self.told),
            "withdrawn": sum(sent.withdrawn is not None for sent in self.sent.values()),
            "withdrawn in time": sum(sent.may_not_arrive for sent in self.sent.values()),
            "of removed machines": sum(
                not self.is_there(sent.source) for sent in self.sent.values())})


def _life_of(machine: Machine) -> Life:
    return machine.namespace, machine.machine, machine.events[0]["token"]


def _withdraw(sent: Sent | None, number: int, by: _Step) -> None:
    """By the step of that number. Of one name a step sends the last."""
    if sent and sent.place[0] == number:
        sent.withdrawn = 0
    elif sent:
        sent.withdrawn = by.durable if by.is_certain else NEVER


def _steps_of(events: list[dict], acknowledged: dict[str, float]) -> Iterator[_Step]:
    for event in events:
        if "sent" in event:
            # A timeout has the name of the call that set the timer.
            durable = acknowledged.get(event["name"], NEVER) if event["kind"] == "call" else NEVER
            yield _Step(event["at"], durable, True, event["sent"], event["cancelled"])


def _steps_asked(operations: list[Operation]) -> Iterator[_Step]:
    for operation in sorted(operations, key=lambda o: o.begin):
        if operation.outcome == NOTHING or not (operation.send or operation.cancel):
            continue
        is_certain = operation.outcome == OK
        yield _Step(
            operation.began_at, operation.at if is_certain else NEVER, is_certain,
            [{**one, "tag": tag_of(operation.name, index)}
             for index, one in enumerate(operation.send)], operation.cancel)
