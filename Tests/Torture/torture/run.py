"""A run: the processes are started once; round after round has clients of its own, faults, a time
to settle, and the checker."""

import dataclasses
import json
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from support.client import BACKWARD, duration, history
from support.feed import ON
from support.server import BINARY, scratch_directory
from support.stubs import namespaces_pb2
from support.waiting import eventually

from .audience import Audience
from .checker.audiences import counts_of
from .checker.mail import Mail
from .checker.verdict import Records, check
from .checker.violations import Violation
from .child import Child
from .client import LAST_CHANCE, Place, TortureClient
from .faults import Catalogue, Schedule
from .load import Assignment
from .load import serve as serve_load
from .names import Naming
from .proxy import Mode
from .record import Log, read_logs
from .report import Report
from .settling import Settling
from .topology import Topology
from .unread import Unread
from .unread import serve as serve_unread
from .upgrade import Upgrade

ROUND = 60.0  # seconds: bounds what the checker has to hold
MACHINES = 24  # that all clients of a namespace share
PROCESSES = 2  # of clients
SHARING, WATCHING, RECYCLING = 20, 3, 4  # clients in each

SHARED = {
    "steady": namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.1), max_interval=duration(1), max_attempts=0),
    "brittle": namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.1), max_interval=duration(1), max_attempts=2),
}
LONG = "long"  # of the machine with very many events
NAMESPACES = SHARED | {LONG: SHARED["brittle"]}
# Fewer than clients, so that the cores of a node are short of permits; 0 = the default.
CALLS_IN_FLIGHT = {"steady": 0, "brittle": 5, LONG: 0}


@dataclasses.dataclass(frozen=True)
class Options:
    """What a run is made of."""

    nodes: int
    cores: int
    seed: int
    keep: bool
    naming: Naming  # of the processor
    unread: int  # connections on which nothing is read
    long: int  # events of a machine that is removed under load
    messages: int  # how often machines are asked to send some, where calls have the weight 50
    subscribers: int  # of the feed
    upgrade: Path | None = None  # the build that the nodes run at first


class Run:
    """One topology under torture."""

    def __init__(self, options: Options):
        self._options, self._seed, self._keep = options, options.seed, options.keep
        self.directory = scratch_directory()
        self._logs = self.directory / "processor"
        self._logs.mkdir()
        self._topology = Topology(options.nodes, options.cores, options.seed, self._logs,
                                  options.naming, has_sinks=options.subscribers > 0)
        self._audience = Audience(self._topology, options.subscribers)
        self._catalogue = Catalogue(self._topology, self._audience, options.seed)
        self._upgrade: Upgrade | None = None
        if options.upgrade:
            self._upgrade = Upgrade(self._topology, options.upgrade, BINARY)
            self._topology.excused = self._upgrade.replaces
        self.report = Report(options.seed, options.nodes)

    def run(self, seconds: float) -> None:
        self._topology.start()
        number = 0
        while seconds > 0 and not self.report.violations:
            number += 1
            length = min(seconds, ROUND)
            self._round(number, length)
            seconds -= length
            if number > 1:
                self.report.progress(number)

    def close(self, completed: bool) -> None:
        """Logs and records stay if they are asked for or say what went wrong."""
        keep = self._keep or not completed or bool(self.report.violations)
        if keep:
            self._keep_logs()
        self._topology.close()
        if keep:
            print(f"logs and records are in {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _keep_logs(self) -> None:
        for number, node in enumerate(self._topology.nodes, 1):
            shutil.copy(node.server.log, self.directory / f"node-{number}.log")
        if self._topology.postgres:
            shutil.copy(self._topology.postgres.directory / "log", self.directory / "postgres.log")

    def _round(self, number: int, seconds: float) -> None:
        directory = self.directory / f"round-{number}"
        directory.mkdir()
        namespaces = [f"round-{number}-{name}" for name in NAMESPACES]
        feed = directory / "feed"
        self._audience.begin(number, feed, self._seed)
        places = self._prepare(number, namespaces, directory)
        schedule = Schedule(self._catalogue, self._seed + number, directory / "faults.log")
        violations = list(self._load(number, seconds, places, directory, schedule))
        settling = Settling(self._topology, namespaces, Records(read_logs(directory)))
        machines = settling.machines()
        violations += [Violation("process", "the end", text) for text in settling.ended]
        self._audience.settle()
        if left := settling.leftovers():
            violations.append(Violation("left", "removed machines", left))
        records = Records([
            *read_logs(directory), *read_logs(feed), *read_logs(self._logs, namespaces)])
        violations += check(records, machines)
        if violations or self._keep:
            shown = [dataclasses.asdict(machine) for machine in machines.values()]
            (directory / "machines.json").write_text(json.dumps(shown))
        else:
            for file in [*directory.rglob("*.jsonl"), *self._logs.glob("*.jsonl")]:
                file.write_bytes(b"")
        self.report.add(records, violations, schedule.counts, Mail(records, machines).counts(),
                        counts_of(records))

    def _prepare(self, number: int, namespaces: list[str], directory: Path) -> list[Place]:
        """Namespaces and the machines that all clients share; no faults yet."""
        node = eventually(self._topology.serving, "a node serves", timeout=60)[0]
        for name, policy, limit in zip(
                namespaces, NAMESPACES.values(), CALLS_IN_FLIGHT.values()):
            node.create_namespace(
                name, self._topology.endpoint, timeout=2, retry_policy=policy,
                max_in_flight=limit, feed=ON if self._audience.names else None,
                default_history_range=history(limit=5, direction=BACKWARD))
        nodes = [node.server.address for node in self._topology.nodes]
        log = Log(directory / "director.jsonl")
        client = TortureClient(f"r{number}", nodes, self._seed, log)
        places = [client.start(name, f"shared-{n}")
                  for name in namespaces[:len(SHARED)] for n in range(MACHINES)]
        return [place for place in places if place]

    def _load(self, number: int, seconds: float, places: list[Place], directory: Path,
              schedule: Schedule) -> Iterator[Violation]:
        seeds = random.Random(f"{self._seed}-{number}")
        clients = [
            Child(serve_load, Assignment(
                f"r{number}p{index}", self._topology.addresses, seeds.getrandbits(64), directory,
                places, SHARING, RECYCLING, watching=WATCHING, pausing=int(index == 1),
                long=self._options.long if index == PROCESSES else 0,
                long_in=f"round-{number}-{LONG}",
                messages=self._options.messages))
            for index in range(1, PROCESSES + 1)]
        unread = Child(serve_unread, Unread(
            self._topology.addresses, places, self._options.unread, seeds.getrandbits(64)))
        ended: list[str] = []
        self._topology.processor.control.send(False)
        plan = self._upgrade.plan() if self._upgrade else ()
        schedule.run(seconds, lambda: ended.extend(self._topology.restart_ended()), plan)
        for name, proxies in self._topology.proxies.items():
            proxies.set(name, Mode.OPEN, 0)
        unread.kill()
        ended.extend(self._topology.restart_ended())
        self._topology.processor.control.send(True)
        for text in [*ended, *schedule.failures]:
            yield Violation("process", "the run", text)
        if self._upgrade:
            schedule.counts["old build refused"] = self._upgrade.refusals
            for number in self._upgrade.left:
                yield Violation("process", "the run", f"node {number} still runs the old build")
        for child in clients:
            child.control.send("end")
        for child in clients:
            if stuck := child.wait("the clients end", LAST_CHANCE + 60):
                yield Violation("stuck", "clients", f"{stuck} requests never end")
            child.kill()
