"""What was acknowledged is there after SIGKILL; SIGTERM drains."""

import os
import signal
import threading
import time

import grpc
from support.client import Gate, Space, duration, fails, history
from support.processes import postmasters
from support.processor import Answer, Refusal, timer_in
from support.stubs import namespaces_pb2
from support.waiting import eventually


class Load:
    """Threads that call machines until the server is gone, and what each was promised."""

    def __init__(self, space: Space, machines: int, callers: int):
        self.space = space
        self.acknowledged: dict[str, list[bytes]] = {f"m{n}": [] for n in range(machines)}
        self.notified: dict[str, list[bytes]] = {id: [] for id in self.acknowledged}
        self.unknown: list[tuple[str, bytes]] = []
        self.count = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(callers)]

    def start(self) -> None:
        for id in self.acknowledged:
            self.space.start(id, b"init", key="start")
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, number: int) -> None:
        ids = list(self.acknowledged)
        for turn in range(1_000_000):
            id = ids[(number + turn) % len(ids)]
            args = b"%d-%d" % (number, turn)
            try:
                if turn % 4 == 3:
                    self.space.notify(id, b"n" + args, timeout=10)
                    self._note(self.notified, id, b"n" + args)
                else:
                    self.space.call(id, args, key=args.decode(), timeout=10)
                    self._note(self.acknowledged, id, args)
            except grpc.RpcError:
                if turn % 4 != 3:
                    with self._lock:
                        self.unknown.append((id, args))
                return

    def _note(self, where: dict[str, list[bytes]], id: str, args: bytes) -> None:
        with self._lock:
            where[id].append(args)
            self.count += 1


def test_sigkill_under_load_loses_nothing_acknowledged(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    for life in range(2):
        load = Load(space, machines=20, callers=16)
        load.start()
        eventually(lambda: load.count > 300, "there is load", timeout=60)
        server.kill()
        load.join()
        server.start()
        check(space, load)
        for id in load.acknowledged:
            space.remove(id)
        # Start repeats its remembered reply for these ids: the next life needs other keys.
        space = spaces(server.client)
    assert server.terminate() == 0


def check(space: Space, load: Load) -> None:
    for id, acknowledged in load.acknowledged.items():
        eventually(lambda: set(load.notified[id]) <= set(space.events(id)),
                   "acknowledged notifications are delivered (I5)")
        events = space.events(id)  # checks that ids run 1..n (I3)
        assert events[0] == b"init"
        for args in acknowledged:
            assert events.count(args) == 1, "an acknowledged call is there, once"
        for args in load.notified[id]:
            assert events.count(args) == 1, "one committed step per notification"
    # Whoever got no answer repeats with the same key, and the effect is there once.
    for id, args in load.unknown:
        assert space.call(id, args, key=args.decode()) == args
        assert space.events(id).count(args) == 1


def test_everything_about_a_machine_survives(servers, spaces):
    server = servers().start()
    space = spaces(server.client, timeout=7, default_history_range=history(limit=1))
    broken = spaces(server.client)

    def fail(i):
        if i.kind == "call":
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")

    broken.behave(fail)
    broken.start("failed")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        broken.call("failed")
    space.behave(lambda i: Answer(response=i.args, events=[i.args], timer=timer_in(3600)))
    space.start("m", b"a", key="start")
    reply = space.call("m", b"b", key="call")
    notification = space.notify("m", b"c", key="notify")
    eventually(lambda: len(space.events("m")) == 3, "the notification is delivered")
    before = space.get("m"), broken.get("failed"), _namespace(server, space.name)

    server.kill()
    server.start()

    assert (space.get("m"), broken.get("failed"), _namespace(server, space.name)) == before
    seen = len(space.invocations("m"))
    space.start("m", b"a", key="start")
    assert space.call("m", b"b", key="call") == reply
    assert space.notify("m", b"c", key="notify") == notification
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        space.call("m", b"other", key="call")
    assert len(space.invocations("m")) == seen
    assert space.call("m", b"d") == b"d"
    assert space.events("m") == [b"a", b"b", b"c", b"d"]
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        broken.call("failed")


def _namespace(server, name):
    request = namespaces_pb2.GetNamespaceRequest(name=name)
    return server.client.namespaces.Get(request, timeout=30).namespace


def test_timers_fire_after_a_restart_and_not_before_their_time(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    space.behave(lambda i: Answer(timer=timer_in(float(i.args))) if i.kind == "init" else
                 Answer(events=[i.kind.encode()]))
    space.start("while down", b"0.2")
    space.start("afterwards", b"6")
    dues = {id: space.get(id).timer.ToMicroseconds() / 1e6 for id in ("while down", "afterwards")}
    server.kill()
    eventually(lambda: time.time() > dues["while down"], "the first is due")
    server.start()
    for id, due in dues.items():
        eventually(lambda: space.events(id) == [b"timeout"], f"{id} fires", timeout=20)
        timeouts = [i for i in space.invocations(id) if i.kind == "timeout"]
        assert all(i.at >= due - 0.001 for i in timeouts)


def test_retries_go_on_where_they_were(servers, spaces):
    server = servers().start()
    healthy = threading.Event()

    def behave(i):
        if i.kind == "notification" and not healthy.is_set():
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "later")
        return Answer(events=[i.args])

    space = spaces(server.client, behave, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.2), max_interval=duration(0.5), max_attempts=0))
    space.start("m", b"init")
    for args in (b"1", b"2", b"3"):
        space.notify("m", args)
    before = eventually(lambda: _attempts(space, 2), "it is tried twice")
    server.kill()
    server.start()
    after = eventually(lambda: _attempts(space, len(before) + 1), "it is tried again")
    assert {i.args for i in after} == {b"1"}
    assert len({i.step for i in after}) == 1, "a repeat is recognised across the restart"
    numbers = [i.attempt for i in after]
    assert numbers == sorted(numbers) and numbers[-1] > 1, "the counter is durable"
    epochs = [int(i.metadata["progressor-epoch"]) for i in after]
    assert epochs == sorted(epochs), "the fencing token only grows"
    healthy.set()
    eventually(lambda: space.events("m") == [b"init", b"1", b"2", b"3"], "all come, in order")


