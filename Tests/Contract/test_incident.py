"""An incident, and docs/runbook.md against it: a bug fails three hundred machines, another
processor is away, and the active node is killed. Each question is answered by the command that
stands there."""

import re
import shlex
import subprocess
from pathlib import Path

import grpc
import pytest
from support.client import duration
from support.ports import free_port
from support.processor import Answer, Refusal, ScriptedProcessor, timer_in
from support.repairs import Mendable, fail, failed
from support.server import BINARY, clean_environment
from support.waiting import eventually

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
COUNT = 300
# Of an operator's minute. Commands take a tenth of a second.
PATIENCE = 20


def commands() -> list[str]:
    """Those of the table."""
    return re.findall(r"^\|[^|]+\| `(progressor [^`]+)` \|$", RUNBOOK, re.MULTILINE)


class Operator:
    """Runs what stands in the runbook, with other names. Asks both nodes, whichever answers."""

    def __init__(self, servers):
        self.environment = clean_environment(
            PROGRESSOR_SERVER=",".join(server.address for server in servers))
        self.left = commands()

    def ask(self, start: str, space: str, machine: str = "", status: int = 0) -> str:
        """The first command that begins so."""
        command = next(line for line in self.left if line.startswith(f"progressor {start}"))
        self.left.remove(command)
        return self.run(command, space, machine, status)

    def run(self, command: str, space: str, machine: str = "", status: int = 0) -> str:
        words = [re.sub("^orders$", space, re.sub("^book-1$", machine, word))
                 for word in shlex.split(command)[1:]]
        ended = subprocess.run([str(BINARY), *words], env=self.environment, capture_output=True,
                               text=True, timeout=PATIENCE)
        assert ended.returncode == status, ended
        return ended.stdout


def busy(invocation):
    if invocation.kind == "notification":
        raise Refusal(grpc.StatusCode.UNAVAILABLE, "come back later")


@pytest.fixture
def nodes(node):
    first, second = node(lease=3), node(lease=3)
    first.arguments += ["--node-name", "anna"]
    second.arguments += ["--node-name", "bert"]
    first.start()
    second.start(wait=False)
    return first, second


def test_each_question_of_an_incident_has_its_command(nodes, spaces, processor):
    first, second = nodes
    bug = Mendable()
    space = spaces(first.client, bug)
    ids = [f"order-{n:03}" for n in range(COUNT)]
    fail(space, ids)
    away = ScriptedProcessor(free_port())
    waiting = spaces(first.client, endpoint=away.endpoint)
    waiting.processor = away
    waiting.behave(lambda i: Answer(timer=timer_in(1) if i.kind == "init" else None))
    for n in range(5):
        waiting.start(f"w{n}")
    away.stop()
    slow = spaces(first.client, busy, retry_policy=dict(
        initial_interval=duration(600), max_interval=duration(600), max_attempts=5))
    slow.start("late")
    slow.notify("late")
    eventually(lambda: slow.status("late") == "retrying", "it is tried again later")
    first.kill()
    operator = Operator(nodes)
    eventually(second.client.serving, "it is taken over", timeout=30)

    status = operator.ask("status", space.name)
    assert re.search(r"\tbert\t[^\t]+\t1024\t", status) and "anna" not in status
    assert space.name in operator.ask("namespace list", space.name)
    causes = [row.split("\t") for row in
              operator.ask("machine failures", space.name).splitlines()[1:]]
    assert {(cause[0], cause[4]) for cause in causes} == {(space.name, "INTERNAL")}
    assert sum(int(cause[1]) for cause in causes) == COUNT
    rows = operator.ask("machine list --namespace orders --status failed", space.name).splitlines()
    assert len(rows) == 1 + COUNT
    assert all("INTERNAL" in row and "broken by" in row for row in rows[1:])
    recent = operator.ask("machine list --namespace orders --failed-since", space.name)
    assert len(recent.splitlines()) == 1 + COUNT
    counted = operator.ask("machine list --namespace orders --count", space.name)
    assert re.search(rf"failed\s+{COUNT}$", counted, re.MULTILINE)
    late = [line for line in operator.left if "--late" in line][0]
    eventually(lambda: len(operator.run(late, waiting.name).splitlines()) == 6, "they are late",
               timeout=30)
    operator.ask("machine list --namespace orders --late", waiting.name)
    retrying = operator.ask("machine list --namespace orders --status retrying", slow.name)
    assert "late" in retrying and "UNAVAILABLE" in retrying
    waiting.on(second.client).pause("w1", "a look first")
    paused = operator.ask("machine list --namespace orders --status paused", waiting.name)
    assert "w1" in paused and "a look first" in paused and "w2" not in paused
    waits = operator.ask("machine get", waiting.name, "w2")
    assert "processor, which cannot be reached" in waits
    waiting.on(second.client).notify("w3", b"ship it")
    assert "ship it" in operator.ask("machine notifications", waiting.name, "w3")
    traced = operator.ask("machine trace", space.name, ids[7])
    assert "timeout" in traced and "failed" in traced and "broken by" in traced
    assert away.endpoint in operator.ask("namespace get", waiting.name)
    operator.ask("repair-job list", space.name)
    assert all("security check" in line or "config show" in line for line in operator.left)


def test_the_repair_of_an_incident_goes_as_the_runbook_says(nodes, spaces, processor):
    first, _ = nodes
    bug = Mendable()
    space = spaces(first.client, bug)
    ids = [f"order-{n:03}" for n in range(COUNT)]
    fail(space, ids)
    operator = Operator(nodes)
    section = RUNBOOK[RUNBOOK.index("## Stop the damage"):RUNBOOK.index("## Afterwards")]
    pause, resume, dry, some, one, job = re.findall(r"^    (.+)$", section, re.MULTILINE)
    dry, job = (line.replace("rounding", "broken").replace("--rate 20", "--rate 500")
                for line in (dry, job))
    operator.run(pause, space.name)
    assert "paused" in operator.run("progressor namespace list", space.name)
    bug.broken = False
    operator.run(resume, space.name)
    assert len(operator.run(dry, space.name).splitlines()) == COUNT
    assert len(failed(space)) == COUNT
    first_ten = [row.split("\t")[0] for row in operator.run(some, space.name).splitlines()[1:]]
    assert len(first_ten) == 10 and set(first_ten) <= set(ids)
    for id in first_ten:
        operator.run(one, space.name, id)
    assert f"{COUNT - 10} of {COUNT - 10} repaired" in operator.run(job, space.name)
    assert failed(space) == set()
    counted = operator.run(f"progressor machine list --namespace {space.name} --count", space.name)
    assert re.search(r"failed\s+0$", counted, re.MULTILINE)
    traced = operator.run("progressor machine trace --namespace orders book-1", space.name, ids[-1])
    assert traced.index("repair") < traced.index("broken by"), "the newest first"
    shown = operator.run("progressor repair-job list --namespace orders", space.name)
    assert "fixed in 2.4" in shown
