"""Those who follow the feed: processes that are started anew in each round, and a Kafka cluster
that lasts."""

import time
from pathlib import Path

import grpc
from support.client import Client
from support.feed import NOW
from support.stubs import event_sink_pb2
from support.waiting import eventually

from . import kafka
from .child import Child
from .delivery import Delivery
from .receiver import SINK, Receiving
from .receiver import serve as serve_receiver
from .record import Acknowledged, Heads, Log
from .subscriber import Following
from .subscriber import serve as serve_subscriber
from .topology import Topology

BOUND = 60.0  # seconds in which somebody who is behind gets ahead
LOOK = 0.5


class Audience:
    """The first subscriber has cursors of its own, the others share a consumer. Where the servers
    have a sink, there is who it delivers to."""

    def __init__(self, topology: Topology, subscribers: int):
        self._topology = topology
        self._subscribers = [f"subscriber {number}" for number in range(1, subscribers + 1)]
        self._receivers = [SINK] if topology.webhook_port else []
        self.names = self._subscribers + self._receivers
        self._following: dict[str, Following | Receiving] = {}
        self._children: dict[str, Child] = {}
        self._log: Log | None = None
        self._cursors: dict[int, int] = {}  # that the sink to Kafka acknowledged

    def begin(self, number: int, directory: Path, seed: int) -> None:
        """Before anything of this round is committed."""
        directory.mkdir()
        if not self.names:
            return
        self._log = Log(directory / "director.jsonl")
        self._say_acknowledged()
        beginning = self._heads()
        for name in self._subscribers:
            consumer = "" if name == self._subscribers[0] else f"round-{number}-shared"
            self._following[name] = Following(
                name, self._topology.addresses, seed + number,
                directory / f"{name.replace(' ', '-')}.jsonl", [*beginning.items()], consumer)
        for name in self._receivers:
            self._following[name] = Receiving(
                self._topology.webhook_port, seed + number,
                Delivery(name, directory / f"{name}.jsonl", [*beginning.items()]))
        if self._topology.kafka:
            self._topology.kafka.begin(Delivery(
                kafka.SINK, directory / f"{kafka.SINK}.jsonl", [*beginning.items()],
                by_machine=True, namespaces=kafka.NAMESPACES))
        for name in self.names:
            self.start(name)

    def start(self, name: str) -> None:
        serve = serve_receiver if name in self._receivers else serve_subscriber
        self._children[name] = Child(serve, self._following[name])

    def kill(self, name: str) -> None:
        self._children[name].kill()

    def pid(self, name: str) -> int:
        return self._children[name].pid

    def settle(self) -> None:
        """Waits as long as somebody gets ahead who is not there yet, and ends them all. The checker
        tells who was not."""
        if not self.names:
            return
        heads = self._heads()
        [behind] = eventually(lambda: [self._behind(heads)], "how far they are", timeout=BOUND)
        while behind:
            def closer(than: int = behind) -> list[int]:
                now = self._behind(heads)
                return [now] if now < than else []

            try:
                [behind] = eventually(closer, "they catch up", timeout=BOUND, every=LOOK)
            except AssertionError:
                break
        if self._topology.kafka:
            self._topology.kafka.end()
            self._say_acknowledged()
        for name in self.names:
            self.kill(name)

    def _behind(self, heads: dict[int, int]) -> int:
        """Entries that are to come, of whom has its own cursors, of the others together, and of who
        has them delivered; to Kafka has come what the sink has acknowledged."""
        positions = {}
        for name in self.names:
            control = self._children[name].control
            control.send("position")
            positions[name] = control.recv()
        groups = [self._subscribers[:1], self._subscribers[1:], self._receivers]
        if self._topology.kafka:
            self._cursors = positions[kafka.SINK] = self._acknowledged(kafka.SINK)
            groups.append([kafka.SINK])
        return sum(max(0, head - max(positions[name].get(shard, 0) for name in group))
                   for group in groups if group for shard, head in heads.items())

    def _say_acknowledged(self) -> None:
        self._log.write(Acknowledged(kafka.SINK, time.monotonic(), [*self._cursors.items()]))

    def _acknowledged(self, consumer: str) -> dict[int, int]:
        """As far as a node knows."""
        cursors: dict[int, int] = {}
        for client in self._topology.serving():
            for shard, sequence in acknowledged_of(client, consumer).items():
                cursors[shard] = max(sequence, cursors.get(shard, 0))
        return cursors

    def _heads(self) -> dict[int, int]:
        """Where the feed ends now."""
        def look() -> list[dict[int, int]]:
            return [heads_of(client) for client in self._topology.serving()]

        heads: dict[int, int] = {}
        for seen in eventually(look, "a node tells where the feed ends", timeout=BOUND):
            for shard, sequence in seen.items():
                heads[shard] = max(sequence, heads.get(shard, 0))
        self._log.write(Heads(time.monotonic(), [*heads.items()]))
        return heads


def heads_of(client: Client) -> dict[int, int]:
    """As the first message says of who begins now."""
    call = client.event_sink.Subscribe(
        event_sink_pb2.SubscribeRequest(start=NOW), timeout=10)
    try:
        told = next(call)
    except grpc.RpcError as error:
        raise AssertionError(f"the feed is not told: {error}") from None
    finally:
        call.cancel()
    return {cursor.shard: cursor.sequence for cursor in told.progress.cursors}


def acknowledged_of(client: Client, consumer: str) -> dict[int, int]:
    try:
        answer = client.event_sink.ListConsumers(event_sink_pb2.ListConsumersRequest(), timeout=10)
    except grpc.RpcError as error:
        raise AssertionError(f"the consumers are not told: {error}") from None
    return {cursor.shard: cursor.sequence for found in answer.consumers if found.name == consumer
            for cursor in found.cursors}
