"""Lets what runs outside of a host be reached at an address of it, and speak from there: the
connections that others on the network see are the host's own."""

import contextlib
import socket
import threading
from collections.abc import Callable

from .hosts import Host


class Door:
    """Each connection to `listener` is passed on over one that `dial` makes."""

    def __init__(self, listener: socket.socket, dial: Callable[[], socket.socket]):
        self._listener = listener
        self._dial = dial
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def into(cls, host: Host, port: int, target: int, address: str = "") -> "Door":
        """From the host's port to one of 127.0.0.1 outside of it."""
        listener = host.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address or host.address, port))
        listener.listen(128)
        return cls(listener, lambda: socket.create_connection(("127.0.0.1", target)))

    @classmethod
    def out_of(cls, host: Host, address: str, port: int, outside: int = 0) -> "Door":
        """From a port of 127.0.0.1 outside of the host, through it, to what it reaches."""
        def dial() -> socket.socket:
            end = host.socket()
            try:
                end.connect((address, port))
            except OSError:
                end.close()
                raise
            return end

        return cls(socket.create_server(("127.0.0.1", outside)), dial)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ends = list(self._ends)
        for end in ends:
            _end(end)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        """Each direction has a thread: one that is stuck does not keep back the other."""
        try:
            far = self._dial()
        except OSError:
            near.close()
            return
        pair = [near, far]
        with self._lock:
            self._ends += pair
        for end in pair:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()
        with self._lock:
            self._ends = [end for end in self._ends if end not in pair]
        for end in pair:
            end.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(256 << 10):
            target.sendall(data)
    for end in (source, target):
        _end(end)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
