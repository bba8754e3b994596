"""Hosts on this machine: network namespaces, and a router in this process between them whose links
can be slow, narrow and cut. Their packets leave nothing but each other's devices, and nothing of
them outlives the process."""

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from .server import scratch_directory

T = TypeVar("T")

DEVICE = b"net0"
MTU = 1_500
# Packets that may wait for the router: it loses none that a link would take.
BACKLOG = 5_000
# What may wait of one connection for a narrow link; what comes then falls. So one that says little
# is slowed down by the others, and loses nothing. Bytes.
QUEUE = 128 << 10

# Addresses and ports of a packet without options.
CONNECTION = slice(12, 24)

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
SIOCSIFMTU, SIOCSIFTXQLEN = 0x8922, 0x8943
IFF_UP = 1

# Its network, its resolver, and whoever started it gone: its end.
HOLD = ('mount --bind "$0/resolv.conf" /etc/resolv.conf && '
        'mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf && echo ready && exec cat')


class Link:
    """Between a host and the router, the same in both directions. `delay`: seconds that each packet
    is under way; `rate`: bytes in a second."""

    def __init__(self):
        self.delay = 0.0
        self.rate: float | None = None
        self.is_cut = False
        self._free = [0.0, 0.0]

    def pass_on(self, size: int, direction: int, now: float, under_way: int) -> float | None:
        """When the packet arrives at the other end, if it does. `under_way`: bytes of the same
        connection that are."""
        if self.is_cut:
            return None
        if self.rate is None:
            return now + self.delay
        if under_way > QUEUE:
            return None
        self._free[direction] = max(now, self._free[direction]) + size / self.rate
        return self._free[direction] + self.delay

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """In the block every packet falls; nobody hears of it."""
        self.is_cut = True
        try:
            yield
        finally:
            self.is_cut = False

    @contextlib.contextmanager
    def slow(self, delay: float, rate: float) -> Iterator[None]:
        self.delay, self.rate = delay, rate
        try:
            yield
        finally:
            self.delay, self.rate = 0.0, None


class Host:
    """A network of its own with these addresses. `launcher` is what starts a program there."""

    def __init__(self, addresses: tuple[str, ...], name_server: str):
        self.addresses = addresses
        self.address = addresses[0]
        self.link = Link()
        self.files = scratch_directory()
        (self.files / "resolv.conf").write_text(
            f"nameserver {name_server}\noptions timeout:1 attempts:2\n")
        (self.files / "nsswitch.conf").write_text("hosts: files dns\n")
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", HOLD, str(self.files)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        namespaces = f"/proc/{self._holder.pid}/ns"
        self._network = Path(namespaces, "net")
        self.launcher = ["nsenter", f"--net={namespaces}/net", f"--mount={namespaces}/mnt"]
        try:
            if self._holder.stdout.readline() != b"ready\n":
                raise OSError(self._holder.stderr.read().decode().strip())
            self.device = self.within(self._make_device)
        except OSError as error:
            self.close()
            pytest.skip(f"no hosts can be made here: {error}")

    def within(self, make: Callable[[], T]) -> T:
        """What `make` returns in this network: a thread is there, not the process."""
        made: list[T | OSError] = []

        def work() -> None:
            try:
                with self._network.open() as file:
                    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(make())
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def socket(self, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket of this network."""
        return self.within(lambda: socket.socket(socket.AF_INET, kind))

    def held_connections(self, peer: str) -> int:
        """How many TCP connections with the peer a process has and has not closed."""
        wanted = socket.inet_aton(peer)[::-1].hex().upper()
        lines = Path(f"/proc/{self._holder.pid}/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        # 01 is ESTABLISHED: what a process has closed is in another state until the peer has, too.
        return sum(field[2].startswith(wanted) and field[3] == "01" for field in fields)

    def _make_device(self) -> int:
        # Every kernel has it, and it does the same whatever the links were before.
        Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno")
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TUN | IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for number, address in enumerate(self.addresses):
                name = DEVICE + (b":%d" % number if number else b"")
                for request, value in (SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.0"):
                    fcntl.ioctl(control, request, struct.pack(
                        "16sHH4s16x", name, socket.AF_INET, 0, socket.inet_aton(value)))
            for request, value in (SIOCSIFMTU, MTU), (SIOCSIFTXQLEN, BACKLOG):
                fcntl.ioctl(control, request, struct.pack("16si20x", DEVICE, value))
            for name in (DEVICE, b"lo"):
                fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name, IFF_UP))
        return device

    def close(self) -> None:
        self._holder.communicate(timeout=30)
        for file in self.files.iterdir():
            file.unlink()
        self.files.rmdir()


class Network:
    """10.7.0.0/24 of these hosts alone: a name and the last numbers of its addresses each."""

    def __init__(self, name_server: str, **hosts: tuple[int, ...]):
        if os.geteuid() != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            pytest.skip("hosts need root, and /dev/net/tun")
        # To each address, and whether they arrived or fell.
        self.sent: Counter[str] = Counter()
        self._silent: set[bytes] = set()
        self._hosts: dict[str, Host] = {}
        self._ways: dict[bytes, Host] = {}
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._under_way: Counter[bytes] = Counter()
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._router = threading.Thread(target=self._run, daemon=True)
        resolver = f"10.7.0.{hosts[name_server][0]}"
        try:
            for name, numbers in hosts.items():
                host = Host(tuple(f"10.7.0.{number}" for number in numbers), resolver)
                self._hosts[name] = host
                self._ways |= {socket.inet_aton(address): host for address in host.addresses}
        except BaseException:
            self.close()
            raise
        self._router.start()

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    @contextlib.contextmanager
    def silent(self, address: str) -> Iterator[None]:
        """In the block whatever comes from this address or goes to it falls."""
        packed = socket.inet_aton(address)
        self._silent.add(packed)
        try:
            yield
        finally:
            self._silent.discard(packed)

    def close(self) -> None:
        self._ended.set()
        if self._router.ident:
            self._router.join()
        for host in self._hosts.values():
            os.close(host.device)
            host.close()

    def _run(self) -> None:
        poll = select.poll()
        sources = {host.device: host for host in self._hosts.values()}
        for device in sources:
            poll.register(device, select.POLLIN)
        while not self._ended.is_set():
            # Rounded up: it would not be due yet.
            due = self._waiting[0][0] - time.monotonic() if self._waiting else 0.2
            for device, _ in poll.poll(max(0, min(due, 0.2)) * 1000 + 0.5):
                self._read(device, sources[device])
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, device, packet = heapq.heappop(self._waiting)
                self._under_way[packet[CONNECTION]] -= len(packet)
                with contextlib.suppress(OSError):
                    os.write(device, packet)

    def _read(self, device: int, host: Host) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                self._route(os.read(device, MTU), host)

    def _route(self, packet: bytes, source: Host) -> None:
        if packet[0] >> 4 != 4:
            return
        sender, receiver = packet[12:16], packet[16:20]
        self.sent[socket.inet_ntoa(receiver)] += 1
        target = self._ways.get(receiver)
        if target is None or sender in self._silent or receiver in self._silent:
            return
        under_way, arrives = self._under_way[packet[CONNECTION]], time.monotonic()
        for link, direction in (source.link, 0), (target.link, 1):
            arrives = link.pass_on(len(packet), direction, arrives, under_way)
            if arrives is None:
                return
        self._under_way[packet[CONNECTION]] += len(packet)
        heapq.heappush(self._waiting, (arrives, next(self._numbers), target.device, packet))
