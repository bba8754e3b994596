"""A loopback proxy as a process of its own: links that can be cut, stalled, slowed and broken in
the middle of a request or an answer."""

import asyncio
import enum
import random
import socket
import struct
from dataclasses import dataclass, field
from multiprocessing.connection import Connection


class Mode(enum.Enum):
    """What a link does with the bytes that pass."""

    OPEN = "open"
    CUT = "cut"  # connections are reset, new ones too
    STALL = "stall"  # nothing passes, nobody is told
    STALL_REQUESTS = "stall requests"  # half open
    STALL_ANSWERS = "stall answers"
    DELAY = "delay"
    CUT_REQUEST = "cut in a request"  # a part arrives; the far end keeps its connection for a while
    LATE_REQUEST = "cut before a request"  # it arrives all the same, after the sender gave it up
    CUT_ANSWER = "cut in an answer"  # the request arrives, a part of its answer does


@dataclass
class Link:
    """Where a link listens and leads to, and what it does until when. Of several hosts one is open
    at a time."""

    name: str
    hosts: list[str]
    port: int
    target: int
    mode: Mode = Mode.OPEN
    host: str = ""
    pairs: set["Pair"] = field(default_factory=set)
    change: asyncio.TimerHandle | None = None

    def move(self, host: str) -> None:
        """To another host: there is nobody at the others any more."""
        self.host = host
        for pair in list(self.pairs):
            if pair.host != host:
                pair.reset()

    def set(self, mode: Mode) -> None:
        self.mode = mode
        for pair in list(self.pairs):
            pair.mode_changed()


def reset(transport: asyncio.Transport | None) -> None:
    """Ends a connection with RST, as a killed host or a firewall does."""
    if transport is None or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Side(asyncio.Protocol):
    """One of the two connections of a pair."""

    def __init__(self, pair: "Pair", is_near: bool):
        self.pair, self.is_near = pair, is_near
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pair.opened(self)

    def data_received(self, data: bytes) -> None:
        self.pair.passed(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        self.pair.lost(self)

    def pause_writing(self) -> None:
        self.pair.other(self).pause()

    def resume_writing(self) -> None:
        self.pair.other(self).resume()

    def pause(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.resume_reading()


class Pair:
    """A client's connection to the proxy (near) and the proxy's to the target (far)."""

    ORPHAN_SECONDS = 8.0  # how long the far end of a cut request stays open
    LATE_SECONDS = 1.5

    def __init__(self, link: Link, host: str):
        self.link, self.host = link, host
        self.near, self.far = Side(self, True), Side(self, False)
        self._held: dict[Side, list[bytes]] = {self.near: [], self.far: []}
        self._orphan = False

    def other(self, side: Side) -> Side:
        return self.far if side is self.near else self.near

    def opened(self, side: Side) -> None:
        if side is self.near:
            self.link.pairs.add(self)
            if self.link.mode is Mode.CUT or self.host != self.link.host:
                return reset(side.transport)
            asyncio.ensure_future(self._connect())
        else:
            self._flush()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.far, "127.0.0.1", self.link.target)
        except OSError:
            self.reset()

    def passed(self, source: Side, data: bytes) -> None:
        mode = self.link.mode
        if mode is Mode.CUT_REQUEST and source.is_near and self.far.transport:
            self.far.transport.write(data[:random.randrange(len(data))])
            self._leave_orphan()
        elif mode is Mode.LATE_REQUEST and source.is_near and self.far.transport:
            asyncio.get_running_loop().call_later(
                random.uniform(0, self.LATE_SECONDS), self.far.transport.write, data)
            self._leave_orphan()
        elif mode is Mode.CUT_ANSWER and not source.is_near and self.near.transport:
            self.near.transport.write(data[:random.randrange(len(data))])
            asyncio.get_running_loop().call_soon(self.reset)
        elif mode is Mode.DELAY:
            self._held[source].append(data)
            asyncio.get_running_loop().call_later(random.uniform(0.01, 0.1), self._flush)
        else:
            self._held[source].append(data)
            self._flush()

    def _stalls(self, source: Side) -> bool:
        mode = self.link.mode
        return mode is Mode.STALL or mode is (
            Mode.STALL_REQUESTS if source.is_near else Mode.STALL_ANSWERS)

    def _flush(self) -> None:
        for source, held in self._held.items():
            target = self.other(source).transport
            if not held:
                continue
            if target is None or self._stalls(source):
                source.pause()
                continue
            data = b"".join(held)
            held.clear()
            source.resume()
            if not target.is_closing():
                target.write(data)

    def mode_changed(self) -> None:
        if self.link.mode is Mode.CUT:
            return self.reset()
        for side in (self.near, self.far):
            if not self._stalls(side):
                side.resume()
        self._flush()

    def _leave_orphan(self) -> None:
        """The near end is gone without the far end hearing of it: no FIN, no RST."""
        self._orphan = True
        reset(self.near.transport)
        asyncio.get_running_loop().call_later(self.ORPHAN_SECONDS, reset, self.far.transport)

    def lost(self, side: Side) -> None:
        self.link.pairs.discard(self)
        if self._orphan and side is self.near:
            return
        other = self.other(side).transport
        if other is not None and not other.is_closing():
            self._flush()
            other.close()

    def reset(self) -> None:
        self.link.pairs.discard(self)
        reset(self.near.transport)
        reset(self.far.transport)


async def _serve(links: list[Link], control: Connection) -> None:
    loop = asyncio.get_running_loop()
    by_name = {link.name: link for link in links}
    for link in links:
        link.host = link.hosts[0]
        for host in link.hosts:
            await loop.create_server(
                lambda link=link, host=host: Pair(link, host).near, host, link.port)
    control.send("ready")
    ended = loop.create_future()

    def commanded() -> None:
        try:
            name, mode, seconds = control.recv()
        except EOFError:
            return ended.set_result(None)
        link = by_name[name]
        if mode in link.hosts:
            return link.move(mode)
        if link.change:
            link.change.cancel()
        link.set(Mode(mode))
        link.change = loop.call_later(seconds, link.set, Mode.OPEN)

    loop.add_reader(control.fileno(), commanded)
    await ended


def serve(links: list[tuple[str, list[str], int, int]], control: Connection) -> None:
    """The process: (name, hosts, port, target port) of each link; commands are (name, mode,
    seconds), or (name, host, 0) to move a link. It ends with its control connection."""
    asyncio.run(_serve([Link(*link) for link in links], control))
