"""Who is told the feed."""

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..record import Acknowledged, Subscribed, Told


@dataclass
class Audience:
    """A subscriber with its own cursors, all that share a consumer, or what a sink delivers to."""

    name: str
    is_consumer: bool
    repeats: bool = False  # whether anything may come again
    by_machine: bool = False  # whether those of different machines come in no order
    namespaces: list[str] = field(default_factory=list)  # globs; empty = all
    told: list[Told] = field(default_factory=list)  # in the order in which it came

    def wants(self, namespace: str) -> bool:
        return not self.namespaces or any(fnmatchcase(namespace, glob) for glob in self.namespaces)


def rewritten(shown: dict[tuple[int, int], Told], told: Told) -> str:
    """How an entry differs from what it was when it came first; empty = not at all. It is in
    `shown` then, by shard and number."""
    was, now = _content(shown.setdefault((told.shard, told.sequence), told)), _content(told)
    return "" if was == now else f"was {was} and is {now}"


def _content(told: Told) -> tuple:
    return told.namespace, told.machine, told.change, told.event, told.status


def audiences_of(records) -> list[Audience]:
    subscribed = {one.subscription: one for one in records.of(Subscribed)}
    audiences: dict[str, Audience] = {}
    for one in subscribed.values():
        name = one.consumer or one.subscriber
        audiences.setdefault(name, Audience(
            name, bool(one.consumer), one.repeats, one.by_machine, one.namespaces))
    for told in sorted(records.of(Told), key=lambda told: told.at):
        one = subscribed[told.subscription]
        audiences[one.consumer or one.subscriber].told.append(told)
    return [*audiences.values()]


def counts_of(records) -> Counter[str]:
    """For the report."""
    counts = Counter(subscriptions=len(records.of(Subscribed)),
                     acknowledgements=len(records.of(Acknowledged)))
    for audience in audiences_of(records):
        kind = ("to Kafka" if audience.by_machine else
                "to a webhook" if audience.repeats else
                "to a consumer" if audience.is_consumer else "to one subscriber")
        counts[f"told {kind}"] += len(audience.told)
        different = len({(told.shard, told.sequence) for told in audience.told})
        counts[f"repeated {kind}"] += len(audience.told) - different
    return counts
