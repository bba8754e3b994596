"""A process of clients. Most share machines that live for the whole run; some have machines to
themselves, which they remove and start again under the same id."""

import os
import random
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from .client import LAST_CHANCE, Place, TortureClient
from .record import OK, Log, Operation
from .sending import Sending

LIVES = 4  # of a machine that is removed and started again


@dataclass(frozen=True)
class Assignment:
    """What one process of clients has to do, and where."""

    name: str
    addresses: list[str]
    seed: int
    directory: Path
    places: list[Place]  # machines that all share
    sharing: int  # clients that use them
    recycling: int  # clients with machines of their own
    watching: int  # clients that watch them
    pausing: int  # clients that pause machines: one in all, or none
    long: int  # events of a machine that is removed under load; 0 = there is none
    long_in: str  # the namespace of that
    messages: int  # how often machines are asked to send some, where calls have the weight 50


class SharingClient:
    """Draws a request and one of the machines, again and again."""

    def __init__(self, client: TortureClient, places: list[Place], messages: int):
        self._client, self._places = client, list(places)
        self._sending = Sending(client.random, self._places)
        self._sends = share(messages)
        self._turns = [
            (50, self._call), (6, self._call_without_key), (4, self._call_once), (5, self._query),
            (14, self._notify), (2, self._notify_without_key), (6, self._timer), (14, self._get),
            (4, self._wait), (messages, self._send),
            (1, self._get_whole), (1, self._list), (1, self._start)]

    def run(self, stop: threading.Event) -> None:
        weights = [weight for weight, _ in self._turns]
        turns = [turn for _, turn in self._turns]
        while not stop.is_set():
            turn = self._client.random.choices(turns, weights)[0]
            turn(self._client.random.choice(self._places))

    def _call(self, place: Place) -> None:
        self._client.call(place, parts=self._client.random.choice((1, 1, 1, 2, 5)))

    def _call_without_key(self, place: Place) -> None:
        self._client.call(place, keyed=False)

    def _call_once(self, place: Place) -> None:
        self._client.call(place, insist=False)

    def _send(self, place: Place) -> None:
        self._client.call(place, **self._sending.plan(place))

    def _query(self, place: Place) -> None:
        self._client.query(place)

    def _notify(self, place: Place) -> None:
        self._client.notify(place)

    def _notify_without_key(self, place: Place) -> None:
        self._client.notify(place, keyed=False)

    def _timer(self, place: Place) -> None:
        timer = self._client.random.choice((-1, 0, 0.1, 0.5, 2, 5))
        plan = self._sending.plan(place) if self._client.random.random() < self._sends else {}
        self._client.call(place, timer=timer, **plan)

    def _get(self, place: Place) -> None:
        self._client.get(place)

    def _wait(self, place: Place) -> None:
        if seen := self._client.get(place):
            self._client.get(place, after=seen.last)

    def _get_whole(self, place: Place) -> None:
        self._client.get(place, whole=True)

    def _list(self, place: Place) -> None:
        self._client.list(place.namespace)

    def _start(self, place: Place) -> None:
        name = self._client.new_name()
        started = self._client.start(place.namespace, f"shared-{name}")
        if started:
            self._places.append(started)


class WatchingClient:
    """Watches one of the machines after the other, sometimes reading slowly."""

    def __init__(self, client: TortureClient, places: list[Place]):
        self._client, self._places = client, places

    def run(self, stop: threading.Event) -> None:
        draw = self._client.random
        while not stop.is_set():
            self._client.watch(
                draw.choice(self._places), draw.uniform(0, 10), draw.choice((0, 0, 0.01, 0.1)))


class PausingClient:
    """Pauses machines that others use. Nobody else does: so it knows when they are paused. Those of
    which it does not, for a Pause without an answer may come late, it only resumes from then on."""

    def __init__(self, client: TortureClient, places: list[Place]):
        self._client, self._places = client, list(places)

    def run(self, stop: threading.Event) -> None:
        unsure: list[Place] = []
        while not stop.wait(self._client.random.uniform(0.2, 1)):
            for place in unsure:
                self._client.resume(place)
            if not self._places:
                continue
            place = self._client.random.choice(self._places)
            if not self._client.pause(place, self._client.random.uniform(0, 1)):
                self._places.remove(place)
                unsure.append(place)
        for place in unsure:
            self._client.resume(place)


