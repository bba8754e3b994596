"""Processes that a test did not start itself: those of PostgreSQL."""

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from .waiting import eventually


def send_signal(pid: int, number: int) -> None:
    """To a process that may just have ended. After SIGSTOP none of its threads runs any more."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            eventually(lambda: all(state in "TZX" for state in _threads(pid)), "it is stopped")


def _threads(pid: int) -> Iterator[str]:
    """The states of its threads; those that are gone have none."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield stat.read_text().rpartition(")")[2].split()[0]


@contextlib.contextmanager
def suspended(pids: Iterable[int]) -> Iterator[None]:
    """The processes do not run in the block."""
    stopped = list(pids)
    for pid in stopped:
        send_signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(stopped):
            send_signal(pid, signal.SIGCONT)


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    return []


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def postmasters(data: Path) -> list[int]:
    """The PostgreSQL servers that run on a directory at or below `data`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"postgres") and any(
                argument.startswith(str(data).encode()) for argument in command[1:]):
            found.append(int(process.name))
    return found
