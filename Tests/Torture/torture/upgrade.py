"""Nodes of one database that run different builds, replaced one after the other under load and
under all other faults: old by new, new by old, old by new."""

from collections.abc import Callable, Iterator
from pathlib import Path

from support.waiting import eventually

from .faults import Fault, Pause
from .topology import Node, Topology

# What a build says that starts where a newer one has changed the schema: the end of the way back.
REFUSED = "a newer version"
UNAVAILABLE = 69


class Upgrade:
    """`old` is what the nodes run at first, `new` what they run in the end."""

    def __init__(self, topology: Topology, old: Path, new: Path):
        self._topology, self._old, self._new = topology, old, new
        self.refusals = 0
        for node in topology.nodes:
            node.server.binary = old

    def plan(self) -> Iterator[Fault]:
        """In this order. Back to the old build as long as the schema is known to it."""
        for build, name in ((self._new, "new"), (self._old, "old"), (self._new, "new")):
            for number, node in enumerate(self._topology.nodes, 1):
                yield Fault(f"replace by {name}", f"node {number}", self._replacement(node, build))

    def _replacement(self, node: Node, build: Path) -> Callable[[Pause], None]:
        def run(pause: Pause) -> None:
            """As an operator does it: the old one drains and hands its shards over; the next node
            waits for the new one to be up, as a standby at least."""
            status = node.terminate()
            if status != 0 and not self.replaces(node, status):
                raise AssertionError(f"SIGTERM ended a server with status {status}")
            # Where one was refused, so would be each other.
            node.server.binary = self._new if self.refusals else build
            node.start()
            eventually(lambda: node.server.is_up or not node.server.running,
                       "the build that took the place is up", timeout=60)
        return run

    def replaces(self, node: Node, status: int) -> bool:
        """Whether an old build ended because the schema is a newer one's, as documented, so that
        the new one takes its place: at its next start."""
        refused = (status == UNAVAILABLE and node.server.binary == self._old
                   and REFUSED in node.server.last_words())
        if refused:
            self.refusals += 1
            node.server.binary = self._new
        return refused

    @property
    def left(self) -> list[int]:
        """The nodes that do not run the new build."""
        return [number for number, node in enumerate(self._topology.nodes, 1)
                if node.server.binary != self._new]
