"""Ten thousand handshakes that stop half-way, from a hundred addresses: who has a connection and
who makes one goes on, and afterwards nothing of them is left. They come once; each test looks at
another side of it."""

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
from support.half_way import HalfWay
from support.http2 import (
    DATA, END_STREAM, HEADERS, PREFACE, SETTINGS, call, frame, frames_of, request_block,
)
from support.secured import Secured
from support.server import Server, fastest_folder, scratch_directory
from support.stubs import automaton_pb2
from support.waiting import eventually

COUNT = 10_000
# Each may have 100 in a handshake: half of `connections_per_client` of `Secured`.
ADDRESSES = 100
NAMESPACE = "public"
GET = request_block("/progressor.v1.Automaton/Get")

# Seconds, of a debug build on a machine that the attackers share; what hangs is beyond them.
USUAL, LONGEST = 0.25, 2.5

pytestmark = pytest.mark.alone


class Bystander:
    """Does something again and again, while the block runs; how long it took each time, and what
    went wrong."""

    def __init__(self, act: Callable[[], object], interval: float):
        self._act, self._interval = act, interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answers: list[object] = []
        self.seconds: list[float] = []
        self.errors: list[Exception] = []

    def __enter__(self) -> "Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            begin = time.monotonic()
            try:
                self.answers.append(self._act())
            except Exception as error:
                self.errors.append(error)
            self.seconds.append(time.monotonic() - begin)

    def __str__(self) -> str:
        return (f"{len(self.seconds)} times, median {median(self.seconds) * 1000:.0f} ms, longest "
                f"{max(self.seconds) * 1000:.0f} ms, {len(self.errors)} errors")


@dataclass
class Held:
    """What a server holds."""

    secured: Secured
    memory: float = field(init=False)  # MiB
    descriptors: int = field(init=False)

    def __post_init__(self):
        process = Path(f"/proc/{self.secured.server.pid}")
        status = (process / "status").read_text()
        self.memory = int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) / 1024
        self.descriptors = len(os.listdir(process / "fd"))

    def __str__(self) -> str:
        return f"{self.memory:.0f} MiB, {self.descriptors} descriptors"


class Storm:
    """The ten thousand, and what others saw of them."""

    def __init__(self, secured: Secured, processor):
        self.secured = secured
        space = secured.space(NAMESPACE, processor)
        space.start("m")
        own = space.on(secured.client("required", secured.admin))
        for _ in range(20):
            own.call("m", b"x")
            self._read()
        self.before, self._log = Held(secured), len(self.log)
        crowd = HalfWay(secured.ports["tls"], COUNT, ADDRESSES)
        with (contextlib.closing(crowd),
              Bystander(lambda: own.call("m", b"x"), 0.02) as self.calls,
              Bystander(self._read, 0.1) as self.newcomers,
              Bystander(lambda: self.metric("handshakes"), 0.2) as looks):
            self.seconds = crowd.wait_until_all_began()
            self.during = Held(secured)
            self.ended = crowd.wait_until_all_ended()
        self.at_once = max(looks.answers)
        self.told = self.log[self._log:]

    def _read(self) -> None:
        """A Get on a new connection."""
        request = automaton_pb2.GetRequest(namespace=NAMESPACE, id="m").SerializeToString()
        with self.secured.connect("tls") as connection:
            connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + call(1, GET, request))
            answered = False
            for type, flags, stream, payload in frames_of(connection):
                answered |= type == DATA and bool(payload)
                if type in (DATA, HEADERS) and stream == 1 and flags & END_STREAM:
                    break
            assert answered, "the connection ended without an answer"

    def metric(self, name: str) -> float:
        return self.secured.metric(f"progressor_tls_{name}")

    @property
    def log(self) -> list[str]:
        return self.secured.server.log.read_text().splitlines()

    def __str__(self) -> str:
        return (f"{COUNT} in {self.seconds:.1f} s, {self.at_once:.0f} at once; "
                f"calls: {self.calls}; newcomers: {self.newcomers}; "
                f"before: {self.before}; during: {self.during}; after: {Held(self.secured)}")


@pytest.fixture(scope="module")
def storm(new_data: Path, processor) -> Iterator[Storm]:
    server = Server(directory=scratch_directory(fastest_folder()), template=new_data)
    secured = Secured(server, log_level="info")
    server.start()
    try:
        storm = Storm(secured, processor)
        print(storm)
        yield storm
    finally:
        secured.close_clients()
        server.close()


def test_the_server_gives_each_of_them_up(storm):
    assert storm.ended == COUNT
    assert storm.metric("handshakes_failed_total") >= COUNT
    assert storm.at_once > COUNT / 4, "they are there at the same time"


def test_nobody_else_has_an_error(storm):
    assert len(storm.calls.seconds) > 100 and len(storm.newcomers.seconds) > 20
    assert storm.calls.errors == [] and storm.newcomers.errors == []


@pytest.mark.parametrize("who", ["calls", "newcomers"])
def test_nobody_else_is_held_up(storm, who):
    seconds = getattr(storm, who).seconds
    assert median(seconds) < USUAL, str(storm)
    assert max(seconds) < LONGEST, str(storm)


def test_all_descriptors_are_given_back(storm):
    eventually(lambda: storm.metric("handshakes") == 0, "no handshake is under way")
    eventually(lambda: Held(storm.secured).descriptors <= storm.before.descriptors + 3,
               "descriptors are as many as before")


def test_memory_is_given_back(storm):
    """Some MiB are the heap's, in which what comes next finds room."""
    eventually(lambda: Held(storm.secured).memory <= storm.before.memory + 64,
               f"memory is as it was before; {storm}", timeout=30)


def test_the_log_says_nothing_of_each(storm):
    assert storm.told == []
