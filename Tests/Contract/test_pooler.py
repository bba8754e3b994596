"""A pooler between the server and its database."""

import pytest
from support.pooler import Pooler
from support.postgres import Postgres
from support.server import CORES
from support.waiting import eventually


@pytest.fixture(scope="module")
def cluster():
    cluster = Postgres().start()
    cluster.sql("create role app login superuser")
    yield cluster
    cluster.close()


@pytest.fixture
def pooled(cluster):
    """Makes poolers in front of a new database."""
    cluster.new_database()
    made = []

    def make(mode: str, size: int = 20) -> str:
        made.append(Pooler(cluster, mode, size))
        return made[-1].url(cluster.name)

    yield make
    for pooler in made:
        pooler.close()


def test_a_pooler_in_session_mode_is_no_obstacle(pooled, cluster, servers, spaces):
    server = servers("--database-url", pooled("session"), embedded=False,
                     environment={"PROGRESSOR_LEASE": "3s"}).start()
    space = spaces(server.client)
    space.start("m", b"a")
    # The processes that serve the sessions are ended, by ids that the pooler does not tell.
    cluster.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name like '%/writer/%'")
    assert eventually(lambda: space.call("m", b"b", key="k", timeout=10), "calls go on") == b"b"
    assert space.events("m") == [b"a", b"b"]
    assert server.terminate() == 0
    # Sessions of the pool that served another client before.
    server.start()
    assert space.call("m", b"c") == b"c"
    assert server.terminate() == 0


@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("size", [1, 20])
def test_a_pooler_that_keeps_no_sessions_is_refused(pooled, servers, mode, size):
    server = servers("--database-url", pooled(mode, size), embedded=False,
                     environment={"PROGRESSOR_START_TIMEOUT": "5s"}).start(wait=False)
    assert server.wait(60) == 69
    assert "a connection pooler shares sessions" in server.log_tail()


def test_a_pool_that_is_too_small_is_said_to_be_so(pooled, servers):
    server = servers("--database-url", pooled("session", 4), embedded=False,
                     environment={"PROGRESSOR_START_TIMEOUT": "1s"}).start(wait=False)
    assert server.wait(60) == 69
    needed = 12 + 2 * CORES
    assert f"{needed} sessions are needed at once, and there are 4" in server.log_tail()
