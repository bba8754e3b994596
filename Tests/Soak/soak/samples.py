"""What the server holds at a moment, read from outside."""

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.metrics import Metrics, metrics_of
from support.postgres import Postgres

# Rows that come and go, and stay about as many.
TABLES = ("machine", "event", "notification", "idempotency")
HELD = ("requests", "pending_size")  # limits of which nothing is used when nobody asks


@dataclass
class Sample:
    """Numbers by name, in the units that the name says, and the latency of the loops so far."""

    at: float
    numbers: dict[str, float]
    latency: dict[str, "Latency"] = field(default_factory=dict)


@dataclass
class Latency:
    """Lateness of a loop's probes: how many were at most so late, by bound in seconds."""

    counts: dict[float, float]

    def since(self, earlier: "Latency") -> "Latency":
        return Latency({bound: count - earlier.counts.get(bound, 0)
                        for bound, count in self.counts.items()})

    @property
    def total(self) -> float:
        return self.counts.get(float("inf"), 0)

    def quantile(self, share: float) -> float:
        """The least bound that holds for this share of the probes."""
        return min((bound for bound, count in self.counts.items() if count >= share * self.total),
                   default=float("inf"))


def latency_of(metrics: Metrics) -> dict[str, Latency]:
    loops: dict[str, Latency] = {}
    for (name, labels), count in metrics.samples.items():
        if name == "progressor_loop_latency_seconds_bucket":
            found = dict(labels)
            loops.setdefault(found["loop"], Latency({})).counts[float(found["le"])] = count
    return loops


class Probe:
    """Looks at one server and its database."""

    def __init__(self, postgres: Postgres, metrics: str):
        self._postgres, self._metrics = postgres, metrics
        self._before: dict[str, Latency] = {}

    def look(self, pid: int) -> Sample:
        metrics = metrics_of(self._metrics)
        numbers = {**self._process(pid), **self._database()}
        for limit in HELD:
            numbers[f"held: {limit}"] = metrics.value("progressor_limit_used", limit=limit)
        numbers["machines in memory"] = metrics.value("progressor_machines_resident")
        numbers["timers in memory"] = metrics.value("progressor_timers_in_memory")
        numbers["slow turns"] = metrics.value("progressor_slow_turns_total")
        latency = latency_of(metrics)
        for loop, late in latency.items():
            latest = late.since(self._before.get(loop, Latency({}))).quantile(1)
            numbers[f"late: {loop} (ms)"] = latest * 1000
        self._before = latency
        return Sample(time.monotonic(), numbers, latency)

    def _process(self, pid: int) -> dict[str, float]:
        status = Path(f"/proc/{pid}/status").read_text()

        def mebibytes(key: str) -> float:
            return int(re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

        # Pages of the program's file come in as it runs: they are no growth.
        return {"memory (MiB)": mebibytes("RssAnon"), "resident (MiB)": mebibytes("VmRSS"),
                "file descriptors": len(os.listdir(f"/proc/{pid}/fd")),
                "threads": len(os.listdir(f"/proc/{pid}/task"))}

    def _database(self) -> dict[str, float]:
        columns = [f"(select count(*) from progressor.{table})" for table in TABLES]
        columns += [f"pg_total_relation_size('progressor.{table}') / 1048576.0" for table in TABLES]
        columns.append("pg_database_size(current_database()) / 1048576.0")
        names = [f"rows: {table}" for table in TABLES]
        names += [f"size: {table} (MiB)" for table in TABLES] + ["database (MiB)"]
        answer = self._postgres.sql(f"select {', '.join(columns)}")
        return dict(zip(names, map(float, answer.split("|"))))
