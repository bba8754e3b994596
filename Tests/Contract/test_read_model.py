"""The read model of Examples/python: a subscriber of the feed with a file of its own."""

import importlib.util
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from support.client import Space, failure_of
from support.feed import ON
from support.processor import Answer, Refusal, echo
from support.stubs import ROOT, event_sink_pb2, generate, types_pb2
from support.waiting import eventually

EXAMPLE = ROOT / "Examples" / "python" / "read_model.py"


class Model:
    """The example as a process, and what stands in its file."""

    def __init__(self, folder: Path, target: str, *namespaces: str):
        self.file, self.log = folder / "machines.db", folder / "log"
        self._arguments = ["--target", target, "--database", str(self.file)]
        for name in namespaces:
            self._arguments += ["--namespace", name]
        self._process: subprocess.Popen | None = None

    def start(self) -> "Model":
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(EXAMPLE), *self._arguments], stdout=log, stderr=log,
                env={"PYTHONPATH": str(generate()), "PYTHONDONTWRITEBYTECODE": "1"})
        return self

    def says(self, text: str) -> None:
        eventually(lambda: text in self.log.read_text(), f"the model says: {text}", timeout=30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def end(self) -> None:
        """As Ctrl-C does it."""
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(30) == 0, self.log.read_text()

    def wait(self) -> int:
        return self._process.wait(30)

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self.kill()

    def select(self, query: str) -> list[tuple]:
        if not self.file.exists():
            return []
        with closing(sqlite3.connect(self.file, timeout=60)) as file:
            return file.execute(query).fetchall()

    def machines(self, space: Space) -> dict[str, tuple]:
        """Those that are there: status, last event and start of each."""
        return {id: rest for namespace, id, *rest in self.select(
            "select namespace, id, status, last_event_id, created_at from machines "
            "where removed_at is null") if namespace == space.name}

    def totals(self, space: Space) -> dict[str, int]:
        return {change: count for namespace, change, count in self.select(
            "select namespace, change, count from totals") if namespace == space.name}

    def contents(self) -> list[tuple]:
        return [*self.select("select * from machines order by namespace, id"),
                *self.select("select * from totals order by namespace, change")]


@pytest.fixture
def model(tmp_path):
    made = []

    def make(target: str, *spaces: Space) -> Model:
        made.append(Model(tmp_path, target, *(space.name for space in spaces)))
        return made[-1].start()

    yield make
    for model in made:
        model.close()


def listed(space: Space) -> dict[str, tuple]:
    """What the server says, in the words of the model; List and Get say the same."""
    machines = [machine for page in space.pages() for machine in page]
    for machine in machines[:5]:
        assert space.get(machine.id).last_event_id == machine.last_event_id
    return {machine.id: [machine.status.WhichOneof("kind"), machine.last_event_id,
                         machine.created_at.ToJsonString()] for machine in machines}


def behaviour(i):
    """A call `break` fails the machine; `end` says a last word and removes it."""
    if i.args == b"break":
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")
    if i.args == b"end":
        return Answer(events=[b"farewell"], remove=True)
    return echo(i)


class Lives:
    """Machines that are started, called, broken, repaired, removed and started again, until it is
    told to stop, whatever becomes of the server; and how much of all that there was."""

    def __init__(self, space: Space, name: str):
        self._space, self._name = space, name
        self.count = Counter()
        self._ends = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._done = self._thread.submit(self._run)

    def _run(self) -> None:
        number = 0
        while not self._ends.is_set():
            number += 1
            # Every third one is another machine under the id of one that is gone.
            self._live(f"{self._name}-{number // 3}", f"{self._name}-{number}", number)

    def _live(self, id: str, key: str, number: int) -> None:
        space = self._space
        self._do(lambda: space.start(id, b"init", key=f"{key}-start"), created=1, event=1)
        for call in range(number % 4):
            self._do(lambda: space.call(id, b"x", key=f"{key}-{call}"), event=1)
        if number % 3 == 1:
            self._do(lambda: space.call(id, b"break"), "MACHINE_FAILED", status_changed=1)
            if number % 2:
                return self._do(lambda: space.remove(id), "MACHINE_NOT_FOUND", removed=1)
            self._do(lambda: space.simple_repair(id), "MACHINE_ALREADY_WORKING", status_changed=1)
        # The last life of most ids goes on, broken or not.
        if number % 3 != 2 or number % 5 == 0:
            self._do(lambda: space.call(id, b"end", key=f"{key}-end"), event=1, removed=1)
        elif number % 2:
            self._do(lambda: space.call(id, b"break"), "MACHINE_FAILED", status_changed=1)

    def _do(self, action, done_as: str = "", **counted: int) -> None:
        """Until it is answered: by OK, or by the reason that says that it was done."""
        def is_done() -> bool:
            try:
                action()
            except grpc.RpcError as error:
                failure = failure_of(error)
                if failure.reason == done_as != "":
                    return True
                if failure.code.name not in ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "CANCELLED"):
                    raise
                return False
            return True

        eventually(is_done, "it is answered", timeout=60, every=0.05)
        self.count.update(counted)

    def grow(self) -> None:
        """Much more has happened."""
        before = self.count.total()
        eventually(lambda: self._done.done() or self.count.total() > before + 100, "life goes on",
                   timeout=60)

    def end(self) -> dict[str, int]:
        self._ends.set()
        self._done.result(60)
        self._thread.shutdown()
        return dict(self.count)


