"""PostgreSQL goes away in every way there is: callers hear UNAVAILABLE, health says NOT_SERVING,
nothing is lost or applied twice, no machine fails, and work goes on by itself."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from support import repairs
from support.client import Space, fails
from support.outage import Work
from support.postgres import Postgres
from support.proxy import AnswerLost, Proxy, RequestLost, SyncHeld
from support.server import scratch_directory
from support.waiting import eventually

# So short only where it has to end: on a busy machine the renewal of a short lease may come late.
SHORT, LEASE = 2, 5


@pytest.fixture
def database(node):
    """Makes a server on a database, started."""
    return lambda url, lease=LEASE: node(url, lease=lease).start()


@pytest.fixture
def proxy(postgres):
    proxy = Proxy(postgres.port)
    yield proxy
    proxy.close()


@contextlib.contextmanager
def stopped(postgres: Postgres, mode: str) -> Iterator[None]:
    postgres.stop(mode)
    yield
    postgres.start()


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """In the block nothing more fits on the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    yield
    filler.unlink(missing_ok=True)


@pytest.fixture
def disk():
    """A small file system."""
    folder = scratch_directory()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0777", "tmpfs",
                            str(folder)], capture_output=True, text=True)
    if mount.returncode != 0:
        folder.rmdir()
        pytest.skip(f"a disk that can be filled needs the right to mount: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


OUTAGES = {
    "postmaster killed": Postgres.killed,
    "stopped fast": lambda postgres: stopped(postgres, "fast"),
    "stopped as in a crash": lambda postgres: stopped(postgres, "immediate"),
    "frozen for longer than the lease": Postgres.frozen,
    "read-only": Postgres.read_only,
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage(database, postgres, spaces, outage):
    server = database(postgres.url, lease=SHORT if "lease" in outage else LEASE)
    work = Work(spaces(server.client))
    with OUTAGES[outage](postgres):
        work.during_an_outage()
    work.goes_on()
    assert "went back in time" not in server.log.read_text()


def test_who_waits_hears_when_the_lease_ends(database, postgres, spaces):
    """Nobody tells the node that it is the owner no more."""
    server = database(postgres.url, lease=SHORT)
    space = spaces(server.client)
    space.start("m")
    watch = space.watch("m")
    assert [next(watch).WhichOneof("content") for _ in range(2)] == ["machine", "event"]
    waiting = space.get_later("m", after=1)
    with postgres.frozen():
        began = time.monotonic()
        for ended in (lambda: waiting.result(20), lambda: next(watch)):
            with fails("UNAVAILABLE", "NOT_OWNER"):
                ended()
        assert time.monotonic() - began < SHORT + 2
    eventually(server.client.serving, "it serves again", 30)
    again = space.get_later("m", after=1)
    space.call("m")
    assert again.result(10).machine.last_event_id == 2


def test_a_full_disk(database, cluster, spaces, disk):
    cluster.new_folder(disk / "data")
    cluster.sql(f"create tablespace small location '{disk}/data'", database="postgres")
    cluster.new_database("tablespace small")
    server = database(cluster.url, lease=SHORT)
    # What is written does not fit into what the tables have free.
    work = Work(spaces(server.client), payload=bytes(300_000))
    with full(disk):
        work.during_an_outage()
        end = cluster.sql("select clock_timestamp() + interval '4 seconds'")
        eventually(lambda: cluster.sql("select count(*) from progressor.node "
                                       f"where expires_at > '{end}'") == "1",
                   "the lease is kept, for longer than it lasts")
    work.goes_on()
    assert "given up" not in server.log.read_text()
    assert server.terminate() == 0
    cluster.sql(f"drop database {cluster.name} with (force)", database="postgres")
    cluster.sql("drop tablespace small", database="postgres")


def test_a_full_disk_of_the_log(database, spaces, disk):
    """PostgreSQL stops in panic, and is started again by hand when there is room."""
    postgres = Postgres(options=["--waldir", str(disk / "wal"), "--wal-segsize=1"]).start()
    try:
        postgres.new_database()
        server = database(postgres.url)
        work = Work(spaces(server.client), payload=bytes(3_000_000))
        with full(disk):
            work.during_an_outage()
        assert "PANIC" in (postgres.directory / "log").read_text()
        postgres.restart_when_possible()
        work.goes_on()
        assert "went back in time" not in server.log.read_text()
        assert server.terminate() == 0
    finally:
        postgres.close()


def test_a_stall_within_the_lease_is_only_slow(database, postgres, spaces):
    server = database(postgres.url, lease=20)
    space = spaces(server.client)
    space.start("m", b"a")
    with postgres.frozen():
        call = space.call_later("m", b"b")
        eventually(lambda: len(space.invocations("m")) == 2, "the processor answers")
        with pytest.raises(grpc.FutureTimeoutError):
            call.result(timeout=1)
        assert server.client.serving()
    assert call.result().response == b"b"
    assert space.events("m") == [b"a", b"b"]
    assert len(space.invocations("m")) == 2


def test_a_killed_session_restarts_postgresql_and_nobody_hears_more_than_unavailable(
        database, postgres, spaces):
    """PostgreSQL ends all sessions when one dies, and recovers."""
    server = database(postgres.url, lease=5)
    space = spaces(server.client)
    space.start("m", b"0")
    for number in range(1, 4):
        writer = postgres.sql("select max(pid) from pg_stat_activity "
                              "where application_name like 'progressor/%/writer/%'")
        os.kill(int(writer), signal.SIGKILL)
        args = b"%d" % number
        eventually(lambda: _call(space, args) == args, "calls go on", timeout=30)
    assert space.events("m") == [b"%d" % n for n in range(4)]
    assert "went back in time" not in server.log.read_text()


@pytest.mark.parametrize("fault", [AnswerLost, RequestLost])
def test_a_connection_cut_in_the_middle_of_a_commit(database, postgres, proxy, spaces, fault):
    """Fence, then read: committed or not, the step is there once and its caller hears OK."""
    server = database(proxy.url(postgres.url), lease=10)
    space = spaces(server.client)
    space.start("m", b"a")
    for number in range(5):
        args = b"cut %d" % number
        cut = proxy.on_message(args, fault)
        assert space.call("m", args) == args
        cut.wait()
    notification = proxy.on_message(b"notification", fault)
    space.notify("m", b"notification")
    notification.wait()
    removed = proxy.on_message(b"gone", fault)
    space.start("n", b"gone")
    removed.wait()
    expected = [b"a", *(b"cut %d" % n for n in range(5)), b"notification"]
    eventually(lambda: space.events("m") == expected, "the notification is delivered")
    assert space.events("n") == [b"gone"]
    seen = [i.args for i in space.invocations()]
    assert sorted(seen) == sorted([*expected, b"gone"]), "the processor saw each step once"


@pytest.mark.parametrize("fault", [AnswerLost, RequestLost, SyncHeld])
def test_postgresql_goes_away_during_a_sweep(database, postgres, proxy, spaces, fault):
    """What is left of a removed machine is deleted when it is back, and nothing else."""
    server = database(proxy.url(postgres.url))
    space = spaces(server.client)
    for id in ("gone", "kept"):
        space.start(id, b"a")
    swept = proxy.on_message(b"sweep_removed_machines", fault)
    space.remove("gone")
    swept.wait()
    with postgres.killed():
        eventually(lambda: not server.client.serving(), "it is noticed", timeout=30)
    eventually(server.client.serving, "it serves", timeout=60)
    eventually(lambda: postgres.sql("select count(*) from progressor.tombstone") == "0",
               "the sweep goes on")
    assert postgres.sql("select count(*) from progressor.event") == "1"
    assert space.call("kept", b"b") == b"b"
    space.start("gone", b"again")
    assert space.events("kept") == [b"a", b"b"] and space.events("gone") == [b"again"]
    assert "cannot be deleted" not in server.log.read_text(), "once is no reason to call anybody"


@pytest.mark.parametrize("fault", [AnswerLost, RequestLost, SyncHeld])
def test_postgresql_goes_away_while_a_node_looks_at_its_rights(node, postgres, proxy, spaces,
                                                               fault):
    """The start waits for the database, and makes no half schema."""
    server = node(proxy.url(postgres.url))
    looked = proxy.on_message(b"has_table_privilege", fault)
    server.start(wait=False)
    looked.wait()
    with postgres.killed():
        assert server.running
    eventually(server.client.serving, "it serves", timeout=60)
    space = spaces(server.client)
    space.start("m", b"a")
    assert space.events("m") == [b"a"]


def test_the_network_to_the_database_is_cut_and_comes_back(database, postgres, proxy, spaces):
    server = database(proxy.url(postgres.url))
    work = Work(spaces(server.client))
    port, proxy.target = proxy.target, 1
    proxy.cut()
    work.during_an_outage()
    proxy.target = port
    work.goes_on()


def test_a_failover_to_a_lagging_standby(database, proxy, postgres, spaces):
    """Acknowledged steps are missing: memory is emptied, the log says so, and nothing is wedged."""
    server = database(proxy.url(postgres.url))
    space = spaces(server.client)
    space.start("m", b"a")
    standby = postgres.standby()
    try:
        eventually(lambda: standby.sql("select count(*) from progressor.event",
                                       database=postgres.name) == "1", "it has what there is")
        standby.stop_following()
        space.call("m", b"lost")
        space.start("also lost", b"a")
        assert space.events("m") == [b"a", b"lost"]
        postgres.stop("immediate")
        standby.promote()
        proxy.target = standby.port
        proxy.cut()
        assert eventually(lambda: _call(space, b"b"), "calls go on", timeout=30) == b"b"
        assert space.events("m") == [b"a", b"b"], "what memory held is not believed any more"
        log = server.log.read_text()
        assert "critical" in log and "went back in time" in log
        assert space.ids() == ["m"]
        space.start("also lost", b"again")
        assert space.events("also lost") == [b"again"]
        assert space.invocations("m")[-1].metadata["progressor-step"]
        space.notify("m", b"n")
        eventually(lambda: space.events("m") == [b"a", b"b", b"n"], "notifications go on")
        assert server.terminate() == 0
    finally:
        standby.close()
        postgres.start()


def test_a_failover_that_lost_nothing(database, proxy, postgres, spaces):
    server = database(proxy.url(postgres.url))
    work = Work(spaces(server.client))
    standby = postgres.standby()
    try:
        proxy.target = 1
        proxy.cut()
        work.during_an_outage()
        sent = postgres.sql("select pg_current_wal_flush_lsn()")
        eventually(lambda: standby.sql(f"select pg_last_wal_replay_lsn() >= '{sent}'") == "t",
                   "the standby has everything")
        postgres.stop("immediate")
        standby.promote()
        proxy.target = standby.port
        work.goes_on(kept=False)
        assert "went back in time" not in server.log.read_text()
        assert server.terminate() == 0
    finally:
        standby.close()
        postgres.start()


def test_a_repair_job_goes_on_when_the_database_is_back(database, postgres, spaces):
    mendable = repairs.Mendable()
    server = database(postgres.url)
    space = spaces(server.client, mendable)
    ids = [f"m{n:02}" for n in range(30)]
    repairs.fail(space, ids)
    mendable.broken = False
    job = repairs.create(server.client, repairs.spec(space, rate=10))
    eventually(lambda: repairs.get(server.client, job.id).repaired >= 3, "it works")
    with postgres.killed():
        eventually(lambda: not server.client.serving(), "it is noticed", timeout=30)
        assert server.running
    eventually(server.client.serving, "it serves", timeout=60)
    job = repairs.ended(server.client, job.id, timeout=60)
    assert job.state == repairs.COMPLETED and repairs.counts(job) == (30, 30, 0, 0)
    for id in ids:
        eventually(lambda: space.events(id) == [b"init:", b"timeout:"], f"{id} goes on, once")


def _call(space: Space, args: bytes) -> bytes | None:
    """The reply, or nothing while it is unavailable."""
    try:
        return space.call("m", args, key=args.decode(), timeout=5)
    except grpc.RpcError as error:
        assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
        return None
