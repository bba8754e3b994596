"""One run: a server, processors that are killed now and then, clients that do the same all the
time; a look at everything again and again; quiet in the end; the verdict."""

import itertools
import threading
import time
from collections import Counter
from pathlib import Path

from torture.topology import Child

from . import bystander, load
from .judge import courses, latenesses, thirds
from .setting import NAMESPACE, Setting

OUTAGE = 1.0  # seconds that a killed processor is away


class Run(Setting):
    """So many seconds of so many requests a second."""

    def __init__(self, seconds: float, rate: float, seed: int, folder: Path):
        super().__init__(folder)
        self._seconds, self._rate, self._seed = seconds, rate, seed
        self._waiting = threading.Event()

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
                self._processor = self._new_processor()
            self._waiting.wait(max(0, begin + number * pause - time.monotonic()))

    def _report(self, requests: Counter, answers: Counter, late: list[float]) -> str:
        lines = [f"requests    {requests.total()}: {_list(requests)}",
                 f"answers     {_list(answers)}", ""]
        if len(self.samples) >= 6:
            lines.append(f"{'':26} {'2nd third':>10} {'last third':>10}")
            for course in courses(thirds(self.samples)):
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


def _list(counts: Counter) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none"