def _attempts(space, count):
    seen = [i for i in space.invocations("m") if i.kind == "notification"]
    return seen if len(seen) >= count else None


def test_a_step_cut_by_sigkill_is_invoked_again_as_the_same_step(servers, spaces):
    server = servers().start()
    gate = Gate()
    space = spaces(server.client)
    space.start("m", b"init")

    def behave(i):
        gate.wait()
        return Answer(events=[i.args])

    space.behave(behave)
    space.notify("m", b"n")
    gate.wait_for_entry()
    server.kill()
    server.start()
    gate.wait_for_entry()
    gate.open()
    eventually(lambda: space.events("m") == [b"init", b"n"], "it is committed once")
    first, second = [i for i in space.invocations("m") if i.kind == "notification"]
    assert (first.step, first.notification_id) == (second.step, second.notification_id)
    assert int(second.metadata["progressor-epoch"]) > int(first.metadata["progressor-epoch"])


def test_sigterm_lets_the_running_step_finish(servers, spaces):
    server = servers().start()
    gate = Gate()
    space = spaces(server.client)
    space.start("m", b"init")

    def behave(i):
        gate.wait()
        return Answer(response=b"done", events=[b"done"])

    space.behave(behave)
    call = space.call_later("m")
    gate.wait_for_entry()
    server.send_signal(signal.SIGTERM)
    eventually(lambda: not server.client.serving(), "it says that it is going")
    assert server.running
    gate.open()
    assert call.result().response == b"done"
    assert server.wait() == 0
    server.start()
    assert space.events("m") == [b"init", b"done"]


def test_sigterm_without_load_is_quick_and_leaves_nothing_running(servers):
    server = servers().start()
    began = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - began < 15
    eventually(lambda: not postmasters(server.data), "its PostgreSQL is stopped")


def test_sigint_stops_too(servers):
    server = servers().start()
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0


def test_a_postgresql_that_dies_is_started_again(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    space.start("m", b"a")
    for pid in postmasters(server.data):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: answered(lambda: space.call("m", b"b", key="k", timeout=5)),
               "calls go on", timeout=60)
    assert space.events("m") == [b"a", b"b"]
    assert server.running
    eventually(server.client.serving, "it serves again")


def answered(request) -> bool:
    try:
        request()
        return True
    except grpc.RpcError as error:
        assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
        return False
