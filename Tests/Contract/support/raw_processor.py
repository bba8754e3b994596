"""A processor that speaks HTTP/2 by hand: for answers that begin and stop, and for peers that do
not answer at all."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from .http2 import (
    ACK, DATA, END_STREAM, HEADERS, PING, PREFACE, SETTINGS, frame, headers, literal,
    window_update,
)
from .ports import free_port

ANSWER = b"\x88" + literal("content-type", b"application/grpc")
TRAILERS = literal("grpc-status", b"0")


def prefix(length: int, compressed: bool = False) -> bytes:
    """What stands before a message of so many bytes."""
    return struct.pack(">BI", compressed, length)


class RawProcessor:
    """`behave(connection, stream)` is called for each request, when all of it has come."""

    def __init__(self, behave: Callable[["Link", int], None], port: int | None = None,
                 host: str = "127.0.0.1"):
        self.requests = 0
        self._behave = behave
        self.port = port or free_port()
        self._links: list[Link] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((host, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pings(self) -> int:
        """How many PINGs came on all connections."""
        with self._lock:
            return sum(link.pings for link in self._links)

    @property
    def connections(self) -> int:
        with self._lock:
            return len(self._links)

    def stop(self) -> None:
        """Cuts everything, as a process that is killed."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link = Link(self._listener.accept()[0], self)
                with self._lock:
                    self._links.append(link)
                threading.Thread(target=link.run, daemon=True).start()

    def requested(self, link: "Link", stream: int) -> None:
        with self._lock:
            self.requests += 1
        self._behave(link, stream)


class Link:
    """One connection of the server's."""

    def __init__(self, connection: socket.socket, processor: RawProcessor):
        self.pings = 0
        self._socket = connection
        self._processor = processor
        self._lock = threading.Lock()

    def send(self, data: bytes) -> None:
        with self._lock:
            self._socket.sendall(data)

    def begin(self, stream: int, more: bytes = b"") -> None:
        """The header fields of an answer."""
        self.send(headers(stream, ANSWER + more))

    def data(self, stream: int, data: bytes) -> None:
        for start in range(0, len(data), 16_384):
            self.send(frame(DATA, 0, stream, data[start:start + 16_384]))

    def end(self, stream: int) -> None:
        self.send(headers(stream, TRAILERS, ends=True))

    def answer(self, stream: int, message: bytes) -> None:
        self.begin(stream)
        self.data(stream, prefix(len(message)) + message)
        self.end(stream)

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            self.send(frame(SETTINGS, 0, 0))
            data = b""
            while len(data) < len(PREFACE):
                data += self._receive()
            data = data[len(PREFACE):]
            while True:
                while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
                    data += self._receive()
                end = 9 + int.from_bytes(data[:3], "big")
                stream = int.from_bytes(data[5:9], "big") & 0x7fffffff
                self._take(data[3], data[4], stream, data[9:end])
                data = data[end:]

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise OSError("the other side closed")
        return data

    def _take(self, type: int, flags: int, stream: int, payload: bytes) -> None:
        if type == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        elif type == PING and not flags & ACK:
            self.pings += 1
            self.send(frame(PING, ACK, 0, payload))
        elif type == DATA and payload:
            self.send(window_update(0, len(payload)) + window_update(stream, len(payload)))
        if type in (DATA, HEADERS) and flags & END_STREAM:
            self._processor.requested(self, stream)
