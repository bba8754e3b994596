"""Machines are exported and imported: over the wire, and by the program's JSON lines."""

import json
import threading

import grpc
import pytest
from support.client import DEADLINE, duration, fails, history
from support.operators import COMPOSED, DECOMPOSED, queued
from support.processor import Answer, Refusal, content, timer_in
from support.stubs import transfer_pb2, types_pb2
from support.transfer import export, export_pages, large, machine, send
from support.waiting import eventually

PAYLOAD = bytes(range(256))


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def furnished(spaces, client):
    """A namespace with machines in every state that there is."""
    def behave(invocation):
        if invocation.args == b"break":
            raise Refusal(grpc.StatusCode.INTERNAL, "broken by é")
        if invocation.args == b"timer":
            return Answer(events=[b"t"], timer=timer_in(3_600))
        return Answer(events=[invocation.args], aux_state=content(PAYLOAD, 3))
    space = spaces(client, behave)
    for id in ("working", COMPOSED, DECOMPOSED, "with timer", "failed", "paused", "queue"):
        space.start(id, PAYLOAD)
    space.call("with timer", b"timer")
    with fails("FAILED_PRECONDITION"):
        space.call("failed", b"break")
    space.notify("failed", b"waits")
    space.pause("paused", "for é")
    space.notify("paused", PAYLOAD)
    space.pause("queue")
    for number in range(50):
        space.notify("queue", b"%d" % number)
    return space


def state(space, id: str) -> types_pb2.Machine:
    shown = space.get(id)
    shown.ClearField("namespace")
    shown.ClearField("waiting_on")
    shown.ClearField("waiting_since")
    return shown


def test_a_namespace_moves_over_the_wire(client, spaces):
    source = furnished(spaces, client)
    target = spaces(client, lambda invocation: Answer(events=[invocation.args]))
    machines = export(source)
    assert set(machines) == set(source.ids()) and len(machines) == 7
    for parts in machines.values():
        send(target, parts)
    for id in machines:
        assert state(target, id) == state(source, id), id
        assert queued(target, id) == queued(source, id)
        with fails("ALREADY_EXISTS", "MACHINE_ALREADY_EXISTS", (target.name, id)):
            send(target, machines[id])
    # The processor saw none of it; what they were about to do, they do here.
    assert target.invocations() == []
    target.simple_repair("failed")
    target.resume("queue")
    eventually(lambda: queued(target, "failed") == [] and queued(target, "queue") == [],
               "they are delivered")
    assert target.events("queue")[1:] == [b"%d" % number for number in range(50)]
    # The source is as it was.
    assert len(queued(source, "queue")) == 50


def test_a_moved_timer_fires_and_a_moved_retry_goes_on(client, spaces):
    down = spaces(client, lambda invocation: Answer(events=[b"s"], timer=timer_in(0.05))
                  if invocation.kind == "init" else _unavailable(),
                  retry_policy=dict(initial_interval=duration(3_600)))
    down.start("m")
    eventually(lambda: down.status("m") == "retrying", "its timeout is tried again")
    target = spaces(client)
    (parts,) = export(down).values()
    head = parts[0].head
    assert head.timer.attempts.attempt == 1 and head.timer.attempts.last_code == 14
    head.timer.attempts.next_attempt_at.FromSeconds(0)
    send(target, parts)
    eventually(lambda: len(target.events("m")) == 2, "its timer fires at once")
    (invocation,) = target.invocations("m")
    assert invocation.kind == "timeout" and invocation.attempt == 2


def _unavailable():
    raise Refusal(grpc.StatusCode.UNAVAILABLE, "away")


def test_machines_that_fit_into_no_message(client, spaces):
    space = spaces(client, lambda invocation: Answer(
        events=[bytes(7 << 20)], aux_state=content(bytes(7 << 20))),
        default_history_range=history(limit=0))
    space.start("large")
    for _ in range(4):
        space.call("large")
    space.pause("large")
    for number in range(3):
        space.notify("large", bytes([number]) * (15 << 20))
    pages = list(export_pages(space))
    assert len(pages) > 5 and max(sum(p.ByteSize() for p in page) for page in pages) < 16 << 20
    target = spaces(client)
    send(target, [part for page in pages for part in page])
    assert state_without_history(target, "large") == state_without_history(space, "large")
    assert queued(target, "large") == queued(space, "large")


