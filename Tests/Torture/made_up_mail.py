"""Histories of machines that send each other messages, as they could be: good ones, to be
damaged."""

from torture.checker.machines import Machine
from torture.checker.verdict import Records, check
from torture.record import OK, Invoked, Operation, Read, Record, tag_of


def asked(id: str, **changes) -> dict:
    return {"namespace": "ns", "id": id, "kind": "notify", "ignore": False, "delay": None,
            "name": "", "report": False, "send": [], **changes}


class Exchange:
    """Machines whose events follow each other; each takes a second. Records and events have one
    clock here."""

    def __init__(self, *ids: str):
        self.machines: dict[str, Machine] = {}
        self.records: list[Record] = []
        self.now = 1000.0
        for id in ids:
            self.start(id)

    def start(self, id: str, life: int = 1) -> None:
        self._operation("start", id, f"{id}-{life}")
        self.event(id, "init", f"{id}-{life}")

    def call(self, id: str, name: str, *send: dict, cancel: tuple[str, ...] = ()) -> Operation:
        operation = self._operation("call", id, name, send=list(send), cancel=list(cancel))
        operation.reply = {"saw": self.machines[id].last}
        self.event(id, "call", name, *send, cancel=cancel)
        return operation

    def remove(self, id: str, *send: dict) -> None:
        """By a step that sends, or by itself."""
        kind = "farewell" if send else "remove"
        self._operation(kind, id, f"remove-{id}", parts=0, send=list(send))
        del self.machines[id]
        self.now += 1

    def read(self, machine: Machine) -> None:
        """All of it, just now."""
        self.records.append(Read(
            "c", "ns", machine.machine, self.now, self.now, machine.events[0]["token"],
            machine.last, machine.last, list(machine.events), True))

    def _operation(self, kind: str, id: str, name: str, **more) -> Operation:
        machine = self.machines.get(id)
        token = machine.events[0]["token"] if machine else name
        made = Operation(kind, "ns", id, name, token, self.now, end=self.now + 0.5,
                         at=self.now + 0.5, outcome=OK, attempts=1, **more)
        self.records.append(made)
        return made

    def arrive(self, id: str, source: str, tag: str, *send: dict) -> dict:
        return self.event(id, "notification", tag, *send, sender=f"ns/{source}")

    def event(self, id: str, kind: str, name: str, *send: dict, cancel=(), **more) -> dict:
        machine = self.machines.setdefault(id, Machine("ns", id, 0, 0, []))
        token = machine.events[0]["token"] if machine.events else name
        saw, step = machine.last, f"step-{id}-{self.now}"
        machine.last = machine.aux_events = saw + 1
        if send or cancel:
            more["sent"] = [{**one, "tag": tag_of(name, n)} for n, one in enumerate(send)]
            more["cancelled"] = list(cancel)
        self.records.append(Invoked(
            step, self.now, "ns", id, token, kind, name, step, 1, 1, saw, "peer"))
        machine.events.append({
            "kind": kind, "name": name, "part": 1, "of": 1, "token": token, "saw": saw,
            "step": step, "epoch": 1, "at": self.now + 0.1, "id": saw + 1, "notification": "",
            "created": self.now, **more})
        self.now += 1
        return machine.events[-1]

    def rules(self) -> set[str]:
        """Which rules the checker finds broken."""
        machines = {("ns", id): machine for id, machine in self.machines.items()}
        return {violation.rule for violation in check(Records(self.records), machines)}


def exchange() -> Exchange:
    """A chain over three machines, a fan, what is delayed and cancelled, and what can never be
    delivered."""
    made = Exchange("a", "b", "c")
    made.call("a", "chain", asked("b", send=[asked("c")]))
    made.arrive("b", "a", "chain>0", asked("c"))
    made.arrive("c", "b", "chain>0>0")
    made.call("a", "fan", asked("b"), asked("c"), asked("b"), asked("a", delay=0.5))
    made.arrive("b", "a", "fan>0")
    made.arrive("c", "a", "fan>1")
    made.arrive("b", "a", "fan>2")
    made.arrive("a", "a", "fan>3")
    made.call("a", "set", asked("b", delay=3, name="red"), asked("c", delay=9, name="green"))
    made.call("a", "reset", asked("b", delay=1, name="red"), cancel=("green",))
    made.arrive("b", "a", "reset>0")
    made.call("a", "lost", asked("ghost", report=True), asked("ghost"))
    made.machines["a"].undelivered = [
        ("lost>0", "MACHINE_NOT_FOUND"), ("lost>1", "MACHINE_NOT_FOUND")]
    made.event("a", "undelivered", "lost>0")
    made.call("a", "child", asked("d", kind="start"), asked("d"))
    made.event("d", "init", "child>0")
    made.arrive("d", "a", "child>1")
    made.call("b", "again", asked("d", kind="start", ignore=True), asked("d", kind="start"))
    made.machines["b"].undelivered = [("again>1", "MACHINE_ALREADY_EXISTS")]
    return made
