"""A machine's queue of notifications is listed, and dropped from."""

import json
import time

import grpc
from support.client import DEADLINE, Gate, duration, fails
from support.operators import COMPOSED, DECOMPOSED, command, drop, queue, queued
from support.processor import Answer, Refusal
from support.stubs import automaton_pb2, namespaces_pb2
from support.waiting import eventually

SLOW = dict(initial_interval=duration(600), max_interval=duration(600))


def test_a_long_queue_comes_page_by_page_in_order(client, spaces):
    space = spaces(client)
    space.start("m")
    space.pause("m")
    requests = [space.client.automaton.Notify.future(automaton_pb2.NotifyRequest(
        namespace=space.name, id="m", args=b"%d" % number), timeout=60) for number in range(2_000)]
    ids = {request.result().notification_id for request in requests}
    assert len(ids) == 2_000 and space.get("m").queued_notifications == 2_000
    (machine,) = [m for page in space.pages() for m in page]
    assert machine.queued_notifications == 2_000
    pages = queue(space, page_size=300)
    assert [len(page) for page in pages] == [300] * 6 + [200]
    found = [n.notification_id for page in pages for n in page]
    assert len(found) == 2_000 and set(found) == ids
    assert found == [n.notification_id for page in queue(space, page_size=5_000) for n in page]
    assert [len(page) for page in queue(space)] == [100] * 20
    assert all(abs(n.accepted_at.ToMicroseconds() / 1e6 - time.time()) < 600
               for page in pages for n in page)
    dropped = [found[0], found[31], found[32], found[1_000], found[-1]]
    for notification in dropped:
        drop(space, notification)
    with fails("NOT_FOUND", "NOTIFICATION_NOT_FOUND", (space.name, "m")):
        drop(space, found[1_000])
    assert space.get("m").queued_notifications == 1_995
    left = [n.notification_id for page in queue(space, page_size=1_000) for n in page]
    assert left == [id for id in found if id not in dropped]
    space.remove("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND", (space.name, "m")):
        queue(space)


def test_a_page_of_a_queue_fits_into_a_message(client, spaces):
    space = spaces(client)
    space.start("m")
    space.pause("m")
    for number in range(5):
        space.notify("m", bytes([number]) * (3 << 20))
    pages = queue(space)
    assert sum(len(page) for page in pages) == 5 and len(pages) >= 3
    assert queued(space) == [bytes([number]) * (3 << 20) for number in range(5)]
    longest = (16 << 20) - (16 << 10)
    space.notify("m", b"x" * longest)
    assert len(queued(space)[-1]) == longest


