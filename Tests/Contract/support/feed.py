"""A subscriber of the feed, and what it was told."""

import threading
from collections import defaultdict

import grpc

from .client import DEADLINE, Client, fails
from .stubs import event_sink_pb2, namespaces_pb2
from .waiting import eventually

OLDEST = event_sink_pb2.START_POSITION_OLDEST
NOW = event_sink_pb2.START_POSITION_NOW
# Of a namespace.
ON = namespaces_pb2.FeedOptions(enabled=True, bodies=True)


class Subscriber:
    """Reads a stream by a thread: what came so far, and how it ended. `subscribed` are fields of
    SubscribeRequest."""

    def __init__(self, client: Client, reads: bool = True, **subscribed):
        request = event_sink_pb2.SubscribeRequest(**subscribed)
        self.call = client.event_sink.Subscribe(request)
        self.entries, self.cursors, self.error = [], {}, None
        self.progresses = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        if reads:
            self._thread.start()

    def _read(self) -> None:
        try:
            for told in self.call:
                if told.WhichOneof("change") == "progress":
                    self.progresses.append(told.progress)
                    for cursor in told.progress.cursors:
                        self._moves(cursor.shard, cursor.sequence)
                else:
                    self._moves(told.shard, told.sequence)
                    self.entries.append(told)
        except grpc.RpcError as error:
            self.error = error

    def _moves(self, shard: int, sequence: int) -> None:
        assert sequence >= self.cursors.get(shard, 0), "a shard comes in its order"
        self.cursors[shard] = sequence

    def read(self) -> None:
        self._thread.start()

    def of(self, machine: str) -> list[str]:
        """What it was told of a machine, in a word each."""
        return [word(entry) for entry in self.entries if entry.machine_id == machine]

    @property
    def machines(self) -> dict[str, list[str]]:
        told = defaultdict(list)
        for entry in self.entries:
            told[entry.machine_id].append(word(entry))
        return dict(told)

    def caught_up(self) -> "Subscriber":
        """It has been sent all that there was."""
        eventually(lambda: self.progresses or self.error, "the subscriber has caught up")
        if self.error:
            raise self.error
        return self

    def position(self) -> list[event_sink_pb2.Cursor]:
        return [event_sink_pb2.Cursor(shard=shard, sequence=sequence)
                for shard, sequence in sorted(self.cursors.items())]

    def acknowledge(self, client: Client, consumer: str) -> None:
        client.event_sink.Acknowledge(event_sink_pb2.AcknowledgeRequest(
            consumer=consumer, cursors=self.position()), timeout=DEADLINE)

    def leave(self) -> None:
        self.call.cancel()

    def ends(self, code: str, reason: str) -> list:
        eventually(lambda: self.error is not None, "the stream ends")
        with fails(code, reason) as seen:
            raise self.error
        return seen


def word(entry: event_sink_pb2.SubscribeResponse) -> str:
    change = entry.WhichOneof("change")
    if change == "event":
        return f"{entry.event.id}:{entry.event.body.data.decode()}"
    if change == "status_changed":
        return entry.status_changed.status.WhichOneof("kind")
    return change
