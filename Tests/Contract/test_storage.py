"""A database of one's own: what is stored is there. test_database_away.py takes it away."""

import functools

import grpc
import pytest
from support.waiting import eventually


@pytest.fixture
def node(node):
    return functools.partial(node, lease=3)


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


def test_connections_that_the_database_cuts_are_made_again(server, postgres, spaces):
    space = spaces(server.client)
    space.start("m", b"0")
    for number in range(1, 6):
        postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                     "where pid <> pg_backend_pid() and usename = current_user")
        args = b"%d" % number
        assert eventually(lambda: _call(space, args), "calls go on", timeout=40) == args
    assert space.events("m") == [b"%d" % n for n in range(6)]


def _call(space, args: bytes) -> bytes | None:
    """The reply, or nothing while it is unavailable."""
    try:
        return space.call("m", args, key=args.decode(), timeout=5)
    except grpc.RpcError as error:
        assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
        return None
