"""Waiting for a machine to change, and watching what becomes of it."""

import itertools
import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import grpc
from support.client import fails, history
from support.processor import Answer, Refusal
from support.server import BINARY, clean_environment, progressor
from support.stubs import automaton_pb2
from support.waiting import eventually

NEWEST = history(limit=100)


def silent(call, seconds: float = 0.3) -> bool:
    """It has no answer, nor gets one soon."""
    try:
        call.result(timeout=seconds)
    except grpc.FutureTimeoutError:
        return True
    return False


class Watched:
    """A Watch, read by a thread: what came so far, and how it ended."""

    def __init__(self, call):
        self.call, self.messages, self.error = call, [], None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for message in self.call:
                self.messages.append(message)
        except grpc.RpcError as error:
            self.error = error

    @property
    def events(self) -> list[bytes]:
        events = [m.event for m in self.messages if m.WhichOneof("content") == "event"]
        assert [e.id for e in events] == list(range(events[0].id, events[-1].id + 1)) \
            if events else True
        return [e.body.data for e in events]

    @property
    def machines(self) -> list:
        return [m.machine for m in self.messages if m.WhichOneof("content") == "machine"]

    def ends(self, code: str, reason: str) -> None:
        eventually(lambda: self.error is not None, "the watch ends")
        with fails(code, reason):
            raise self.error


def test_a_get_waits_for_the_next_event(space):
    space.start("m", b"a")
    assert space.get_later("m", NEWEST, after=0).result(10).machine.last_event_id == 1
    waiting = space.get_later("m", NEWEST, after=1)
    assert silent(waiting)
    space.call("m", b"b")
    shown = waiting.result(10).machine
    assert [e.body.data for e in shown.history] == [b"a", b"b"]


def test_a_get_waits_until_a_machine_works_no_more(space):
    space.start("m")
    assert space.get_later("m", not_working=False).result(10).machine.last_event_id == 1
    waiting = [space.get_later("m", not_working=True) for _ in range(20)]
    assert all(silent(one, 0.05) for one in waiting)

    def broken(_) -> Answer:
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")

    space.behave(broken)
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    for one in waiting:
        assert one.result(10).machine.status.failed.reason == "broken"
    assert space.get_later("m", not_working=True).result(10).machine.status.HasField("failed")
    space.simple_repair("m")
    paused = space.get_later("m", not_working=True)
    space.pause("m", "why")
    assert paused.result(10).machine.paused.reason == "why"


def test_a_get_that_waits_ends_before_its_deadline_with_what_is_there(space):
    space.start("m")
    began = time.monotonic()
    shown = space.get_later("m", after=1, timeout=1.5).result(10).machine
    assert shown.last_event_id == 1 and time.monotonic() - began > 1.2
    assert space.get_later("m", after=1, timeout=0.045).result(10).machine.last_event_id == 1


def test_a_get_that_waits_hears_that_the_machine_is_gone(space):
    space.start("m")
    waiting = [space.get_later("m", after=1), space.get_later("m", not_working=True)]
    assert all(silent(one, 0.1) for one in waiting)
    space.remove("m")
    for one in [*waiting, space.get_later("m", after=0)]:
        with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
            one.result(10)


def test_bad_waits_are_refused(space):
    space.start("m")
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        space.get_later("m", after=-1).result(10)
    assert "wait.after_event_id" in failure[0].message
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        next(space.watch("m", after=-1))
    assert "after_event_id" in failure[0].message
    with fails("NOT_FOUND", "EVENT_NOT_FOUND") as failure:
        next(space.watch("m", after=2))
    assert "after_event_id" in failure[0].message
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        next(space.watch("nobody"))
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        next(space.client.automaton.Watch(
            automaton_pb2.WatchRequest(namespace="nowhere", id="m"), timeout=10))


def test_a_watch_shows_the_machine_its_events_and_what_becomes_of_it(space):
    space.start("m", b"1")
    for number in range(2, 251):
        space.call("m", str(number).encode())
    watched = Watched(space.watch("m"))
    eventually(lambda: len(watched.events) == 250, "all events are shown")
    assert watched.events == [str(n).encode() for n in range(1, 251)]
    assert watched.messages[0].machine.last_event_id == 250
    assert not any(machine.history for machine in watched.machines)

    space.call("m", b"251")
    eventually(lambda: watched.machines[-1].last_event_id == 251, "the change is shown")
    assert watched.events[-1] == b"251"
    space.pause("m", "why")
    eventually(lambda: watched.machines[-1].paused.reason == "why", "the pause is shown")
    space.notify("m", b"n")
    eventually(lambda: watched.machines[-1].queued_notifications == 1, "the queue is shown")
    space.resume("m")
    eventually(lambda: watched.events[-1] == b"n", "the notification's event is shown")
    space.remove("m")
    watched.ends("NOT_FOUND", "MACHINE_NOT_FOUND")


def test_a_watch_goes_on_behind_an_event(space):
    space.start("m", b"1")
    space.call("m", b"2")
    watched = Watched(space.watch("m", after=1))
    eventually(lambda: watched.events == [b"2"], "what is new is shown")
    watched = Watched(space.watch("m", after=2))
    eventually(lambda: len(watched.messages) == 1, "the machine is shown")
    assert watched.events == [] and watched.machines[0].last_event_id == 2


