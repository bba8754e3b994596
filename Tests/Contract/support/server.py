"""`progressor serve` as a process of its own, on a port and a data directory of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .client import Client
from .ports import free_port
from .stubs import ROOT
from .waiting import eventually

BINARY = Path(os.environ.get("PROGRESSOR_BINARY", ROOT / ".build" / "debug" / "progressor"))

# Engines of every server that a test starts, unless it says otherwise.
CORES = int(os.environ.get("CONTRACT_CORES", "1"))


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without settings of the server that the caller of the tests may have, but for
    the number of cores."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROGRESSOR_", "OTEL_"))}
    cores = {"PROGRESSOR_CORES": str(CORES)} if CORES > 1 else {}
    return {**kept, **cores, **extra}


def scratch_directory(parent: str = "/tmp") -> Path:
    """A new folder with a short path (sockets are made in it) that other users may pass: as root
    the server runs PostgreSQL as the user postgres."""
    path = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
    path.chmod(0o755)
    return path


def fastest_folder() -> str:
    """In memory, if there is room: a PostgreSQL that starts, ends or recovers syncs every file that
    it has, and tests kill servers, not machines."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30:
        return str(memory)
    return "/tmp"


def progressor(*arguments: str, timeout: float = 60, **options) -> subprocess.CompletedProcess:
    """Runs the program to its end."""
    environment = clean_environment(**options.pop("environment", {}))
    return subprocess.run([str(BINARY), *arguments], timeout=timeout, env=environment,
                          capture_output=True, text=True, **options)


class Server:
    """Started by `start()`, and again by it after `kill()` or `terminate()`.

    `template` is a data directory that a stopped server left: a copy of it saves the time in which
    PostgreSQL makes a new one."""

    def __init__(self, arguments: Iterable[str] = (), directory: Path | None = None,
                 embedded: bool = True, template: Path | None = None,
                 environment: dict[str, str] | None = None, launcher: Iterable[str] = (),
                 binary: Path = BINARY):
        self.directory = directory or scratch_directory()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.client = Client(self.address)
        self.log = self.directory / "server.log"
        # What starts the server, as nice does: it becomes the server's process.
        self._launcher = [*launcher]
        # What the next start runs; a path within another root if the launcher goes there.
        self.binary = binary
        self.arguments = ["serve", "--listen", self.address, *arguments]
        if embedded:
            self.arguments += ["--data-dir", str(self.data)]
        self._template = template if embedded else None
        self._environment = environment if environment is not None else {}
        self._process: subprocess.Popen | None = None
        self._log_begins = 0

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def start(self, wait: bool = True) -> "Server":
        if self._template and not self.data.exists():
            subprocess.run(["cp", "--archive", self._template, self.data], check=True)
        with self.log.open("ab") as log:
            self._log_begins = log.tell()
            self._process = subprocess.Popen(
                [*self._launcher, str(self.binary), *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_environment(**self._environment), start_new_session=True)
        if wait:
            try:
                eventually(self._ready, "the server serves", timeout=60)
            except AssertionError as error:
                raise AssertionError(f"{error}; its log:\n{self.log_tail()}") from None
        return self

    def _ready(self) -> bool:
        status = self._process.poll()
        if status is not None:
            raise RuntimeError(f"the server ended with {status}; its log:\n{self.log_tail()}")
        return self.client.serving()

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def says(self, text: str, times: int = 1) -> str:
        """The log, once it has the text so often: lines are written beside the work that they are
        about."""
        eventually(lambda: self.log.read_text(errors="replace").count(text) >= times,
                   f"the log says: {text}", timeout=10)
        return self.log.read_text(errors="replace")

    @property
    def is_up(self) -> bool:
        """Whether the last start has come to its end: it serves, or stands by."""
        log = self._last_log()
        return f"listening on {self.address}" in log or "became standby" in log

    def last_words(self) -> str:
        """The end of what the last start wrote."""
        return "\n".join(self._last_log().splitlines()[-5:])

    def _last_log(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return log.read().decode(errors="replace")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def handles_stop(self) -> bool:
        """Whether SIGTERM asks the process to stop: it ends one that has just begun, as any."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        masks = [int(line.split()[1], 16) for line in status.splitlines()
                 if line.startswith(("SigIgn:", "SigCgt:"))]
        return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)

    def kill(self) -> None:
        """SIGKILL: nothing of the server gets to say goodbye."""
        self._process.kill()
        self._process.wait(30)

    def terminate(self, timeout: float = 60) -> int:
        """SIGTERM, then its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout)

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float = 60) -> int:
        return self._process.wait(timeout)

    def close(self) -> None:
        """Stops whatever runs and removes the files."""
        self.client.close()
        if self.running:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
                log = self.log_tail()
                raise AssertionError(f"SIGTERM did not end the server:\n{log}") from None
        shutil.rmtree(self.directory, ignore_errors=True)
