"""One machine whose rows are damaged, or whose step PostgreSQL refuses, fails alone."""

import os

import grpc
import pytest
from support import repairs
from support.client import Gate, fails, history
from support.processor import Answer, content, timer_in
from support.stubs import automaton_pb2, namespaces_pb2, types_pb2
from support.stubs import repair_jobs_pb2 as repair_jobs
from support.waiting import eventually

DATA_LOSS = 15


@pytest.fixture
def server(node):
    return node().start()


@pytest.fixture
def space(server, spaces):
    return spaces(server.client, step)


def step(i) -> Answer:
    """One event and the aux state for each stimulus; init arms a timer when its args say so."""
    return Answer(response=i.args, events=[i.args or i.kind.encode()], aux_state=content(i.args),
                  timer=timer_in(1.5) if i.args == b"arm" else None)


def restart(server) -> None:
    """So that memory holds nothing of any machine."""
    assert server.terminate() == 0
    server.start()


def failed_with(space, id: str, *words: str) -> types_pb2.Failed:
    failed = eventually(lambda: failure(space, id), f"{id} is failed")
    for word in words:
        assert word in failed.reason, failed
    listed = [m for page in space.pages(status=automaton_pb2.STATUS_FILTER_FAILED) for m in page]
    assert [(m.id, m.status.failed.reason) for m in listed] == [(id, failed.reason)]
    return failed


def failure(space, id: str) -> types_pb2.Failed | None:
    try:
        status = space.get(id, history(limit=0)).status
    except grpc.RpcError as error:
        # As long as nothing had to run on it, it is damaged and not failed.
        assert error.code().name == "INTERNAL", error
        return None
    return status.failed if status.WhichOneof("kind") == "failed" else None


def simple_repair(space, id: str) -> None:
    space.client.automaton.SimpleRepair(
        automaton_pb2.SimpleRepairRequest(namespace=space.name, id=id), timeout=30)


def test_a_row_that_cannot_be_decoded(server, cluster, space):
    for id in ("bad", "good"):
        space.start(id, b"a")
    space.behave(lambda i: Answer(response=i.args, events=[i.args], timer=timer_in(3600)))
    space.call("bad", b"b")
    restart(server)
    context = cluster.in_schema("select timer_context from machine where id = 'bad'")
    cluster.in_schema("update machine set timer_context = '?' where id = 'bad'")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED") as failed:
        space.call("bad", b"c")
    assert "cannot be read" in failed[0].message
    assert space.call("good", b"c") == b"c"
    shown = failed_with(space, "bad", "cannot be read", "damaged context")
    assert (shown.step_kind, shown.code) == (types_pb2.STEP_KIND_CALL, DATA_LOSS)
    assert sorted(space.ids()) == ["bad", "good"], "a page shows the others too"
    with fails("INTERNAL", "DATA_DAMAGED"):
        simple_repair(space, "bad")

    cluster.in_schema(f"update machine set timer_context = '{context}' where id = 'bad'")
    simple_repair(space, "bad")
    assert space.call("bad", b"d") == b"d"
    assert space.events("bad") == [b"a", b"b", b"d"]
    assert space.get("bad").HasField("timer"), "nothing of it was overwritten"


def test_damage_that_a_timer_meets(server, cluster, space):
    space.start("good", b"arm")
    space.start("bad", b"arm")
    assert server.terminate() == 0
    context = cluster.in_schema("select timer_context from machine where id = 'bad'")
    cluster.in_schema("update machine set timer_context = '?' where id = 'bad'")
    server.start()
    eventually(lambda: space.events("good") == [b"arm", b"timeout"], "the other timer fires")
    shown = failed_with(space, "bad", "cannot be read")
    assert shown.step_kind == types_pb2.STEP_KIND_TIMEOUT
    cluster.in_schema(f"update machine set timer_context = '{context}' where id = 'bad'")
    simple_repair(space, "bad")
    eventually(lambda: space.events("bad") == [b"arm", b"timeout"], "its timer fires")


