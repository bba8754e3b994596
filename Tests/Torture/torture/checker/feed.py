"""The feed tells everything that becomes of machines, once and in order (docs/protocol.md)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..record import NOTHING, OK, REMOVALS, Acknowledged, Heads, Operation, Subscribed, Told
from .audiences import Audience, audiences_of, rewritten
from .machines import Machine, check_machine
from .reads import Known
from .topics import Topics
from .violations import LOST, Violation

Place = tuple[str, str]  # namespace, machine
# When lives that are over are looked at: notifications went along with them.
AFTERWARDS = 1e18


@dataclass
class ToldLife:
    """What was told of a machine from `created` to `removed`."""

    shard: int
    events: list[dict] = field(default_factory=list)
    status: str = "working"
    is_over: bool = False

    @property
    def token(self) -> str:
        return self.events[0].get("token", "") if self.events else ""


def check_feed(records, machines: dict[Place, Machine]) -> Iterator[Violation]:
    """`machines`: everything that is there in the end."""
    heads = sorted(records.of(Heads), key=lambda heads: heads.at)
    if not heads:
        return
    lives = records.lives()
    namespaces = {life[0] for life in lives} | {place[0] for place in machines}
    for audience in audiences_of(records):
        follows = Topics if audience.by_machine else Numbers
        numbers = follows(audience, heads[0], records)
        yield from numbers.check()
        yield from numbers.behind(heads[-1])
        stories: defaultdict[Place, list[Told]] = defaultdict(list)
        for _, told in sorted(numbers.shown.items()):
            if told.namespace in namespaces:
                stories[told.namespace, told.machine].append(told)
        yield from _untold(audience, stories, lives, machines)
        for place, story in stories.items():
            for rule, text in _story(story, place, lives, machines.get(place)):
                yield Violation(rule, "/".join(place), f"{audience.name}: {text}")


class Numbers:
    """Of each shard one entry after the other: those who share a consumer are together told all of
    them, and again only what was not acknowledged."""

    def __init__(self, audience: Audience, beginning: Heads, records):
        self._audience = audience
        self._reached = dict(beginning.cursors)
        self._begins = {one.subscription: one.begin for one in records.of(Subscribed)}
        facts: defaultdict[int, list[tuple[float, int, str]]] = defaultdict(list)
        for shard, sequence in beginning.cursors:
            facts[shard].append((beginning.at, sequence, "the beginning"))
        for one in records.of(Acknowledged):
            if one.consumer == audience.name:
                for shard, sequence in one.cursors:
                    facts[shard].append((one.at, sequence, "an acknowledgement"))
        self._known = {shard: Known(of) for shard, of in facts.items()}
        self.shown: dict[tuple[int, int], Told] = {}

    def check(self) -> Iterator[Violation]:
        for told in self._audience.told:
            reached = self._reached.get(told.shard, 0)
            number = f"{told.shard}:{told.sequence} in {told.subscription}"
            if told.sequence > reached + 1:
                yield self._violation("feed gap", f"{number} came after {reached}")
            elif told.sequence <= reached and not self._audience.repeats:
                if not self._audience.is_consumer:
                    yield self._violation("feed repeated", f"{number} came after {reached}")
                elif self._acknowledged(told) >= told.sequence:
                    yield self._violation("feed repeated", f"{number} was acknowledged before that "
                                          "began")
            self._reached[told.shard] = max(reached, told.sequence)
            if how := rewritten(self.shown, told):
                yield self._violation("feed rewritten", f"{number} {how}")

    def behind(self, end: Heads) -> Iterator[Violation]:
        for shard, sequence in end.cursors:
            if (reached := self._reached.get(shard, 0)) < sequence:
                yield self._violation("feed stuck", f"shard {shard} was told up to {reached} of "
                                      f"{sequence}")

    def _acknowledged(self, told: Told) -> int:
        """Before its subscription began."""
        known = self._known.get(told.shard)
        return known.before(self._begins[told.subscription])[0] if known else 0

    def _violation(self, rule: str, text: str) -> Violation:
        return Violation(rule, self._audience.name, text)


def _untold(audience: Audience, stories: dict[Place, list[Told]],
            lives: dict[tuple[str, str, str], list[Operation]],
            machines: dict[Place, Machine]) -> Iterator[Violation]:
    """Lives that nobody heard of."""
    for machine in machines.keys() - stories.keys():
        if not audience.wants(machine[0]):
            continue
        yield Violation(f"feed {LOST}", "/".join(machine), f"{audience.name}: nothing was told")
    for life, operations in lives.items():
        was_started = any(o.kind == "start" and o.outcome == OK for o in operations)
        if was_started and audience.wants(life[0]) and not any(
                told.event.get("token") == life[2] for told in stories.get(life[:2], ())):
            yield Violation(f"feed {LOST}", "/".join(life[:2]), f"{audience.name}: it was started "
                            f"as {life[2]}, and that was not told")


Found = Iterator[tuple[str, str]]


def _story(story: list[Told], place: Place, lives: dict[tuple[str, str, str], list[Operation]],
           machine: Machine | None) -> Found:
    told: list[ToldLife] = []
    yield from _read(story, told)
    current = told.pop() if told and not told[-1].is_over else None
    for life in told:
        yield from _over(life, place, lives.get((*place, life.token), []))
    if current and machine is None:
        yield f"feed {LOST}", f"its removal as {current.token} was not told"
    elif machine and current is None:
        yield f"feed {LOST}", "it is there, and what was told of it ends with its removal"
    elif machine:
        yield from _compare(current, machine)


def _read(story: list[Told], lives: list[ToldLife]) -> Found:
    """Created, events 1, 2, 3 …, removed, and so on, all in one shard."""
    for told in story:
        at = f"{told.change} as {told.shard}:{told.sequence}"
        if lives and lives[-1].shard != told.shard:
            yield "feed order", f"{at} is in another shard than what was before"
        is_there = bool(lives) and not lives[-1].is_over
        if is_there == (told.change == "created"):
            yield "feed order", f"{at} although it {'is' if is_there else 'is not'} there"
        if not is_there:
            lives.append(ToldLife(told.shard))
        life = lives[-1]
        if told.change == "event":
            last = life.events[-1]["id"] if life.events else 0
            if told.event["id"] != last + 1:
                yield "feed order", f"event {told.event['id']} as {at} after {last}"
            life.events.append(told.event)
        elif told.change == "status_changed":
            life.status = told.status
        elif told.change == "removed":
            life.is_over = True


def _over(life: ToldLife, place: Place, operations: list[Operation]) -> Found:
    """Its history is only known from the feed: it has to be one that the requests can have made."""
    if not any(o.kind in REMOVALS and o.outcome != NOTHING for o in operations):
        yield "feed unasked", f"{life.token} was removed, and nobody asked for that"
    if not life.events or "token" not in life.events[-1]:
        return
    last = len(life.events)
    for violation in check_machine(
            Machine(*place, last, last, life.events), operations, seen_at=AFTERWARDS):
        if violation.rule != f"timer {LOST}":
            rule = LOST if violation.rule == LOST else "history"
            yield f"feed {rule}", f"as told of {life.token}: {violation.rule}: {violation.text}"


def _compare(life: ToldLife, machine: Machine) -> Found:
    events = {event["id"]: event for event in machine.events}
    for told in life.events:
        event = events.get(told["id"], told)
        if told != event and len(told) > 1:
            yield "feed rewritten", f"{told} was told of {event}"
    yield from _missing(life.events, machine.events)
    if life.status == "failed" and machine.status == "working":
        yield f"feed {LOST}", "it works again, and that was not told"


def _missing(told: Iterable[dict], events: Iterable[dict]) -> Found:
    told_ids, ids = {event["id"] for event in told}, {event["id"] for event in events}
    if missing := sorted(ids - told_ids):
        yield f"feed {LOST}", f"the events {missing} were not told"
    if unknown := sorted(told_ids - ids):
        yield "feed unasked", f"the events {unknown} were told and are not there"
