"""Imports that something happens to before their outcome is known: a machine is there once or not
at all, the caller hears the truth, and who repeats it comes to an end."""

import contextlib
import json

import grpc
import pytest
from support.client import fails, history
from support.operators import queued
from support.proxy import AnswerHeld, AnswerLost, Proxy, RequestLost, SyncHeld
from support.server import progressor
from support.transfer import export, export_pages, large, send
from support.waiting import eventually

LEASE = 3
MARK = b"an event that is imported"


@pytest.fixture
def proxies(postgres):
    made = []

    def make(**options) -> Proxy:
        made.append(Proxy(postgres.port, **options))
        return made[-1]
    yield make
    for proxy in made:
        proxy.close()


def count(space, id: str) -> int:
    return space.get(id, history(limit=0)).last_event_id


def test_a_line_to_postgresql_that_is_slower_than_a_lease(node, postgres, proxies, spaces):
    server = node(proxies(rate=3 << 19).url(postgres.url), lease=LEASE).start()
    space = spaces(server.client)
    send(space, large("m", 18, MARK + bytes(1 << 19)), timeout=60)
    assert count(space, "m") == 18
    log = server.log.read_text()
    assert "given up" not in log and "lease was taken over" not in log, log


@pytest.mark.parametrize("fault, is_written", [(SyncHeld, False), (AnswerHeld, True)])
def test_a_node_that_loses_its_shards_in_the_middle(node, postgres, proxies, spaces, fault,
                                                    is_written):
    proxy = proxies()
    first = node(proxy.url(postgres.url), lease=LEASE).start()
    space = spaces(first.client)
    second = node(lease=LEASE).start(wait=False)
    eventually(lambda: second.is_up, "the standby is there", timeout=60)
    parts = large("m", 3, MARK)
    epoch = "SELECT min(epoch) FROM shard"
    before = int(postgres.in_schema(epoch))
    met = proxy.on_message(MARK, fault)
    with fails("UNAVAILABLE"):
        send(space, parts)
    met.wait()
    eventually(lambda: int(postgres.in_schema(epoch)) > before, "the shards are taken", timeout=60)
    # By the standby, or by the first again under a new lease.
    there, ids = listed(space, first, second)
    assert ids == (["m"] if is_written else [])
    if is_written:
        with fails("ALREADY_EXISTS", "MACHINE_ALREADY_EXISTS"):
            send(there, parts)
    else:
        send(there, parts)
    assert there.events("m") == [MARK] * 3
    assert there.call("m", b"on") == b"on"


def listed(space, *servers):
    """The namespace at the server that has its shards, and the machines that it knows."""
    found = []

    def somebody_lists() -> bool:
        for server in servers:
            with contextlib.suppress(grpc.RpcError):
                there = space.on(server.client)
                found.extend([there, there.ids()])
                return True
        return False
    eventually(somebody_lists, "somebody owns the shards", timeout=60)
    return found


def away(proxy: Proxy, fault: type) -> type:
    """The fault, and from then on the database is away."""
    class Away(fault):
        def pass_on(self, data, from_client, cut):
            def cut_all():
                proxy.is_away = True
                proxy.cut()
            return super().pass_on(data, from_client, cut_all)
    return Away


@pytest.mark.parametrize("fault", [RequestLost, AnswerLost])
def test_postgresql_goes_away_at_the_commit(node, postgres, proxies, spaces, tmp_path, fault):
    proxy = proxies()
    server = node(proxy.url(postgres.url), lease=LEASE).start()
    space = spaces(server.client)
    time = "2026-01-01T00:00:00Z"
    file = tmp_path / "m.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in (
        {"machine": {"version": 1, "id": "m", "createdAt": time, "lastEventId": "1"}},
        {"event": {"id": "1", "createdAt": time, "body": {"text": MARK.decode()}}},
        {"end": {"id": "m"}})))

    def import_it(*arguments: str):
        return progressor("machine", "import", "--server", server.address, "--namespace",
                          space.name, *arguments, str(file))
    met = proxy.on_message(MARK, away(proxy, fault))
    said = import_it()
    met.wait()
    assert said.returncode != 0 and "UNAVAILABLE" in said.stderr, said
    assert "is there, or comes yet, or is not there" in said.stderr
    proxy.is_away = False
    ended = []

    def ends() -> bool:
        ended.append(import_it())
        return ended[-1].returncode == 0 or "MACHINE_ALREADY_EXISTS" in ended[-1].stderr
    eventually(ends, "the repetition ends", timeout=60)
    if ended[-1].returncode != 0:
        assert "--skip-existing passes over those that are there" in ended[-1].stderr
    assert "1 skipped" in import_it("--skip-existing").stderr
    assert space.events("m") == [MARK] and space.ids() == ["m"]


def test_what_is_on_its_way_to_the_database_has_its_budget(servers, postgres, proxies, spaces):
    proxy = proxies()
    server = servers("--database-url", proxy.url(postgres.url), embedded=False, environment={
        "PROGRESSOR_LEASE": "20s", "PROGRESSOR_LIMITS_IMPORT_SIZE": "4MiB"}).start()
    space = spaces(server.client)
    met = proxy.on_message(MARK, SyncHeld)
    with fails("DEADLINE_EXCEEDED"):
        send(space, large("m", 3, MARK + bytes(1 << 20)), timeout=5)
    met.wait()
    other = large("n", 3, bytes(1 << 20))
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED"):
        send(space, other)

    def has_room() -> bool:
        try:
            send(space, other)
        except grpc.RpcError as error:
            assert error.code().name in ("RESOURCE_EXHAUSTED", "UNAVAILABLE"), error
            return False
        return True
    eventually(has_room, "the first has come to its end", timeout=60)
    assert count(space, "n") == 3


def test_a_notification_as_long_as_may_be_travels(servers, spaces):
    server = servers(environment={"PROGRESSOR_LIMITS_MESSAGE_SIZE": "1MiB"}).start()
    source, target = spaces(server.client), spaces(server.client)
    longest = (1 << 20) - (16 << 10)
    source.start("m")
    source.pause("m")
    with fails("INVALID_ARGUMENT") as seen:
        source.notify("m", bytes(longest + 1))
    assert f"args: are longer than {longest} bytes" in seen[0].message
    for size in (40_000, 40_000, 40_000, longest, 10, longest):
        source.notify("m", bytes(size), metadata=[("x-a", "v" * 4_000)])
    for page in export_pages(source):
        assert sum(part.ByteSize() for part in page) < 1 << 20
    (parts,) = export(source).values()
    send(target, parts)
    assert queued(target, "m") == queued(source, "m")
    (again,) = export(target).values()
    assert [part.notifications for part in again] == [part.notifications for part in parts]
    with fails("INVALID_ARGUMENT") as seen:
        _too_long(parts, longest)
        target.remove("m")
        send(target, parts)
    assert "args: are longer than" in seen[0].message


def _too_long(parts, longest: int) -> None:
    for part in parts:
        for notification in part.notifications.notifications:
            if len(notification.args) == longest:
                notification.args += b"x"
