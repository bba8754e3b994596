"""Ports of 127.0.0.1 that nobody else has, in this process of the tests or in another."""

import contextlib
import itertools
import os
import random
import socket
from collections.abc import Iterator

# The system gives out none of these by itself: no connection takes one while a server is between
# two runs.
FIRST, END = 10_000, 32_768


def _share() -> Iterator[int]:
    """The ports of this process among those that run tests at once (pytest-xdist numbers them).
    Beginning somewhere, so that a run seldom meets what is left of the one before."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = range(FIRST + worker, END, workers)
    return itertools.islice(itertools.cycle(mine), random.randrange(len(mine)), None)


_ports = _share()


def free_port() -> int:
    """A port that nobody listens on. It is given out once, until all others have been: a port that
    a test leaves empty stays so."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a cycle has no end")
