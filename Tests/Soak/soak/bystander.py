"""A process that only looks at the clock, as the server's probes do: what a loop is late beyond it
is the server's own; what both are is the machine's."""

import os
import time
from multiprocessing.connection import Connection

INTERVAL = 0.05


def watch(control: Connection) -> None:
    """The process: after a message it answers the lateness of each probe so far, in seconds."""
    control.send("ready")
    late: list[float] = []
    due = time.monotonic() + INTERVAL
    while True:
        try:
            if control.poll(max(0, due - time.monotonic())):
                control.recv()
                control.send(late)
                late = []
                due = time.monotonic() + INTERVAL
                continue
        except (EOFError, OSError):
            os._exit(0)
        now = time.monotonic()
        while due <= now:  # each probe that a standstill delayed counts
            late.append(now - due)
            due += INTERVAL
