"""Machines with histories that are far longer than others', and commits that take longer than the
lease: what they cost is theirs alone."""

import time
from pathlib import Path

import grpc
import pytest
from support.client import fails, history
from support.postgres import Postgres
from support.processor import Answer, ScriptedProcessor, timer_in
from support.server import free_port
from support.stubs import automaton_pb2
from support.waiting import eventually

MEBIBYTE = 1 << 20


@pytest.fixture
def server(node):
    return node().start()


@pytest.fixture
def space(server, spaces):
    return spaces(server.client, step)


def step(i) -> Answer:
    return Answer(response=i.args, events=[i.args], remove=i.args == b"last")


def prolong(cluster: Postgres, server, id: str, events: int, size: int) -> None:
    """Gives a machine so many events more, as if they had come one by one."""
    assert server.terminate() == 0
    cluster.in_schema(
        f"""INSERT INTO event (shard, machine_key, id, created_at, format, data)
        SELECT shard, machine_key, last_event_id + n, now(), 0,
          convert_to(repeat('x', {size}), 'UTF8')
        FROM machine, generate_series(1, {events}) AS n WHERE id = '{id}'""",
        f"UPDATE machine SET last_event_id = last_event_id + {events} WHERE id = '{id}'",
        "ANALYZE event")
    server.start()


def epoch(cluster: Postgres) -> int:
    """How many owners the shards have had."""
    return int(cluster.in_schema("SELECT max(epoch) FROM shard"))


def seconds_of(body) -> float:
    began = time.monotonic()
    body()
    return time.monotonic() - began


@pytest.mark.alone
def test_the_removal_of_a_long_history_holds_up_nobody(server, cluster, space):
    space.start("long")
    for n in range(20):
        space.start(f"short{n}")
    prolong(cluster, server, "long", events=300_000, size=50)
    assert space.get("long", history(limit=0)).last_event_id == 300_001
    space.remove("long", timeout=5)
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("long")
    space.start("long", timeout=5)
    left = 300_001
    while left > 0:
        for n in range(20):
            space.call(f"short{n}", b"on", timeout=5)
        left = int(cluster.in_schema(
        "SELECT count(*) FROM event JOIN tombstone USING (shard, machine_key)"))
    assert space.events("long") == [b""], "another machine has its id now"
    assert epoch(cluster) == 2, "the owner changed with the start alone"


@pytest.mark.alone
def test_a_long_history_is_read_beside_others(server, cluster, space):
    space.start("long")
    for n in range(30):
        space.start(f"short{n}")
    prolong(cluster, server, "long", events=100_000, size=100)
    request = automaton_pb2.GetRequest(namespace=space.name, id="long")
    readers = [space.client.automaton.Get.future(request, timeout=60) for _ in range(8)]
    for n in range(30):
        assert seconds_of(lambda: space.get(f"short{n}", timeout=2)) < 2
    for reader in readers:
        assert len(reader.result().machine.history) == 100_001


@pytest.mark.parametrize("outage", [Postgres.frozen, Postgres.killed])
def test_the_database_goes_away_while_a_long_history_is_read(server, cluster, space, outage):
    """Who reads it hears so or has been answered in full; everybody goes on afterwards."""
    space.start("long")
    space.start("short")
    prolong(cluster, server, "long", events=100_000, size=100)
    request = automaton_pb2.GetRequest(namespace=space.name, id="long")
    readers = [space.client.automaton.Get.future(request, timeout=60) for _ in range(8)]
    eventually(lambda: int(cluster.sql(
        "select count(*) from pg_stat_activity where application_name like 'progressor/%' "
        "and query like '%long range of a history%'")), "the first pages are read")
    with outage(cluster):
        for reader in readers:
            try:
                assert len(reader.result().machine.history) == 100_001
            except grpc.RpcError as error:
                assert error.code().name == "UNAVAILABLE", error
    eventually(server.client.serving, "health says that it is back", timeout=60)
    for id, events in (("short", 1), ("long", 100_001)):
        eventually(lambda: read(space, id) == events, f"{id} is read again", timeout=30)
    assert space.call("short", b"on") == b"on"
    assert space.call("long", b"on", range=history(limit=1)) == b"on"