def test_a_notification_is_dropped_whatever_becomes_of_its_delivery(servers, spaces):
    server = servers().start()
    gate = Gate()
    failing = {"busy": True}

    def behave(i):
        if i.args == b"slow":
            gate.wait()
        if i.args == b"fatal":
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")
        if i.args == b"busy" and failing["busy"]:
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "come again")
        return Answer(events=[i.args])

    space = spaces(server.client, behave, retry_policy=namespaces_pb2.RetryPolicy(**SLOW))
    space.start("m", b"init")

    # The head backs off: it says how it fares, and once it is dropped the next one goes at once.
    busy = space.notify("m", b"busy", key="k")
    space.notify("m", b"next")
    eventually(lambda: space.status("m") == "retrying", "it backs off")
    ((head, behind),) = queue(space)
    assert (head.attempt, head.last_code, head.last_message) == (1, 14, "come again")
    assert head.next_attempt_at.ToMicroseconds() / 1e6 > time.time() + 60
    assert (behind.attempt, behind.HasField("next_attempt_at")) == (0, False)
    table = command(server, space, "notifications", "m").splitlines()
    assert [row.split("\t")[0] for row in table] == ["NOTIFICATION", busy, behind.notification_id]
    assert table[1].split("\t")[4:] == ["UNAVAILABLE", "come again", "busy"]
    assert "retrying" in command(server, space, "get", "m")
    shown = json.loads(command(server, space, "notifications", "m", "--limit", "1", "--json"))
    assert shown["notifications"][0]["lastMessage"] == "come again"
    assert "dropped" in command(server, space, "drop-notification", "m", busy)
    eventually(lambda: space.events("m") == [b"init", b"next"], "the next one goes")
    assert space.status("m") == "working"
    assert space.notify("m", b"busy", key="k") == busy, "its key stays"
    assert queued(space) == []

    # The one that runs is waited for.
    slow = space.notify("m", b"slow")
    gate.wait_for_entry()
    space.notify("m", b"after")
    dropping = server.client.automaton.DropNotification.future(
        automaton_pb2.DropNotificationRequest(
            namespace=space.name, id="m", notification_id=slow), timeout=DEADLINE)
    eventually(lambda: space.get("m").queued_notifications == 2, "both are queued")
    assert not dropping.done()
    gate.open()
    with fails("NOT_FOUND", "NOTIFICATION_NOT_FOUND", (space.name, "m")):
        dropping.result()
    eventually(lambda: space.events("m")[2:] == [b"slow", b"after"], "both are delivered")

    # Of a failed machine, over a restart.
    fatal = space.notify("m", b"fatal")
    space.notify("m", b"last")
    eventually(lambda: space.status("m") == "failed", "it fails")
    server.kill()
    server.start()
    assert queued(space) == [b"fatal", b"last"]
    drop(space, fatal)
    assert space.status("m") == "failed" and queued(space) == [b"last"]
    space.simple_repair("m")
    eventually(lambda: space.events("m")[4:] == [b"last"], "it goes on")
    with fails("NOT_FOUND", "NOTIFICATION_NOT_FOUND", (space.name, "m")):
        drop(space, fatal)


def test_what_cannot_be_dropped_or_listed_says_why(space):
    space.start(COMPOSED)
    space.pause(COMPOSED)
    notification = space.notify(COMPOSED, b"1")
    space.start(DECOMPOSED)
    for id in (notification + "0", "0-1", "hello", notification + " "):
        with fails("NOT_FOUND", "NOTIFICATION_NOT_FOUND", (space.name, COMPOSED)):
            drop(space, id, COMPOSED)
    with fails("NOT_FOUND", "NOTIFICATION_NOT_FOUND", (space.name, DECOMPOSED)):
        drop(space, notification, DECOMPOSED)
    for id in ("", "a\nb", "x" * 257):
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
            drop(space, id, COMPOSED)
        assert failures[0].message.startswith("notification_id: ")
    for ask in (lambda: queue(space, "none"), lambda: drop(space, "0-1", "none")):
        with fails("NOT_FOUND", "MACHINE_NOT_FOUND", (space.name, "none")):
            ask()
    assert queued(space, COMPOSED) == [b"1"] and queued(space, DECOMPOSED) == []
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
        queue(space, COMPOSED, page_size=-1)
    assert failures[0].message.startswith("page_size: ")
    space.notify(COMPOSED, b"2")
    first = space.client.automaton.ListNotifications(automaton_pb2.ListNotificationsRequest(
        namespace=space.name, id=COMPOSED, page_size=1), timeout=DEADLINE)
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failures:
        space.client.automaton.ListNotifications(automaton_pb2.ListNotificationsRequest(
            namespace=space.name, id=DECOMPOSED, page_token=first.next_page_token),
            timeout=DEADLINE)
    assert failures[0].message.startswith("page_token: ")
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        space.client.automaton.Count(
            automaton_pb2.CountRequest(namespace="no-such"), timeout=DEADLINE)


def test_another_node_takes_the_queue_over(node, spaces):
    first = node(lease=3).start()
    space = spaces(first.client)
    space.start("m")
    space.pause("m")
    ids = [space.notify("m", b"%d" % number) for number in range(40)]
    drop(space, ids[35])
    second = node(lease=3)
    second.start(wait=False)
    first.kill()
    eventually(second.client.serving, "the second takes over", timeout=60)
    there = space.on(second.client)
    assert there.get("m").queued_notifications == 39
    drop(there, ids[0])
    drop(there, ids[39])
    there.resume("m")
    expected = [b"%d" % number for number in range(1, 39) if number != 35]
    eventually(lambda: there.events("m")[1:] == expected, "the rest is delivered", timeout=30)
