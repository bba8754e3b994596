"""Namespaces.Delete: only one without machines, and nothing is left for the next of its name. And
what a database that goes away does to changes of namespaces."""

import threading
import uuid

import grpc
import pytest
from support import repairs
from support.client import Gate, fails, failure_of
from support.processor import Answer, timer_in
from support.proxy import AnswerLost, Proxy, RequestLost
from support.stubs import namespaces_pb2
from support.stubs import repair_jobs_pb2 as repair_jobs
from support.waiting import eventually


def delete(client, name, timeout=30):
    client.namespaces.Delete(namespaces_pb2.DeleteNamespaceRequest(name=name), timeout=timeout)


def get(client, name):
    request = namespaces_pb2.GetNamespaceRequest(name=name)
    return client.namespaces.Get(request, timeout=30).namespace


def names(client):
    everything = client.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=30)
    return {namespace.name for namespace in everything.namespaces}


def not_found():
    return fails("NOT_FOUND", "NAMESPACE_NOT_FOUND")


def test_an_empty_one_is_gone_and_its_name_free(client, space):
    space.start("m", b"a")
    space.remove("m")
    space.pause_all("for good")
    delete(client, space.name)
    assert space.name not in names(client)
    for request in (lambda: get(client, space.name), lambda: space.start("m"),
                    lambda: space.call("m"), lambda: space.get("m"), lambda: space.ids(),
                    lambda: space.pause_all(), lambda: delete(client, space.name)):
        with not_found():
            request()
    created = client.create_namespace(space.name, space.processor.endpoint)
    assert created.version == 1 and not created.HasField("paused")
    space.start("m", b"b")
    assert space.events("m") == [b"b"]


def test_one_with_machines_stays_as_it_was_whatever_their_status(client, space):
    for id in ("working", "paused", "removed"):
        space.start(id, b"a")
    space.pause("paused")
    space.remove("removed")
    before = get(client, space.name)
    with fails("FAILED_PRECONDITION", "NAMESPACE_NOT_EMPTY") as failures:
        delete(client, space.name)
    assert failures[0].info.metadata["machines"] == "2"
    assert failures[0].info.metadata["namespace"] == space.name
    assert "has 2 machines" in failures[0].message
    assert get(client, space.name) == before
    space.start("another", b"b")
    for id in ("working", "paused", "another"):
        space.remove(id)
    delete(client, space.name)


def test_a_failed_machine_counts(client, space):
    space.behave(repairs.Mendable())
    repairs.fail(space, ["m"])
    with fails("FAILED_PRECONDITION", "NAMESPACE_NOT_EMPTY") as failures:
        delete(client, space.name)
    assert failures[0].info.metadata["machines"] == "1"


def test_an_unknown_one(client):
    with not_found():
        delete(client, f"unknown-{uuid.uuid4().hex[:8]}")
    for name in ("", "a\u0000b", "x" * 257):
        with fails({"INVALID_ARGUMENT", "NOT_FOUND"}):
            delete(client, name)


def test_a_start_that_is_under_way_fails(client, space):
    """And what comes to the next namespace of the name is no business of it."""
    gate = Gate()

    def behave(invocation):
        if invocation.args == b"slow":
            gate.wait()
        return Answer(events=[invocation.args])

    space.behave(behave)
    results = []

    def start():
        try:
            space.start("m", b"slow", key="k")
            results.append("OK")
        except grpc.RpcError as error:
            results.append(failure_of(error).reason)

    slow = threading.Thread(target=start)
    slow.start()
    gate.wait_for_entry()
    delete(client, space.name)
    client.create_namespace(space.name, space.processor.endpoint)
    space.start("m", b"new", key="k")
    gate.open()
    slow.join()
    assert results == ["NAMESPACE_NOT_FOUND"]
    assert space.events("m") == [b"new"]
    space.start("m", b"new", key="k")
    with fails("INVALID_ARGUMENT"):
        space.start("m", b"slow", key="k")


def test_timers_notifications_and_keys_of_the_old_one_never_come_to_the_new(client, space):
    space.behave(lambda i: Answer(
        events=[i.kind.encode() + b":" + i.args],
        timer=timer_in(0.3) if i.args == b"old" else None))
    space.start("m", b"old", key="k")
    space.pause_all()
    space.notify("m", b"old", key="n")
    space.remove("m")
    delete(client, space.name)
    client.create_namespace(space.name, space.processor.endpoint)
    space.start("m", b"new", key="k")
    space.start("timed", b"old")
    eventually(lambda: b"timeout:" in space.events("timed"), "later timers fire")
    space.notify("m", b"new", key="n")
    eventually(lambda: len(space.events("m")) == 2, "it is delivered")
    assert space.events("m") == [b"init:new", b"notification:new"]


def test_its_repair_jobs_are_kept_and_are_nothing_to_the_next_one(client, space):
    space.behave(repairs.Mendable())
    repairs.fail(space, ["m"])
    spec = repairs.spec(space, dry_run=True)
    job = repairs.create(client, spec)
    assert job.matched == 1
    space.remove("m")
    delete(client, space.name)
    shown = repairs.get(client, job.id)
    assert shown.spec == spec and shown.state == repairs.COMPLETED and shown.matched == 1
    assert repairs.remaining(client, job.id) == []
    client.create_namespace(space.name, space.processor.endpoint)
    assert not client.repair_jobs.List(
        repair_jobs.ListRepairJobsRequest(namespace=space.name), timeout=30).jobs
    assert job.id in {job.id for job in client.repair_jobs.List(
        repair_jobs.ListRepairJobsRequest(page_size=1000), timeout=30).jobs}
    with fails("ALREADY_EXISTS", "REPAIR_JOB_ALREADY_EXISTS"):
        repairs.create(client, spec, id=job.id)


