"""What is done to the processes and their connections, and when. Each fault ends by itself; faults
on different targets overlap."""

import collections
import contextlib
import datetime
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from support.processes import send_signal, suspended

from .audience import Audience
from .kafka import BROKERS, PARTITIONS, TOPIC, Kafka
from .proxy import Mode
from .topology import Node, Topology

SHORT = (Mode.CUT, Mode.CUT_REQUEST, Mode.LATE_REQUEST, Mode.CUT_ANSWER)
# Errors of Kafka's protocol, of Produce: what passes, and what the producer does not get over, but
# nothing for which an entry is parked. None says that a record may be there, as REQUEST_TIMED_OUT
# and NOT_ENOUGH_REPLICAS_AFTER_APPEND do: the mock has it then never, and knows no sequences by
# which a producer finds out.
PASSING = {
    "LEADER_NOT_AVAILABLE": 5, "NOT_LEADER_OR_FOLLOWER": 6, "NOT_ENOUGH_REPLICAS": 19,
    "KAFKA_STORAGE_ERROR": 56}
LASTING = {
    "TOPIC_AUTHORIZATION_FAILED": 29, "OUT_OF_ORDER_SEQUENCE_NUMBER": 45,
    "INVALID_PRODUCER_EPOCH": 47, "UNKNOWN_PRODUCER_ID": 59}

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Fault:
    """`run` does it, waits by `Pause`, and undoes it. One target has one fault at a time."""

    kind: str
    target: str
    run: Callable[[Pause], None]


