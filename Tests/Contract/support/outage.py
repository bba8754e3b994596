"""Work that an outage of the database meets, and what has to be true of it."""

from collections.abc import Callable

import grpc

from .client import Space, fails
from .processor import Answer, timer_in
from .stubs import automaton_pb2
from .waiting import eventually

# Of callers that hear of an outage long before it.
PATIENCE = 15.0


class Work:
    """Machines that were called, notified, armed with a timer before an outage."""

    def __init__(self, space: Space, payload: bytes = b""):
        self.space = space
        self.payload = payload
        space.behave(self._behave)
        space.start("called", b"init")
        space.start("armed", b"init")
        space.start("notified", b"init")
        space.notify("notified", b"before")
        eventually(lambda: len(space.events("notified")) == 2, "it is delivered")

    def _behave(self, invocation) -> Answer:
        armed = invocation.kind == "init" and invocation.machine.id == "armed"
        return Answer(
            response=invocation.args,
            events=[(invocation.args or invocation.kind.encode()) + self.payload],
            timer=timer_in(0.5) if armed else None)

    def during_an_outage(self) -> None:
        """Everybody hears UNAVAILABLE, at the deadline at the latest; health turns NOT_SERVING."""
        with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
            self.space.call("called", b"during", timeout=PATIENCE)
        eventually(lambda: not self.space.client.serving(), "health says so", timeout=30)
        for request in (lambda: self.space.call("called", b"keyed", key="call", timeout=1),
                        lambda: self.space.notify("notified", b"keyed", key="notify", timeout=1),
                        lambda: self.space.start("started", b"keyed", key="start", timeout=1)):
            with fails(["UNAVAILABLE", "DEADLINE_EXCEEDED"]) as failure:
                request()
            if failure[0].code.name == "UNAVAILABLE":
                assert failure[0].reason in ("STORAGE_UNAVAILABLE", "NOT_OWNER"), failure

    def goes_on(self, kept: bool = True) -> None:
        """By itself. What the processor answered meanwhile is kept and committed, unless the lease
        was lost; and those who repeat with their keys find one effect."""
        space = self.space
        eventually(space.client.serving, "health says that it is back", timeout=60)
        self._repeat(lambda: space.call("called", b"keyed", key="call"))
        self._repeat(lambda: space.notify("notified", b"keyed", key="notify"))
        self._repeat(lambda: space.start("started", b"keyed", key="start"))
        eventually(lambda: self._events("armed") == [b"init", b"timeout"], "the timer fires")
        eventually(lambda: self._events("notified") == [b"init", b"before", b"keyed"],
                   "the notification is delivered")
        during = [b"during"] if kept else []
        assert self._events("called") == [b"init", *during, b"keyed"]
        assert self._events("started") == [b"keyed"]
        failed = space.ids(status=automaton_pb2.STATUS_FILTER_FAILED)
        assert failed == [], "an outage fails no machine"
        if kept:
            steps = [i.step for i in space.invocations()]
            assert len(steps) == len(set(steps)), "answers are kept: each step was invoked once"

    @staticmethod
    def _repeat(request: Callable[[], object]) -> None:
        """As a client does: until it is neither unavailable nor late."""
        def answered() -> bool:
            try:
                request()
                return True
            except grpc.RpcError as error:
                assert error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), error
                return False

        eventually(answered, "the request is answered", timeout=30)

    def _events(self, id: str) -> list[bytes]:
        return [event.removesuffix(self.payload) for event in self.space.events(id)]
