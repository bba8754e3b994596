"""What a run prints in the end."""

import sys
from collections import Counter

from .checker.verdict import Records
from .checker.violations import LOST, Violation
from .record import OK, OPEN, Invoked, Read, Watched

SHOWN = 40  # violations in full


class Report:
    """Adds rounds up."""

    def __init__(self, seed: int, nodes: int):
        self._seed, self._nodes = seed, nodes
        self.faults: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._feed: Counter[str] = Counter()
        self._longest_gap = 0.0
        self.violations: list[Violation] = []

    def add(self, records: Records, violations: list[Violation], faults: Counter[str],
            messages: Counter[str], feed: Counter[str]) -> None:
        self.violations += violations
        self.faults += faults
        self._messages += messages
        self._feed += feed
        for operation in records.operations:
            if operation.outcome == OK:
                self.acknowledged[operation.kind] += 1
            else:
                self._others["open" if operation.outcome == OPEN else "refused"] += 1
        self._others["reads"] += len(records.of(Read))
        self._others["watched events"] += sum(len(w.events) for w in records.of(Watched))
        self._others["invocations"] += len(records.of(Invoked))
        self._longest_gap = max(self._longest_gap, records.longest_gap)

    def progress(self, number: int) -> None:
        print(f"round {number}: {self.acknowledged.total()} operations, {self.faults.total()} "
              f"faults, {len(self.violations)} violations", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        lost = sum(LOST in violation.rule for violation in self.violations)
        lines = [
            f"seed                   {self._seed} ({self._nodes} nodes)",
            f"faults                 {self.faults.total()}: {_list(self.faults)}",
            f"operations             {self.acknowledged.total()} acknowledged: "
            f"{_list(self.acknowledged)}",
            f"besides                {_list(self._others)}",
            f"messages of machines   {_list(self._messages)}",
            f"feed                   {_list(self._feed)}",
            f"longest unavailability {self._longest_gap:.1f} s",
            f"losses                 {lost}",
            f"violations             {len(self.violations)}: "
            f"{_list(Counter(violation.rule for violation in self.violations))}"]
        lines += map(str, self.violations[:SHOWN])
        if len(self.violations) > SHOWN:
            lines.append(f"… and {len(self.violations) - SHOWN} more")
        return "\n".join(lines)


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none"