class Catalogue:
    """All faults that a topology can suffer, and those who follow its feed."""

    def __init__(self, topology: Topology, audience: Audience, seed: int):
        self._topology, self._audience = topology, audience
        self._random = random.Random(f"faults-{seed}")
        self._deck: list[Callable[[], Fault]] = []

    def draw(self) -> Fault:
        """Each kind comes about as often as the others, in a new order each time."""
        if not self._deck:
            self._deck = list(self._cards())
            self._random.shuffle(self._deck)
        return self._deck.pop()()

    def _cards(self) -> Iterator[Callable[[], Fault]]:
        for number, node in enumerate(self._topology.nodes, 1):
            target = f"node {number}"
            yield self._card("kill server", target, lambda p, s, n=node: _kill_node(n, p, s), 0, 2)
            yield self._card("stop server", target, lambda p, s, n=node: _stop_node(n, p, s), 0, 1)
            yield self._card(
                "freeze server", target, lambda p, s, n=node: _freeze_node(n, p, s), 0.3, 5)
        yield self._card("kill processor", "processor", self._kill_processor, 0, 2)
        yield self._card("freeze processor", "processor", self._freeze_processor, 0.3, 4)
        if len(self._topology.names.addresses) > 1:
            yield self._card("move processor", "processor", self._move_processor, 0, 0)
        for name in self._audience.names:
            yield self._card(
                "kill subscriber", name, lambda p, s, n=name: self._kill_subscriber(n, p, s), 0, 2)
            yield self._card(
                "freeze subscriber", name, lambda p, s, n=name: self._freeze_subscriber(n, p, s),
                0.3, 8)
        yield from self._postgres_cards()
        if self._topology.kafka:
            yield from self._kafka_cards(self._topology.kafka)
        for link in self._topology.proxies:
            for mode in Mode:
                if mode is not Mode.OPEN:
                    yield self._link_card(link, mode)

    def _postgres_cards(self) -> Iterator[Callable[[], Fault]]:
        yield self._card("kill PostgreSQL", "PostgreSQL", self._kill_postgres, 0, 1)
        yield self._card("kill a backend", "PostgreSQL", self._kill_backend, 0, 0)
        yield self._card("freeze PostgreSQL", "PostgreSQL", self._freeze_postgres, 0.3, 4)
        yield self._card("freeze a backend", "PostgreSQL", self._freeze_backend, 0.5, 5)
        if self._topology.postgres:
            yield self._card("restart PostgreSQL", "PostgreSQL", self._restart_postgres, 0, 1)
            yield self._card("end sessions", "PostgreSQL", self._end_sessions, 0, 0)

    def _kafka_cards(self, kafka: Kafka) -> Iterator[Callable[[], Fault]]:
        """What two of them do at once has two targets."""
        for kind, target, run, most in (
                ("freeze Kafka", "Kafka", _freeze_kafka, 8),
                ("a broker down", "brokers", _take_broker_down, 5),
                ("all brokers down", "brokers", _take_brokers_down, 3),
                ("slow brokers", "brokers", _slow_brokers, 5),
                ("Kafka refuses", "Kafka's answers", _refuse_records, 2),
                ("Kafka refuses for good", "Kafka's answers", _refuse_producers, 2),
                ("other leaders", "leaders", _change_leaders, 1)):
            yield self._card(kind, target, lambda p, s, run=run: run(kafka, p, s), 0.3, most)

    def _card(self, kind: str, target: str, run: Callable[[Pause, float], None],
              least: float, most: float) -> Callable[[], Fault]:
        def make() -> Fault:
            seconds = self._random.uniform(least, most)
            return Fault(kind, target, lambda pause: run(pause, seconds))
        return make

    def _link_card(self, link: str, mode: Mode) -> Callable[[], Fault]:
        def run(pause: Pause, seconds: float) -> None:
            self._topology.proxies[link].set(link, mode, seconds)
            pause(seconds)

        most = 0.5 if mode in SHORT else 4
        return self._card(f"{mode.value} ({_kind_of(link)})", link, run, 0.05, most)

    # The processor

    def _kill_processor(self, pause: Pause, seconds: float) -> None:
        self._topology.processor.kill()
        pause(seconds)
        self._topology.start_processor()

    def _freeze_processor(self, pause: Pause, seconds: float) -> None:
        with suspended([self._topology.processor.pid]):
            pause(seconds)

    def _move_processor(self, pause: Pause, seconds: float) -> None:
        self._topology.move_processor()

    # Subscribers

    def _kill_subscriber(self, name: str, pause: Pause, seconds: float) -> None:
        self._audience.kill(name)
        pause(seconds)
        self._audience.start(name)

    def _freeze_subscriber(self, name: str, pause: Pause, seconds: float) -> None:
        with suspended([self._audience.pid(name)]):
            pause(seconds)

    # PostgreSQL

    def _kill_postgres(self, pause: Pause, seconds: float) -> None:
        for pid in self._topology.postmasters():
            send_signal(pid, signal.SIGKILL)
        pause(seconds)
        self._start_postgres()

    def _restart_postgres(self, pause: Pause, seconds: float) -> None:
        self._topology.postgres.stop("immediate")
        pause(seconds)
        self._start_postgres()

    def _start_postgres(self) -> None:
        """A server does that itself for a cluster of its own."""
        if self._topology.postgres:
            self._topology.postgres.restart_when_possible()

    def _kill_backend(self, pause: Pause, seconds: float) -> None:
        if sessions := self._topology.sessions():
            send_signal(random.choice(sessions), signal.SIGKILL)
        pause(seconds)

    def _end_sessions(self, pause: Pause, seconds: float) -> None:
        share = random.choice((0.3, 1))
        with contextlib.suppress(Exception):  # it may be recovering
            self._topology.postgres.sql(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where backend_type = 'client backend' and pid <> pg_backend_pid() "
                f"and random() < {share}")
        pause(seconds)

    def _freeze_postgres(self, pause: Pause, seconds: float) -> None:
        postmasters = self._topology.postmasters()
        with suspended(postmasters), suspended(self._topology.sessions()):
            pause(seconds)

    def _freeze_backend(self, pause: Pause, seconds: float) -> None:
        sessions = self._topology.sessions()
        with suspended(random.sample(sessions, min(2, len(sessions)))):
            pause(seconds)


def _kind_of(link: str) -> str:
    """Links of the same kind count together."""
    return "".join(c for c in link if not c.isdigit()).replace("  ", " ").strip()


def _kill_node(node: Node, pause: Pause, seconds: float) -> None:
    node.kill()
    pause(seconds)
    node.start()


def _stop_node(node: Node, pause: Pause, seconds: float) -> None:
    if node.exit_status() is not None:
        return  # by itself: who watches the nodes tells of it
    status = node.terminate()
    if status != 0:
        raise AssertionError(f"SIGTERM ended a server with status {status}")
    pause(seconds)
    node.start()


