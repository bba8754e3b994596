"""Notify: accepted by every machine, delivered at least once and in order (I5)."""

import threading

import grpc
from support.client import Gate, duration, fails, history
from support.processor import Answer, Refusal
from support.stubs import namespaces_pb2
from support.waiting import eventually

FAST = dict(initial_interval=duration(0.05), max_interval=duration(0.1))


def notifications(space, id="m"):
    return [i for i in space.invocations(id) if i.kind == "notification"]


def test_a_notification_becomes_a_signal_with_its_id(space):
    space.start("m", b"init")
    notification = space.notify("m", b"hello")
    assert notification
    eventually(lambda: space.events("m") == [b"init", b"hello"], "it is processed")
    (seen,) = notifications(space)
    assert (seen.args, seen.notification_id) == (b"hello", notification)


def test_notifications_are_delivered_in_order_of_acceptance(space):
    space.start("m", b"0")
    for number in range(1, 101):
        space.notify("m", b"%d" % number)
    eventually(lambda: len(space.events("m")) == 101, "all are processed", timeout=30)
    assert space.events("m") == [b"%d" % n for n in range(101)]


def test_each_notification_has_an_id_of_its_own(space):
    space.start("m")
    assert len({space.notify("m") for _ in range(20)}) == 20


def test_accepting_does_not_wait_for_the_processor(space):
    gate = Gate()
    space.start("m", b"init")
    space.behave(lambda i: gate.wait())
    space.notify("m", b"1")
    gate.wait_for_entry()
    space.notify("m", b"2", timeout=5)
    gate.open()
    eventually(lambda: len(notifications(space)) == 2, "the second follows the first")


def test_its_range_is_used_at_delivery_and_clipped(space):
    space.start("m", b"1")
    space.notify("m", b"n", range=history(after=100, limit=3))
    eventually(lambda: len(space.events("m")) == 2, "it is delivered all the same")
    assert list(notifications(space)[0].machine.history) == []
    space.notify("m", b"n", range=history(after=1, limit=3))
    eventually(lambda: len(space.events("m")) == 3, "it is delivered")
    assert [e.id for e in notifications(space)[1].machine.history] == [2]


def test_the_head_backs_off_and_calls_go_on(client, spaces):
    down = threading.Event()

    def behave(i):
        if i.kind == "notification" and i.args == b"1" and not down.is_set():
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "later")
        return Answer(response=i.args, events=[i.args])

    space = spaces(client, behave, retry_policy=namespaces_pb2.RetryPolicy(**FAST))
    space.start("m", b"init")
    for args in (b"1", b"2"):
        space.notify("m", args)
    eventually(lambda: len(notifications(space)) >= 3, "the first is tried again and again")
    assert space.call("m", b"call") == b"call"
    assert {i.args for i in notifications(space)} == {b"1"}, "the second waits behind the first"
    down.set()
    eventually(lambda: len(space.events("m")) == 4, "both are delivered")
    assert space.events("m") == [b"init", b"call", b"1", b"2"]
    firsts = [i for i in notifications(space) if i.args == b"1"]
    assert len({i.step for i in firsts}) == 1
    assert len({i.notification_id for i in firsts}) == 1
    assert [i.attempt for i in firsts] == list(range(1, len(firsts) + 1))


def test_a_failed_machine_accepts_and_keeps_notifications(space):
    def fail(i):
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")
    space.start("m", b"init")
    space.behave(fail)
    space.notify("m", b"1")
    eventually(lambda: space.status("m") == "failed", "the notification fails it")
    assert space.notify("m", b"2")
    assert space.notify("m", b"3")
    assert [i.args for i in notifications(space)] == [b"1"], "a failed machine takes no step"
    space.remove("m")


def test_an_accepted_notification_is_dropped_with_its_machine_only(space):
    gate = Gate()
    space.start("m", b"init")
    space.behave(lambda i: gate.wait() if i.args == b"1" else None)
    space.notify("m", b"1")
    gate.wait_for_entry()
    space.notify("m", b"2")
    removal = threading.Thread(target=space.remove, args=("m",))
    removal.start()
    gate.open()
    removal.join(30)
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.notify("m", b"3")
    space.behave(lambda i: Answer(events=[i.args]))
    space.start("m", b"second life")
    space.notify("m", b"4")
    eventually(lambda: len(space.events("m")) == 2, "the new machine gets its own")
    assert space.events("m") == [b"second life", b"4"]


def test_the_queue_of_a_machine_is_bounded(client, spaces):
    def behave(i):
        if i.kind != "init":
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")
    space = spaces(client, behave, limits=namespaces_pb2.Limits(notifications=3))
    space.start("m")
    space.notify("m", b"1")
    eventually(lambda: space.status("m") == "failed", "it fails and keeps the first")
    space.notify("m", b"2")
    space.notify("m", b"3")
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED", about=(space.name, "m")) as failure:
        space.notify("m", b"4")
    assert int(failure[0].trailers["grpc-retry-pushback-ms"]) >= 0


def test_many_machines_are_notified_side_by_side(space):
    ids = [f"m{n}" for n in range(50)]
    for id in ids:
        space.start(id, b"0")
    for number in range(1, 6):
        for id in ids:
            space.notify(id, b"%d" % number)
    eventually(lambda: all(space.get(id, history(limit=0)).last_event_id == 6 for id in ids),
               "all are delivered", timeout=30)
    assert all(space.events(id) == [b"%d" % n for n in range(6)] for id in ids)