def read(space, id: str) -> int:
    """Events of the machine; -1 while it is unavailable."""
    try:
        return len(space.get(id).history)
    except grpc.RpcError as error:
        assert error.code().name == "UNAVAILABLE", error
        return -1


def test_a_history_beyond_the_limit_is_refused_unread(server, cluster, space):
    space.start("vast")
    prolong(cluster, server, "vast", events=200, size=MEBIBYTE)
    resident = _resident(server)
    for _ in range(5):
        with fails("RESOURCE_EXHAUSTED", "HISTORY_TOO_LARGE"):
            space.get("vast")
        with fails("RESOURCE_EXHAUSTED", "HISTORY_TOO_LARGE"):
            space.call("vast", b"on")
    assert _resident(server) - resident < 64 * MEBIBYTE
    assert len(space.get("vast", history(limit=2)).history) == 2
    assert space.call("vast", b"on", range=history(limit=1)) == b"on"


def _resident(server) -> int:
    fields = Path(f"/proc/{server.pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def test_calls_that_wait_on_long_histories_hold_no_memory_for_them(server, cluster, spaces):
    space = spaces(server.client, step, max_in_flight=2)
    for n in range(60):
        space.start(f"m{n}")
    assert server.terminate() == 0
    cluster.in_schema(
        f"""INSERT INTO event (shard, machine_key, id, created_at, format, data)
        SELECT shard, machine_key, last_event_id + 1, now(), 0,
          convert_to(repeat('x', {8 * MEBIBYTE}), 'UTF8')
        FROM machine""",
        "UPDATE machine SET last_event_id = last_event_id + 1")
    server.start()
    resident, sizes = _resident(server), []
    calls = [space.call_later(f"m{n}", b"on", timeout=60) for n in range(60)]

    def all_done() -> bool:
        sizes.append(_resident(server))
        return all(call.done() for call in calls)

    eventually(all_done, "every call is answered", timeout=60)
    assert [call.result().response for call in calls] == [b"on"] * 60
    assert max(sizes) - resident < 400 * MEBIBYTE, "60 histories of 8 MiB are more"


def test_a_commit_that_takes_longer_than_the_lease(server, cluster, space):
    """It is committed once in the end, and others go on meanwhile."""
    cluster.in_schema(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(8);"
        " RETURN NEW; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.data = 'slow')"
        " EXECUTE FUNCTION slow()")
    for n in range(20):
        space.start(f"m{n}")
    slow = space.call_later("m0", b"slow", timeout=25)
    served = 0
    for n in range(1, 20):
        try:
            served += space.call(f"m{n}", b"on", timeout=1) == b"on"
        except grpc.RpcError as error:
            assert error.code().name in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
    assert served >= 5, "those of the other writers"
    try:
        assert slow.result().response == b"slow"
    except grpc.RpcError as error:
        assert error.code().name == "UNAVAILABLE"
    for n in range(20):
        assert space.call(f"m{n}", b"on", timeout=20) == b"on", "all are served again"
    assert space.events("m0").count(b"slow") == 1
    assert epoch(cluster) == 1, "no shard changed its owner"


def test_timers_at_the_beginning_of_time_stop_no_others(servers, cluster, spaces):
    """More of them than are read at once, of a processor that is away."""
    cluster.new_database()
    server = servers("--database-url", cluster.url, embedded=False).start()
    away = ScriptedProcessor(free_port())
    zero = spaces(server.client, endpoint=f"127.0.0.1:{away.port}")
    away.behave(zero.name, lambda i: Answer(timer=timer_in(3600)))
    pending = [zero.client.automaton.Start.future(
        automaton_pb2.StartRequest(namespace=zero.name, id=f"m{n}"), timeout=60)
        for n in range(10_100)]
    for start in pending:
        start.result()
    away.stop()
    assert server.terminate() == 0
    cluster.in_schema("UPDATE machine SET timer_at = '0001-01-01Z', due_at = '0001-01-01Z'")
    server.start()
    other = spaces(server.client, lambda i: Answer(
        events=[i.kind.encode()], timer=timer_in(1) if i.kind == "init" else None))
    for n in range(10):
        other.start(f"t{n}")
    for n in range(10):
        eventually(lambda: other.events(f"t{n}") == [b"init", b"timeout"], "it fired", timeout=10)
