"""A database of one's own: it may go away and come back, and nothing acknowledged is lost."""

import signal

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support.client import Gate, fails
from support.postgres import Postgres
from support.processor import Answer, timer_in
from support.waiting import eventually


@pytest.fixture(scope="module")
def cluster():
    cluster = Postgres().start()
    yield cluster
    cluster.close()


@pytest.fixture
def postgres(cluster):
    """The cluster with an empty database in it."""
    if not cluster.running:
        cluster.start()
    cluster.new_database()
    return cluster


@pytest.fixture
def node(servers, postgres):
    """Makes servers on the database, not started yet."""
    return lambda: servers("--database-url", postgres.url, embedded=False,
                           environment={"PROGRESSOR_LEASE": "3s"})


@pytest.fixture
def server(node):
    return node().start()


def test_machines_are_in_the_database(server, postgres, spaces):
    space = spaces(server.client)
    space.start("m", b"a", key="k")
    server.kill()
    postgres.stop()
    postgres.start()
    server.start()
    space.start("m", b"a", key="k")
    assert space.call("m", b"b") == b"b"
    assert space.events("m") == [b"a", b"b"]
    assert server.terminate() == 0


def test_an_outage_of_the_database_is_unavailable_and_harms_no_machine(server, postgres, spaces):
    space = spaces(server.client)
    space.behave(lambda i: Answer(
        response=i.args, events=[i.args or i.kind.encode()],
        timer=timer_in(1) if i.args == b"arm" else None))
    space.start("m", b"a")
    space.start("timed", b"arm")
    postgres.stop()
    with fails(["UNAVAILABLE", "DEADLINE_EXCEEDED"]) as failure:
        space.call("m", b"b", key="k", timeout=20)
    if failure[0].code.name == "UNAVAILABLE":
        assert failure[0].reason in ("STORAGE_UNAVAILABLE", "NOT_OWNER")
    with fails(["UNAVAILABLE", "DEADLINE_EXCEEDED"]):
        space.start("n", timeout=10)
    eventually(lambda: not server.client.serving(), "health says so", timeout=30)
    postgres.start()
    eventually(server.client.serving, "health says that it is back", timeout=60)
    assert space.call("m", b"b", key="k") == b"b"
    assert space.events("m") == [b"a", b"b"]
    eventually(lambda: space.events("timed") == [b"arm", b"timeout"], "the timer fires", timeout=30)
    assert space.status("m") == "working"


def test_connections_that_the_database_cuts_are_made_again(server, postgres, spaces):
    space = spaces(server.client)
    space.start("m", b"0")
    for number in range(1, 6):
        postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                     "where pid <> pg_backend_pid() and usename = current_user")
        args = b"%d" % number
        assert eventually(lambda: _call(space, args), "calls go on", timeout=40) == args
    assert space.events("m") == [b"%d" % n for n in range(6)]


def test_a_second_server_on_the_database_writes_nothing(server, node, spaces):
    space = spaces(server.client)
    space.start("m", b"a")
    second = node().start(wait=False)
    eventually(lambda: _listens(second), "the second server is there", timeout=60)
    with fails("UNAVAILABLE", "NOT_OWNER"):
        space.on(second.client).call("m", b"b", timeout=10)
    assert space.call("m", b"c") == b"c"
    assert space.events("m") == [b"a", b"c"]


def _listens(server) -> bool:
    try:
        server.client.health.Check(health_pb2.HealthCheckRequest(), timeout=2)
        return True
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.NOT_FOUND


def test_a_standby_takes_over_from_a_killed_server(server, node, spaces):
    space = spaces(server.client)
    space.start("m", b"a")
    second = node().start(wait=False)
    eventually(lambda: _listens(second), "the second server is there", timeout=60)
    server.kill()
    other = space.on(second.client)
    reply = eventually(lambda: _call(other, b"b"), "the second takes over", timeout=60)
    assert reply == b"b"
    assert other.events("m") == [b"a", b"b"]


def test_a_frozen_server_commits_nothing_after_its_lease(server, node, spaces):
    """I4, with a processor's answer that comes while the server does not run."""
    gate = Gate()
    space = spaces(server.client)
    space.start("m", b"init")

    def behave(i):
        if i.args == b"frozen":
            gate.wait()
        return Answer(response=i.args, events=[i.args])

    space.behave(behave)
    frozen = space.call_later("m", b"frozen", timeout=120)
    gate.wait_for_entry()
    second = node().start(wait=False)
    eventually(lambda: _listens(second), "the second server is there", timeout=60)
    other = space.on(second.client)
    server.send_signal(signal.SIGSTOP)
    try:
        gate.open()
        assert eventually(lambda: _call(other, b"b"), "the second takes over", timeout=60) == b"b"
    finally:
        server.send_signal(signal.SIGCONT)
    with fails("UNAVAILABLE"):
        frozen.result()
    with fails("UNAVAILABLE"):
        space.call("m", b"c", timeout=10)
    assert other.call("m", b"d") == b"d"
    assert other.events("m") == [b"init", b"b", b"d"]
    epochs = [int(i.metadata["progressor-epoch"]) for i in space.invocations("m")]
    assert epochs == sorted(epochs) and epochs[-1] > epochs[0], "the fencing token grew"


def _call(space, args: bytes) -> bytes | None:
    """The reply, or nothing while it is unavailable."""
    try:
        return space.call("m", args, key=args.decode(), timeout=5)
    except grpc.RpcError as error:
        assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
        return None
