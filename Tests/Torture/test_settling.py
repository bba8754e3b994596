"""What the torture itself does after the faults, with servers that are none."""

import contextlib
from types import SimpleNamespace

from torture import settling as module
from torture.checker.verdict import Records
from torture.settling import Settling
from torture.topology import Node, Topology


class Ending:
    """A server that ends at its first start, because its PostgreSQL does not start, and serves at
    its second."""

    def __init__(self):
        self.starts = 0
        self.client = self

    def start(self, wait: bool) -> None:
        self.starts += 1

    @property
    def running(self) -> bool:
        return self.starts > 1

    def wait(self, timeout: float) -> int:
        return 69

    def log_tail(self) -> str:
        return "PostgreSQL did not start"

    def serving(self) -> bool:
        return self.running


def topology() -> Topology:
    made = Topology.__new__(Topology)
    made.nodes = [Node(Ending())]
    made.nodes[0].start()
    return made


def test_a_server_that_did_not_start_is_started_again():
    ended = topology()
    settling = Settling(ended, [], Records([]))
    assert ended.serving() == []
    with contextlib.suppress(AssertionError):  # there is no namespace with machines
        settling._settled()
    assert len(ended.serving()) == 1
    assert len(settling.ended) == 1 and "PostgreSQL did not start" in settling.ended[0]
    assert [*ended.restart_ended()] == [], "it runs"


def left(monkeypatch, *counts: str) -> str:
    """What is left when the database has so many events, notifications and messages, look by look,
    and then no others."""
    monkeypatch.setattr(module, "BOUND", 0.05)
    monkeypatch.setattr(module, "LOOK", 0.02)
    looks = iter(counts)
    last = counts[-1]
    postgres = SimpleNamespace(sql=lambda *_: next(looks, last))
    return Settling(SimpleNamespace(postgres=postgres), [], Records([])).leftovers()


def test_rows_of_removed_machines_that_get_fewer_are_waited_for(monkeypatch):
    assert left(monkeypatch, *(f"{number} 1 0" for number in range(20, 0, -1)), "0 0 0") == ""
    assert left(monkeypatch, "0 0 0") == ""


def test_rows_of_removed_machines_that_stay_are_told(monkeypatch):
    assert left(monkeypatch, "9 2 1", "7 2 1") == (
        "7 events, 2 notifications, 1 messages to be delivered")
