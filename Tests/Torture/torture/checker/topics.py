"""What a sink delivers whose target has those of different machines in no order: a topic."""

from collections import defaultdict
from collections.abc import Iterator

from ..record import Acknowledged, Heads, Told
from .audiences import Audience, rewritten
from .violations import Violation

Number = tuple[int, int]  # shard, sequence
SHOWN = 5  # missing numbers, at most


class Blocks:
    """The entries of one machine by their places in its order, 0, 1, 2 …, as they came.

    A server that takes over, or goes on after a failure, begins at what is acknowledged: a block of
    repeats, in order, and on from there. Who it took over from may have been frozen: then what that
    one had under way comes in between, and what it had delivered it may acknowledge so late that
    the next block begins further ahead. What such a block has passed over nobody delivers again."""

    ALIVE = 4  # blocks that may go on: of each node, and what one had sent that is gone

    def __init__(self):
        self._ends = [-1]  # of blocks, the newest last
        self._top = -1
        self._passed: set[int] = set()

    def take(self, place: int) -> str:
        """What is wrong with it; empty = nothing."""
        wrong = ""
        if place > self._top + 1:
            wrong = "came before what was before it"
        elif place in self._passed:
            wrong = "came again after what follows it"
        self._top = max(self._top, place)
        # The same once more: its acknowledgement was lost.
        for end in reversed(self._ends):
            if place in (end, end + 1):
                self._ends.remove(end)
                self._ends.append(place)
                return wrong
        self._passed.update(range(self._ends[-1] + 1, place))
        self._ends = [*self._ends[1 - self.ALIVE:], place]
        return wrong


class Topics:
    """Each machine in its order and in one partition; nothing is left out in the end but what the
    sink is not to deliver."""

    def __init__(self, audience: Audience, beginning: Heads, records):
        self._audience = audience
        self._beginning = dict(beginning.cursors)
        # As others were told.
        self._unwanted = {(told.shard, told.sequence) for told in records.of(Told)
                          if not audience.wants(told.namespace)}
        # When the round began, and in the end.
        self._acknowledged_before: dict[int, int] = {}
        self._acknowledged: dict[int, int] = {}
        for one in sorted(records.of(Acknowledged), key=lambda one: one.at):
            if one.consumer == audience.name:
                self._acknowledged |= dict(one.cursors)
                if one.at < beginning.at:
                    self._acknowledged_before |= dict(one.cursors)
        self.shown: dict[Number, Told] = {}

    def check(self) -> Iterator[Violation]:
        machines: defaultdict[tuple[str, str], list[Told]] = defaultdict(list)
        for told in self._audience.told:
            if told.sequence > self._beginning.get(told.shard, 0):
                machines[told.namespace, told.machine].append(told)
            elif told.sequence <= self._acknowledged_before.get(told.shard, 0):
                yield self._violation("feed repeated", f"{told.shard}:{told.sequence} was "
                                      "acknowledged before the round")
        for machine, entries in machines.items():
            yield from self._one(machine, entries)

    def _one(self, machine: tuple[str, str], entries: list[Told]) -> Iterator[Violation]:
        if not self._audience.wants(machine[0]):
            yield self._violation("feed unasked", f"{machine} is not for it")
        places = {number: place for place, number in enumerate(
            sorted({(told.shard, told.sequence) for told in entries}))}
        blocks = Blocks()
        for told in entries:
            number = told.shard, told.sequence
            named = f"{told.shard}:{told.sequence} of {'/'.join(machine)} in {told.place}"
            if wrong := blocks.take(places[number]):
                yield self._violation("feed order", f"{named} {wrong}")
            if told.place != entries[0].place:
                yield self._violation("feed order", f"{named} was in {entries[0].place} before")
            if how := rewritten(self.shown, told):
                yield self._violation("feed rewritten", f"{named} {how}")

    def behind(self, end: Heads) -> Iterator[Violation]:
        known = self.shown.keys() | self._unwanted
        for shard, head in end.cursors:
            beginning = self._beginning.get(shard, 0)
            missing = [number for number in range(beginning + 1, head + 1)
                       if (shard, number) not in known]
            if missing:
                yield from self._missing(shard, head, missing)
            if (reached := self._acknowledged.get(shard, 0)) < head:
                yield self._violation("feed stuck", f"shard {shard} was acknowledged up to "
                                      f"{reached} of {head}")

    def _missing(self, shard: int, head: int, missing: list[int]) -> Iterator[Violation]:
        reached = max((number for place, number in self.shown if place == shard), default=0)
        if gaps := [number for number in missing if number < reached]:
            yield self._violation("feed gap", f"{len(gaps)} of shard {shard} never came, such as "
                                  f"{gaps[:SHOWN]}")
        if rest := [number for number in missing if number > reached]:
            yield self._violation("feed stuck", f"shard {shard} was told up to {rest[0] - 1} of "
                                  f"{head}")

    def _violation(self, rule: str, text: str) -> Violation:
        return Violation(rule, self._audience.name, text)
