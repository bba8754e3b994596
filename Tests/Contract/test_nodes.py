"""Two servers on one database: the second is a hot standby from the start, and whatever happens to
the first, exactly one of them writes."""

import contextlib
import functools
import itertools
import signal
import time
import uuid

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support import repairs
from support.client import DEADLINE, Gate, Space, fails
from support.processor import Answer, timer_in
from support.proxy import Proxy, SyncHeld
from support.server import progressor
from support.stubs import cluster_pb2
from support.waiting import eventually

LEASE = 3
# What a server holds while it looks at the schema.
SCHEMA_LOCK = 8097880561172341362


@pytest.fixture
def node(node):
    return functools.partial(node, lease=LEASE)


@pytest.fixture
def first(node):
    return node().start()


@pytest.fixture
def second(first, node):
    return stand_by(node())


def stand_by(server):
    server.start(wait=False)
    eventually(lambda: listens(server), "the standby is there", timeout=60)
    return server


def listens(server) -> bool:
    try:
        server.client.health.Check(health_pb2.HealthCheckRequest(), timeout=2)
        return True
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.NOT_FOUND


def step(i) -> Answer:
    """One event per stimulus; a timer after as many seconds as the args of init say."""
    armed = i.kind == "init" and i.args.replace(b".", b"").isdigit()
    return Answer(response=i.args, events=[i.args or i.kind.encode()],
                  timer=timer_in(float(i.args)) if armed else None)


def call(space: Space, id: str, args: bytes) -> bytes | None:
    """The reply, or nothing while it is unavailable."""
    try:
        return space.call(id, args, key=args.decode(), timeout=5)
    except grpc.RpcError as error:
        assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
        return None


def taken_over(space: Space, id: str, args: bytes, within: float) -> None:
    eventually(lambda: call(space, id, args) == args, "the standby takes over", timeout=within)


def test_a_standby_refuses_and_changes_nothing(first, second, spaces):
    space = spaces(first.client, step)
    space.start("m", b"a")
    standby = space.on(second.client)
    # Also when it has a lease of its own.
    eventually(lambda: len(second.client.cluster.Status(
        cluster_pb2.ClusterStatusRequest(), timeout=DEADLINE).nodes) == 2, "it is one of two")
    assert not second.client.serving()
    for request in (lambda: standby.call("m", b"b"), lambda: standby.get("m"),
                    lambda: standby.start("n"), lambda: standby.notify("m", b"n"),
                    lambda: standby.remove("m"), lambda: list(standby.pages())):
        with fails("UNAVAILABLE", "NOT_OWNER") as failure:
            request()
        assert failure[0].info.metadata["happened"] == "nothing"
    assert space.call("m", b"c") == b"c"
    assert space.events("m") == [b"a", b"c"]


def test_a_change_of_the_command_line_goes_past_a_standby(first, second, spaces):
    """It has done nothing, and says so: also what must not be repeated is asked of the next."""
    space = spaces(first.client, step)
    servers = ["--server", second.address, "--server", first.address, "-n", space.name]
    for change in (["start", "m", "a"], ["notify", "m", "b"], ["call", "m", "c"], ["pause", "m"],
                   ["resume", "m"], ["remove", "m"]):
        result = progressor("machine", change[0], *servers, *change[1:])
        assert result.returncode == 0, result
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


def test_sigkill_of_the_first(first, second, spaces):
    """The lease has to end; then timers that came due fire, and notifications are delivered."""
    gate = Gate()
    space = spaces(first.client, step)
    space.start("m", b"a")
    space.start("timed", b"0.5")
    space.start("notified", b"a")
    space.behave(lambda i: gate.wait() if i.kind == "notification" else step(i))
    space.notify("notified", b"n")
    gate.wait_for_entry()
    first.kill()
    space.behave(step)
    gate.open()
    standby = space.on(second.client)
    began = time.monotonic()
    taken_over(standby, "m", b"b", within=LEASE + 5)
    assert time.monotonic() - began < LEASE + 3
    eventually(lambda: standby.events("timed") == [b"0.5", b"timeout"], "the timer fires")
    eventually(lambda: standby.events("notified") == [b"a", b"n"], "it is delivered")
    assert standby.events("m") == [b"a", b"b"]
    eventually(second.client.serving, "the second serves")


