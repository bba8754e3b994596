"""What a sink of the servers delivers: written down by whoever it delivers to."""

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from support.stubs import event_sink_pb2

from .record import Log, Subscribed, Surprise, Told, read_log
from .subscriber import record_of


@dataclass(frozen=True)
class Delivery:
    """What is delivered in a round, and where that is written down."""

    sink: str  # its name in the servers' configuration, and so the consumer's
    log: Path
    beginning: list[tuple[int, int]]  # shards, and the numbers behind which the round begins
    by_machine: bool = False  # whether those of different machines come in no order
    namespaces: list[str] = field(default_factory=list)  # globs; empty = all


class Delivered:
    """What has come. Its log is also its memory: an entry counts as told when it is in there."""

    def __init__(self, delivery: Delivery):
        self._lock = threading.Lock()
        self._sink = delivery.sink
        self.position = dict(delivery.beginning)
        if delivery.log.exists():
            for record in read_log(delivery.log):
                if isinstance(record, Told):
                    self._move(record)
        self._log = Log(delivery.log)
        self._subscription = f"{delivery.sink}-{os.getpid()}"
        self._log.write(Subscribed(
            delivery.sink, self._subscription, delivery.sink, time.monotonic(), repeats=True,
            by_machine=delivery.by_machine, namespaces=delivery.namespaces))

    def take(self, entries: Iterable[event_sink_pb2.SubscribeResponse], place: str = "") -> None:
        with self._lock:
            for told in entries:
                record = record_of(self._subscription, told, told.WhichOneof("change"))
                record.place = place
                self._log.write(record)
                self._move(record)

    def surprise(self, text: str) -> None:
        self._log.write(Surprise("feed", self._sink, time.monotonic(), text))

    def _move(self, told: Told) -> None:
        self.position[told.shard] = max(told.sequence, self.position.get(told.shard, 0))
