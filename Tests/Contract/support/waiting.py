"""The one place that polls. Everything else waits here or on an event."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], what: str, timeout: float = 15.0,
               every: float = 0.01) -> T:
    """The first true value of `condition`, which is asked `every` so many seconds; fails with
    `what` when there is none in time.

    An assertion that fails inside counts as "not yet" and is raised at the end."""
    deadline = time.monotonic() + timeout
    while True:
        last: AssertionError | None = None
        try:
            if value := condition():
                return value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}") from last
        time.sleep(every)
