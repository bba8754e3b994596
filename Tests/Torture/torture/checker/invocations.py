"""What the processor saw: one at a time (I1), and steps that are named alike when they are the
same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..record import Ended, Invoked
from .violations import Violation

# How long the processor may take to notice that an invocation is over.
NOTICE = 1.5


def check_invocations(invoked: list[Invoked], ended: Iterable[Ended]) -> Iterator[Violation]:
    ends = {end.number: end.at for end in ended}
    by_machine: defaultdict[tuple[str, str], list[Invoked]] = defaultdict(list)
    for invocation in sorted(invoked, key=lambda i: i.at):
        by_machine[invocation.namespace, invocation.machine].append(invocation)
    for (namespace, machine), invocations in by_machine.items():
        where = f"{namespace}/{machine}"
        for rule, text in (*_at_once(invocations, ends), *_names(invocations)):
            yield Violation(rule, where, text)


def _at_once(invocations: list[Invoked], ends: dict[str, float]) -> Iterator[tuple[str, str]]:
    """Only of one connection: on that the end of one arrives before the next. One that never ended
    was cut off by the end of the processor's process."""
    latest: dict[tuple[str, int], Invoked] = {}
    for invocation in invocations:
        owner = invocation.peer, invocation.epoch
        before = latest.get(owner)
        if before and ends.get(before.number, 0) > invocation.at + NOTICE:
            yield "two at once", (f"{invocation.kind} {invocation.stimulus} came while "
                                  f"{before.kind} {before.stimulus} was processed (epoch "
                                  f"{invocation.epoch})")
        latest[owner] = invocation


def _names(invocations: list[Invoked]) -> Iterator[tuple[str, str]]:
    stimuli: dict[str, tuple[str, str]] = {}
    steps: dict[tuple[str, str], str] = {}
    for invocation in invocations:
        stimulus = invocation.kind, invocation.stimulus
        if stimuli.setdefault(invocation.step, stimulus) != stimulus:
            yield "step", (f"{invocation.step} is the name of {stimuli[invocation.step]} and of "
                           f"{stimulus}")
        if invocation.kind not in ("notification", "timeout", "undelivered"):
            continue
        if steps.setdefault(stimulus, invocation.step) != invocation.step:
            yield "step", f"{stimulus} is called {steps[stimulus]} and {invocation.step}"
