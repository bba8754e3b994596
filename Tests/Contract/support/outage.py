"""Work that an outage of the database meets, and what has to be true of it."""

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
        automaton = self.space.client.automaton
        call = self.space.call_later("called", b"during", key="call", timeout=PATIENCE)
        notify = automaton.Notify.future(automaton_pb2.NotifyRequest(
            namespace=self.space.name, id="notified", args=b"during", idempotency_key="notify"),
            timeout=PATIENCE)
        with fails(["UNAVAILABLE", "DEADLINE_EXCEEDED"]):
            self.space.start("started", b"during", key="start", timeout=1)
        for request in (call, notify):
            with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
                request.result()
        eventually(lambda: not self.space.client.serving(), "health says so", timeout=30)
        with fails("UNAVAILABLE") as failure:
            self.space.call("called", b"later", timeout=PATIENCE)
        assert failure[0].reason in ("STORAGE_UNAVAILABLE", "NOT_OWNER")

    def goes_on(self, invoked_again: bool = False) -> None:
        """By itself; and those who heard nothing repeat with their keys and find one effect."""
        space = self.space
        eventually(space.client.serving, "health says that it is back", timeout=60)
        assert space.call("called", b"during", key="call") == b"during"
        space.notify("notified", b"during", key="notify")
        space.start("started", b"during", key="start")
        eventually(lambda: self._events("armed") == [b"init", b"timeout"], "the timer fires")
        eventually(lambda: self._events("notified") == [b"init", b"before", b"during"],
                   "the notification is delivered")
        assert self._events("called") == [b"init", b"during"]
        assert self._events("started") == [b"during"]
        assert space.call("called", b"after") == b"after"
        failed = space.ids(status=automaton_pb2.STATUS_FILTER_FAILED)
        assert failed == [], "an outage fails no machine"
        if not invoked_again:
            steps = [i.step for i in space.invocations()]
            assert len(steps) == len(set(steps)), "answers are kept: each step was invoked once"

    def _events(self, id: str) -> list[bytes]:
        return [event.removesuffix(self.payload) for event in self.space.events(id)]