ROW = "update machine set {} where id = '{}'"
# What is done to a machine's rows, and what is said of it then.
DAMAGES = {
    "hole": ("delete from event where id = 3 and (shard, machine_key) = "
             "(select shard, machine_key from machine where id = '{1}')",
             "event 3 of 5 is missing"),
    "short": ("delete from event where id > 2 and (shard, machine_key) = "
              "(select shard, machine_key from machine where id = '{1}')",
              "event 3 of 5 is missing"),
    "last": ("last_event_id = 9223372036854775807", "a machine with last event"),
    "negative": ("last_event_id = -3", "a machine with last event -3"),
    "range": ("timer_direction = 1, timer_after = 0, timer_limit = -5", "a history range"),
    "behind": ("timer_direction = 2, timer_after = -9223372036854775808", "a history range"),
    "direction": ("timer_direction = 7, timer_after = 0", "direction 7"),
    "attempt": ("timer_attempt = 2147483647, timer_next_at = now(), timer_code = 14, "
                "timer_message = ''", "a retry state after attempt 2147483647"),
    "minus": ("timer_at = '-infinity'", "cannot be read"),
    "ides": ("timer_at = '0044-03-15 BC', due_at = '0044-03-15 BC'", "the years 0001 to 9999"),
    "late": ("timer_at = '12345-01-01', due_at = '12345-01-01'", "the years 0001 to 9999"),
    "created": ("created_at = 'infinity'", "cannot be read"),
    "timeout": ("timer_processing_timeout = -1", "a processing timeout of -1"),
    # Of these not even that they failed can be written down.
    "kind": ("failed_at = now(), failure_reason = '', failure_step = 99, failure_code = 2, "
             "failure_attempts = 1, due_at = null", "a failure in a step of kind 99"),
    "version": ("version = 9223372036854775807", "a machine with version"),
}


def test_every_kind_of_damage_is_one_machines(server, cluster, space):
    """None crashes the server, neither at once nor after the next start."""
    space.behave(lambda i: Answer(response=i.args, events=[i.args], timer=timer_in(3600)))
    for id in (*DAMAGES, "good"):
        space.start(id, b"1")
        for number in range(2, 6):
            space.call(id, b"%d" % number)
    restart(server)
    for id, (change, _) in DAMAGES.items():
        cluster.in_schema((change if change.startswith("delete") else ROW).format(change, id))
    for attempt in range(2):
        for id, (_, words) in DAMAGES.items():
            told = ("INTERNAL", "DATA_DAMAGED") if id in ("kind", "version") else (
                "FAILED_PRECONDITION", "MACHINE_FAILED")
            with fails(*told) as failed:
                space.call(id, b"6")
            assert words in failed[0].message, id
        assert space.call("good", b"6", range=history(limit=5)) == b"6"
        assert sorted(space.ids()) == sorted((*DAMAGES, "good")), "pages show them all"
        restart(server)
    with fails("INTERNAL", "DATA_DAMAGED") as failed:
        space.get("hole")
    assert "event 3 of 5 is missing" in failed[0].message
    assert [e.id for e in space.get("hole", history(after=3)).history] == [4, 5]


def test_events_that_no_step_wrote_fail_the_machine(server, cluster, space):
    """Else its timer would ask the processor again and again, and never get anywhere."""
    space.start("m", b"a")
    space.behave(lambda i: Answer(response=i.args, events=[i.args]))
    space.call("m", b"b")
    restart(server)
    cluster.in_schema("update machine set last_event_id = 1 where id = 'm'")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED") as failed:
        space.call("m", b"c")
    assert "23505" in failed[0].message
    failed_with(space, "m", "23505")


def test_a_damaged_page_of_the_database(server, cluster, space):
    """A long value lies in a table of its own, whose pages may be lost: PostgreSQL itself says
    so."""
    for id in ("bad", "good"):
        space.start(id, bytes(100_000))
    assert server.terminate() == 0
    cluster.lose_first_long_value("progressor.machine")
    server.start()
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("bad", b"c")
    assert space.call("good", b"c") == b"c"
    failed_with(space, "bad", "cannot be read", "toast")
    assert sorted(space.ids()) == ["bad", "good"]
    space.remove("bad")
    space.start("bad", b"anew")
    assert space.events("bad") == [b"anew"], "it can be removed, whatever is left of it"


