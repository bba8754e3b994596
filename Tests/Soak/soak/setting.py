"""What every run has: PostgreSQL, a server, and what was seen of them."""

import csv
import shutil
from pathlib import Path

from support.client import duration
from support.metrics import metrics_of
from support.postgres import Postgres
from support.quick_processor import QuickProcessor
from support.server import Server, free_port
from support.stubs import namespaces_pb2
from support.waiting import eventually
from torture.topology import Child

from . import processor
from .samples import HELD, Probe, Sample

NAMESPACE = "soak"
# Tables that are written all the time are cleaned up in time for a short run, too.
VACUUM = ("alter system set autovacuum_naptime = '5s'",
          "alter system set autovacuum_vacuum_cost_delay = 0", "select pg_reload_conf()")


class Setting:
    """Everything that runs. `folder` gets the samples and the report."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._postgres = Postgres()
        self._processor_port = free_port()
        self._processor: Child | QuickProcessor | None = None
        self._metrics = f"127.0.0.1:{free_port()}"
        self._server: Server | None = None
        self._probe = Probe(self._postgres, self._metrics)
        self.samples: list[Sample] = []
        self.problems: list[str] = []

    def _start(self) -> None:
        self._postgres.start()
        self._postgres.new_database()
        self._postgres.sql(*VACUUM)
        self._processor = self._new_processor()
        self._server = Server(["--database-url", self._postgres.url,
                               "--metrics-listen", self._metrics], embedded=False)
        self._prepare()
        self._server.start()
        self._server.client.create_namespace(
            NAMESPACE, f"127.0.0.1:{self._processor_port}", timeout=2,
            idempotency_retention=duration(5),
            retry_policy=namespaces_pb2.RetryPolicy(
                initial_interval=duration(0.1), max_interval=duration(1), max_attempts=0))

    def _prepare(self) -> None:
        """Changes the server before it is started."""

    def _new_processor(self) -> Child | QuickProcessor:
        return Child(processor.serve, self._processor_port)

    def _look(self, **more: float) -> None:
        """Takes a sample, with these numbers beside it."""
        status = None if self._server.running else self._server.wait()
        if status is not None:
            self.problems.append(f"the server ended with {status}:\n{self._server.log_tail()}")
            return
        sample = self._probe.look(self._server.pid)
        sample.numbers.update(more)
        self.samples.append(sample)

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
