"""Messages that machines send each other: what a client asks a machine to send, drawn at random,
and what its processor makes of that. The answer to one stimulus is always the same: a step may be
asked for more than once, and only the one that is committed has sent anything."""

import json
import random

from support.processor import message
from support.stubs import types_pb2

from .client import Place
from .record import tag_of

HOPS = 4  # of a chain, at most
FAN = 5  # messages of one step, at most
DELAY = (0.05, 2.0)  # seconds
NAMES = ("red", "green", "blue")  # of pending messages, so few that they meet
CHILDREN = 60  # machines of a namespace that only messages start
NOWHERE = "no-such-namespace"


class Sending:
    """Draws what a machine is asked to send. `places` are machines that are there all the time."""

    def __init__(self, draw: random.Random, places: list[Place]):
        self._draw, self._places = draw, places
        self._namespaces = sorted({place.namespace for place in places})

    def plan(self, place: Place) -> dict:
        """What a call of the machine asks for: a chain or a fan, and names that are cancelled."""
        if self._draw.random() < 0.4:
            return self._with_cancelled(self._chain(place, self._draw.randint(1, HOPS)))
        return self._with_cancelled(self._fan(place))

    def fan(self, place: Place) -> dict:
        """Of a machine that may be removed: what it gets itself asks for nothing."""
        return self._with_cancelled(self._fan(place))

    def _with_cancelled(self, messages: list[dict]) -> dict:
        cancelled = self._draw.sample(NAMES, self._draw.choice((1, 1, 2)))
        return {"send": messages, "cancel": cancelled if self._draw.random() < 0.15 else []}

    def to(self, place: Place) -> dict:
        """A notification of a machine that may be removed: it asks for nothing more, since nobody
        would see whether it did."""
        return self._timed(_asked(place.namespace, place.machine))

    def _chain(self, place: Place, hops: int) -> list[dict]:
        """Each receiver sends the next one."""
        first = self._message(place)
        if hops > 1:
            first["send"] = self._chain(Place(first["namespace"], first["id"], ""), hops - 1)
        return [first]

    def _fan(self, place: Place) -> list[dict]:
        messages = [self._message(place) for _ in range(self._draw.randint(1, FAN))]
        if self._draw.random() < 0.2:
            # A child, and what it is told: in this order.
            child = self._child("start")
            messages += [child, _asked(child["namespace"], child["id"])]
        return messages

    def _message(self, place: Place) -> dict:
        draw = self._draw.random()
        if draw < 0.1:
            made = _asked(place.namespace, place.machine)
        elif draw < 0.82:
            target = self._draw.choice(self._places)
            made = _asked(target.namespace, target.machine)
        elif draw < 0.91:
            made = self._child("start" if draw < 0.88 else "notify")
        elif draw < 0.94:
            target = self._draw.choice(self._places)
            made = _asked(target.namespace, target.machine, "start", self._draw.random() < 0.5)
        elif draw < 0.99:
            made = _asked(self._draw.choice(self._namespaces), f"ghost-{self._draw.randrange(9)}")
            made["report"] = self._draw.random() < 0.6
        else:
            made = _asked(NOWHERE, "ghost")
        return self._timed(made)

    def _child(self, kind: str) -> dict:
        return _asked(self._draw.choice(self._namespaces),
                      f"child-{self._draw.randrange(CHILDREN)}", kind, self._draw.random() < 0.5)

    def _timed(self, made: dict) -> dict:
        if self._draw.random() < 0.4:
            made["delay"] = round(self._draw.uniform(*DELAY), 3)
        if self._draw.random() < (0.5 if made["delay"] else 0.05):
            made["name"] = self._draw.choice(NAMES)
        made["report"] = made["report"] or self._draw.random() < 0.3
        return made


def _asked(namespace: str, id: str, kind: str = "notify", ignore: bool = False) -> dict:
    return {"namespace": namespace, "id": id, "kind": kind, "ignore": ignore, "delay": None,
            "name": "", "report": False, "send": []}


def sent_of(stimulus: str, asked: list[dict]) -> list[dict]:
    """As events tell it: who gets what, when, and under which tag; not what it asks for in turn."""
    return [{"tag": tag_of(stimulus, index), **{k: v for k, v in message.items() if k != "send"}}
            for index, message in enumerate(asked)]


def outgoing(stimulus: str, asked: list[dict]) -> list[types_pb2.OutgoingMessage]:
    """As the answer has them. Arguments are like those of a client's requests."""
    return [message(
        one["id"], json.dumps({"name": tag_of(stimulus, index), "send": one["send"]}).encode(),
        one["namespace"], start=one["kind"] == "start", ignore_existing=one["ignore"],
        delay=one["delay"], name=one["name"], report=one["report"])
        for index, one in enumerate(asked)]