def test_a_damaged_event_harms_who_reads_it(server, cluster, space):
    space.start("bad", bytes(100_000))
    space.behave(lambda i: Answer(response=i.args, events=[i.args]))
    space.call("bad", b"b")
    assert server.terminate() == 0
    cluster.lose_first_long_value("progressor.event")
    server.start()
    assert [e.id for e in space.get("bad", history(after=1)).history] == [2]
    assert space.call("bad", b"c", range=history(after=1)) == b"c"
    with fails("INTERNAL", "DATA_DAMAGED") as failed:
        space.get("bad")
    assert "cannot be read" in failed[0].message
    assert space.status("bad") == "working", "to look at it changes nothing"
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("bad", b"d")
    failed_with(space, "bad", "cannot be read")
    simple_repair(space, "bad")
    assert space.call("bad", b"e", range=history(after=1)) == b"e"


@pytest.mark.parametrize("code", ["22003", "23514", "54000"])
def test_a_step_that_postgresql_refuses(server, cluster, space, code):
    """The batch is halved until the bad step stands alone; the others are committed."""
    cluster.in_schema(f"""
        create function refuse() returns trigger language plpgsql as $$ begin
          if new.data = 'poison' then raise 'this cannot be' using errcode = '{code}'; end if;
          return new;
        end $$""", "create trigger refuse before insert on event "
        "for each row execute function refuse()")
    ids = [f"m{number}" for number in range(20)]
    for id in ids:
        space.start(id, b"a")
    gate = Gate()
    space.behave(lambda i: gate.wait() or step(i))
    calls = {id: space.call_later(id, b"poison" if id == "m7" else b"b") for id in ids}
    for _ in ids:
        gate.wait_for_entry()
    gate.open()
    for id, call in calls.items():
        if id == "m7":
            with fails("FAILED_PRECONDITION", "MACHINE_FAILED") as failed:
                call.result()
            assert code in failed[0].message and "this cannot be" in failed[0].message
        else:
            assert call.result().response == b"b"
            assert space.events(id) == [b"a", b"b"]
    shown = failed_with(space, "m7", code, "this cannot be")
    assert shown.step_kind == types_pb2.STEP_KIND_CALL
    assert space.events("m7") == [b"a"]
    assert len([i for i in space.invocations("m7") if i.kind == "call"]) == 1

    with fails("ABORTED", "START_FAILED") as failed:
        space.start("n", b"poison")
    assert code in failed[0].message
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("n")

    cluster.in_schema("drop trigger refuse on event")
    simple_repair(space, "m7")
    assert space.call("m7", b"c") == b"c"
    assert space.events("m7") == [b"a", b"c"]


def test_a_notification_whose_step_postgresql_refuses_runs_again_after_the_repair(
        server, cluster, space):
    cluster.in_schema("""
        create function refuse() returns trigger language plpgsql as $$ begin
          if new.data = 'poison' then raise 'this cannot be' using errcode = '23514'; end if;
          return new;
        end $$""", "create trigger refuse before insert on event "
        "for each row execute function refuse()")
    space.start("m", b"a")
    space.notify("m", b"poison")
    space.notify("m", b"later")
    assert failed_with(space, "m", "23514").step_kind == types_pb2.STEP_KIND_NOTIFICATION
    cluster.in_schema("drop trigger refuse on event")
    simple_repair(space, "m")
    eventually(lambda: space.events("m") == [b"a", b"poison", b"later"], "both are delivered")


def test_a_machine_that_somebody_has_locked_is_written_when_it_is_free(server, cluster, space):
    """Its processor is asked once; others go on, and whoever does not wait so long hears so."""
    space.start("held", b"a")
    space.start("free", b"a")
    with cluster.session("begin", "select 1 from progressor.machine where id = 'held' for update"):
        call = space.call_later("held", b"b", timeout=60)
        eventually(lambda: "other sessions have locked rows of machines" in server.log_tail(),
                   "the log says so")
        with fails("DEADLINE_EXCEEDED"):
            space.call("held", b"c", timeout=3)
        for number in range(5):
            assert space.call("free", str(number).encode()) == str(number).encode()
        assert server.client.serving()
    assert call.result().response == b"b"
    assert space.events("held") == [b"a", b"b"]
    assert [i.args for i in space.invocations("held")] == [b"a", b"b"]