def state_without_history(space, id: str) -> types_pb2.Machine:
    shown = space.get(id, history(limit=0))
    shown.ClearField("namespace")
    shown.ClearField("waiting_since")
    return shown


def test_an_export_beside_steps_shows_each_machine_at_one_time(client, spaces):
    space = spaces(client, lambda invocation: Answer(events=[b"e"] * 3, aux_state=content(b"a")))
    for number in range(20):
        space.start(f"m{number}")
    over = threading.Event()

    def work():
        while not over.is_set():
            for number in range(20):
                space.call(f"m{number}")
                space.notify(f"m{number}")
    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(20):
            for parts in export(space).values():
                events = [e.id for p in parts for e in p.events.events]
                assert events == list(range(1, parts[0].head.last_event_id + 1))
                assert len(events) % 3 == 0
                count = sum(len(p.notifications.notifications) for p in parts)
                assert count >= parts[0].head.queued_notifications
    finally:
        over.set()
        worker.join()


def test_what_is_not_right_makes_nothing(client, spaces):
    source, target = spaces(client, lambda _: Answer(events=[b"1", b"2"])), spaces(client)
    source.start("m")
    (parts,) = export(source).values()
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as seen:
        send(target, parts[:-1])
    assert "no end" in seen[0].message
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as seen:
        send(target, [*parts, parts[-1]])
    with fails("INVALID_ARGUMENT") as seen:
        send(target, [parts[0], parts[2]])
    for namespace in ("", "absent é"):
        with fails(("INVALID_ARGUMENT", "NOT_FOUND")):
            client.automaton.Import(iter([transfer_pb2.ImportRequest(
                namespace=namespace, parts=parts)]), timeout=DEADLINE)
    broken = transfer_pb2.MachinePart()
    broken.CopyFrom(parts[0])
    broken.head.timer.fires_at.FromSeconds(0)
    broken.head.timer.metadata.add(name="x-a", value="line\nbreak")
    with fails("INVALID_ARGUMENT") as seen:
        send(target, [broken, *parts[1:]], size=10)
    assert "metadata[0]" in seen[0].message
    # A stream that is cut makes nothing, and nothing of it is held.
    call = client.automaton.Import.future(_never_ending(target, parts), timeout=1)
    with pytest.raises(grpc.RpcError):
        call.result()
    assert target.ids() == []
    send(target, parts)
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        export(source, ["m", "absent"])
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        client.automaton.Export(transfer_pb2.ExportRequest(namespace="absent"), timeout=DEADLINE)
    with fails("INVALID_ARGUMENT"):
        client.automaton.Export(transfer_pb2.ExportRequest(
            namespace=source.name, page_token="AAAA"), timeout=DEADLINE)


def _never_ending(space, parts):
    for part in parts:
        yield transfer_pb2.ImportRequest(namespace=space.name, parts=[part])
    threading.Event().wait(5)


def test_what_is_imported_at_once_has_a_budget(servers, spaces):
    server = servers(environment={"PROGRESSOR_LIMITS_IMPORT_SIZE": "4MiB"}).start()
    space = spaces(server.client)
    head, *events, end = large("m", 5, bytes(1 << 20))
    with fails("INVALID_ARGUMENT") as seen:
        send(space, [head, *events, end])
    assert "limits.import_size" in seen[0].message
    sent, go_on = threading.Semaphore(0), threading.Event()

    def slowly():
        for part in [head, *events[:3]]:
            yield transfer_pb2.ImportRequest(namespace=space.name, parts=[part])
        sent.release()
        go_on.wait(30)
    held = server.client.automaton.Import.future(slowly(), timeout=DEADLINE)
    assert sent.acquire(timeout=30)
    other = transfer_pb2.MachinePart()
    other.CopyFrom(head)
    other.head.last_event_id = 2

    def refused() -> bool:
        try:
            send(space, [other, *events[:2], end])
            space.remove("m")
        except grpc.RpcError as error:
            return error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        return False
    eventually(refused, "what the other holds is full")
    held.cancel()
    go_on.set()
    eventually(lambda: not refused(), "what was cut is given back")


