"""What the torture itself does after the faults, with servers that are none."""

import contextlib

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
