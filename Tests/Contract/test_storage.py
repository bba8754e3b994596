"""A database of one's own: it may go away and come back, and nothing acknowledged is lost."""

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support.client import fails
from support.postgres import Postgres
from support.processor import Answer, timer_in
from support.waiting import eventually


@pytest.fixture
def postgres():
    postgres = Postgres().start()
    yield postgres
    postgres.close()


@pytest.fixture
def server(servers, postgres):
    return servers("--database-url", postgres.url, embedded=False).start()


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

        def call():
            try:
                return space.call("m", b"%d" % number, key=f"k{number}", timeout=10)
            except grpc.RpcError as error:
                assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
                return None

        assert eventually(call, "calls go on", timeout=40) == b"%d" % number
    assert space.events("m") == [b"%d" % n for n in range(6)]


def test_a_second_server_on_the_database_writes_nothing(server, servers, postgres, spaces):
    space = spaces(server.client)
    space.start("m", b"a")
    second = servers("--database-url", postgres.url, embedded=False).start(wait=False)
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


def test_a_standby_takes_over_from_a_killed_server(server, servers, postgres, spaces):
    space = spaces(server.client)
    space.start("m", b"a")
    second = servers("--database-url", postgres.url, embedded=False).start(wait=False)
    eventually(lambda: _listens(second), "the second server is there", timeout=60)
    server.kill()
    other = space.on(second.client)

    def call():
        try:
            return other.call("m", b"b", key="k", timeout=5)
        except grpc.RpcError as error:
            assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
            return None

    assert eventually(call, "the second takes over when the lease has run out", timeout=60) == b"b"
    assert other.events("m") == [b"a", b"b"]