def test_a_page_that_nobody_waits_for_any_more_is_not_read(node, postgres, spaces):
    server = node().start()
    space = spaces(server.client)
    space.start("m")
    export(space)
    log = postgres.directory / "log"
    postgres.sql("alter system set log_statement = 'all'", "select pg_reload_conf()")
    eventually(lambda: postgres.sql("show log_statement") == "all", "statements are logged")
    before = log.read_bytes().count(b"execute export_namespace")
    with postgres.session("begin", "lock table progressor.event in access exclusive mode"):
        request = transfer_pb2.ExportRequest(namespace=space.name)
        calls = [server.client.automaton.Export.future(request, timeout=2) for _ in range(6)]
        calls[5].cancel()
        for call in calls[:5]:
            with fails("DEADLINE_EXCEEDED"):
                call.result()
    assert list(export(space)) == ["m"]
    # The first, and this one.
    assert log.read_bytes().count(b"execute export_namespace") - before <= 2
    postgres.sql("alter system reset log_statement", "select pg_reload_conf()")


def test_the_program_moves_a_namespace_by_a_file(server, client, spaces, tmp_path):
    source, target = furnished(spaces, client), spaces(client)
    path = tmp_path / "machines.jsonl"
    said = machine(server, source, "export", "--output", str(path)).stderr
    assert "exported 7 machines" in said and path.stat().st_mode & 0o077 == 0
    text = path.read_text()
    assert machine(server, source, "export").stdout == text
    assert "imported 7 machines" in machine(server, target, "import", str(path)).stderr
    for id in source.ids():
        assert state(target, id) == state(source, id), id
        assert queued(target, id) == queued(source, id)
    assert machine(server, target, "export").stdout == text
    # A file is not written over; what exists is an error, or passed over.
    machine(server, source, "export", "--output", str(path), status=1)
    assert path.read_text() == text
    said = machine(server, target, "import", str(path), status=4).stderr
    assert "line 1 " in said and "MACHINE_ALREADY_EXISTS" in said
    said = machine(server, target, "import", "--skip-existing", str(path)).stderr
    assert "imported 0 machines" in said and "7 skipped" in said


def test_the_program_goes_on_where_it_was_cut_off(server, client, spaces):
    source, target = furnished(spaces, client), spaces(client)
    ids = source.ids()
    text = machine(server, source, "export").stdout
    assert lines(machine(server, source, "export", "--after", ids[3]).stdout) == [
        line for line in lines(text) if line in lines(text)[_heads(text)[4]:]]
    only = machine(server, source, "export", ids[5], ids[1]).stdout
    assert [line["end"]["id"] for line in lines(only) if "end" in line] == [ids[1], ids[5]]
    cut = "\n".join(text.splitlines()[:_heads(text)[2] + 1]) + "\n"
    said = machine(server, target, "import", input=cut, status=65).stderr
    assert "has no end" in said and "imported 2 machines" in said
    again = machine(server, source, "export", "--after", ids[1]).stdout
    said = machine(server, target, "import", "--skip-existing", input=cut + again).stderr
    assert "imported 5 machines" in said and "2 skipped" in said
    assert sorted(target.ids()) == sorted(ids)


def test_for_programs_an_error_is_all_that_stands_on_standard_error(server, client, spaces,
                                                                     tmp_path):
    source, target = furnished(spaces, client), spaces(client)
    path = tmp_path / "machines.jsonl"
    for arguments in (["export", "--output", str(path)], ["import", "--check", str(path)]):
        assert machine(server, source, *arguments, "--json").stderr == ""
    assert machine(server, target, "import", str(path), "--json").stderr == ""

    def error(space, *arguments: str, status: int, **options) -> dict:
        said = machine(server, space, *arguments, "--json", status=status, **options).stderr
        return json.loads(said)["error"]
    there = error(target, "import", str(path), status=4)
    assert there["reason"] == "MACHINE_ALREADY_EXISTS" and there["server"] == server.address
    assert "line 1 was not imported" in there["note"]
    written = error(source, "export", "--output", str(path), status=1)
    assert written["code"] == "" and "server" not in written
    wrong = error(target, "import", input="nonsense", status=65)
    assert wrong["reason"] == "INPUT_INVALID" and "server" not in wrong


