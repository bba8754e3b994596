"""So many calls, then so many connections: what the server holds after the first fifth of them, it
holds after the last."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from support.certificates import Authority
from support.client import Space
from support.metrics import metrics_of
from support.processor import content
from support.quick_processor import QuickProcessor
from support.server import free_port
from support.stubs import processor_pb2
from support.waiting import eventually
from torture.topology import Child

from . import many_calls, many_connections
from .judge import VOLUME_BOUNDS, courses, fifths
from .many_calls import Assignment, Progress
from .samples import Sample
from .setting import NAMESPACE, Setting

SAMPLES = 50  # of each phase
PAUSE = 0.05  # between looks at how far it is

CONFIGURATION = """
listen:
  - 127.0.0.1:{plain}
  - address: 127.0.0.1:{tls}
    tls: {{certificate: {certificate}, key: {key}}}
"""


class Volume(Setting):
    """A phase of calls and one of connections, each as fast as it goes."""

    def __init__(self, calls: int, connections: int, folder: Path):
        super().__init__(folder)
        self._counts = {"calls": calls, "connections": connections}
        self._tls_port = free_port()
        self._waiting = threading.Event()
        self._lines: list[str] = []

    def _new_processor(self) -> QuickProcessor:
        call = processor_pb2.ProcessCallResponse(response=b"response")
        signal = processor_pb2.ProcessSignalResponse()
        for answer in (call, signal):
            answer.change.events.append(content(b"event"))
        return QuickProcessor(self._processor_port, call, signal)

    def _prepare(self) -> None:
        """A listener with TLS beside the other one."""
        shown = Authority(self._server.directory / "tls", "authority").sign(
            "server", "IP:127.0.0.1")
        configuration = self._server.directory / "server.yaml"
        configuration.write_text(CONFIGURATION.format(
            plain=self._server.port, tls=self._tls_port, certificate=shown.certificate,
            key=shown.key))
        self._server.arguments = ["serve", "--config", str(configuration),
                                  *self._server.arguments[3:]]

    def run(self) -> str:
        """The report."""
        self._start()
        space = Space(self._server.client, None, NAMESPACE)
        space.start(many_connections.MACHINE)
        if self._counts["calls"]:
            answered = self._answered()
            self._phase("calls", many_calls.serve)
            answered = self._answered() - answered
            self._lines.append(f"{'answered OK':26} {answered:10.0f}")
            if answered < self._counts["calls"]:
                self.problems.append("fewer calls were answered than were to be made")
        if self._counts["connections"]:
            self._phase("connections", many_connections.serve)
        space.remove(many_connections.MACHINE)
        self._settle()
        report = "\n".join([*self._lines, "", *(f"FAILED: {p}" for p in self.problems)])
        self._write(report)
        return report

    def _answered(self) -> float:
        """How many calls the server says it has answered well."""
        metrics = metrics_of(self._metrics)
        return sum(value for (name, labels), value in metrics.samples.items()
                   if name == "progressor_calls_total" and ("code", "OK") in labels)

    def _descriptors(self) -> float:
        return self._probe.look(self._server.pid).numbers["file descriptors"]

    def _phase(self, what: str, serve: Callable) -> None:
        count, first = self._counts[what], len(self.samples)
        begin = time.monotonic()
        child = Child(serve, Assignment(self._server.port, NAMESPACE, count, self._tls_port))
        progress, before = Progress(), self._descriptors()
        while progress.done < count and not progress.problem and not self.problems:
            child.control.send("how many")
            progress = child.wait("the clients answer", 60)
            if progress.done >= (len(self.samples) - first) * count / SAMPLES:
                self._look(done=progress.done)
            self._waiting.wait(PAUSE)
        child.kill()
        if progress.problem:
            self.problems.append(progress.problem)
        try:
            eventually(lambda: self._descriptors() <= before + 2, "descriptors are given back")
        except AssertionError as error:
            self.problems.append(str(error))
        self._judge(what, progress.done, time.monotonic() - begin, self.samples[first:])

    def _judge(self, what: str, done: int, seconds: float, samples: list[Sample]) -> None:
        self._lines += ["", f"{done:,} {what} in {seconds:.0f} s, {done / seconds:,.0f} a second",
                        f"{'':26} {'2nd fifth':>10} {'last fifth':>10}"]
        parts = fifths(samples)
        if not all(parts):
            self.problems.append(f"too few looks at {what}")
            return
        between = done * 3 / 5
        for course in courses(parts, VOLUME_BOUNDS):
            each = (course.last - course.before) * (1 << 20) / between
            more = f", {each:+.1f} bytes for each" if "MiB" in course.bound.name else ""
            self._lines.append(f"{course}{more}")
            if course.grows:
                self.problems.append(f"{course.bound.name} grows with {what}")