def test_many_that_somebody_has_locked_are_written_when_they_are_free(server, cluster, space):
    """Others go on meanwhile; what the processors answered is kept."""
    held = [f"held{number}" for number in range(12)]
    free = [f"free{number}" for number in range(8)]
    for id in held + free:
        space.start(id, b"a")
    locked = "select 1 from progressor.machine where id like 'held%' for update"
    with cluster.session("begin", locked):
        calls = [space.call_later(id, b"b", timeout=120) for id in held]
        others = [space.call_later(id, b"b", timeout=120) for id in free]
        for other in others:
            assert other.result().response == b"b"
        assert not any(call.done() for call in calls)
    for id, call in zip(held, calls):
        assert call.result().response == b"b"
        assert space.events(id) == [b"a", b"b"]
        assert [i.args for i in space.invocations(id)] == [b"a", b"b"]


def names(client) -> list[str]:
    reply = client.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=30)
    return [namespace.name for namespace in reply.namespaces]


def test_a_damaged_namespace_hides_no_other(server, cluster, space, spaces):
    """It stays as it was known; after a start it is paused, and its callers hear why."""
    bad = spaces(server.client, step)
    for each in (space, bad):
        each.start("m", b"a")
    cluster.in_schema(f"update namespace set retry_jitter = 'NaN' where name = '{bad.name}'")
    eventually(lambda: "a namespace is damaged" in server.log_tail(), "the log says so")
    for each in (space, bad):
        assert each.call("m", b"b") == b"b"
    assert names(server.client) == [space.name]
    with fails("INTERNAL", "DATA_DAMAGED") as failed:
        server.client.namespaces.Get(namespaces_pb2.GetNamespaceRequest(name=bad.name), timeout=30)
    assert "retry_policy.jitter" in failed[0].message
    assert server.says("a namespace is damaged").count("a namespace is damaged") == 1

    restart(server)
    assert names(server.client) == [space.name]
    assert space.call("m", b"c") == b"c"
    with fails("UNAVAILABLE", "NAMESPACE_PAUSED") as failed:
        bad.call("m", b"c")
    assert "retry_policy.jitter" in failed[0].message
    log = server.says("a namespace is damaged", times=2)
    assert log.count("a namespace is damaged") == 2, "once for each start"

    cluster.in_schema(f"update namespace set retry_jitter = null where name = '{bad.name}'")
    eventually(lambda: bad.name in names(server.client), "it is listed again")
    assert bad.call("m", b"c") == b"c"
    assert bad.events("m") == [b"a", b"b", b"c"]


def listed(client, page_size: int) -> list[str]:
    """The ids of all repair jobs, by pages of this size."""
    ids, token = [], ""
    while True:
        reply = client.repair_jobs.List(repair_jobs.ListRepairJobsRequest(
            page_size=page_size, page_token=token), timeout=30)
        ids += [job.id for job in reply.jobs]
        assert reply.jobs or not token, "no page is empty"
        token = reply.next_page_token
        if not token:
            return ids


def test_a_damaged_repair_job_hides_no_other(server, cluster, space):
    """Of a value that cannot be, and of a page of the database that is lost."""
    ids = [f"j{number}" for number in range(6)]
    for id in ids:
        spec = repairs.spec(space, dry_run=True)
        if id == "j0":
            spec.processor.args = os.urandom(16_000)
        repairs.create(server.client, spec, id)
    assert listed(server.client, 2) == ids[::-1]
    assert server.terminate() == 0
    cluster.lose_first_long_value("progressor.repair_job")
    cluster.in_schema(
        "update repair_job set created_at = 'infinity' where id in ('j2', 'j3', 'j4')")
    server.start()
    for page_size in (1, 2, 100):
        assert listed(server.client, page_size) == ["j5", "j1"]
    for id in ("j0", "j2"):
        with fails("INTERNAL", "DATA_DAMAGED") as failed:
            repairs.get(server.client, id)
        assert "cannot be read" in failed[0].message
    assert repairs.get(server.client, "j1").state == repairs.COMPLETED
    log = server.says("a repair job is damaged", times=4)
    assert log.count("a repair job is damaged") == 4, "each is named once"
    with fails("ALREADY_EXISTS", "REPAIR_JOB_ALREADY_EXISTS"):
        repairs.create(server.client, repairs.spec(space, rate=7), "j1")
    assert server.client.serving()