def test_the_model_is_right_in_the_end_whatever_was_killed(node, spaces, model):
    server = node().start()
    first, second = (spaces(server.client, behaviour, feed=ON) for _ in range(2))
    for number in range(30):
        first.start(f"older-{number}", b"init")
    model = model(server.address, first, second)
    model.says("up to date")
    assert model.machines(first) == listed(first) and len(listed(first)) == 30
    lives = [Lives(first, "a"), Lives(second, "b")]
    for _ in range(6):
        before = model.totals(first)
        eventually(lambda: model.totals(first) != before, "it follows", timeout=30)
        model.kill()
        lives[0].grow()
        model.start()
    model.says("up to date")
    server.kill()
    model.says("UNAVAILABLE")
    server.start()
    for life in lives:
        life.grow()
    model.kill()
    counts = [life.end() for life in lives]
    model.start()
    for space, count in zip((first, second), counts, strict=True):
        eventually(lambda: model.totals(space) == count, "each change counts once", timeout=60)
        assert model.machines(space) == listed(space)
    [(removed,)] = model.select("select count(*) from machines where removed_at is not null")
    assert removed > 0 and {"working", "failed"} <= {status for status, *_ in listed(
        first).values()}


def test_a_second_start_changes_nothing(client, spaces, model):
    space = spaces(client, behaviour, feed=ON)
    model = model(client.address, space)
    model.says("up to date")
    space.start("m", b"init")
    space.start("gone", b"init")
    space.call("gone", b"end")
    seen = {"created": 2, "event": 3, "removed": 1}
    eventually(lambda: model.totals(space) == seen, "it is told")
    before = model.contents()
    model.end()
    model.start().says("up to date")
    assert model.contents() == before
    space.start("gone", b"init")
    eventually(lambda: model.machines(space) == listed(space), "there is another of this id")
    assert set(model.machines(space)) == {"m", "gone"}
    assert model.select("select count(*) from machines") == [(2,)]


def test_a_model_that_begins_while_much_happens(client, spaces, model):
    """What it is told of what List has shown already does no harm."""
    space = spaces(client, behaviour, feed=ON)
    lives = [Lives(space, name) for name in "ab"]
    for life in lives:
        life.grow()
    model = model(client.address, space)
    model.says("up to date")
    for life in lives:
        life.grow()
        life.end()
    eventually(lambda: model.machines(space) == listed(space), "it has seen all of it", timeout=30)


def test_what_was_missed_has_the_model_built_anew(client, spaces, model):
    """The feed is behind the cursors: a backup of its database has been restored."""
    space = spaces(client, behaviour, feed=ON)
    space.start("m", b"init")
    model = model(client.address, space)
    model.says("up to date")
    model.end()
    with closing(sqlite3.connect(model.file)) as file, file:
        file.execute("update cursors set sequence = sequence + 1000000")
        file.execute("update machines set id = 'from a time that has not been'")
    model.start().says("OUT_OF_RANGE")
    model.says("up to date")
    assert model.machines(space) == listed(space)
    space.call("m", b"a")
    eventually(lambda: model.machines(space) == listed(space), "it follows again")


