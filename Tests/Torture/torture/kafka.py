"""A Kafka cluster as a process of its own, librdkafka's mock, with a consumer that writes down what
the servers' sink delivers."""

import os
import threading
from multiprocessing.connection import Connection

from support.kafka_mock import KafkaMock, KafkaRecord
from support.stubs import event_sink_pb2
from support.waiting import eventually

from .child import Child
from .delivery import Delivered, Delivery

SINK = "kafka"
# Of a machine one record is under way at a time: one with very many events would be behind for
# minutes, so that those have a namespace that this sink leaves out.
NAMESPACES = ["*-steady", "*-brittle"]
# One for all rounds: of each partition the mock keeps the last 5 MB, and all topics for ever.
TOPIC = "torture"
PARTITIONS = 4
BROKERS = range(1, 4)
BOUND = 60.0  # seconds in which all is read that is there


class Kafka:
    """The process, from outside. It lasts as long as the run, and is frozen but never killed: the
    mock has records in memory only, and what it had acknowledged and nobody had read would be lost
    by the mock, not by a server."""

    def __init__(self):
        self._child = Child(serve)

    @property
    def sink(self) -> dict:
        """For the servers' configuration. The brokers have the same ports for the whole run."""
        return {"name": SINK, "namespaces": NAMESPACES,
                "kafka": {"brokers": self._child.told, "topic": TOPIC}}

    @property
    def pid(self) -> int:
        return self._child.pid

    def do(self, what: str, *arguments) -> None:
        """A method of the mock cluster's. A process that is frozen does it later."""
        self._child.control.send((what, *arguments))

    def begin(self, delivery: Delivery) -> None:
        """What is read from now on is written down there."""
        self.do("begin", delivery)
        assert self._child.wait("Kafka's consumer begins", BOUND)

    def end(self) -> None:
        """Returns when everything is written down that is in the topic now: nothing more is."""
        self.do("end")
        assert self._child.wait("Kafka's consumer ends", BOUND + 30), "it has not read everything"

    def close(self) -> None:
        self._child.kill()


class Reader:
    """Reads the topic, whatever becomes of the brokers."""

    def __init__(self, cluster: KafkaMock):
        self._cluster = cluster
        self._lock = threading.Lock()
        self._next = dict.fromkeys(range(PARTITIONS), 0)
        self._delivered: Delivered | None = None  # between rounds nothing is written down

    def run(self) -> None:
        for record in self._cluster.follow([TOPIC]):
            if record:
                self._take(record)

    def begin(self, delivery: Delivery) -> bool:
        with self._lock:
            self._delivered = Delivered(delivery)
        return True

    def end(self) -> bool:
        """Whether all is read."""
        try:
            eventually(self._has_all, "all is read", timeout=BOUND, every=0.1)
        except AssertionError:
            return False
        with self._lock:
            self._delivered = None
        return True

    def _has_all(self) -> bool:
        ends = self._cluster.ends(TOPIC)
        with self._lock:
            return all(self._next[partition] >= end for partition, end in ends.items())

    def _take(self, record: KafkaRecord) -> None:
        partition, offset = record.partition, record.offset
        with self._lock:
            if self._delivered:
                if offset != self._next[partition]:
                    self._delivered.surprise(
                        f"offset {offset} of partition {partition} came instead of "
                        f"{self._next[partition]}: the mock cluster lost what was not read yet")
                told = event_sink_pb2.SubscribeResponse.FromString(record.value)
                self._delivered.take([told], f"{record.topic}/{partition}")
            self._next[partition] = offset + 1


def serve(control: Connection) -> None:
    """The process. It tells where its brokers are, and then does what it is told over its control
    connection, and ends with that."""
    cluster = KafkaMock(len(BROKERS))
    cluster.create_topic(TOPIC, PARTITIONS)
    reader = Reader(cluster)
    threading.Thread(target=reader.run, daemon=True).start()
    control.send(cluster.bootstrap_servers)
    while True:
        try:
            what, *arguments = control.recv()
        except EOFError:
            os._exit(0)
        if what in ("begin", "end"):
            control.send(getattr(reader, what)(*arguments))
        else:
            getattr(cluster, what)(*arguments)
