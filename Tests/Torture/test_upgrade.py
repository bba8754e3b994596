"""What `--upgrade` does to nodes that are none."""

import signal
import time
from pathlib import Path

import pytest
from torture.faults import Fault, Schedule
from torture.topology import Node, Topology
from torture.upgrade import Upgrade

OLD, NEW = Path("/old"), Path("/new")
NEWER = ("error: the database has schema version 13 and this program knows 12: it was used by a "
         "newer version. Start that version, or restore the backup from before the upgrade")


class Build:
    """A server of which it is known what it runs."""

    def __init__(self):
        self.binary = NEW
        self.started: list[Path] = []
        self.running = False
        self.status, self.words = 0, ""
        self.client = self
        # So many looks before it handles signals.
        self.beginning = 0

    def start(self, wait: bool) -> None:
        self.started.append(self.binary)
        self.running, self.status, self.words = True, 0, ""

    @property
    def handles_stop(self) -> bool:
        self.beginning = max(0, self.beginning - 1)
        return not self.beginning

    def terminate(self) -> int:
        if self.running and self.beginning:
            self.status = -signal.SIGTERM
        self.running = False
        return self.status

    def wait(self, timeout: float) -> int:
        return self.status

    def log_tail(self) -> str:
        return self.words

    @property
    def is_up(self) -> bool:
        return self.running

    def last_words(self) -> str:
        return self.words

    def serving(self) -> bool:
        return self.running

    def ends(self, status: int, words: str) -> None:
        self.running, self.status, self.words = False, status, words


@pytest.fixture
def topology() -> Topology:
    made = Topology.__new__(Topology)
    made.nodes = [Node(Build()), Node(Build())]
    return made


@pytest.fixture
def upgrade(topology) -> Upgrade:
    made = Upgrade(topology, OLD, NEW)
    topology.excused = made.replaces
    for node in topology.nodes:
        node.start()
    return made


class Nothing:
    """Faults that do nothing to a target that the plan needs."""

    def draw(self) -> Fault:
        return Fault("nothing", "node 1", lambda pause: None)


def test_each_node_goes_there_and_back_and_there(topology, upgrade):
    for fault in upgrade.plan():
        fault.run(lambda seconds: None)
    for node in topology.nodes:
        assert node.server.started == [OLD, NEW, OLD, NEW]
    assert upgrade.left == []


def test_a_node_that_has_just_been_started_is_replaced_once_it_handles_signals(topology, upgrade):
    for node in topology.nodes:
        node.server.beginning = 3
    for fault in upgrade.plan():
        fault.run(lambda seconds: None)
    assert upgrade.left == []


def test_a_plan_is_carried_out_among_other_faults(topology, upgrade, tmp_path):
    schedule = Schedule(Nothing(), 1, tmp_path / "log")
    schedule.INTERVAL = (0.01, 0.02)
    began = time.monotonic()
    schedule.run(2, lambda: None, [*upgrade.plan()])
    assert schedule.failures == []
    assert [node.server.started for node in topology.nodes] == [[OLD, NEW, OLD, NEW]] * 2
    assert schedule.counts["replace by new"] == 4 and schedule.counts["replace by old"] == 2
    assert schedule.counts["nothing"] > 0 and time.monotonic() - began >= 2
    order = [line.split(maxsplit=2)[2] for line in (tmp_path / "log").read_text().splitlines()
             if "replace" in line and line.endswith("begins")]
    assert order == [f"replace by {name} on node {number} begins"
                     for name in ("new", "old", "new") for number in (1, 2)]


def test_a_plan_that_there_was_no_time_for_is_carried_out_in_the_end(topology, upgrade, tmp_path):
    schedule = Schedule(Nothing(), 1, tmp_path / "log")
    schedule.run(0, lambda: None, [*upgrade.plan()])
    assert upgrade.left == [] and schedule.counts["replace by new"] == 4


def test_an_old_build_that_the_schema_refuses_gives_way_to_the_new_one(topology, upgrade):
    first, second = topology.nodes
    first.server.ends(69, NEWER)
    assert [*topology.restart_ended()] == []
    assert first.server.started == [OLD, NEW] and first.server.running
    assert upgrade.left == [2]
    for fault in upgrade.plan():
        fault.run(lambda seconds: None)
    assert OLD not in second.server.started[1:], "there is no way back any more"


@pytest.mark.parametrize(("build", "status", "words"), [
    (NEW, 69, NEWER), (OLD, 1, NEWER), (OLD, 69, "error: the database cannot be reached")])
def test_nothing_else_is_excused(topology, upgrade, build, status, words):
    first = topology.nodes[0]
    first.server.binary = build
    first.server.ends(status, words)
    ended = [*topology.restart_ended()]
    assert len(ended) == 1 and f"ended with {status}" in ended[0]
    assert first.server.started[-1] == build
