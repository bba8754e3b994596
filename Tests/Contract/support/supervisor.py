"""A service manager as systemd is one to its services: it hears what they say of themselves."""

import contextlib
import select
import socket
import struct
import uuid
from pathlib import Path

from .server import scratch_directory
from .waiting import eventually

# struct ucred of unix(7): the kernel says who sent a datagram.
CREDENTIALS = struct.Struct("iII")


class Supervisor:
    """Listens on a path, or on a name of the abstract namespace. `messages` are what came so far,
    with the process that sent it."""

    def __init__(self, abstract: bool = False):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._folder: Path | None = None
        if abstract:
            name = f"progressor-test-{uuid.uuid4().hex}"
            self._socket.bind(f"\0{name}")
            self.address = f"@{name}"
        else:
            self._folder = scratch_directory()
            self.address = str(self._folder / "notify")
            self._socket.bind(self.address)
        self.messages: list[tuple[int, str]] = []

    def environment(self, watchdog: float = 0) -> dict[str, str]:
        """What a service of it has in its environment."""
        variables = {"NOTIFY_SOCKET": self.address}
        if watchdog:
            variables["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return variables

    def read(self) -> None:
        """Takes what has come, without waiting."""
        while select.select([self._socket], [], [], 0)[0]:
            data, ancillary, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
            pid = CREDENTIALS.unpack(ancillary[0][2])[0]
            self.messages.append((pid, data.decode()))

    def said(self, start: str) -> list[str]:
        """The messages that begin so."""
        self.read()
        return [text for _, text in self.messages if text.startswith(start)]

    def wait_for(self, start: str, count: int = 1, timeout: float = 30) -> str:
        """The newest of so many messages that begin so."""
        return eventually(lambda: len(said := self.said(start)) >= count and said[-1],
                          f"it says {start}", timeout)

    def states(self) -> list[str]:
        """What was said of the service's state, in order."""
        self.read()
        return [text.splitlines()[0] for _, text in self.messages
                if text.startswith(("READY=", "RELOADING=", "STOPPING="))]

    def fill(self) -> None:
        """Nobody can send anything more until it reads."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.sendto(b"X_FILLER=1", self.address.replace("@", "\0", 1))

    def close(self) -> None:
        self._socket.close()
        if self._folder:
            (self._folder / "notify").unlink()
            self._folder.rmdir()
