"""Histories as they could be, for tests of the checker: a good one, to be damaged."""

from torture.checker.machines import Machine
from torture.record import OK, Ended, Invoked, Listing, Operation, Read, Record, Watched

PLACE = "ns", "m", "start-1"


class Story:
    """One machine: started, called twice, notified twice, with a timer that fired; read and listed
    in between. Each operation takes a second."""

    def __init__(self):
        self.events: list[dict] = []
        self.records: list[Record] = []
        self.now = 0.0
        self.operation("start", "start-1", "init")
        self.operation("call", "call-1", "call", parts=2)
        self.operation("notify", "notify-1", "notification")
        self.operation("notify", "notify-2", "notification")
        self.read()
        self.operation("call", "call-2", "call", arms=self.now + 5)
        self.now += 5
        self.event("timeout", "call-2", due=self.now)
        self.read(whole=True)
        self.listing()

    def operation(self, kind: str, name: str, event: str, parts: int = 1, **more) -> Operation:
        saw = len(self.events)
        self.event(event, name, parts, **more)
        reply = {"notify": {"id": f"id of {name}"}, "start": {}}.get(kind, {"saw": saw})
        done = Operation(kind, *PLACE[:2], name, PLACE[2], self.now, parts, more.get("arms"),
                         self.now + 0.9, OK, 1, reply)
        self.records.append(done)
        self.now += 1
        return done

    def event(self, kind: str, name: str, parts: int = 1, **more) -> None:
        saw = len(self.events)
        step = f"step-{saw}"
        number = f"1-{saw}"
        self.records += [
            Invoked(number, self.now, *PLACE, kind, name, step, 1, 1, saw, "peer"),
            Ended(number, self.now + 0.1)]
        for part in range(1, parts + 1):
            self.events.append({
                "kind": kind, "name": name, "part": part, "of": parts, "token": PLACE[2],
                "saw": saw, "step": step, "epoch": 1, "at": self.now, "id": saw + part,
                "notification": f"id of {name}" if kind == "notification" else "",
                "created": self.now, **more})

    def read(self, whole: bool = False) -> None:
        shown = self.events if whole else self.events[-3:][::-1]
        self.records.append(Read("c", *PLACE[:2], self.now, self.now + 0.1, PLACE[2],
                                 len(self.events), len(self.events), list(shown), whole))
        self.now += 1

    def watch(self) -> Watched:
        watched = Watched("c", *PLACE[:2], self.now, 2, PLACE[2], self.now + 0.1,
                          len(self.events), self.events[2:])
        self.records.append(watched)
        return watched

    def listing(self) -> None:
        self.records.append(Listing("c", "ns", self.now, self.now + 0.1, [("m", len(self.events))]))
        self.now += 1

    def find(self, name: str) -> Operation:
        return next(record for record in self.records
                    if isinstance(record, Operation) and record.name == name)

    def of(self, kind: type[Record]) -> list:
        return [record for record in self.records if isinstance(record, kind)]

    def machine(self, **changes) -> Machine:
        last = len(self.events)
        fields = {"last": last, "aux_events": last, "events": self.events, **changes}
        return Machine(*PLACE[:2], **fields)

    def without(self, name: str, kind: str) -> None:
        """As if the step had never been committed: what follows moves up."""
        gone = [event for event in self.events if (event["name"], event["kind"]) == (name, kind)]
        self.events = [dict(event) for event in self.events if event not in gone]
        for event in self.events:
            if event["id"] > gone[0]["id"]:
                event["id"] -= len(gone)
                event["saw"] -= len(gone)
