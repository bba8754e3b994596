"""What the feed could have told of machines: a good telling, to be damaged."""

import copy

from made_up_mail import Exchange
from torture.record import Acknowledged, Heads, Subscribed, Told

LONE, PAIR, HOOK, TOPIC = "subscriber 1", "shared", "webhook", "kafka"
BEFORE = 10  # entries of the rounds before


class Broadcast(Exchange):
    """Two machines that stay, one that lives twice, and what was told of them, each in its shard.
    `told` are the tellings of a subscriber and of a consumer: to be changed before `rules`."""

    def __init__(self):
        self.entries: list[Told] = []
        super().__init__("a", "b", "c")
        self.call("a", "one")
        self.call("c", "two")
        self._tell("a", "status_changed", status="failed")
        self._tell("a", "status_changed", status="working")
        self.remove("c")
        self.start("c", life=2)
        self.call("c", "three")
        self.call("a", "four")
        self.told = {who: copy.deepcopy(self.entries) for who in (LONE, PAIR, HOOK, TOPIC)}
        for who, told in self.told.items():
            for one in told:
                one.subscription = f"{who}-1"
                one.place = "partition 1" if who == TOPIC else ""
        self.acknowledged: list[Acknowledged] = []
        self.begins = {f"{who}-1": 0.0 for who in self.told}
        self.wanted = ["ns"]  # namespaces that go to the topic
        self.arrived: dict[int, int] = {}  # as the sink to the topic acknowledged; else all

    def event(self, id, kind, name, *send, cancel=(), **more):
        if id not in self.machines:
            self._tell(id, "created")
        event = super().event(id, kind, name, *send, cancel=cancel, **more)
        self._tell(id, "event", event=event)
        return event

    def remove(self, id, *send):
        super().remove(id, *send)
        self._tell(id, "removed")

    def _tell(self, id: str, change: str, **more) -> None:
        shard = ord(id)
        sequence = BEFORE + 1 + sum(one.shard == shard for one in self.entries)
        self.entries.append(Told("", shard, sequence, "ns", id, change, self.now, **more))

    def of(self, who: str, id: str) -> list[Told]:
        return [one for one in self.told[who] if one.machine == id]

    def find(self, who: str, name: str) -> Told:
        [found] = [one for one in self.told[who] if one.event.get("name") == name]
        return found

    def drop(self, who: str, entry: Told, closing: bool = False) -> None:
        """`closing`: as if it had never been in the feed."""
        self.told[who].remove(entry)
        if closing:
            for one in self.told[who]:
                if one.shard == entry.shard and one.sequence > entry.sequence:
                    one.sequence -= 1

    def again(self, who: str, entry: Told, **changes) -> Told:
        """It comes once more in the end."""
        one = copy.deepcopy(entry)
        one.at = self.now
        for name, value in changes.items():
            setattr(one, name, value)
        self.told[who].append(one)
        self.now += 1
        return one

    def rules(self) -> set[str]:
        places = {one.shard for one in self.entries}
        ends = {shard: max((one.sequence for told in self.told.values() for one in told
                            if one.shard == shard), default=BEFORE) for shard in places}
        kept = list(self.records)
        self.records += [
            Heads(1, [(shard, BEFORE) for shard in places]),
            Heads(self.now, [*ends.items()]), *self.acknowledged,
            Acknowledged(TOPIC, self.now, [*(ends | self.arrived).items()]),
            *(self._subscribed(one, begin) for one, begin in self.begins.items()),
            *(one for told in self.told.values() for one in told)]
        try:
            return super().rules()
        finally:
            self.records = kept

    def _subscribed(self, subscription: str, begin: float) -> Subscribed:
        who = subscription.rpartition("-")[0]
        more = {PAIR: {"subscriber": "subscriber 2", "consumer": PAIR},
                HOOK: {"consumer": HOOK, "repeats": True},
                TOPIC: {"consumer": TOPIC, "repeats": True, "by_machine": True,
                        "namespaces": self.wanted}}.get(who, {})
        return Subscribed(**{
            "subscriber": who, "subscription": subscription, "consumer": "", "begin": begin,
            **more})
