"""A process of clients that do about the same all the time: so many requests a second, machines
that come and go, connections that come and go."""

import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import grpc
from support.client import Client, Space, failure_of, history

from .processor import TIMER

CLIENTS = 8
SLOTS = 25  # machines that a client has at a time
CONNECTION = 5.0  # seconds that a connection lives
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# What may be answered while processors come and go. Whether it happened shows the next request.
EXPECTED = {"PROCESSOR_UNAVAILABLE", "MACHINE_NOT_FOUND", "MACHINE_ALREADY_EXISTS", "UNAVAILABLE",
            "DEADLINE_EXCEEDED", "CANCELLED"}


@dataclass(frozen=True)
class Assignment:
    """What the process has to do."""

    address: str
    namespace: str
    rate: float  # requests a second, all clients together
    seed: int


class SteadyClient:
    """Draws one of its machines and what to do with it, again and again."""

    def __init__(self, number: int, assignment: Assignment):
        self._random = random.Random(f"{assignment.seed}-{number}")
        self._assignment, self._number = assignment, number
        self._pause = CLIENTS / assignment.rate
        self._machines: list[str | None] = [None] * SLOTS
        self._count = 0
        self._connect()
        self.requests: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._turns: list[tuple[int, Callable[[str], None]]] = [
            (35, self._call), (20, self._notify), (5, self._timer), (12, self._get),
            (1, self._list), (5, self._cancel), (1, self._reset), (15, self._remove)]

    def _connect(self) -> None:
        self._client = Client(self._assignment.address)
        self._space = Space(self._client, None, self._assignment.namespace)
        self._until = time.monotonic() + self._random.uniform(0.5, 1.5) * CONNECTION

    def run(self, stop: threading.Event) -> None:
        weights = [weight for weight, _ in self._turns]
        turns = [turn for _, turn in self._turns]
        due = time.monotonic()
        while not stop.wait(max(0, due - time.monotonic())):
            due = max(due + self._pause, time.monotonic() - 1)
            if time.monotonic() > self._until:
                self._reconnect()
            slot = self._random.randrange(SLOTS)
            if self._machines[slot] is None:
                self._start(slot)
            else:
                self._use(slot, self._random.choices(turns, weights)[0])
        for machine in filter(None, self._machines):
            self._remove_at_last(machine)
        self._client.close()

    def _use(self, slot: int, turn: Callable[[str], None]) -> None:
        machine = self._machines[slot]
        outcome = self._does(turn.__name__[1:], lambda: turn(machine))
        if outcome == "MACHINE_NOT_FOUND" or (turn == self._remove and outcome == "OK"):
            self._machines[slot] = None

    def _does(self, kind: str, body: Callable[[], None]) -> str:
        """Counts it, and says what was answered."""
        self.requests[kind] += 1
        try:
            body()
            outcome = "OK"
        except grpc.RpcError as error:
            failure = failure_of(error)
            outcome = failure.reason or failure.code.name
        self.answers[outcome] += 1
        return outcome

    def _start(self, slot: int) -> None:
        self._count += 1
        machine = f"{self._number}-{self._count}"
        # It may be there whatever is answered: the next request finds out.
        self._machines[slot] = machine
        self._does("start", lambda: self._space.start(
            machine, self._payload(), key=machine, timeout=2))

    def _payload(self) -> bytes:
        return bytes(self._random.choice((10, 100, 1_000)))

    def _call(self, machine: str) -> None:
        self._count += 1
        self._space.call(
            machine, self._payload(), key=f"c{self._count}", range=history(limit=5), timeout=2)

    def _notify(self, machine: str) -> None:
        self._space.notify(machine, self._payload(), timeout=2)

    def _timer(self, machine: str) -> None:
        self._space.call(machine, TIMER, timeout=2)

    def _get(self, machine: str) -> None:
        self._space.get(machine, timeout=2)

    def _list(self, machine: str) -> None:
        next(self._space.pages(prefix=machine, page_size=100))

    def _cancel(self, machine: str) -> None:
        """RST_STREAM while the call is under way, or just before."""
        call = self._space.call_later(machine, self._payload(), timeout=2)
        threading.Event().wait(self._random.uniform(0, 0.003))
        call.cancel()

    def _reset(self, machine: str) -> None:
        """Many streams that are reset at once."""
        calls = [self._space.call_later(machine, self._payload(), timeout=2) for _ in range(20)]
        for call in calls:
            call.cancel()

    def _remove(self, machine: str) -> None:
        self._space.remove(machine, timeout=2)

    def _remove_at_last(self, machine: str) -> None:
        for _ in range(10):
            if self._does("remove", lambda: self._space.remove(machine, timeout=10)) in (
                    "OK", "MACHINE_NOT_FOUND"):
                return

    def _reconnect(self) -> None:
        """Now and then another connection ends without a word, in the midst of a frame."""
        self._client.close()
        self._connect()
        host, _, port = self._assignment.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(PREFACE + bytes(self._random.randrange(9)))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def serve(assignment: Assignment, control: Connection) -> None:
    """The process. The message over its control connection is the request to remove what is there
    and end; the answer is what was asked and answered, by kind."""
    stop = threading.Event()
    clients = [SteadyClient(number, assignment) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run, args=(stop,), daemon=True)
               for client in clients]
    for thread in threads:
        thread.start()
    control.send("ready")
    try:
        control.recv()
    except EOFError:
        os._exit(1)
    stop.set()
    for thread in threads:
        thread.join(120)
    requests = sum((client.requests for client in clients), Counter())
    answers = sum((client.answers for client in clients), Counter())
    stuck = sum(thread.is_alive() for thread in threads)
    control.send((requests, answers, stuck))
    os._exit(0)