class LongHistoryClient:
    """Lets a machine have very many events, and removes it while the others go on; again and
    again."""

    STEP = 5_000  # events of a step, at most

    def __init__(self, client: TortureClient, namespace: str, events: int):
        self._client, self._namespace, self._events = client, namespace, events
        client.repairs_simply = True

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            place = self._client.start(self._namespace, f"long-{self._client.new_name()}")
            if place is None:
                continue
            parts = min(self.STEP, max(1, self._events // 10))
            for _ in range(0, self._events, parts):
                if stop.is_set():
                    break
                self._client.call(place, parts=parts, padding=0)
            self._client.remove(place)


class RecyclingClient:
    """Lets a machine live several lives (I12). Each of its requests is repeated until it is
    acknowledged, with a key: so no late repeat of one life has an effect in the next. It is removed
    with messages that it has sent, and gets some that were sent to it before."""

    def __init__(self, client: TortureClient, assignment: Assignment):
        self._client, self._places = client, assignment.places
        self._namespaces = namespaces_of(assignment)
        self._sending = Sending(client.random, assignment.places)
        self._sends = share(assignment.messages)
        client.repairs_simply = True

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            namespace = self._client.random.choice(self._namespaces)
            machine = f"recycled-{self._client.new_name()}"
            for life in range(self._client.random.randint(1, LIVES)):
                last = self._client.random.random() < 0.3
                if not self._live(namespace, machine, last or stop.is_set()):
                    break

    def _live(self, namespace: str, machine: str, last: bool) -> bool:
        """Whether there may be another life."""
        client = self._client
        place = client.start(namespace, machine)
        if place is None:
            return False
        operations = []
        for _ in range(client.random.randint(1, 8)):
            draw = client.random.random()
            if client.random.random() < self._sends:
                operations.append(self._send(place))
            elif draw < 0.6:
                operations.append(client.call(place))
            elif draw < 0.8:
                operations.append(client.notify(place))
            else:
                operations.append(client.call(place, timer=client.random.choice((0.1, 1, 3))))
        client.get(place, whole=True)
        if last or any(operation.outcome != OK for operation in operations):
            return False
        if client.random.random() < self._sends:
            removal = client.farewell(place, **self._sending.fan(place))
        else:
            removal = client.remove(place)
        return removal.outcome == OK and removal.attempts == 1

    def _send(self, place: Place) -> Operation:
        """To others, to itself, or from another to it."""
        draw = self._client.random.random()
        sender = self._client.random.choice(self._places) if draw < 0.3 else place
        plan = {"send": [self._sending.to(place)]} if draw < 0.5 else self._sending.fan(place)
        return self._client.call(sender, **plan)


def share(messages: int) -> float:
    """Of the calls, of those that send."""
    return messages / (50 + messages)


def namespaces_of(assignment: Assignment) -> list[str]:
    return sorted({place.namespace for place in assignment.places})


def _run_client(assignment: Assignment, number: int, log: Log, stop: threading.Event,
                last_chance: threading.Event) -> threading.Thread:
    seeds = random.Random(f"{assignment.seed}-{number}")
    client = TortureClient(
        f"{assignment.name}-{number}", assignment.addresses, seeds.getrandbits(64), log)
    client.last_chance = last_chance.is_set
    kinds = [
        (assignment.sharing,
         lambda: SharingClient(client, assignment.places, assignment.messages)),
        (assignment.watching, lambda: WatchingClient(client, assignment.places)),
        (assignment.pausing, lambda: PausingClient(client, assignment.places)),
        (assignment.recycling, lambda: RecyclingClient(client, assignment)),
        (1, lambda: LongHistoryClient(client, assignment.long_in, assignment.long))]
    for count, make in kinds:
        if number < count:
            user = make()
            break
        number -= count
    thread = threading.Thread(target=user.run, args=(stop,), daemon=True)
    thread.start()
    return thread


def serve(assignment: Assignment, control: Connection) -> None:
    """The process. The message over its control connection is the request to come to an end; the
    answer says how many clients could not."""
    log = Log(assignment.directory / f"clients-{assignment.name}.jsonl")
    stop, last_chance = threading.Event(), threading.Event()
    threads = [_run_client(assignment, number, log, stop, last_chance)
               for number in range(assignment.sharing + assignment.watching + assignment.pausing
                                   + assignment.recycling + (assignment.long > 0))]
    control.send("ready")
    try:
        control.recv()
    except EOFError:
        os._exit(1)
    stop.set()
    until = time.monotonic() + LAST_CHANCE
    for thread in threads:
        thread.join(max(0, until - time.monotonic()))
    last_chance.set()
    for thread in threads:
        thread.join(20)
    control.send(sum(thread.is_alive() for thread in threads))
    os._exit(0)