@pytest.mark.parametrize("member, place", [
    ('"timer":{"firesAt":TIME,"historyRange":{"limit":-1}}', "machine.timer.historyRange.limit"),
    ('"timer":{"firesAt":TIME,"processingTimeout":"0s"}', "machine.timer.processingTimeout"),
    ('"timer":{"firesAt":TIME,"metadata":[{"name":"x-a","value":"a\\r\\nb"}]}',
     "machine.timer.metadata[0]"),
    ('"failed":{"reason":"\\u0000","failedAt":TIME,"stepKind":"STEP_KIND_CALL","code":2}',
     "machine.failed.reason"),
])
def test_a_check_refuses_what_an_import_refuses(server, space, member, place):
    text = '{"machine":{"version":1,"id":"m","createdAt":TIME,%s}}\n{"end":{"id":"m"}}\n' % member
    text = text.replace("TIME", '"2026-01-01T00:00:00Z"')
    for arguments in (["--check"], []):
        said = machine(server, space, "import", *arguments, input=text, status=65).stderr
        assert f"line 1: {place}" in said
    assert space.ids() == []


def _heads(text: str) -> list[int]:
    return [number for number, line in enumerate(lines(text)) if "machine" in line]


@pytest.mark.parametrize("line, says", [
    ("nonsense", "line 2, byte 1: it is no JSON"),
    ('{"event":{"id":"1","createdAt":"2026-01-01T00:00:00Z"},"more":1}', "line 2: more is not"),
    ('{"event":{"id":"3","createdAt":"2026-01-01T00:00:00Z"}}', "line 2: event.id: is 3, the next"),
    ('{"event":{"id":"1","createdAt":"yesterday"}}', "line 2: event.createdAt must be a time"),
    ('{"event":{"id":"1"}}', "line 2: event.createdAt is missing"),
    ('{"event":{"id":1.5,"createdAt":"2026-01-01T00:00:00Z"}}', "line 2: event.id must be a whole"),
    ('{"event":{"id":"1","createdAt":"2026-01-01T00:00:00Z","body":{"data":"%"}}}',
     "line 2: event.body.data must be base64"),
    ('{"event":{"id":"1","id":"1"}}', 'line 2, byte 24: it is no JSON: "id" comes twice'),
    ('{"end":{"id":"m"}}', "line 2: end: comes behind 0 events, last_event_id is 1"),
    ("", "machine m of line 1 has no end"),
])
def test_the_program_says_which_line_and_field_is_wrong(server, space, line, says):
    text = '{"machine":{"version":1,"id":"m","createdAt":"0001-01-01T00:00:00Z","lastEventId":1}}\n'
    said = machine(server, space, "import", input=text + line + "\n", status=65).stderr
    assert says in said
    assert machine(server, space, "import", "--check", input=text + line, status=65)
    assert space.ids() == []


def test_the_first_time_of_all_goes_and_comes_back(server, space):
    zero = "0001-01-01T00:00:00Z"
    body = '{"text":"\\u0000é\\ud83d\\ude00"}'
    text = ('{"machine":{"version":1,"id":"m","createdAt":"%s","lastEventId":"1"}}\n'
            '{"event":{"id":1,"createdAt":"%s","body":%s}}\n'
            '{"end":{"id":"m"}}\n') % (zero, zero, body)
    machine(server, space, "import", input=text)
    shown = space.get("m")
    assert shown.created_at.ToJsonString() == zero
    assert shown.history[0].body.data == "\0é😀".encode()
    space.call("m", b"on")
    assert space.events("m")[-1] == b"on"
