"""A server ends while the database cannot take a step, since somebody has locked its row: what was
acknowledged is not lost, the end has its bound, and after the next start the effect is there
once."""

import signal
from collections.abc import Callable

import pytest
from support.client import Gate, Space, fails
from support.postgres import Postgres
from support.processor import Answer, timer_in
from support.server import Server
from support.waiting import eventually

LOCK = "select 1 from progressor.machine where id <> 'free' for update"


@pytest.fixture
def draining(servers: Callable[..., Server], postgres: Postgres) -> Callable[[str], Server]:
    """Makes a server on the test's database that gives running requests so long after SIGTERM."""
    def make(time: str) -> Server:
        return servers("--database-url", postgres.url, embedded=False, environment={
            "PROGRESSOR_LEASE": "5s", "PROGRESSOR_DRAIN_TIMEOUT": time}).start()
    return make


class Held:
    """Machines of which one is called, one was notified and one has a timer that came due; once
    the gate opens, all their steps are to be written."""

    def __init__(self, server: Server, space: Space):
        self.server, self.space, self.gate = server, space, Gate()
        space.behave(self._behave)
        for id in ("free", "called", "notified", "armed"):
            space.start(id, b"init")
        self.call = space.call_later("called", b"call", key="call", timeout=90)
        space.notify("notified", b"notification", key="notification")
        for _ in range(3):
            self.gate.wait_for_entry()

    def _behave(self, invocation) -> Answer:
        if invocation.kind == "init":
            armed = invocation.machine.id == "armed"
            return Answer(events=[invocation.args], timer=timer_in(0.1) if armed else None)
        if invocation.machine.id != "free":
            self.gate.wait()
        return Answer(response=invocation.args, events=[invocation.args or b"timeout"])

    def wait_until_held(self) -> None:
        self.gate.open()
        eventually(lambda: set(self._named()) == {"called", "notified", "armed"},
                   "the log names each")

    def _named(self) -> list[str]:
        lines = [line for line in self.server.log.read_text().splitlines()
                 if "other sessions have locked rows of machines" in line]
        return [id for id in ("free", "called", "notified", "armed")
                if any(f"{self.space.name}/{id}" in line for line in lines)]

    def check(self) -> None:
        space = self.space
        assert space.call("called", b"call", key="call") == b"call"
        space.notify("notified", b"notification", key="notification")
        for id, effect in (("called", b"call"), ("notified", b"notification"),
                           ("armed", b"timeout")):
            eventually(lambda: space.events(id) == [b"init", effect], f"{id}: it is there")
            assert space.status(id) == "working"
        space.call("called", b"after")
        assert space.events("called") == [b"init", b"call", b"after"], "once"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_while_steps_are_held(draining, postgres, spaces, end):
    server = draining("1s")
    held = Held(server, spaces(server.client))
    with postgres.session("begin", LOCK):
        held.wait_until_held()
        server.send_signal(end)
        status = server.wait(30)
        assert status == (0 if end == signal.SIGTERM else -end)
        with fails("UNAVAILABLE"):
            held.call.result()
        seen = len(held.space.invocations())
        server.start()
        eventually(lambda: len(held.space.invocations()) >= seen + 2,
                   "the notification and the timer run again")
        assert held.space.call("free", b"other") == b"other", "others are not held up"
    held.check()
    steps = {id: {i.step for i in held.space.invocations(id) if i.args != b"after"}
             for id in ("notified", "armed")}
    assert all(len(of) == 2 for of in steps.values()), "a repeat is recognised"


def test_a_held_step_is_written_while_the_server_drains(draining, postgres, spaces):
    server = draining("60s")
    held = Held(server, spaces(server.client))
    with postgres.session("begin", LOCK):
        held.wait_until_held()
        server.send_signal(signal.SIGTERM)
        eventually(lambda: not server.client.serving(), "it says that it is going")
    assert held.call.result().response == b"call"
    assert server.wait(90) == 0
    server.start()
    held.check()
    assert len([i for i in held.space.invocations("called") if i.args == b"call"]) == 1