def test_another_machine_of_the_name_is_not_watched_on(space):
    space.start("m", b"1")
    watched = Watched(space.watch("m"))
    eventually(lambda: watched.events == [b"1"], "it is shown")
    space.remove("m")
    space.start("m", b"another")
    watched.ends("NOT_FOUND", "MACHINE_NOT_FOUND")
    assert watched.events == [b"1"]


def test_a_watcher_that_does_not_read_loses_nothing_and_holds_up_nobody(servers, spaces):
    """What it does not take is not kept for it: 60 MiB of events are shown to 20 of them."""
    server = servers().start()
    space = spaces(server.client, lambda i: Answer(events=[i.args] * 3))
    space.start("m", b"a" * 1_000_000)
    slow = [space.watch("m") for _ in range(20)]
    assert [next(one).machine.last_event_id for one in slow] == [3] * 20
    for _ in range(19):
        space.call("m", b"b" * 1_000_000, range=history(limit=0))
    status = Path(f"/proc/{server.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0])
    assert resident < 700_000, "nothing is kept for who does not read"
    fast = Watched(space.watch("m"))
    eventually(lambda: len(fast.events) == 60, "others see all of it")
    for call in slow[:3]:
        events = [m.event.id for m in itertools.islice(
            (m for m in call if m.WhichOneof("content") == "event"), 60)]
        assert events == list(range(1, 61))


def test_an_idle_watch_shows_that_it_lives(space):
    space.start("m")
    began = time.monotonic()
    for message in space.watch("m", timeout=60):
        if message.WhichOneof("content") == "heartbeat":
            break
    assert 15 < time.monotonic() - began <= 30


def test_waits_and_watches_have_a_limit_and_their_own(servers, spaces):
    server = servers(environment={"PROGRESSOR_LIMITS_WAITS": "3"}).start()
    space = spaces(server.client)
    space.start("m")
    watched = Watched(space.watch("m"))
    waiting = [space.get_later("m", after=1) for _ in range(2)]
    assert all(silent(one, 0.1) for one in waiting)
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED"):
        space.get_later("m", after=1).result(10)
    with fails("RESOURCE_EXHAUSTED", "OVERLOADED"):
        next(space.watch("m"))
    waiting[0].cancel()

    def has_place() -> bool:
        try:
            return silent(space.get_later("m", after=1), 0.2)
        except grpc.RpcError:
            return False

    eventually(has_place, "a place is free again")
    space.call("m")
    eventually(lambda: watched.machines[-1].last_event_id == 2, "the watch goes on")


def test_waits_and_watches_do_not_hold_up_a_stop(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    space.start("m")
    watched = Watched(space.watch("m"))
    waiting = space.get_later("m", after=1)
    assert silent(waiting, 0.2)
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    with fails("UNAVAILABLE", "NOT_OWNER") as failure:
        waiting.result(10)
    assert failure[0].info.metadata["happened"] == "nothing"
    watched.ends("UNAVAILABLE", "NOT_OWNER")
    assert server.wait() == 0 and time.monotonic() - began < 8


class Command:
    """`progressor machine watch m`, and the lines that it has written so far."""

    def __init__(self, server, space, *options: str):
        self.lines = []
        self._process = subprocess.Popen(
            [BINARY, "machine", "watch", "m", "--namespace", space.name, "--server",
             server.address, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment())
        self._reader = threading.Thread(
            target=lambda: self.lines.extend(self._process.stdout), daemon=True)
        self._reader.start()

    def shows(self, text: str) -> None:
        eventually(lambda: any(text in line for line in self.lines), f"{text} is shown")

    @property
    def values(self) -> list[dict]:
        return [json.loads(line) for line in self.lines]

    def ends(self) -> str:
        """By itself and well; what it says beside."""
        assert self._process.wait(20) == 0
        self._reader.join(10)
        with self._process:
            return self._process.stderr.read()


def test_a_watch_on_the_command_line(server, space):
    space.start("m", b"first\x1b[31m")
    watch = Command(server, space)
    watch.shows("first")
    space.pause("m", "why")
    watch.shows("paused")
    space.remove("m")
    assert watch.ends() == "" and "removed" in watch.lines[-1]
    assert not any("\x1b" in line for line in watch.lines)

    space.start("m", b"first")
    watch = Command(server, space, "--json")
    watch.shows("event")
    space.remove("m")
    assert watch.ends() == ""
    assert [next(iter(value)) for value in watch.values] == ["machine", "event", "removed"]
    assert watch.values[0]["machine"]["id"] == watch.values[2]["removed"]["id"] == "m"
    absent = progressor("machine", "watch", "m", "--namespace", space.name, "--server",
                        server.address)
    assert absent.returncode == 3 and "MACHINE_NOT_FOUND" in absent.stderr
    wrong = progressor("machine", "watch", "m", "--namespace", space.name, "--after", "-1")
    assert wrong.returncode == 64 and "--after" in wrong.stderr


def test_a_watch_on_the_command_line_outlives_the_server(servers, spaces):
    server = servers().start()
    space = spaces(server.client)
    space.start("m", b"1")
    watch = Command(server, space, "--json")
    watch.shows("event")
    server.kill()
    server.start()
    eventually(server.client.serving, "it serves again")
    space.call("m", b"2")

    def events() -> list[int]:
        return [int(value["event"]["id"]) for value in watch.values if "event" in value]

    eventually(lambda: events() == [1, 2], "nothing is shown twice or left out", 30)
    space.remove("m")
    assert "waiting for a server" in watch.ends()
