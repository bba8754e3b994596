"""A process that begins handshakes of TLS by the thousand and ends none of them."""

import contextlib
import itertools
import resource
import selectors
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

DRIP = 1.0  # seconds between the bytes of those that send one after the other


class HalfWay:
    """Begins `count` handshakes with a port of 127.0.0.1, in turn from 127.0.0.1, 127.0.0.2, … and
    in three ways: half of the ClientHello at once, nothing, or a byte a second. Each stays until
    the server closes it."""

    def __init__(self, port: int, count: int, addresses: int):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.half_way", str(port), str(count), str(addresses)],
            cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)

    def wait_until_all_began(self) -> float:
        """In how many seconds they came."""
        return float(self._process.stdout.readline())

    def wait_until_all_ended(self) -> int:
        """How many the server closed."""
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait(30)
        self._process.stdout.close()


def hello() -> bytes:
    """A ClientHello as OpenSSL makes it."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    return out.read()


class Crowd:
    """All connections of the process, on one thread."""

    def __init__(self, port: int):
        self._port = port
        self._hello = hello()
        self._selector = selectors.DefaultSelector()
        self._dripping: dict[socket.socket, int] = {}
        self._next_drip = time.monotonic() + DRIP
        self.opened = self.ended = 0

    def begin(self, address: str, way: str) -> None:
        connection = socket.create_connection(("127.0.0.1", self._port), 20, (address, 0))
        self.opened += 1
        connection.setblocking(False)
        if way == "half":
            connection.send(self._hello[:len(self._hello) // 2])
        elif way == "drip":
            self._dripping[connection] = 0
        self._selector.register(connection, selectors.EVENT_READ)

    def attend(self, timeout: float) -> None:
        """Sees which of them the server has closed; the slow ones send another byte."""
        for key, _ in self._selector.select(timeout):
            with contextlib.suppress(ConnectionError):
                if key.fileobj.recv(4096):
                    continue
            self._end(key.fileobj)
        if time.monotonic() > self._next_drip:
            self._next_drip += DRIP
            for connection, sent in list(self._dripping.items()):
                self._dripping[connection] += 1
                try:
                    connection.send(self._hello[sent:sent + 1])
                except ConnectionError:
                    self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        self._dripping.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()
        self.ended += 1


def main() -> None:
    port, count, addresses = map(int, sys.argv[1:])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd, begin = Crowd(port), time.monotonic()
    ways = itertools.cycle(("half", "nothing", "half", "drip"))
    sources = itertools.cycle(range(1, addresses + 1))
    for number, way, source in zip(range(count), ways, sources):
        crowd.begin(f"127.0.0.{source}", way)
        if number % 100 == 0:
            crowd.attend(0)
    print(time.monotonic() - begin, flush=True)
    while crowd.ended < crowd.opened:
        crowd.attend(DRIP / 2)
    print(crowd.ended, flush=True)


if __name__ == "__main__":
    main()
