"""Several hosts in the database's URL, and several addresses of a name: the one that can be written
is used, whatever the others do."""

import contextlib
import socket
from collections.abc import Iterator

import grpc
import pytest
from support.ports import free_port
from support.postgres import Postgres
from support.waiting import eventually

ATTRIBUTES = "target_session_attrs=read-write"


@contextlib.contextmanager
def silent(port: int = 0, host: str = "127.0.0.1", accepts: bool = True) -> Iterator[int]:
    """A port that takes connections and never says anything, or does not even take any."""
    with socket.socket() as listener, contextlib.ExitStack() as others:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64 if accepts else 0)
        while not accepts:
            # Until no more are taken: the system lets packets of others fall.
            other = others.enter_context(socket.socket())
            other.settimeout(0.3)
            try:
                other.connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]


@pytest.fixture
def standby(postgres) -> Iterator[Postgres]:
    standby = postgres.standby()
    eventually(lambda: postgres.sql("select count(*) from pg_stat_replication") == "1",
               "it follows")
    yield standby
    standby.close()


def url(postgres: Postgres, *ports: int) -> str:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://tests@{hosts}/{postgres.name}?{ATTRIBUTES}"


@pytest.mark.parametrize("accepts", [True, False])
def test_the_one_that_can_be_written_is_found(node, postgres, standby, spaces, accepts):
    """Behind a port where nobody is, one that is silent, and a standby."""
    with silent(accepts=accepts) as deaf:
        server = node(url(postgres, free_port(), deaf, standby.port, postgres.port)).start()
        space = spaces(server.client)
        space.start("m", b"a")
        assert space.events("m") == [b"a"]
        assert server.terminate() == 0


def test_a_host_that_takes_no_writes_is_left_for_the_next(node, postgres, spaces):
    """It says so only when it is asked: it is no standby."""
    other = Postgres().start()
    try:
        other.sql(f"create database {postgres.name}", database="postgres")
        other.sql("alter system set default_transaction_read_only = on",
                  "select pg_reload_conf()")
        eventually(lambda: other.sql("show default_transaction_read_only") == "on", "it is so")
        server = node(url(postgres, other.port, postgres.port)).start()
        spaces(server.client).start("m", b"a")
        assert postgres.in_schema("select count(*) from machine") == "1"
        assert server.terminate() == 0
    finally:
        other.close()


def test_when_none_can_be_written_each_is_named(node, postgres, standby):
    with postgres.read_only():
        server = node(url(postgres, postgres.port, standby.port))
        server._environment["PROGRESSOR_START_TIMEOUT"] = "1s"
        server.start(wait=False)
        assert server.wait() == 69
        last = server.log.read_text().splitlines()[-1]
        assert f"port {postgres.port}" in last and f"port {standby.port}" in last, last
        assert "read-only" in last


@pytest.mark.parametrize("outage", [Postgres.frozen, Postgres.stopped, Postgres.read_only])
def test_the_server_goes_on_with_a_promoted_standby(node, postgres, standby, spaces, outage):
    """Commits wait for it, so that nothing is missing there; the primary does not come back."""
    postgres.sql("alter system set synchronous_standby_names = '*'", "select pg_reload_conf()")
    eventually(lambda: postgres.sql("select sync_state from pg_stat_replication") == "sync",
               "commits wait for it")
    server = node(url(postgres, postgres.port, standby.port)).start()
    space = spaces(server.client)
    space.start("m", b"a")
    assert space.call("m", b"b") == b"b"
    with outage(postgres):
        standby.promote()
        assert eventually(lambda: _call(space, b"c"), "calls go on", timeout=60) == b"c"
        assert space.events("m") == [b"a", b"b", b"c"]
        assert "went back in time" not in server.log.read_text()
        assert standby.sql("select count(*) from progressor.event",
                           database=postgres.name) == "3"
        # There is no way back: the old primary would know nothing of this.
        assert server.terminate() == 0
    postgres.sql("alter system reset synchronous_standby_names", "select pg_reload_conf()")


def test_an_address_of_a_name_that_is_silent(named_server, hosts, postgres, spaces):
    """libpq would wait for it until the end: it is the name's first."""
    hosts.write_text("127.0.0.2 db.test\n127.0.0.3 db.test\n127.0.0.1 db.test\n")
    with silent(postgres.port, "127.0.0.2"), silent(postgres.port, "127.0.0.3", accepts=False):
        named_server.arguments += ["--database-url", _named(postgres)]
        named_server.start()
        space = spaces(named_server.client)
        space.start("m", b"a")
        assert postgres.in_schema("select count(*) from machine") == "1"
        assert named_server.terminate() == 0


def test_a_name_that_moves(named_server, hosts, postgres, spaces):
    """It is looked up again by whoever connects."""
    hosts.write_text("127.0.0.9 db.test\n")
    named_server.arguments += ["--database-url", _named(postgres)]
    named_server.start(wait=False)
    eventually(lambda: "127.0.0.9" in named_server.log.read_text(), "it waits", timeout=30)
    with hosts.open("r+b", buffering=0) as file:
        file.truncate()
        file.write(b"127.0.0.1 db.test\n")
    eventually(named_server.client.serving, "it serves", timeout=30)
    spaces(named_server.client).start("m", b"a")
    assert named_server.terminate() == 0


def test_a_name_that_is_none(named_server, hosts, postgres):
    named_server.arguments += ["--database-url", _named(postgres, "gone.test")]
    named_server._environment["PROGRESSOR_START_TIMEOUT"] = "1s"
    named_server.start(wait=False)
    assert named_server.wait() == 69
    assert "gone.test" in named_server.log.read_text()


def _named(postgres: Postgres, name: str = "db.test") -> str:
    return f"postgresql://tests@{name}:{postgres.port}/{postgres.name}"


def _call(space, args: bytes) -> bytes | None:
    """The reply, or nothing while it is unavailable."""
    try:
        return space.call("m", args, key=args.decode(), timeout=5)
    except grpc.RpcError as error:
        assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
        return None
