"""A proxy between a server and its PostgreSQL: the network, as bad as a test wants it."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable

SYNC = b"S\x00\x00\x00\x04"
READY = b"Z\x00\x00\x00\x05"


class Proxy:
    """Listens on a port of 127.0.0.1 and connects each client to `target`. `rate`: so many bytes
    of a client pass in a second, and no more are taken from it."""

    def __init__(self, target: int, rate: int | None = None):
        self.target = target
        self.rate = rate
        # Whoever connects is cut off at once.
        self.is_away = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        if rate:
            # Before the connections: they have it from here, and grow no further.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.port = self._listener.getsockname()[1]
        self._links: list[_Link] = []
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, postgres_url: str) -> str:
        """The same database through the proxy."""
        user, _, rest = postgres_url.partition("@")
        return f"{user}@127.0.0.1:{self.port}/{rest.partition('/')[2]}"

    def on_message(self, text: bytes, fault: type["Fault"]) -> "Fault":
        """The first connection on which the client sends `text` meets the fault, and no other."""
        with self._lock:
            self._fault = fault(text)
            return self._fault

    def cut(self) -> None:
        """Ends every connection."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def fault_of(self, data: bytes) -> "Fault | None":
        with self._lock:
            if self._fault and self._fault.text in data:
                fault, self._fault = self._fault, None
                return fault
        return None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_away:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            link = _Link(self, client, server)
            with self._lock:
                self._links = [known for known in self._links if not known.closed] + [link]
            threading.Thread(target=link.run, daemon=True).start()


class _Link:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket):
        self.client, self.server, self.closed = client, server, False
        self._proxy = proxy
        self._fault: Fault | None = None
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self.closed:
                for end in select.select([self.client, self.server], [], [])[0]:
                    data = end.recv(64 << 10 if self._proxy.rate else 1 << 20)
                    if not data:
                        return self.close()
                    self._forward(data, from_client=end is self.client)
        self.close()

    def _forward(self, data: bytes, from_client: bool) -> None:
        if from_client and self._proxy.rate:
            threading.Event().wait(len(data) / self._proxy.rate)
        if from_client:
            self._fault = self._fault or self._proxy.fault_of(data)
        if self._fault:
            data = self._fault.pass_on(data, from_client, self.close)
        if data:
            (self.server if from_client else self.client).sendall(data)

    def close(self) -> None:
        self.closed = True
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Fault:
    """What happens to the connection on which `text` was sent."""

    def __init__(self, text: bytes):
        self.text = text
        self.happened = threading.Event()

    def pass_on(self, data: bytes, from_client: bool, cut: Callable[[], None]) -> bytes:
        raise NotImplementedError

    def wait(self) -> None:
        assert self.happened.wait(30), "no connection met the fault"


class AnswerLost(Fault):
    """The transaction is committed; its answer is swallowed and the connection is cut."""

    def pass_on(self, data, from_client, cut):
        if from_client:
            return data
        if READY in data:
            cut()
            self.happened.set()
        return b""


class AnswerHeld(Fault):
    """The transaction is committed, and its answer is never heard of."""

    def pass_on(self, data, from_client, cut):
        if from_client:
            return data
        if READY in data:
            self.happened.set()
        return b""


class RequestLost(Fault):
    """Nothing of the transaction arrives, and the connection is cut."""

    def pass_on(self, data, from_client, cut):
        cut()
        self.happened.set()
        return b""


class SyncHeld(Fault):
    """Everything arrives but the end of the transaction: it stays open, with its locks."""

    def pass_on(self, data, from_client, cut):
        if not from_client:
            return b""
        if data.endswith(SYNC):
            self.happened.set()
            return data[:-len(SYNC)]
        return b"" if self.happened.is_set() else data