def _freeze_node(node: Node, pause: Pause, seconds: float) -> None:
    with suspended([node.server.pid]):
        pause(seconds)


def _freeze_kafka(kafka: Kafka, pause: Pause, seconds: float) -> None:
    with suspended([kafka.pid]):
        pause(seconds)


def _take_broker_down(kafka: Kafka, pause: Pause, seconds: float) -> None:
    _take_down(kafka, [random.choice(BROKERS)], pause, seconds)


def _take_brokers_down(kafka: Kafka, pause: Pause, seconds: float) -> None:
    _take_down(kafka, BROKERS, pause, seconds)


def _take_down(kafka: Kafka, brokers: Iterable[int], pause: Pause, seconds: float) -> None:
    for broker in brokers:
        kafka.do("take_down", broker)
    pause(seconds)
    for broker in brokers:
        kafka.do("bring_up", broker)


def _slow_brokers(kafka: Kafka, pause: Pause, seconds: float) -> None:
    for broker in BROKERS:
        kafka.do("slow_down", broker, random.choice((0, 50, 300)))
    pause(seconds)
    for broker in BROKERS:
        kafka.do("slow_down", broker, 0)


def _refuse_records(kafka: Kafka, pause: Pause, seconds: float) -> None:
    _answer(kafka, random.choices([*PASSING.values()], k=20), pause, seconds)


def _refuse_producers(kafka: Kafka, pause: Pause, seconds: float) -> None:
    _answer(kafka, random.choices([*LASTING.values()], k=6), pause, seconds)


def _answer(kafka: Kafka, errors: list[int], pause: Pause, seconds: float) -> None:
    kafka.do("answer_produce", errors)
    pause(seconds)
    kafka.do("forget_answers")


def _change_leaders(kafka: Kafka, pause: Pause, seconds: float) -> None:
    for partition in range(PARTITIONS):
        kafka.do("lead", TOPIC, partition, random.choice(BROKERS))
    pause(seconds)


class Schedule:
    """Draws faults at random times and runs them, at most one at a time on each target."""

    AT_ONCE = 3
    INTERVAL = (0.5, 1.5)

    def __init__(self, catalogue: Catalogue, seed: int, log: Path):
        self._catalogue = catalogue
        self._random = random.Random(f"schedule-{seed}")
        self._log = log.open("a", buffering=1)
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._never = threading.Event()
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self, seconds: float, tick: Callable[[], None], plan: Iterable[Fault] = ()) -> None:
        """Once: faults for so long; returns when the last one is undone. `tick` is called now and
        then. `plan` comes in its order, spread over the time, each fault when its target has none;
        what has not come by then follows."""
        planned = collections.deque(plan)
        every = seconds / (len(planned) + 1)
        due = time.monotonic() + every
        over = threading.Event()
        timer = threading.Timer(seconds, over.set)
        timer.start()
        with ThreadPoolExecutor(self.AT_ONCE) as pool:
            while not over.wait(self._random.uniform(*self.INTERVAL)):
                tick()
                if planned and time.monotonic() >= due:
                    if self._begins(planned[0]):
                        pool.submit(self._run, planned.popleft())
                        due += every
                    continue
                fault = self._catalogue.draw()
                if self._begins(fault):
                    pool.submit(self._run, fault)
        timer.cancel()
        for fault in planned:
            tick()
            self._run(fault)
        self._log.close()

    def _begins(self, fault: Fault) -> bool:
        """Whether there is room for it; then its target is taken."""
        with self._lock:
            if fault.target in self._busy or len(self._busy) == self.AT_ONCE:
                return False
            self._busy.add(fault.target)
            return True

    def _run(self, fault: Fault) -> None:
        try:
            self._say("begins", fault)
            fault.run(self._never.wait)
            self._say("ends", fault)
            self.counts[fault.kind] += 1
        except Exception as error:  # says so in the report: the rest goes on
            self.failures.append(f"{fault.kind} on {fault.target}: {error!r}")
        finally:
            with self._lock:
                self._busy.discard(fault.target)

    def _say(self, what: str, fault: Fault) -> None:
        """For people, with both clocks: of the records and of the processes' logs."""
        now = datetime.datetime.now(datetime.UTC).isoformat()
        self._log.write(f"{now} {time.monotonic():.3f} {fault.kind} on {fault.target} {what}\n")
