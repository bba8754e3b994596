"""A subscriber of the feed as a process of its own: it writes down what it is told, and goes on
where that ends, whatever ended it."""

import itertools
import os
import random
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from support.client import Client, failure_of
from support.feed import OLDEST
from support.stubs import event_sink_pb2

from .client import UNKNOWN, event_of, is_of_transport
from .record import Acknowledged, Log, Subscribed, Surprise, Told, read_log

SECONDS = (3.0, 25.0)  # that a subscription lasts, if nothing ends it
AT_ONCE = 200  # entries that are acknowledged together, at most
KEPT = 5_000  # of longer histories events behind these are written down without what is in them


@dataclass(frozen=True)
class Following:
    """What the process has to do."""

    name: str
    addresses: list[str]
    seed: int
    log: Path
    beginning: list[tuple[int, int]]  # shards, and the numbers behind which the round begins
    consumer: str  # empty: it has cursors of its own


class FeedSubscriber:
    """Subscribes again and again. Its log is also its memory: an entry counts as told when it is
    in there."""

    def __init__(self, following: Following):
        self._following = following
        self._random = random.Random(f"{following.seed}-{os.getpid()}")
        self._nodes = [Client(address) for address in following.addresses]
        self._numbers = itertools.count(1)
        self._pause = threading.Event()
        self._unacknowledged: dict[int, int] = {}
        self._count = 0  # entries since the last acknowledgement
        self.position = dict(following.beginning)
        if following.log.exists():
            for record in read_log(following.log):
                if isinstance(record, Told):
                    self._move(record.shard, record.sequence)
        self._log = Log(following.log)

    def run(self) -> None:
        while True:
            self._subscribe()
            self._pause.wait(self._random.uniform(0.01, 0.15))

    def _subscribe(self) -> None:
        consumer = self._following.consumer
        subscription = f"{self._following.name}-{os.getpid()}-{next(self._numbers)}"
        # A consumer begins where its first subscriber says.
        known = dict(self._following.beginning) if consumer else self.position
        request = event_sink_pb2.SubscribeRequest(
            consumer=consumer, start=OLDEST, cursors=cursors_of(known))
        self._unacknowledged.clear()
        self._log.write(Subscribed(
            self._following.name, subscription, consumer, time.monotonic()))
        try:
            for told in self._random.choice(self._nodes).event_sink.Subscribe(
                    request, timeout=self._random.uniform(*SECONDS)):
                self._take(subscription, told)
            self._surprise("the stream ended by itself")
        except grpc.RpcError as error:
            self._judge("subscribe", error)

    def _take(self, subscription: str, told: event_sink_pb2.SubscribeResponse) -> None:
        change = told.WhichOneof("change")
        if change == "progress":
            for cursor in told.progress.cursors:
                self._move(cursor.shard, cursor.sequence)
        else:
            self._log.write(record_of(subscription, told, change))
            self._move(told.shard, told.sequence)
            self._unacknowledged[told.shard] = told.sequence
            self._count += 1
        if self._following.consumer and self._unacknowledged and (
                change == "progress" or self._count >= AT_ONCE):
            self._acknowledge()

    def _move(self, shard: int, sequence: int) -> None:
        self.position[shard] = max(sequence, self.position.get(shard, 0))

    def _acknowledge(self) -> None:
        """What is in the log."""
        self._count = 0
        try:
            self._random.choice(self._nodes).event_sink.Acknowledge(
                event_sink_pb2.AcknowledgeRequest(
                    consumer=self._following.consumer,
                    cursors=cursors_of(self._unacknowledged)),
                timeout=self._random.uniform(0.5, 3))
        except grpc.RpcError as error:
            self._judge("acknowledge", error)
            return
        self._log.write(Acknowledged(
            self._following.consumer, time.monotonic(), [*self._unacknowledged.items()]))
        self._unacknowledged.clear()

    def _judge(self, what: str, error: grpc.RpcError) -> None:
        failure = failure_of(error)
        if failure.code.name not in UNKNOWN and failure.reason != "OVERLOADED" and (
                not is_of_transport(failure)):
            self._surprise(f"{what} was answered {failure.code.name} {failure.reason}: "
                           f"{failure.message}")

    def _surprise(self, text: str) -> None:
        self._log.write(Surprise("feed", self._following.name, time.monotonic(), text))


def cursors_of(position: dict[int, int]) -> list[event_sink_pb2.Cursor]:
    return [event_sink_pb2.Cursor(shard=shard, sequence=sequence)
            for shard, sequence in position.items()]


def record_of(subscription: str, told: event_sink_pb2.SubscribeResponse, change: str) -> Told:
    record = Told(subscription, told.shard, told.sequence, told.namespace, told.machine_id, change,
                  time.monotonic())
    if change == "event":
        kept = told.event.id <= KEPT
        record.event = event_of(told.event) if kept else {"id": told.event.id}
    elif change == "status_changed":
        record.status = told.status_changed.status.WhichOneof("kind")
    return record


def serve(following: Following, control: Connection) -> None:
    """The process. It answers each message over its control connection with how far it has come,
    by shard, and ends with that."""
    subscriber = FeedSubscriber(following)
    threading.Thread(target=subscriber.run, daemon=True).start()
    control.send("ready")
    while True:
        try:
            control.recv()
            control.send(dict(subscriber.position))
        except EOFError:
            os._exit(0)