def test_what_the_model_cannot_follow_is_said(client, spaces, model):
    quiet, told = spaces(client), spaces(client, feed=ON)
    refused = model(client.address, quiet)
    assert refused.wait() == 1 and f"namespace update {quiet.name} --feed on" in \
        refused.log.read_text()
    nowhere = model(client.address, Space(client, None, "no-such"))
    assert nowhere.wait() == 1 and "NOT_FOUND" in nowhere.log.read_text()
    followed = model(client.address, told)
    followed.says("up to date")
    followed.end()
    other = model(client.address, told, quiet)
    assert other.wait() == 1 and "take another file" in other.log.read_text()


# The file

@pytest.fixture
def module():
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("read_model", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entry(sequence: int, **change) -> event_sink_pb2.SubscribeResponse:
    return event_sink_pb2.SubscribeResponse(
        shard=1, sequence=sequence, namespace="n", machine_id="m", **change)


LIFE = [entry(1, created={}), entry(2, event={"id": 1}), entry(3, event={"id": 2})]


def of_file(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


def test_what_comes_again_is_passed_over(module, tmp_path):
    path = tmp_path / "file"
    for batch in ([LIFE[0]], LIFE[:2], [*LIFE, *LIFE], LIFE):
        # Each time as after a restart.
        module.ReadModel(path, ["n"]).apply(batch)
    assert of_file(path, "select * from totals") == [("n", "created", 1), ("n", "event", 2)]
    assert of_file(path, "select status, last_event_id from machines") == [("working", 2)]
    assert of_file(path, "select * from cursors") == [(1, 3)]


def test_the_list_is_read_when_the_cursors_are_known(module, tmp_path):
    """The other way round what happens in between is missed."""
    asked = []

    class Server:
        def newest(self):
            asked.append("newest")
            return {1: 3}

        def machines(self):
            asked.append("machines")
            yield types_pb2.Machine(namespace="n", id="m", status={"working": {}})

        def follow(self, cursors):
            asked.append(cursors)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.keep(module.ReadModel(tmp_path / "file", ["n"]), Server())
    assert asked == ["newest", "machines", {1: 3}]
    assert of_file(tmp_path / "file", "select id, status from machines") == [("m", "working")]


def test_a_progress_moves_the_cursors(module, tmp_path):
    model = module.ReadModel(tmp_path / "file", ["n"])
    progress = event_sink_pb2.FeedProgress(cursors=[
        event_sink_pb2.Cursor(shard=7, sequence=9), event_sink_pb2.Cursor(shard=1, sequence=4)])
    model.apply([LIFE[0], event_sink_pb2.SubscribeResponse(progress=progress)])
    assert module.ReadModel(tmp_path / "file", ["n"]).cursors == {1: 4, 7: 9}


@pytest.mark.parametrize("table", ["cursors", "machines", "totals"])
def test_rows_and_cursors_are_written_together_or_not_at_all(module, tmp_path, table):
    """A write that fails stands for a process that ends there."""
    path = tmp_path / "file"
    model = module.ReadModel(path, ["n"])
    model.apply(LIFE[:1])
    with closing(sqlite3.connect(path)) as file:
        for what in ("insert", "update"):
            file.execute(f"create trigger on_{what} before {what} on {table} "
                         "begin select raise(abort, 'here it ends'); end")
    with pytest.raises(sqlite3.IntegrityError, match="here it ends"):
        model.apply(LIFE[1:])
    with closing(sqlite3.connect(path)) as file:
        for what in ("insert", "update"):
            file.execute(f"drop trigger on_{what}")
    assert of_file(path, "select * from totals") == [("n", "created", 1)]
    assert of_file(path, "select last_event_id from machines") == [(0,)]
    assert of_file(path, "select * from cursors") == [(1, 1)] and model.cursors == {1: 1}
    model.apply(LIFE)
    assert of_file(path, "select * from totals") == [("n", "created", 1), ("n", "event", 2)]


def test_the_queries_of_the_readme_are_answered(module, tmp_path):
    module.ReadModel(tmp_path / "file", ["n"]).apply(LIFE)
    page = (EXAMPLE.parent / "README.md").read_text()
    queries = re.findall(r'sqlite3 -box orders\.db "([^"]*)"', page)
    assert len(queries) == 2
    assert [of_file(tmp_path / "file", query) for query in queries] == [
        [("n", "working", 1)], [("n", "created", 1), ("n", "event", 2)]]