def racing(space, client, rounds):
    """Starts race with deletions; what each came to: (started, deleted)."""
    outcomes = []
    for number in range(rounds):
        id = f"m{number}"
        start = threading.Thread(target=lambda: started.append(outcome(lambda: space.start(id))))
        started = []
        start.start()
        deleted = outcome(lambda: delete(client, space.name))
        start.join()
        outcomes.append((started[0], deleted))
        if deleted == "OK":
            assert started[0] != "OK", "an acknowledged machine is gone"
            space.client.create_namespace(space.name, space.processor.endpoint)
            eventually(lambda: space.name in names(client), "it is back")
        if started[0] == "OK":
            assert deleted == "NAMESPACE_NOT_EMPTY"
            assert space.get(id).id == id
            space.remove(id)
        else:
            assert started[0] == "NAMESPACE_NOT_FOUND", outcomes[-1]
    return outcomes


def outcome(request):
    try:
        request()
        return "OK"
    except grpc.RpcError as error:
        return failure_of(error).reason


def two_nodes(node, spaces):
    """Two nodes, of which the first has the shards, and a namespace that both know."""
    first = node().start()
    second = node()
    second.start(wait=False)
    space = spaces(first.client)
    eventually(lambda: outcome(lambda: get(second.client, space.name)) == "OK", "the second is up",
               timeout=60)
    return first, second, space


def test_starts_and_deletions_at_once(node, spaces):
    """On two nodes: a machine whose start was acknowledged is there."""
    first, second, space = two_nodes(node, spaces)
    outcomes = racing(space, first.client, 25) + racing(space, second.client, 25)
    assert {deleted for _, deleted in outcomes} <= {"OK", "NAMESPACE_NOT_EMPTY"}


def test_another_node_follows_within_two_seconds(node, spaces):
    first, second, space = two_nodes(node, spaces)
    # The one that has the shards hears of it from the database alone.
    delete(second.client, space.name)
    assert outcome(lambda: space.start("m")) == "NAMESPACE_NOT_FOUND", "by its commit or before"
    with not_found():
        get(first.client, space.name)
    created = second.client.create_namespace(space.name, space.processor.endpoint)
    assert created.version == 1
    eventually(lambda: outcome(lambda: space.start("n")) == "OK", "the new one is followed",
               timeout=20)


@pytest.fixture
def proxy(postgres):
    proxy = Proxy(postgres.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("fault", [AnswerLost, RequestLost])
def test_the_database_goes_away_in_the_middle(node, postgres, proxy, spaces, fault):
    """The outcome is open; a repeat tells it."""
    server = node(proxy.url(postgres.url), lease=10).start()
    space = spaces(server.client)
    # A statement is prepared at its first use, in a round trip of its own.
    delete(server.client, spaces(server.client).name)
    cut = proxy.on_message(b"namespace_delete", fault)
    with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
        delete(server.client, space.name)
    cut.wait()
    expected = "NAMESPACE_NOT_FOUND" if fault is AnswerLost else "OK"
    repeats = []

    def repeated():
        repeats.append(outcome(lambda: delete(server.client, space.name)))
        return repeats[-1] != "STORAGE_UNAVAILABLE"

    eventually(repeated, "it is answered", timeout=30)
    assert repeats[-1] == expected
    with not_found():
        space.start("m")


def test_a_node_that_dies_over_it_leaves_no_trace(node, postgres, spaces):
    """A deletion waits for a lock, and its node is killed: the namespace goes on as it was."""
    first = node().start()
    space = spaces(first.client)
    waits = ("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
             "and query ilike '%namespace%for update%'")
    lock = f"select from progressor.namespace where name = '{space.name}' for key share"
    with postgres.session("begin", lock):
        killed = threading.Thread(target=lambda: outcome(lambda: delete(first.client, space.name)))
        killed.start()
        eventually(lambda: int(postgres.sql(waits)) > 0,
                   "the deletion waits")
        space.start("meanwhile")
        first.kill()
        killed.join()
    second = node().start()
    there = space.on(second.client)
    eventually(lambda: outcome(lambda: there.start("m")) == "OK", "it is usable", timeout=30)
    assert sorted(there.ids()) == ["m", "meanwhile"]


def test_updates_while_the_database_goes_away(node, postgres, proxy, spaces):
    """A repeat by the version that was read succeeds, or says that it was stored."""
    server = node(proxy.url(postgres.url), lease=10).start()
    space = spaces(server.client)

    def update(namespace):
        request = namespaces_pb2.UpdateNamespaceRequest(namespace=namespace)
        return server.client.namespaces.Update(request, timeout=30).namespace

    for number, fault in enumerate([AnswerLost, RequestLost], start=1):
        # A statement is prepared at its first use, in a round trip of its own.
        changed = update(get(server.client, space.name))
        changed.processor.max_in_flight = number
        cut = proxy.on_message(b"namespace_write", fault)
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            update(changed)
        cut.wait()
        repeats = []

        def repeated(changed=changed, repeats=repeats):
            repeats.append(outcome(lambda: update(changed)))
            return repeats[-1] != "STORAGE_UNAVAILABLE"

        eventually(repeated, "it is answered", timeout=30)
        assert repeats[-1] == ("NAMESPACE_VERSION_MISMATCH" if fault is AnswerLost else "OK")
        stored = get(server.client, space.name)
        assert stored.version == changed.version + 1
        assert stored.processor.max_in_flight == number
    with postgres.killed():
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            update(changed)
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            delete(server.client, space.name)
    eventually(lambda: outcome(lambda: get(server.client, space.name)) == "OK", "it is back",
               timeout=60)
    assert get(server.client, space.name) == stored
