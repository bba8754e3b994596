"""What is written down while the faults go on: one JSON object a line, a file for each process.

Times are seconds of the system's monotonic clock, which all processes share."""

import dataclasses
import json
import threading
from collections.abc import Container, Iterator
from pathlib import Path
from typing import ClassVar

OK = "ok"  # acknowledged: its effect is there exactly once
OPEN = "open"  # nobody knows: its effect is there at most once
NOTHING = "nothing"  # refused: it has no effect

REMOVALS = ("remove", "farewell")  # kinds of operations; the latter by a step of the processor's

MARK = ">"  # in the names of messages, and of nothing else


def tag_of(stimulus: str, index: int) -> str:
    """The name of a message, unique in a run: the stimulus of the step that sends it, which is
    committed once, and its place among those."""
    return f"{stimulus}{MARK}{index}"


def is_message(name: str) -> bool:
    return MARK in name


@dataclasses.dataclass
class Operation:
    """One request that changes a machine, over all its attempts. `name` is unique in a run and
    comes back in the events that it leads to."""

    record: ClassVar[str] = "operation"
    kind: str  # start, call, notify, repair, remove, farewell
    namespace: str
    machine: str
    name: str
    token: str  # the life of the machine that it is meant for: the name of its start
    begin: float
    parts: int = 1  # how many events it makes
    timer: float | None = None  # the timer that it sets, in seconds
    end: float = 0
    outcome: str = OPEN
    attempts: int = 0
    reply: dict = dataclasses.field(default_factory=dict)  # of a call: saw; of a notify: id
    # Messages that it asks for: of the step, or of the timeout if it sets a timer.
    send: list[dict] = dataclasses.field(default_factory=list)
    cancel: list[str] = dataclasses.field(default_factory=list)  # names of messages
    at: float = 0  # the time of day when it ended

    @property
    def began_at(self) -> float:
        """As a time of day."""
        return self.at - (self.end - self.begin)


@dataclasses.dataclass
class Read:
    """A machine as a client saw it: the last events of its history, descending, or all of them."""

    record: ClassVar[str] = "read"
    client: str
    namespace: str
    machine: str
    begin: float
    end: float
    token: str
    last: int
    aux_events: int
    events: list[dict]
    whole: bool = False


@dataclasses.dataclass
class Watched:
    """What a client was shown of a machine that it watched, over all servers that it asked: every
    event behind `after`, until it had seen `until`."""

    record: ClassVar[str] = "watched"
    client: str
    namespace: str
    machine: str
    begin: float
    after: int
    token: str = ""
    end: float = 0
    until: int = 0
    events: list[dict] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Listing:
    """All pages of a List, in order: machine ids with the ids of their last events."""

    record: ClassVar[str] = "listing"
    client: str
    namespace: str
    begin: float
    end: float
    machines: list[tuple[str, int]]


@dataclasses.dataclass
class Pause:
    """A machine was surely paused between two times of day: from the answer to Pause until Resume
    was sent."""

    record: ClassVar[str] = "pause"
    namespace: str
    machine: str
    begin: float
    end: float


@dataclasses.dataclass
class Surprise:
    """An answer that the contract does not allow there. The client says so at once."""

    record: ClassVar[str] = "surprise"
    namespace: str
    machine: str
    at: float
    text: str


@dataclasses.dataclass
class Invoked:
    """The processor was asked."""

    record: ClassVar[str] = "invoked"
    number: str
    at: float
    namespace: str
    machine: str
    token: str
    kind: str
    stimulus: str  # a name, a notification id, the name of a timer
    step: str
    attempt: int
    epoch: int
    saw: int  # last event id of the machine as it was shown
    peer: str


@dataclasses.dataclass
class Ended:
    """The invocation is over for the processor: answered, or its connection or stream is gone."""

    record: ClassVar[str] = "ended"
    number: str
    at: float


@dataclasses.dataclass
class Heads:
    """Pairs of a shard and the number of its newest feed entry, before the round and after it."""

    record: ClassVar[str] = "heads"
    at: float
    cursors: list[tuple[int, int]]


@dataclasses.dataclass
class Subscribed:
    """Somebody asked for the feed: from there on where its own entries end, or under the name of a
    consumer."""

    record: ClassVar[str] = "subscribed"
    subscriber: str
    subscription: str  # unique in a run
    consumer: str
    begin: float
    repeats: bool = False  # whether what came may come again: nobody knows what is acknowledged
    by_machine: bool = False  # whether those of different machines come in no order
    namespaces: list[str] = dataclasses.field(default_factory=list)  # globs; empty = all


@dataclasses.dataclass(slots=True)
class Told:
    """An entry of the feed, in the order in which they came to a subscriber."""

    record: ClassVar[str] = "told"
    subscription: str
    shard: int
    sequence: int
    namespace: str
    machine: str
    change: str  # created, event, status_changed, removed
    at: float
    event: dict = dataclasses.field(default_factory=dict)
    status: str = ""
    place: str = ""  # where those of one machine are in order: a partition of a topic


@dataclasses.dataclass
class Acknowledged:
    """A consumer has stored how far it came: pairs of a shard and a number."""

    record: ClassVar[str] = "acknowledged"
    consumer: str
    at: float
    cursors: list[tuple[int, int]]


Record = (Operation | Read | Watched | Listing | Pause | Surprise | Invoked | Ended | Heads
          | Subscribed | Told | Acknowledged)
KINDS = {kind.record: kind for kind in (
    Operation, Read, Watched, Listing, Pause, Surprise, Invoked, Ended, Heads, Subscribed, Told,
    Acknowledged)}


class Log:
    """Appends records to a file. Whole lines reach the system at once, so that SIGKILL of the
    writer leaves no half of one."""

    def __init__(self, path: Path):
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def write(self, record: Record) -> None:
        fields = {"record": record.record, **dataclasses.asdict(record)}
        line = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._file.write(line)


def read_log(path: Path) -> Iterator[Record]:
    with path.open() as lines:
        for line in lines:
            fields = json.loads(line)
            yield KINDS[fields.pop("record")](**fields)


def read_logs(directory: Path, namespaces: Container[str] | None = None) -> Iterator[Record]:
    """What the logs of a folder have, of these namespaces or of all, in no order across files."""
    for path in sorted(directory.glob("*.jsonl")):
        for record in read_log(path):
            namespace = getattr(record, "namespace", None)
            if namespaces is None or namespace is None or namespace in namespaces:
                yield record
