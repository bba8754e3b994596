"""What scripts/run does with the programs that it starts, on a terminal."""

import contextlib
import os
import pty
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import children, postmasters
from support.server import BINARY, clean_environment, free_port, scratch_directory
from support.stubs import ROOT
from support.waiting import eventually

SCRIPT = """
source "$ROOT/scripts/lib/environment.sh"
source "$ROOT/scripts/lib/children.sh"
start_child sleep 600
start_child "$@"
wait_for_children
"""


SLOW_TO_STOP = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
for text in ["ready", "asked once"]:
    print(text, flush=True)
    signal.sigwait([signal.SIGTERM])
print("asked twice", flush=True)
"""


class Terminal:
    """A script of ours in the foreground of a terminal, with a program as its last child."""

    def __init__(self, *program: str):
        self.output = b""
        self._status: int | None = None
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            # Whoever runs the tests in the background ignores them, and a shell keeps to that.
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe("bash", ["bash", "-c", SCRIPT, "script", *program],
                       clean_environment(ROOT=str(ROOT)))
        os.set_blocking(self._terminal, False)

    def shows(self, text: bytes) -> bool:
        self._read()
        return text in self.output

    def type(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def hang_up(self) -> None:
        """Closes the terminal's window."""
        os.close(self._terminal)
        self._terminal = -1

    def first_child(self) -> int:
        return children(self.pid)[0]

    def status(self) -> int:
        """The script's exit status once it has ended, negative = the signal that ended it."""
        eventually(self._ended, "the script ends", timeout=60)
        return self._status

    def close(self) -> None:
        """Stops what still runs."""
        if not self._ended():
            os.kill(self.pid, signal.SIGTERM)
            self.status()
        if self._terminal >= 0:
            self.hang_up()

    def _ended(self) -> bool:
        self._read()
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status is not None

    def _read(self) -> None:
        # Nothing to read, or nobody has the terminal open any more.
        with contextlib.suppress(OSError):
            while chunk := os.read(self._terminal, 65536):
                self.output += chunk


@pytest.fixture
def data() -> Iterator[Path]:
    directory = scratch_directory()
    yield directory / "data"
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def terminal(data) -> Iterator[Terminal]:
    """One with a server in it."""
    terminal = Terminal(str(BINARY), "serve", "--listen", f"127.0.0.1:{free_port()}",
                        "--data-dir", str(data))
    with contextlib.closing(terminal):
        yield terminal


@pytest.fixture
def slow_to_stop() -> Iterator[Terminal]:
    """One with a program in it that takes two signals to end."""
    with contextlib.closing(Terminal(sys.executable, "-c", SLOW_TO_STOP)) as terminal:
        yield terminal


def test_ctrl_c_stops_a_server_in_order(terminal, data):
    eventually(lambda: terminal.shows(b"listening on"), "the server serves", timeout=60)
    terminal.type(b"\x03")
    assert terminal.status() == 0, terminal.output
    assert terminal.shows(b"draining") and terminal.shows(b"stopped"), terminal.output
    assert not postmasters(data)


def test_a_terminal_that_is_closed_stops_a_server_in_order(terminal, data):
    eventually(lambda: terminal.shows(b"listening on"), "the server serves", timeout=60)
    terminal.hang_up()
    assert terminal.status() == 0, terminal.output
    assert not postmasters(data)


def test_a_child_that_ends_ends_the_script(terminal, data):
    eventually(lambda: terminal.shows(b"listening on"), "the server serves", timeout=60)
    os.kill(terminal.first_child(), signal.SIGKILL)
    assert terminal.status() == 1, terminal.output
    assert terminal.shows(b"a part has ended") and terminal.shows(b"stopped"), terminal.output
    assert not postmasters(data)


def test_another_ctrl_c_is_passed_on(slow_to_stop):
    eventually(lambda: slow_to_stop.shows(b"ready"), "it runs")
    slow_to_stop.type(b"\x03")
    eventually(lambda: slow_to_stop.shows(b"asked once"), "it is asked to stop")
    slow_to_stop.type(b"\x03")
    assert slow_to_stop.status() == 0, slow_to_stop.output
    assert slow_to_stop.shows(b"asked twice")
