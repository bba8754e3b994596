"""A process of clients that make calls as fast as they are answered, a hundred at once on each of
few connections: machines that are started, called, notified, read and removed."""

import math
import os
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

from support.http2 import (
    ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, RawConnection, call, frame,
    request_block, window_update,
)
from support.quick_processor import CALL
from support.stubs import automaton_pb2

CONNECTIONS = 4
AT_ONCE = 100
LIFE = ("Start", "Call", "Get", "Notify", "Call", "Get", "Notify", "Call", "Get", "Remove")
BLOCKS = {method: request_block(f"/progressor.v1.Automaton/{method}") for method in set(LIFE)}
MOST = (1 << 31) - 1  # octets of a window


@dataclass(frozen=True)
class Assignment:
    """What the process has to do, and against which ports."""

    port: int
    namespace: str
    count: int
    tls_port: int = 0


@dataclass
class Progress:
    """How many things are done, and what was not as it should be."""

    done: int = 0
    problem: str = ""


class Caller:
    """Gives a hundred machines their lives, stimulus by stimulus, then the next hundred."""

    def __init__(self, number: int, assignment: Assignment):
        self._number, self._assignment = number, assignment
        self.progress = Progress()

    def run(self) -> None:
        lives = math.ceil(self._assignment.count / (CONNECTIONS * AT_ONCE * len(LIFE)))
        try:
            with RawConnection(self._assignment.port, MOST) as self._connection:
                self._connection.send(window_update(0, MOST - 65535))
                self._frames = self._connection.frames()
                self._stream = 1
                for life in range(lives):
                    for age, method in enumerate(LIFE):
                        self._ask(method, [self._request(method, f"{self._number}-{life}-{n}", age)
                                           for n in range(AT_ONCE)])
        except (OSError, StopIteration, ValueError) as error:
            self.progress.problem = f"caller {self._number}: {error!r}"

    def _request(self, method: str, id: str, age: int) -> bytes:
        request = getattr(automaton_pb2, f"{method}Request")(
            namespace=self._assignment.namespace, id=id)
        if method in ("Start", "Call", "Notify"):
            request.args = CALL if method == "Call" else b"other"
        if method == "Start" or age == 1:
            request.idempotency_key = f"{id}-{age}"
        return request.SerializeToString()

    def _ask(self, method: str, requests: list[bytes]) -> None:
        """All of them at once; returns when all are answered."""
        streams = range(self._stream, self._stream + 2 * len(requests), 2)
        self._stream = streams.stop
        self._connection.send(b"".join(
            call(stream, BLOCKS[method], request)
            for stream, request in zip(streams, requests, strict=True)))
        open_streams, answered = set(streams), set()
        while open_streams:
            type, flags, stream, payload = next(self._frames)
            if type in (GOAWAY, RST_STREAM):
                raise ValueError(f"{method}: frame {type} {payload!r}")
            if type == PING and not flags & ACK:
                self._connection.send(frame(PING, ACK, 0, payload))
            elif type == DATA and payload:
                answered.add(stream)  # errors have no message
            if type in (DATA, HEADERS) and flags & END_STREAM:
                open_streams.remove(stream)
                if stream not in answered:
                    raise ValueError(f"{method} failed: {payload!r}")
                self.progress.done += 1


def serve(assignment: Assignment, control: Connection) -> None:
    """The process."""
    work(control, [Caller(number, assignment) for number in range(CONNECTIONS)])


def work(control: Connection, workers: list) -> None:
    """Has all of them run at once; each message over the control connection is the question how far
    they are. It ends with that connection."""
    for worker in workers:
        threading.Thread(target=worker.run, daemon=True).start()
    control.send("ready")
    try:
        while control.recv():
            control.send(Progress(
                sum(worker.progress.done for worker in workers),
                "; ".join(filter(None, (worker.progress.problem for worker in workers)))))
    except EOFError:
        os._exit(0)
