"""A DNS server on a host: it knows what a test tells it, and for no longer than it is asked."""

import contextlib
import socket
import struct
import threading
from collections import Counter

from .hosts import Host

A, IN, POINTER = 1, 1, 0xC00C
ANSWERS, RECURSES, NO_SUCH_NAME = 0x8400, 0x0180, 3


class NameServer:
    """`addresses[name]` is what a name has; those that are not there do not exist. A name in
    `mute` gets no answer."""

    def __init__(self, host: Host):
        self.addresses: dict[str, list[str]] = {}
        self.mute: set[str] = set()
        self.asked: Counter[str] = Counter()
        self._socket = host.socket(socket.SOCK_DGRAM)
        self._socket.bind((host.address, 53))
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                request, client = self._socket.recvfrom(4096)
                if not request:
                    return
                name, kind, end = _question(request)
                self.asked[name] += kind == A
                if name not in self.mute:
                    self._socket.sendto(self._answer(request, name, kind, end), client)

    def _answer(self, request: bytes, name: str, kind: int, end: int) -> bytes:
        known = self.addresses.get(name)
        addresses = (known or []) if kind == A else []
        flags = ANSWERS | RECURSES | (0 if known else NO_SUCH_NAME)
        records = [struct.pack("!HHHIH", POINTER, A, IN, 0, 4) + socket.inet_aton(address)
                   for address in addresses]
        header = request[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return header + request[12:end] + b"".join(records)


def _question(request: bytes) -> tuple[str, int, int]:
    """The name, the type of what is asked, and where that ends."""
    labels, position = [], 12
    while length := request[position]:
        labels.append(request[position + 1:position + 1 + length].decode().lower())
        position += 1 + length
    kind, _ = struct.unpack("!HH", request[position + 1:position + 5])
    return ".".join(labels), kind, position + 5