def test_sigterm_of_the_first(node, spaces):
    """It gives its shards back: the standby need not wait for the lease, and has them in a
    second."""
    owner, standby = node(lease=10).start(), stand_by(node(lease=10))
    space = spaces(owner.client, step)
    space.start("m", b"a")
    expected, times = [b"a"], []
    # A busy machine may be late once, but not each time.
    while not times or (min(times) > 1 and len(times) < 3):
        assert owner.terminate() == 0
        began = time.monotonic()
        expected.append(b"%d" % len(times))
        taken_over(space.on(standby.client), "m", expected[-1], within=9)
        times.append(time.monotonic() - began)
        owner, standby = standby, stand_by(owner)
    assert min(times) < 1, times
    assert space.on(owner.client).events("m") == expected


@contextlib.contextmanager
def frozen(server):
    """In the block the server does not run."""
    server.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.send_signal(signal.SIGCONT)


def test_a_frozen_first_wakes_up_as_the_standby_and_is_one(first, second, spaces):
    """I4. A processor's answer that outlives its owner commits nothing; the epoch grew."""
    gate = Gate()
    space = spaces(first.client, step)
    space.start("m", b"a")
    space.start("timed", b"1")

    def behave(i):
        if i.args == b"in flight":
            gate.wait()
        return step(i)

    space.behave(behave)
    in_flight = space.call_later("m", b"in flight", timeout=60)
    gate.wait_for_entry()
    standby = space.on(second.client)
    with frozen(first):
        taken_over(standby, "m", b"b", within=LEASE + 10)
        eventually(lambda: standby.events("timed") == [b"1", b"timeout"], "the timer fires")
        gate.open()
    with fails("UNAVAILABLE", "NOT_OWNER"):
        in_flight.result()
    with fails("UNAVAILABLE", "NOT_OWNER"):
        space.get("m")
    eventually(lambda: not first.client.serving(), "the first is the standby")
    assert standby.call("m", b"c") == b"c"
    assert standby.events("m") == [b"a", b"b", b"c"]
    epochs = [int(i.metadata["progressor-epoch"]) for i in space.invocations("m")]
    assert epochs == sorted(epochs) and epochs[-1] > epochs[0], "the fencing token grew"
    second.kill()
    taken_over(space, "m", b"d", within=LEASE + 10)
    assert space.events("m") == [b"a", b"b", b"c", b"d"], "nothing is left of what it had held"


def test_who_waits_at_a_node_that_lost_the_machine_hears_so(first, second, spaces):
    """Another node may change it: nobody is left waiting, and a watch goes on at the new owner."""
    space = spaces(first.client, step)
    space.start("m", b"a")
    standby = space.on(second.client)
    watch = space.watch("m")
    assert [next(watch).WhichOneof("content") for _ in range(2)] == ["machine", "event"]
    waiting = space.get_later("m", after=1)
    with frozen(first):
        taken_over(standby, "m", b"b", within=LEASE + 10)
    began = time.monotonic()
    with fails("UNAVAILABLE", "NOT_OWNER"):
        waiting.result(10)
    with fails("UNAVAILABLE", "NOT_OWNER"):
        next(watch)
    assert time.monotonic() - began < 1.5
    on = standby.watch("m", after=1)
    shown = {next(on).WhichOneof("content"): None for _ in range(2)}
    assert list(shown) == ["machine", "event"]
    later = standby.get_later("m", after=2)
    assert standby.call("m", b"c") == b"c" and later.result(10).machine.last_event_id == 3
    on.cancel()


def test_a_first_that_is_frozen_in_the_middle_of_a_commit(postgres, node, spaces):
    """Its session holds locks, and no timeout of PostgreSQL ends it: the takeover does."""
    proxy = Proxy(postgres.port)
    try:
        first = node(proxy.url(postgres.url)).start()
        second = stand_by(node())
        space = spaces(first.client, step)
        space.start("m", b"a")
        held = proxy.on_message(b"half a commit", SyncHeld)
        caller = space.call_later("m", b"half a commit", timeout=60)
        held.wait()
        standby = space.on(second.client)
        with frozen(first):
            taken_over(standby, "m", b"b", within=LEASE + 10)
        with fails("UNAVAILABLE"):
            caller.result()
        eventually(lambda: not first.client.serving(), "the first is the standby")
        with fails("UNAVAILABLE", "NOT_OWNER"):
            space.call("m", b"c", timeout=10)
        assert standby.events("m") == [b"a", b"b"]
        second.says("sessions of a dead node held its locks and were ended")
        second.kill()
        taken_over(space, "m", b"d", within=LEASE + 10)
        assert space.events("m") == [b"a", b"b", b"d"]
    finally:
        proxy.close()


