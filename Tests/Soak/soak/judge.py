"""Whether what a server holds grows: the last third of a run against the middle one, or the last
fifth against the second. What comes first is left out: caches fill, PostgreSQL's tables find their
size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from .samples import Latency, Sample

LATENESS = 0.1  # seconds, of 999 in 1,000 probes
SHARE = 0.999
# Late probes that say nothing: one standstill of the machine delays as many.
FEW = 5


@dataclass(frozen=True)
class Bound:
    """A number may grow from part to part by a share of itself and an amount beside it, which is
    what it sways by without growing."""

    name: str
    share: float
    amount: float


BOUNDS = (
    Bound("memory (MiB)", 0.03, 6),
    Bound("file descriptors", 0, 4),
    Bound("threads", 0, 1),
    Bound("machines in memory", 0.1, 50),
    Bound("timers in memory", 0.1, 50),
    Bound("rows: machine", 0.1, 50),
    Bound("rows: event", 0.2, 300),
    Bound("rows: notification", 0.2, 300),
    Bound("rows: idempotency", 0.2, 300),
    # Dead rows wait for their vacuum, which comes when there are enough of them.
    Bound("size: machine (MiB)", 0.15, 2),
    Bound("size: event (MiB)", 0.15, 4),
    Bound("size: notification (MiB)", 0.15, 2),
    Bound("size: idempotency (MiB)", 0.15, 2),
    Bound("database (MiB)", 0.05, 8),
)

# Of so many calls, or connections. Memory sways by half a MiB; 4 MiB are 32 bytes, the least that
# the heap gives, for each of 131,072. Descriptors: of connections that are just open.
VOLUME_BOUNDS = (
    Bound("memory (MiB)", 0, 4),
    Bound("file descriptors", 0, 10),
    Bound("threads", 0, 1),
)


def thirds(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The middle and the last third, by time."""
    begin, end = samples[0].at, samples[-1].at
    first, second = begin + (end - begin) / 3, begin + (end - begin) * 2 / 3
    return ([s for s in samples if first <= s.at < second], [s for s in samples if s.at >= second])


def fifths(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The second and the last fifth, by what was done."""
    fifth = samples[-1].numbers["done"] / 5

    def part(number: int) -> list[Sample]:
        return [s for s in samples if fifth * (number - 1) < s.numbers["done"] <= fifth * number]

    return part(2), part(5)


@dataclass(frozen=True)
class Course:
    """The median of a number in both parts."""

    bound: Bound
    before: float
    last: float

    @property
    def allowed(self) -> float:
        return self.before * (1 + self.bound.share) + self.bound.amount

    @property
    def grows(self) -> bool:
        return self.last > self.allowed

    def __str__(self) -> str:
        return (f"{self.bound.name:26} {self.before:10.1f} {self.last:10.1f}   "
                f"{'GROWS: ' if self.grows else ''}at most {self.allowed:.1f}")


def courses(parts: tuple[list[Sample], list[Sample]],
            bounds: Iterable[Bound] = BOUNDS) -> Iterator[Course]:
    for bound in bounds:
        values = [[s.numbers[bound.name] for s in part if bound.name in s.numbers]
                  for part in parts]
        if all(values):
            yield Course(bound, median(values[0]), median(values[1]))


@dataclass(frozen=True)
class Lateness:
    """How late a loop was in the middle and last third together, as a bound that holds for a share
    of its probes; and how late a process was that only looks at the clock."""

    loop: str
    share: float
    seconds: float
    machine: float

    @property
    def allowed(self) -> float:
        """More where the machine itself keeps everybody waiting."""
        return max(LATENESS, 3 * self.machine)

    @property
    def is_late(self) -> bool:
        return self.seconds > self.allowed

    def __str__(self) -> str:
        return (f"{'loop ' + self.loop:26} {self.seconds * 1000:10.1f} ms "
                f"p{self.share * 100:.1f}     {'LATE: ' if self.is_late else ''}"
                f"at most {self.allowed * 1000:.0f} ms "
                f"(the machine: {self.machine * 1000:.0f} ms)")


def latenesses(samples: list[Sample], bystander: Iterable[float]) -> Iterator[Lateness]:
    middle, last = thirds(samples)
    seen = list(bystander)
    for loop, latency in last[-1].latency.items():
        during = latency.since(middle[0].latency.get(loop, Latency({})))
        share = max(0, min(SHARE, 1 - FEW / max(1, during.total)))
        yield Lateness(loop, share, during.quantile(share), quantile(seen, share))


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0
