"""What the database gives the server, and does not give: sessions, rights."""

import contextlib
import os

import grpc
import pytest
from support.client import fails
from support.metrics import metrics_of
from support.server import CORES, free_port
from support.waiting import eventually

SESSIONS = 12 + 2 * CORES


@pytest.fixture
def database(cluster):
    """The cluster with a new database, in which the role `app` may make a schema."""
    cluster.new_database()
    cluster.sql("drop role if exists app", "create role app login",
                f"grant create on database {cluster.name} to app")
    yield cluster
    cluster.sql(f"drop database {cluster.name} with (force)", database="postgres")


def url_of(database, user: str = "app") -> str:
    return database.url.replace("//tests@", f"//{user}@")


@pytest.mark.parametrize("limit", [1, 7])
def test_too_few_sessions_end_the_start_with_what_is_needed(database, servers, limit):
    database.sql(f"alter role app connection limit {limit}")
    server = servers("--database-url", url_of(database), embedded=False,
                     environment={"PROGRESSOR_START_TIMEOUT": "1s"}).start(wait=False)
    assert server.wait(30) == 69
    log = server.log_tail()
    assert f"{SESSIONS} sessions are needed at once, and there are {limit}" in log
    assert "CONNECTION LIMIT" in log


def test_a_start_waits_for_its_sessions(database, servers):
    database.sql("alter role app connection limit 3")
    server = servers("--database-url", url_of(database), embedded=False).start(wait=False)
    eventually(lambda: "sessions are needed at once" in server.log_tail(), "the log says why")
    database.sql("alter role app connection limit -1")
    eventually(server.client.serving, "the server serves", timeout=30)
    assert server.terminate() == 0


def test_missing_sessions_are_told_once_and_when_they_are_back(database, servers, spaces):
    metrics = f"127.0.0.1:{free_port()}"
    server = servers("--database-url", url_of(database), "--metrics-listen", metrics,
                     embedded=False).start()
    space = spaces(server.client)
    space.start("m", b"a")
    database.sql("alter role app connection limit 2",
                 "select pg_terminate_backend(pid) from pg_stat_activity "
                 "where usename = 'app' and application_name like 'progressor/lo%'")
    eventually(lambda: not server.client.serving(), "health says NOT_SERVING")
    assert metrics_of(metrics).value("progressor_storage_sessions_missing") > 0
    database.sql("alter role app connection limit -1")
    eventually(server.client.serving, "health says SERVING again", timeout=30)
    assert metrics_of(metrics).value("progressor_storage_sessions_missing") == 0
    log = server.says("all sessions with the database are there again")
    assert log.count("a session with the database is missing") == 1
    assert "too many connections for role" in log
    assert log.count("all sessions with the database are there again") == 1
    assert space.call("m", b"b") == b"b"
    assert server.terminate() == 0


def test_a_later_start_needs_no_right_to_make_anything(database, servers, spaces):
    arguments = ("--database-url", url_of(database))
    server = servers(*arguments, embedded=False).start()
    spaces(server.client, name=f"rights-{os.getpid()}").start("m", b"a")
    assert server.terminate() == 0
    database.sql(f"revoke create on database {database.name} from app")
    assert servers(*arguments, embedded=False).start().terminate() == 0


def test_a_right_that_is_missing_is_said_and_what_needs_it_is_kept(database, servers, spaces):
    server = servers("--database-url", url_of(database), embedded=False).start()
    space = spaces(server.client)
    space.start("m", b"a")
    database.sql("revoke insert on progressor.tombstone from app")
    with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
        space.remove("m", timeout=20)
    eventually(lambda: not server.client.serving(), "health says NOT_SERVING")
    log = server.says("mend the schema or the rights")
    assert log.count("mend the schema or the rights") == 1
    assert "permission denied for table tombstone" in log
    database.sql("grant insert on progressor.tombstone to app")
    # If the lease was given up meanwhile, it begins again by itself.
    eventually(server.client.serving, "health says SERVING again", timeout=60)
    with contextlib.suppress(grpc.RpcError):
        space.remove("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    assert server.terminate() == 0