def test_two_standbys_that_wake_up_at_once(first, second, node, postgres, spaces):
    """They divide the shards, or one has them all; no shard has two owners."""
    third = stand_by(node())
    space = spaces(first.client, step)
    ids = [f"m{number}" for number in range(40)]
    for id in ids:
        space.start(id, b"a")
    with frozen(second), frozen(third):
        first.kill()
        eventually(lambda: postgres.sql("select bool_and(expires_at < clock_timestamp()) "
                                        "from progressor.node") == "t", "every lease is over")
    standbys = [space.on(second.client), space.on(third.client)]
    for id in ids:
        owners = eventually(lambda: [s for s in standbys if call(s, id, b"b") == b"b"],
                            "somebody takes over", timeout=LEASE + 10)
        assert owners[0].events(id) == [b"a", b"b"]
    owned = postgres.sql("select count(*), count(distinct owner) from progressor.shard "
                         "where owner is not null")
    assert owned in ("1024|1", "1024|2")
    for id in ids:
        assert len([i for i in space.invocations(id) if i.kind == "call"]) == 1


def test_many_frozen_nodes_cost_the_taker_nothing(node, postgres, spaces):
    """Each one's locks take their time: the own lease is renewed in between."""
    first = node(lease=3).start()
    space = spaces(first.client, step)
    space.start("m", b"a")
    nodes = [str(uuid.uuid4()) for _ in range(12)]
    with contextlib.ExitStack() as sessions:
        for dead in nodes:
            postgres.sql("insert into progressor.node (id, expires_at, name, schema_version) "
                         f"values ('{dead}', clock_timestamp() + interval '1 minute', 'frozen', 8)",
                         f"insert into progressor.writer values ('{dead}', 0)")
            sessions.enter_context(postgres.session(
                "begin", f"select 1 from progressor.writer where node = '{dead}' for update",
                name=f"progressor/{dead}/writer/0/"))
        postgres.sql("update progressor.node set expires_at = clock_timestamp() "
                     "where name = 'frozen'")
        numbers = itertools.count()
        while postgres.sql("select count(*) from progressor.node") != "1":
            args = b"%d" % next(numbers)
            assert space.call("m", args, timeout=5) == args
    log = first.log.read_text()
    assert "lease was taken over" not in log and "cannot be kept" not in log, log


def test_sigterm_while_another_node_migrates(postgres, node):
    """The lock of the schema may be held for minutes; a server that waits for it can be stopped."""
    with postgres.session(f"select pg_advisory_lock({SCHEMA_LOCK})"):
        server = node().start(wait=False)
        eventually(lambda: "another node looks after the schema" in server.log.read_text(),
                   "it waits for the lock")
        began = time.monotonic()
        assert server.terminate(20) == 0
        assert time.monotonic() - began < 3


def test_the_wait_for_another_node_that_migrates_has_an_end(postgres, servers):
    """It is that of start_timeout, and the last words say who is in the way."""
    server = servers("--database-url", postgres.url, embedded=False,
                     environment={"PROGRESSOR_START_TIMEOUT": "1s"})
    with postgres.session(f"select pg_advisory_lock({SCHEMA_LOCK})", name="another node"):
        server.start(wait=False)
        assert server.wait(30) == 69
    log = server.log_tail()
    assert "has not finished in time" in log and "(another node, idle" in log, log
    server.start()


def test_a_repair_job_goes_on_after_its_node(first, second, spaces):
    """Created on the standby, worked on by the owner of the shards, and after its SIGKILL by the
    standby."""
    mendable = repairs.Mendable()
    space = spaces(first.client, mendable)
    ids = [f"m{n:02}" for n in range(40)]
    repairs.fail(space, ids)
    mendable.broken = False
    job = repairs.create(second.client, repairs.spec(space, rate=10, requested_by="ann"))
    eventually(lambda: repairs.get(second.client, job.id).repaired >= 5, "the owner works on it")
    first.kill()
    job = repairs.ended(second.client, job.id, timeout=60)
    assert job.state == repairs.COMPLETED and repairs.counts(job) == (40, 40, 0, 0)
    assert job.spec.requested_by == "ann"
    for id in ids:
        eventually(lambda: space.on(second.client).events(id) == [b"init:", b"timeout:"],
                   f"{id} goes on, once")


def test_a_database_that_goes_away_during_the_start_is_waited_for(node, postgres):
    """All sessions are there, and then the namespaces cannot be read for a while."""
    assert node().start().terminate() == 0
    with postgres.session("begin", "lock table progressor.namespace"):
        server = node().start(wait=False)
        eventually(lambda: "waiting for the database" in server.log.read_text(),
                   "it does not answer about namespaces", timeout=30)
    eventually(server.client.serving, "it serves when the database answers", timeout=30)
