"""One run: PostgreSQL, a server, processors that are killed now and then, clients that do the same
all the time; a look at everything again and again; quiet in the end; the verdict."""

import csv
import itertools
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

from support.client import duration
from support.metrics import metrics_of
from support.postgres import Postgres
from support.server import Server, free_port
from support.stubs import namespaces_pb2
from support.waiting import eventually
from torture.topology import Child

from . import bystander, load, processor
from .judge import courses, latenesses
from .samples import HELD, Probe, Sample

NAMESPACE = "soak"
OUTAGE = 1.0  # seconds that a killed processor is away
# Tables that are written all the time are cleaned up in time for a short run, too.
VACUUM = ("alter system set autovacuum_naptime = '5s'",
          "alter system set autovacuum_vacuum_cost_delay = 0", "select pg_reload_conf()")


class Run:
    """Everything that runs. `folder` gets the samples and the report."""

    def __init__(self, seconds: float, rate: float, seed: int, folder: Path):
        self._seconds, self._rate, self._seed, self._folder = seconds, rate, seed, folder
        self._postgres = Postgres()
        self._processor_port = free_port()
        self._processor: Child | None = None
        self._metrics = f"127.0.0.1:{free_port()}"
        self._server: Server | None = None
        self._probe = Probe(self._postgres, self._metrics)
        self._waiting = threading.Event()
        self.samples: list[Sample] = []
        self.problems: list[str] = []

    def run(self) -> str:
        """The report."""
        self._start()
        watcher = Child(bystander.watch)
        clients = Child(load.serve, load.Assignment(
            self._server.address, NAMESPACE, self._rate, self._seed))
        self._watch()
        watcher.control.send("how late")
        late = watcher.wait("the bystander answers", 30)
        clients.control.send("end")
        requests, answers, stuck = clients.wait("the clients end", 180)
        for child in (clients, watcher):
            child.kill()
        if stuck:
            self.problems.append(f"{stuck} clients never end")
        for answer in answers.keys() - load.EXPECTED - {"OK"}:
            self.problems.append(f"{answers[answer]} requests were answered {answer}")
        if answers["OK"] < 0.5 * requests.total():
            self.problems.append("most requests fail")
        self._settle()
        return self._report(requests, answers, late)

    def _start(self) -> None:
        self._postgres.start()
        self._postgres.new_database()
        self._postgres.sql(*VACUUM)
        self._start_processor()
        self._server = Server(["--database-url", self._postgres.url,
                               "--metrics-listen", self._metrics], embedded=False).start()
        self._server.client.create_namespace(
            NAMESPACE, f"127.0.0.1:{self._processor_port}", timeout=2,
            idempotency_retention=duration(5),
            retry_policy=namespaces_pb2.RetryPolicy(
                initial_interval=duration(0.1), max_interval=duration(1), max_attempts=0))

    def _start_processor(self) -> None:
        self._processor = Child(processor.serve, self._processor_port)

    def _watch(self) -> None:
        """Looks 120 times a third, or every ten seconds; kills the processor twelve times in all,
        or every half minute."""
        pause = min(10, max(1, self._seconds / 360))
        killing = min(30, max(8, self._seconds / 12))
        begin = time.monotonic()
        next_kill = begin + killing
        for number in itertools.count(1):
            self._look()
            if time.monotonic() - begin > self._seconds or self.problems:
                return
            if time.monotonic() > next_kill:
                next_kill += killing
                self._processor.kill()
                self._waiting.wait(OUTAGE)
                self._start_processor()
            self._waiting.wait(max(0, begin + number * pause - time.monotonic()))

    def _look(self) -> None:
        status = None if self._server.running else self._server.wait()
        if status is not None:
            self.problems.append(f"the server ended with {status}:\n{self._server.log_tail()}")
            return
        self.samples.append(self._probe.look(self._server.pid))

    def _settle(self) -> None:
        """When nobody asks for anything, nothing is held."""
        if not self._server.running:
            return

        def nothing() -> bool:
            metrics = metrics_of(self._metrics)
            rows = self._postgres.sql("select " + ", ".join(
                f"(select count(*) from progressor.{table})"
                for table in ("machine", "event", "notification")))
            held = {limit: metrics.value("progressor_limit_used", limit=limit) for limit in HELD}
            assert rows == "0|0|0" and not any(held.values()), f"rows {rows}, {held}"
            return True

        try:
            eventually(nothing, "nothing is held when nobody asks", timeout=60)
        except AssertionError as error:
            self.problems.append(f"{error}: {error.__cause__}")

    def _report(self, requests: Counter, answers: Counter, late: list[float]) -> str:
        lines = [f"requests    {requests.total()}: {_list(requests)}",
                 f"answers     {_list(answers)}", ""]
        if len(self.samples) >= 6:
            lines.append(f"{'':26} {'2nd third':>10} {'last third':>10}")
            for course in courses(self.samples):
                lines.append(str(course))
                if course.grows:
                    self.problems.append(f"{course.bound.name} grows")
            for lateness in latenesses(self.samples, late):
                lines.append(str(lateness))
                if lateness.is_late:
                    self.problems.append(f"the loop {lateness.loop} is late")
        slow = self.samples[-1].numbers["slow turns"] if self.samples else 0
        lines.append(f"{'slow turns':26} {slow:10.0f}")
        lines += ["", *(f"FAILED: {problem}" for problem in self.problems)]
        report = "\n".join(lines)
        self._write(report)
        return report

    def _write(self, report: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "report.txt").write_text(report + "\n")
        shutil.copy(self._server.log, self._folder / "server.log")
        with (self._folder / "samples.csv").open("w", newline="") as file:
            names = list(self.samples[0].numbers) if self.samples else []
            table = csv.writer(file)
            table.writerow(["seconds", *names])
            for sample in self.samples:
                table.writerow([f"{sample.at - self.samples[0].at:.1f}",
                                *(f"{sample.numbers[name]:g}" for name in names)])

    def close(self) -> None:
        if self._server:
            self._server.close()
        if self._processor:
            self._processor.kill()
        self._postgres.close()


def _list(counts: Counter) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none"
